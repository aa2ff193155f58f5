package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

func TestHowThingsStoodGivesWayToHowTheyStandNow(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		destinations := []policy.Destination{{Channel: "prometheus", Recipients: []string{""}, Standing: true}, {Channel: "mail", Recipients: []string{"ops@example.com"}}}
		for n := range 5 {
			_, err := l.Record(t.Context(), passAt(day(n), warned("a")), policy.Telling{Standing: true}, func(events []watch.Event) []policy.Digest {
				return policy.Plan(events, policy.Routing{}, destinations, day(n))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		var owed []string
		for _, delivery := range due(t, l, day(4)) {
			owed = append(owed, delivery.CreatedAt.Format("2 Jan ")+delivery.Channel+" "+string(delivery.Events[0].Type))
		}
		// The beginning is news, and what stood in between is not.
		if diff := cmp.Diff([]string{"22 Nov prometheus opened", "22 Nov mail opened", "26 Nov prometheus standing"}, owed); diff != "" {
			t.Error(diff)
		}
	})
}
