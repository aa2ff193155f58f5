package clock_test

import (
	"testing"
	"time"

	"lapsewatch/checks/clock"
	"lapsewatch/internal/ntp/ntptest"
	"lapsewatch/watch"
)

// BenchmarkFleet is a whole pass over 1,000 hosts, of which 5 % may be silent for the
// timeout of 2 s. The hosts answer in the same process and weigh on it.
func BenchmarkFleet(b *testing.B) {
	for name, silent := range map[string]int{"all answer": 0, "50 of 1000 are silent": 50} {
		b.Run(name, func(b *testing.B) {
			targets := fleet(b, nil)
			for i := range silent {
				targets[20*i] = "ntp://" + ntptest.Start(b, func([]byte) [][]byte { return nil }).Addr.String()
			}
			o := clock.Options{Samples: 1, Interval: watch.Duration(time.Second), Timeout: watch.Duration(2 * time.Second)}
			for _, target := range targets {
				o.Targets = append(o.Targets, clock.Target{URL: target})
			}
			for b.Loop() {
				read := 0
				for _, fact := range facts(b, built(b, o, believing(0))) {
					if _, ok := fact.(watch.Clock); ok {
						read++
					}
				}
				if read != len(targets)-silent {
					b.Fatalf("%d clocks were read, want %d", read, len(targets)-silent)
				}
			}
		})
	}
}
