package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

func TestADeliveryIsRedirectedOnceAndStaysOwed(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		outcome := record(t, l, passAt(day(0), warned("a"), warned("b")), tell(day(0), "ops@example.com"))
		id := outcome.Digests[0].ID
		instead := []policy.Digest{
			{ID: "chat", Channel: "chat", CreatedAt: day(1), Note: "because mail does not take it"},
			{ID: "sms", Channel: "sms", Recipient: "+49", CreatedAt: day(1), Events: outcome.Events[:1]},
		}
		for _, want := range []int{2, 0} {
			if added, err := l.Redirect(t.Context(), id, instead, day(1)); err != nil || added != want {
				t.Errorf("added %d, %v, want %d", added, err, want)
			}
		}
		original := outcome.Digests[0]
		want := []Delivery{
			{ID: id, Channel: "mail", Recipient: "ops@example.com", CreatedAt: day(0), NextAttempt: day(0), Events: original.Events, Redirected: true},
			{ID: "chat", Channel: "chat", CreatedAt: day(1), NextAttempt: day(1), Events: original.Events, Note: "because mail does not take it"},
			{ID: "sms", Channel: "sms", Recipient: "+49", CreatedAt: day(1), NextAttempt: day(1), Events: outcome.Events[:1]},
		}
		if diff := cmp.Diff(want, due(t, l, day(1))); diff != "" {
			t.Error(diff)
		}
		// What was heard elsewhere is not untold when the channel itself is given up.
		if err := l.Sent(t.Context(), "chat", "posted", day(1)); err != nil {
			t.Fatal(err)
		}
		if err := l.Dead(t.Context(), id, "550 gone", day(1)); err != nil {
			t.Fatal(err)
		}
		wantTold(t, record(t, l, passAt(day(2), warned("a"), warned("b")), somebody).Events)
	})
}

func TestWhatCannotBeRedirectedIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	outcome := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com", "security@example.com"))
	id, sent := outcome.Digests[0].ID, outcome.Digests[1].ID
	if err := l.Sent(t.Context(), sent, "250 OK", day(0)); err != nil {
		t.Fatal(err)
	}
	before := contents(t, l)
	chat := policy.Digest{ID: "chat", Channel: "chat", CreatedAt: day(1)}
	if added, err := l.Redirect(t.Context(), sent, []policy.Digest{chat}, day(1)); err != nil || added != 0 {
		t.Errorf("one that was sent: added %d, %v", added, err)
	}
	foreign := chat
	foreign.Events = []watch.Event{{ID: "x"}}
	_, unknown := l.Redirect(t.Context(), "x", []policy.Digest{chat}, day(1))
	_, others := l.Redirect(t.Context(), id, []policy.Digest{foreign}, day(1))
	for want, err := range map[string]error{
		`redirect delivery "x" in ledger ` + l.name + ": there is no such delivery":                    unknown,
		`redirect delivery "` + id + `" in ledger ` + l.name + `: event "x" is none of the delivery's`: others,
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if contents(t, l) != before {
		t.Error("something was changed")
	}
}

func TestWhatNobodyStandsInForCountsAsRefused(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com"))
		id := due(t, l, day(0))[0].ID
		if added, err := l.Redirect(t.Context(), id, nil, day(0)); err != nil || added != 0 {
			t.Fatalf("added %d, %v", added, err)
		}
		states, err := l.Channels(t.Context(), day(0))
		if err != nil || len(states) != 1 || states[0].Refused != 1 || states[0].Owed != 1 {
			t.Errorf("channels %+v, %v", states, err)
		}
		if again := due(t, l, day(1)); len(again) != 1 || !again[0].Redirected {
			t.Errorf("due the day after: %+v", again)
		}
	})
}

func TestWhoStandsInIsToldOnceAndHearsTheEnd(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("a"), warned("b")), tell(day(0), "ops@example.com", "dev@example.com"))
		instead := func(id string) []policy.Digest {
			return []policy.Digest{{ID: "instead of " + id, Channel: "pager", CreatedAt: day(0), Note: "why"}}
		}
		added := 0
		for _, owed := range due(t, l, day(0)) {
			more, err := l.Redirect(t.Context(), owed.ID, instead(owed.ID), day(0))
			if err != nil {
				t.Fatal(err)
			}
			added += more
		}
		if added != 1 {
			t.Errorf("of two failed recipients the one who stands in is told %d times", added)
		}
		var stoodIn []string
		record(t, l, passAt(day(1), fine("a"), warned("b")), func(events []watch.Event) []policy.Digest {
			for _, event := range events {
				stoodIn = append(stoodIn, fmt.Sprint(event.Type, event.StoodIn))
			}
			return policy.Plan(events, policy.Routing{Routes: []policy.Route{{Match: policy.Match{Check: "x"}}}}, []policy.Destination{{Channel: "pager", Recipients: []string{""}}}, day(1))
		})
		if diff := cmp.Diff([]string{"resolved[pager]"}, stoodIn); diff != "" {
			t.Error(diff)
		}
		last := due(t, l, day(1))
		if end := last[len(last)-1]; end.Channel != "pager" || end.Events[0].Type != watch.Resolved {
			t.Errorf("the last delivery is %+v", end)
		}
	})
}

