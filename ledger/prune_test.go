package ledger

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// rows counts those of each table that holds any.
func rows(t testing.TB, l *Ledger) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(contents(t, l)) {
		if table, _, found := strings.Cut(line, " ["); found && table != "goose_db_version" {
			counts[table]++
		}
	}
	return counts
}

func TestPruneDropsOldHistoryAndNothingThatIsOwedOrKnown(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		for n := range 40 {
			finding := warned("a")
			if n%2 == 1 {
				finding = fine("a")
			}
			outcome := record(t, l, passAt(day(n*3), finding, warned("b")), tell(day(n*3), "ops@example.com"))
			for _, digest := range outcome.Digests {
				switch n {
				case 2: // owed for ever
				case 4:
					if err := l.Dead(t.Context(), digest.ID, "gone", day(n*3)); err != nil {
						t.Fatal(err)
					}
				default:
					if err := l.Sent(t.Context(), digest.ID, "250 OK", day(n*3)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := l.Finish(t.Context(), outcome.Run, day(n*3)); err != nil {
				t.Fatal(err)
			}
		}
		subjects, stillOwed := subjectIDs(t, l), due(t, l, day(120))
		if gone, err := l.Prune(t.Context(), day(90)); err != nil || gone == 0 {
			t.Errorf("%d rows have gone, %v", gone, err)
		}
		if diff := cmp.Diff(subjects, subjectIDs(t, l)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(stillOwed, due(t, l, day(120))); diff != "" {
			t.Error(diff)
		}
		got := rows(t, l)
		// Of 40 passes, three days apart, ten are from the last month.
		if got["deliveries"] != 11 || got["runs"] != 11 || got["outbox"] != 1 {
			t.Errorf("rows %v", got)
		}
		before := contents(t, l)
		if gone, err := l.Prune(t.Context(), day(90)); err != nil || gone != 0 || contents(t, l) != before {
			t.Errorf("another %d rows have gone, %v", gone, err)
		}
		if outcome := record(t, l, passAt(day(120), warned("a"), warned("b")), somebody); outcome.Clamped != 0 {
			t.Errorf("%d rows are said to have been clamped", outcome.Clamped)
		}
	})
}

func TestPruneTakesMoreThanOneTransactionCan(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		var findings []watch.Finding
		for i := range 2*prunedAtOnce + 10 {
			findings = append(findings, warned(fmt.Sprint("host-", i)))
		}
		digests := record(t, l, passAt(day(0), findings...), tell(day(0), "ops@example.com")).Digests
		if err := l.Sent(t.Context(), digests[0].ID, "250 OK", day(0)); err != nil {
			t.Fatal(err)
		}
		record(t, l, passAt(day(1), findings[0]), nobody)
		// What has vanished is known for the settling time.
		record(t, l, passAt(day(4), findings[0]), nobody)
		if _, err := l.Prune(t.Context(), day(4)); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{"runs": 1, "subjects": 1, "findings": 1}
		if diff := cmp.Diff(want, rows(t, l)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPruneDropsStandingEventsAfterAWeek(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	for n := range 20 {
		_, err := l.Record(t.Context(), passAt(day(n), warned("a")), policy.Telling{Standing: true}, func(events []watch.Event) []policy.Digest {
			return []policy.Digest{{ID: fmt.Sprint("d", n), Channel: "alertmanager", CreatedAt: day(n), Events: events}}
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Sent(t.Context(), fmt.Sprint("d", n), "200", day(n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Prune(t.Context(), day(-300)); err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, line := range strings.Split(contents(t, l), "\n") {
		if strings.HasPrefix(line, "events ") {
			for _, kind := range []string{"opened", "reminder", "standing"} {
				if strings.Contains(line, "{"+kind+" true}") {
					kept = append(kept, kind)
				}
			}
		}
	}
	slices.Sort(kept)
	// Days 12 to 19, of which day 14 reminded; the first day opened, and day 7 reminded.
	if diff := cmp.Diff([]string{"opened", "reminder", "reminder", "standing", "standing", "standing", "standing", "standing", "standing", "standing"}, kept); diff != "" {
		t.Error(diff)
	}
}

func TestF7_FutureRowsAreClampedAndRemindersResumeWithinOneInterval(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		const ahead = 365
		outcome := record(t, l, passAt(day(ahead), warned("a"), fine("b")), tell(day(ahead), "ops@example.com", "security@example.com"))
		acknowledge(t, l, "sites/a", day(ahead), 3)
		for _, err := range []error{
			l.Failed(t.Context(), outcome.Digests[0].ID, "timed out", day(ahead)),
			l.Sent(t.Context(), outcome.Digests[1].ID, "250 OK", day(ahead)),
			l.Finish(t.Context(), outcome.Run, day(ahead)),
			l.ChannelMemory("jira", nowIs(ahead)).Remember(t.Context(), "a", []byte("T-1")),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		wrong := passAt(day(0), warned("a"), fine("b"))
		wrong.Clock.Trusted = false
		if got := record(t, l, wrong, somebody).Clamped; got != 0 {
			t.Errorf("a pass that does not trust its clock clamped %d rows", got)
		}
		// One run, two subjects, two deliveries, what was sent and what is owed, a memory, and
		// what was known of the subject that was acknowledged.
		outcome = record(t, l, passAt(day(0), warned("a"), fine("b")), somebody)
		wantTold(t, outcome.Events)
		if outcome.Clamped != 9 {
			t.Errorf("%d rows were clamped, want 9:\n%s", outcome.Clamped, contents(t, l))
		}
		if ack := outcome.Acknowledged["sites/a"]; !ack.At.Equal(day(0)) || !ack.Until.Equal(day(3)) {
			t.Errorf("acknowledged %+v", ack)
		}
		if kept := contents(t, l); strings.Contains(kept, "{2027-11-22T06:00:00.000Z true} {2027") {
			t.Errorf("still dated in the future:\n%s", kept)
		}
		if got := due(t, l, day(0)); len(got) != 1 || !got[0].CreatedAt.Equal(day(0)) {
			t.Errorf("due: %+v", got)
		}
		if runs, err := l.Runs(t.Context(), 3); err != nil || runs[2].JudgedAt.After(day(0)) || runs[2].FinishedAt.After(day(0)) {
			t.Errorf("runs %+v, %v", runs, err)
		}
		if outcome = record(t, l, passAt(day(2), warned("a"), fine("b")), somebody); outcome.Clamped != 0 {
			t.Errorf("once more, %d rows were clamped", outcome.Clamped)
		}
		wantTold(t, record(t, l, passAt(day(3), warned("a"), fine("b")), somebody).Events, "reminder sites/a: warning (acknowledgement ended)")
		wantTold(t, record(t, l, passAt(day(10), warned("a"), fine("b")), somebody).Events, "reminder sites/a: warning")
	})
}

func TestF7_WhatCameAndWentInTheFutureSettlesNow(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	at := func(hours int) time.Time { return day(365).Add(time.Duration(hours) * time.Hour) }
	for i, finding := range []watch.Finding{warned("a"), fine("a"), warned("a"), fine("a")} {
		record(t, l, passAt(at(i), finding), somebody)
	}
	var told []string
	for n := range 5 {
		for _, event := range record(t, l, passAt(day(n), fine("a")), somebody).Events {
			told = append(told, fmt.Sprintf("day %d: %s", n, event.Type))
		}
	}
	if diff := cmp.Diff([]string{"day 3: resolved"}, told); diff != "" {
		t.Error(diff)
	}
}

func TestChannelsKeepTheirMemoriesApartAndForFourHundredDays(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		on := 0
		now := func() time.Time { return day(on) }
		jira, check := l.ChannelMemory("jira", now), l.Memory("jira", now)
		for key := range map[string]int{"read": 0, "left": 0} {
			if err := jira.Remember(t.Context(), key, []byte("T-"+key)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := check.Recall(t.Context(), "read"); err != nil || got != nil {
			t.Errorf("a check of the same name recalls %q, %v", got, err)
		}
		for _, on = range []int{200, 390, 399, 401} {
			if got, err := jira.Recall(t.Context(), "read"); err != nil || string(got) != "T-read" {
				t.Errorf("day %d: recalled %q, %v", on, got, err)
			}
			record(t, l, passAt(day(on), fine("a")), nobody)
		}
		if got, err := jira.Recall(t.Context(), "left"); err != nil || got != nil {
			t.Errorf("what was not used for long: recalled %q, %v", got, err)
		}
	})
}

func TestAChannelThatIsFullForgetsItsOldest(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		change(t, l, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO memories (check_name, key, value, kept_at, checksum) SELECT 'alert/jira', 'k' || i, '', '2026-11-' || (CASE WHEN i = 7 THEN '01' ELSE '02' END), '' FROM n`, maxChannelMemories))
		m := l.ChannelMemory("jira", nowIs(0))
		for _, key := range []string{"new", "newer"} {
			if err := m.Remember(t.Context(), key, []byte("v")); err != nil {
				t.Fatal(err)
			}
		}
		var kept, oldest int
		if err := l.db.QueryRowContext(t.Context(), `SELECT COUNT(*), SUM(CASE WHEN key = 'k7' THEN 1 ELSE 0 END) FROM memories`).Scan(&kept, &oldest); err != nil {
			t.Fatal(err)
		}
		if kept != maxChannelMemories-forgottenAtOnce+2 || oldest != 0 {
			t.Errorf("%d are kept, the oldest %d times", kept, oldest)
		}
		if got, err := m.Recall(t.Context(), "new"); err != nil || string(got) != "v" {
			t.Errorf("recalled %q, %v", got, err)
		}
	})
}
