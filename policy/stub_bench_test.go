package policy

import (
	"fmt"
	"testing"
	"time"

	"lapsewatch/watch"
)

// A pass over a hundred thousand subjects of which a thousand have lapsed.
func BenchmarkAStubRoundOverAHundredThousandFindings(b *testing.B) {
	now := time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)
	plan := StubPlan{Systems: []StatusSystem{hiding(StubRule{Match: Match{Name: "*.example.com"}, Upstreams: []string{"cloud"}})}}
	findings := make([]Known, 100_000)
	for i := range findings {
		findings[i] = well(fmt.Sprintf("site-%06d.example.com", i))
		if i%100 == 0 {
			findings[i].Finding.Severity, findings[i].Finding.Reason = watch.Critical, watch.Expired
		}
	}
	for b.Loop() {
		round := plan.Begin(nil, watch.OwnClock{Trusted: true}, true, now)
		for _, known := range findings {
			round.See(known, false)
		}
		if changed, _ := round.End(); len(changed) != 21 {
			b.Fatal(len(changed))
		}
	}
}
