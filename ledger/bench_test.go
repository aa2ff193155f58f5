package ledger

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

// many streams subjects that are made on the way, so that only the ledger's memory counts.
func many(subjects int, now time.Time) watch.Pass {
	pass := passAt(now)
	pass.Findings = func(yield func(watch.Finding, error) bool) {
		for i := range subjects {
			finding := fine(fmt.Sprintf("host-%d.example.com", i*7919%subjects))
			finding.Message = "valid until 12 December 2026, 09:30 UTC (20 days): " + now.Format(time.DateOnly)
			finding.Details = map[string]any{
				"issuer": "CN=R11,O=Let's Encrypt,C=US", "serial": strings.Repeat("ab", 16), "addresses": []string{"192.0.2.1", "2001:db8::1"},
				"names": []string{"example.com", "www.example.com"}, "key": "ECDSA P-256", "protocol": "TLS 1.3",
			}
			if i%100 == 0 {
				finding.Severity, finding.Reason = watch.Warning, watch.ExpiresSoon
			}
			if !yield(finding, nil) {
				return
			}
		}
	}
	return pass
}

func BenchmarkRecord(b *testing.B) {
	for _, s := range stores() {
		for _, subjects := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/first/%d", s.name, subjects), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					l := s.new(b)
					b.StartTimer()
					record(b, l, many(subjects, start), tell(start, "ops@example.com"))
					b.StopTimer()
					_ = l.Close()
					b.StartTimer()
				}
				report(b, subjects)
			})
			for name, interval := range map[string]time.Duration{"unchanged": 0, "nextday": 24 * time.Hour} {
				b.Run(fmt.Sprintf("%s/%s/%d", s.name, name, subjects), func(b *testing.B) {
					l := s.new(b)
					now := start
					record(b, l, many(subjects, now), somebody)
					for b.Loop() {
						now = now.Add(interval)
						record(b, l, many(subjects, now), tell(now, "ops@example.com"))
					}
					report(b, subjects)
				})
			}
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, subjects := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(subjects), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "lapsewatch.db")
			l := open(b, path)
			record(b, l, many(subjects, start), somebody)
			_ = l.Close()
			for b.Loop() {
				l := open(b, path)
				_ = l.Close()
			}
			report(b, subjects)
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/float64(subjects), "file-B/subject")
		})
	}
}

// report adds the time of a subject and the process's peak of memory, SQLite's own
// included, which Go does not count.
func report(b *testing.B, subjects int) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*subjects), "µs/subject")
	for line := range strings.Lines(string(readFile(b, "/proc/self/status"))) {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kib); err == nil {
			b.ReportMetric(kib/1024, "peak-MiB")
		}
	}
}
