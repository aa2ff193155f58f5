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
		"the end moves back for good":            {{0, 7, 0}, {1, 8, 7}, {2, 5, 7}, {3, 6, 7}, {9, 12, 3}},
		"issues that live shorter than before":   {{0, 30, 0}, {1, 8, 0}, {2, 9, 0}, {3, 10, 0}, {31, 38, 7}},
		"mirrors with ends of several ages":      {{0, 14, 0}, {1, 15, 14}, {1, 12, 14}, {2, 13, 14}, {2, 14, 14}, {3, 17, 14}},
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

func TestALifeIsLearntUpToABoundFromWhatWasSeenJustBefore(t *testing.T) {
	type look struct {
		// at, until and want are in hours.
		at, until, want int
	}
	cases := map[string][]look{
		"a short life":                            {{0, 24, 0}, {20, 44, 24}, {40, 64, 24}},
		"a life of the most":                      {{0, 30, 0}, {24, 60, 36}},
		"more than the most":                      {{0, 30, 0}, {24, 61, 0}},
		"a long one of which little is left":      {{0, 2400, 0}, {2399, 4800, 0}, {4770, 4800, 0}},
		"a long one first seen late":              {{0, 30, 0}, {29, 2400, 0}, {2370, 4800, 0}, {4799, 7200, 0}, {7199, 7201, 0}},
		"a predecessor seen longer ago than that": {{0, 24, 0}, {25, 48, 0}},
		"a predecessor seen late":                 {{0, 24, 0}, {23, 24, 0}, {25, 48, 23}},
		"one that had lapsed":                     {{0, 4, 0}, {5, 4, 0}, {6, 10, 4}},
		"a clock that was set back":               {{10, 24, 0}, {9, 30, 0}},
		"a long one after short ones":             {{0, 24, 0}, {20, 44, 24}, {40, 2400, 0}},
	}
	for name, looks := range cases {
		t.Run(name, func(t *testing.T) {
			book := renewal.Book{Memory: &checktest.Memory{}, Key: "k", Most: 36 * time.Hour}
			for i, look := range looks {
				got, err := book.Life(t.Context(), start.Add(time.Duration(look.until)*time.Hour), start.Add(time.Duration(look.at)*time.Hour), nil)
				if err != nil || got != time.Duration(look.want)*time.Hour {
					t.Errorf("look %d: got %s, %v; want %d hours", i, got, err, look.want)
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
