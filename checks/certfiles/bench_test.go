package certfiles

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"lapsewatch/watch"
)

const benchFiles = 10_000

// benchEstate is a folder of PEM files: three in four hold a single certificate and the
// others a chain of three; one in a hundred is broken.
func benchEstate(b *testing.B) string {
	b.Helper()
	root := b.TempDir()
	issuing := certPEM(issue(b, "Issuing CA", june).Cert.Raw)
	chain := issuing + certPEM(authority(b).Cert.Raw)
	for i := range benchFiles {
		content := certPEM(issue(b, fmt.Sprintf("host-%06d.farm.example.com", i), june).Cert.Raw)
		switch {
		case i%100 == 99:
			content = content[:200] + "!!" + content[210:]
		case i%4 == 3:
			content += chain
		}
		write(b, filepath.Join(root, fmt.Sprintf("%03d", i/1000), fmt.Sprintf("host-%06d.pem", i)), content)
	}
	return root
}

// pass counts the facts of one pass without keeping them.
func pass(b *testing.B, check watch.Check) {
	b.Helper()
	var count atomic.Int64
	if err := check.Collect(context.Background(), func(watch.Fact) { count.Add(1) }); err != nil {
		b.Fatal(err)
	}
	if want := int64(benchFiles + benchFiles/4*2 - benchFiles/100*2); count.Load() != want {
		b.Fatalf("%d facts, want %d", count.Load(), want)
	}
}

// BenchmarkFirstPass reads every file, as the only pass of a scan does.
func BenchmarkFirstPass(b *testing.B) {
	root := benchEstate(b)
	for b.Loop() {
		pass(b, newCheck(b, nil, root))
	}
	b.ReportMetric(benchFiles*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

// BenchmarkUnchangedPass looks at files that have not changed since the pass before.
func BenchmarkUnchangedPass(b *testing.B) {
	check := newCheck(b, nil, benchEstate(b))
	for range 2 {
		pass(b, check)
	}
	for b.Loop() {
		pass(b, check)
	}
	b.ReportMetric(benchFiles*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}
