//go:build unix

package entra

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

// The tenant runs in the same process, so that its work counts too; what the check itself
// costs is measured by internal/bench, with the tenant in a process of its own.
func BenchmarkCollect50000x2(b *testing.B) {
	collectGenerated(b, faketenant.Generated{Applications: 50_000, SecretsEach: 2, OwnersEach: 1})
}

func BenchmarkCollect10000x12(b *testing.B) {
	collectGenerated(b, faketenant.Generated{Applications: 10_000, SecretsEach: 10, CertificatesEach: 2, OwnersEach: 1})
}

func collectGenerated(b *testing.B, generated faketenant.Generated) {
	generated.From = now.Add(-2 * 365 * day)
	s := beginWith(b, faketenant.Options{Directory: faketenant.Directory{Generated: generated}, Manners: faketenant.WellBehaved(), Uncompressed: true})
	b.ReportAllocs()
	var told atomic.Int64
	var peak runtime.MemStats
	for b.Loop() {
		told.Store(0)
		start := selfUsage(b)
		err := s.check.Collect(b.Context(), func(fact watch.Fact) {
			if told.Add(1)%10_000 == 0 {
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				if now.HeapInuse > peak.HeapInuse {
					peak = now
				}
			}
			if problem, bad := fact.(watch.Problem); bad {
				b.Error(problem.Err)
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((selfUsage(b) - start).Seconds(), "cpu-s/op")
		if want := generated.Applications*(generated.SecretsEach+generated.CertificatesEach) + 1; told.Load() != int64(want) {
			b.Fatalf("%d facts, want %d", told.Load(), want)
		}
	}
	b.ReportMetric(float64(told.Load()), "facts")
	b.ReportMetric(float64(peak.HeapInuse)/(1<<20), "peak-heap-MiB")
}

// selfUsage is the CPU time that the process has used.
func selfUsage(b *testing.B) time.Duration {
	b.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
