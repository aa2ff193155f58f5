package renewal_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/renewal"
	"lapsewatch/watch"
)

var start = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func TestALifeIsLearntFromIssueToIssue(t *testing.T) {
	type look struct {
		// at and until are days after the beginning, want the life in days.
		at, until, want int
	}
	cases := map[string][]look{
		"nothing is known of the first":          {{0, 7, 0}, {1, 7, 0}},
		"a renewal":                              {{0, 7, 0}, {1, 8, 7}, {3, 8, 7}},
		"a mirror that lags":                     {{0, 7, 0}, {1, 8, 7}, {1, 7, 7}, {1, 8, 7}, {2, 7, 7}, {3, 8, 7}},
		"the end moves back for good":            {{0, 7, 0}, {1, 8, 7}, {2, 5, 7}, {3, 5, 7}},
		"issues that live shorter than before":   {{0, 300, 0}, {1, 8, 0}, {2, 9, 7}, {3, 10, 7}},
		"a renewal after the end":                {{0, 7, 0}, {9, 16, 7}},
		"an end that was past when it was first": {{0, 7, 0}, {9, 8, 0}},
	}
	for name, looks := range cases {
		t.Run(name, func(t *testing.T) {
			book := renewal.Book{Memory: &checktest.Memory{}, Key: "k"}
			for i, look := range looks {
				got, err := book.Life(t.Context(), start.Add(time.Duration(look.until)*day), start.Add(time.Duration(look.at)*day), nil)
				if err != nil || got != time.Duration(look.want)*day {
					t.Errorf("look %d: got %s, %v; want %d days", i, got, err, look.want)
				}
			}
		})
	}
}

func TestTheFirstIsLearntWhereItWasMadeJustNow(t *testing.T) {
	book, asked := renewal.Book{Memory: &checktest.Memory{}, Key: "k"}, 0
	made := func() bool { asked++; return true }
	for range 2 {
		if got, err := book.Life(t.Context(), start.Add(2*day), start, made); err != nil || got != 2*day {
			t.Errorf("got %s, %v", got, err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

type broken struct {
	watch.Memory
	fails bool
}

func (b *broken) Recall(ctx context.Context, key string) ([]byte, error) {
	if b.fails {
		return nil, errors.New("the database is locked")
	}
	return b.Memory.Recall(ctx, key)
}

func TestAMemoryThatFailsOnceLosesNothing(t *testing.T) {
	memory := &broken{Memory: &checktest.Memory{}}
	book := renewal.Book{Memory: memory, Key: "k"}
	for _, until := range []time.Duration{7 * day, 8 * day} {
		if _, err := book.Life(t.Context(), start.Add(until), start.Add(until-7*day), nil); err != nil {
			t.Fatal(err)
		}
	}
	memory.fails = true
	if got, err := book.Life(t.Context(), start.Add(8*day), start.Add(2*day), nil); err == nil || got != 0 {
		t.Errorf("got %s, %v", got, err)
	}
	memory.fails = false
	if got, err := book.Life(t.Context(), start.Add(8*day), start.Add(2*day), nil); err != nil || got != 7*day {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestWhatIsDamagedIsNotKnown(t *testing.T) {
	memory := &checktest.Memory{}
	book := renewal.Book{Memory: memory, Key: "k"}
	_, _ = book.Life(t.Context(), start.Add(7*day), start, nil) // it is damaged next
	memory.Damage("{")
	if got, err := book.Life(t.Context(), start.Add(9*day), start, nil); err != nil || got != 0 {
		t.Errorf("got %s, %v", got, err)
	}
}
