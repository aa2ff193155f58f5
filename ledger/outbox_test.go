package ledger

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func owed(t testing.TB, l *Ledger, now time.Time) []string {
	t.Helper()
	var lines []string
	for _, delivery := range due(t, l, now) {
		lines = append(lines, delivery.Recipient+" "+strings.Join(told(delivery.Events), ", "))
	}
	return lines
}

func wantOutbox(t testing.TB, l *Ledger, wantPending, wantDead int) {
	t.Helper()
	pending, dead, err := l.Outbox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if pending != wantPending || dead != wantDead {
		t.Errorf("outbox: %d pending and %d dead, want %d and %d", pending, dead, wantPending, wantDead)
	}
}

func TestADeliveryIsOwedUntilItIsSent(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		outcome := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com"))
		want := []Delivery{{
			ID: outcome.Digests[0].ID, Channel: "mail", Recipient: "ops@example.com",
			CreatedAt: day(0), NextAttempt: day(0), Events: outcome.Events,
		}}
		for range 2 {
			if diff := cmp.Diff(want, due(t, l, day(0))); diff != "" {
				t.Fatal(diff)
			}
		}
		for range 2 {
			if err := l.Sent(t.Context(), want[0].ID, "250 2.0.0 queued as 4bX", day(0)); err != nil {
				t.Fatal(err)
			}
		}
		if got := owed(t, l, day(100)); got != nil {
			t.Errorf("still owed: %v", got)
		}
		wantOutbox(t, l, 0, 0)
		if kept := contents(t, l); !strings.Contains(kept, "2026-11-22T06:00:00.000Z true} {250 2.0.0 queued as 4bX true}") {
			t.Errorf("the proof was not kept:\n%s", kept)
		}
	})
}

func TestDeliveriesOfSeveralChannelsAreMarkedAtOnce(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		var recipients []string
		for i := range 30 {
			recipients = append(recipients, fmt.Sprintf("team-%d@example.com", i))
		}
		digests := record(t, l, passAt(day(0), warned("a")), tell(day(0), recipients...)).Digests
		var channels sync.WaitGroup
		for i, digest := range digests {
			channels.Go(func() {
				note := func() error { return l.Sent(t.Context(), digest.ID, "250 OK", day(0)) }
				if i%3 == 0 {
					note = func() error { return l.Failed(t.Context(), digest.ID, "timed out", day(1)) }
				}
				if err := note(); err != nil {
					t.Error(err)
				}
			})
		}
		channels.Wait()
		wantOutbox(t, l, 10, 0)
	})
}

func TestAFailedDeliveryWaitsForItsNextAttempt(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		id := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com")).Digests[0].ID
		next := day(0).Add(10 * time.Minute)
		if err := l.Failed(t.Context(), id, "451 try again later", next); err != nil {
			t.Fatal(err)
		}
		if got := owed(t, l, next.Add(-time.Second)); got != nil {
			t.Errorf("due before its time: %v", got)
		}
		got := due(t, l, next)
		if len(got) != 1 || got[0].ID != id || got[0].Attempts != 1 || got[0].LastError != "451 try again later" || !got[0].NextAttempt.Equal(next) {
			t.Errorf("due: %+v", got)
		}
		wantOutbox(t, l, 1, 0)
	})
}

func TestADeadDeliveryIsKeptAndCounted(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		id := record(t, l, passAt(day(0), warned("a")), tell(day(0), "gone@example.com")).Digests[0].ID
		if err := l.Dead(t.Context(), id, "550 no such user", day(0)); err != nil {
			t.Fatal(err)
		}
		if got := owed(t, l, day(100)); got != nil {
			t.Errorf("due: %v", got)
		}
		wantOutbox(t, l, 0, 1)
		if kept := contents(t, l); !strings.Contains(kept, "550 no such user") {
			t.Errorf("the cause was not kept:\n%s", kept)
		}
	})
}