func TestF16_AChangedNoteIsRefused(t *testing.T) {
	t.Parallel()
	for _, note := range []string{"", "other"} {
		l := newLedger(t)
		id := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com")).Digests[0].ID
		if _, err := l.Redirect(t.Context(), id, []policy.Digest{{ID: "chat", Channel: "chat", CreatedAt: day(0), Note: "why"}}, day(1)); err != nil {
			t.Fatal(err)
		}
		change(t, l, `UPDATE deliveries SET note = '`+note+`' WHERE id = 'chat'`)
		_, err := l.Due(t.Context(), day(0))
		wantError(t, err, ErrDamaged, `read delivery "chat"`)
	}
}

func TestChannelsTellHowTheyDo(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		on := func(n int, channels ...string) []string {
			var ids []string
			for _, channel := range channels {
				ids = append(ids, fmt.Sprint(channel, n))
			}
			record(t, l, passAt(day(n), warned(fmt.Sprint("s", n))), func(events []watch.Event) []policy.Digest {
				var digests []policy.Digest
				for i, channel := range channels {
					digests = append(digests, policy.Digest{ID: ids[i], Channel: channel, CreatedAt: day(n), Events: events})
				}
				return digests
			})
			return ids
		}
		note := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		note(l.Sent(t.Context(), on(0, "mail")[0], "250 first", day(0)))
		note(l.Sent(t.Context(), on(1, "mail")[0], "250 second", day(1).Add(time.Minute)))
		note(l.Dead(t.Context(), on(2, "pager")[0], "long ago", day(2)))
		owed := on(9, "chat", "pager")
		later := on(10, "chat")
		for range 2 {
			note(l.Failed(t.Context(), owed[0], "timed out", day(10)))
		}
		note(l.Failed(t.Context(), later[0], "404", day(10)))
		note(l.Dead(t.Context(), owed[1], "no such channel", day(9)))
		got, err := l.Channels(t.Context(), day(10))
		if err != nil {
			t.Fatal(err)
		}
		want := []ChannelState{
			{Channel: "chat", Owed: 2, OldestOwed: day(9), Attempts: 2, LastError: "timed out"},
			{Channel: "mail", LastSent: day(1).Add(time.Minute), Proof: "250 second"},
			{Channel: "pager", Dead: 1},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		wantDeliveries(t, l, 3, []Delivered{
			{ID: "chat10", Channel: "chat", CreatedAt: day(10), Events: 2, Attempts: 1, NextAttempt: day(10), LastError: "404"},
			{ID: "chat9", Channel: "chat", CreatedAt: day(9), Events: 1, Attempts: 2, NextAttempt: day(10), LastError: "timed out"},
			{ID: "pager9", Channel: "pager", CreatedAt: day(9), Events: 1, Attempts: 1, LastError: "no such channel", Dead: true},
		})
	})
}

func wantDeliveries(t testing.TB, l *Ledger, limit int, want []Delivered) {
	t.Helper()
	got, err := l.Deliveries(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDeliveriesAreListedWithWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	id := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com")).Digests[0].ID
	if _, err := l.Redirect(t.Context(), id, []policy.Digest{{ID: "chat", Channel: "chat", CreatedAt: day(1), Note: "why"}}, day(1)); err != nil {
		t.Fatal(err)
	}
	if err := l.Sent(t.Context(), "chat", "posted", day(2)); err != nil {
		t.Fatal(err)
	}
	wantDeliveries(t, l, 10, []Delivered{
		{ID: "chat", Channel: "chat", Note: "why", CreatedAt: day(1), SentAt: day(2), Proof: "posted", Events: 1},
		{ID: id, Channel: "mail", Recipient: "ops@example.com", CreatedAt: day(0), Events: 1, NextAttempt: day(0), Redirected: true},
	})
}

func TestRunsAreListedAndTheLastThatFinishedIsKnown(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		if run, err := l.LastFinished(t.Context()); err != nil || run != (Run{}) {
			t.Errorf("of none, the last is %+v, %v", run, err)
		}
		var want []Run
		for n := range 3 {
			run := Run{ID: record(t, l, passAt(day(n), fine("a")), nobody).Run, JudgedAt: day(n)}
			if n < 2 {
				run.FinishedAt = day(n).Add(time.Minute)
				if err := l.Finish(t.Context(), run.ID, run.FinishedAt); err != nil {
					t.Fatal(err)
				}
			}
			want = append([]Run{run}, want...)
		}
		got, err := l.Runs(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[:2], got); diff != "" {
			t.Error(diff)
		}
		if run, err := l.LastFinished(t.Context()); err != nil || run != want[1] {
			t.Errorf("the last that finished is %+v, %v", run, err)
		}
	})
}
