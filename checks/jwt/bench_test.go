package jwt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/jwt"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/watch"
)

// A folder of ten thousand tokens, the most that a path may hold.
func BenchmarkTenThousandTokens(b *testing.B) {
	folder := b.TempDir()
	for n := range 10_000 {
		token := josetest.Raw(`{"alg":"RS256","kid":"1"}`, fmt.Sprintf(`{"iss":"https://login.example","aud":"api","sub":"%d","iat":1700000000,"exp":4000000000}`, n), "c2lnbmF0dXJl")
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("token-%05d", n)), []byte(token), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	check, err := jwt.Kind.Build(checktest.YAML(fmt.Sprintf("paths: [%q]", folder)), checks.DefaultEnv(nil))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var read atomic.Int64
		if err := check.Collect(b.Context(), func(watch.Fact) { read.Add(1) }); err != nil || read.Load() != 10_000 {
			b.Fatalf("%d tokens were read: %v", read.Load(), err)
		}
	}
}