func TestDeliveriesAreDueOldestFirst(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("a")), tell(day(0), "z@example.com"))
		record(t, l, passAt(day(1), warned("a"), warned("b")), tell(day(1), "a@example.com"))
		want := []string{"z@example.com opened sites/a: warning", "a@example.com opened sites/b: warning"}
		if diff := cmp.Diff(want, owed(t, l, day(1))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDeliveriesOfOnePassAreDueInTheOrderInWhichTheyWerePlanned(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		var planned, got []string
		for i := range 20 {
			planned = append(planned, fmt.Sprintf("team-%d@example.com", (i*7)%20))
		}
		record(t, l, passAt(day(0), warned("a")), tell(day(0), planned...))
		for _, delivery := range due(t, l, day(0)) {
			got = append(got, delivery.Recipient)
		}
		if diff := cmp.Diff(planned, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheSameDigestIsNotOwedTwice(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		first := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com"))
		// Another process that computed the same change at the same instant.
		if _, err := l.db.ExecContext(t.Context(), `DELETE FROM subjects`); err != nil {
			t.Fatal(err)
		}
		second := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com"))
		if diff := cmp.Diff(first.Events, second.Events); diff != "" {
			t.Error(diff)
		}
		if len(second.Digests) != 0 || len(due(t, l, day(0))) != 1 {
			t.Errorf("digests %v, due %v", second.Digests, due(t, l, day(0)))
		}
	})
}

func TestAnAnswerAboutADeliveryThatAnotherProcessSentChangesNothing(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		id := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com")).Digests[0].ID
		if err := l.Sent(t.Context(), id, "first proof", day(0)); err != nil {
			t.Fatal(err)
		}
		before := contents(t, l)
		if err := l.Sent(t.Context(), id, "second proof", day(1)); err != nil {
			t.Error(err)
		}
		if err := l.Failed(t.Context(), id, "timed out", day(1)); err != nil {
			t.Error(err)
		}
		if err := l.Dead(t.Context(), id, "timed out", day(1)); err != nil {
			t.Error(err)
		}
		if after := contents(t, l); after != before {
			t.Error(cmp.Diff(before, after))
		}
	})
}

func TestAnUnknownDeliveryIsAnError(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		for as, err := range map[string]error{
			"sent":   l.Sent(t.Context(), "x", "", day(0)),
			"failed": l.Failed(t.Context(), "x", "", day(0)),
			"dead":   l.Dead(t.Context(), "x", "", day(0)),
		} {
			want := `note delivery "x" as ` + as + " in ledger " + l.name + ": there is no such delivery"
			if err == nil || err.Error() != want {
				t.Errorf("error %v, want %s", err, want)
			}
		}
	})
}

func TestF7_ADeliveryPutOffByAClockThatRanAheadIsDue(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		id := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com")).Digests[0].ID
		if err := l.Failed(t.Context(), id, "timed out", day(365)); err != nil {
			t.Fatal(err)
		}
		if got := owed(t, l, day(0)); len(got) != 1 {
			t.Errorf("due: %v", got)
		}
	})
}

func TestWhatARemoteServiceSaysIsKeptWithinBounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"a short answer stays as it is":            {"250 OK", "250 OK"},
		"a long one is cut between two characters": {strings.Repeat("é", 2000), strings.Repeat("é", 1000) + "…"},
		"a character that the cut halves goes":     {"x" + strings.Repeat("é", 2000), "x" + strings.Repeat("é", 999) + "…"},
		"bytes that are no text are replaced":      {"a\xff\x00b", "a\uFFFDb"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := note(test.text); got != test.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestTheLastRunSaysWhetherItFinished(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		wantRun := func(want Run) {
			t.Helper()
			got, err := l.LastRun(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		wantRun(Run{})
		run := record(t, l, passAt(day(0), warned("a")), somebody).Run
		wantRun(Run{ID: run, JudgedAt: day(0)})
		if err := l.Finish(t.Context(), run, day(0).Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		wantRun(Run{ID: run, JudgedAt: day(0), FinishedAt: day(0).Add(time.Minute)})
	})
}
