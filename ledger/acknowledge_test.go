package ledger

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

func acknowledge(t testing.TB, l *Ledger, findingID string, at time.Time, days int) watch.Acknowledgement {
	t.Helper()
	ack := watch.Acknowledgement{By: "ada", Reason: "renewed on Friday", At: at, Until: at.AddDate(0, 0, days)}
	if err := l.Acknowledge(t.Context(), findingID, ack); err != nil {
		t.Fatal(err)
	}
	return ack
}

func TestAnAcknowledgementSilencesRemindersUntilItEnds(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("a"), warned("b")), somebody)
		ack := acknowledge(t, l, "sites/a", day(1), 14)
		outcome := record(t, l, passAt(day(8), warned("a"), warned("b")), somebody)
		wantTold(t, outcome.Events, "reminder sites/b: warning")
		if diff := cmp.Diff(map[string]watch.Acknowledgement{"sites/a": ack}, outcome.Acknowledged); diff != "" {
			t.Error(diff)
		}
		outcome = record(t, l, passAt(day(15), warned("a"), fine("b")), somebody)
		wantTold(t, outcome.Events, "reminder sites/a: warning (acknowledgement ended)", "resolved sites/b: ok (corrected)")
		if len(outcome.Acknowledged) != 0 {
			t.Errorf("still in force: %v", outcome.Acknowledged)
		}
	})
}

func TestAnAcknowledgementIsOfOneCredentialAndNotOfItsSuccessor(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	record(t, l, passAt(day(0), warned("a")), somebody)
	acknowledge(t, l, "sites/a", day(0), 90)
	successor := warned("a")
	successor.Identity = "sha256:another"
	wantTold(t, record(t, l, passAt(day(8), successor), somebody).Events, "reminder sites/a: warning (acknowledgement ended)")
}

func TestAnAcknowledgementHoldsWhileItsSourceCannotBeListed(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	record(t, l, passAt(day(0), warned("a")), somebody)
	acknowledge(t, l, "sites/a", day(0), 9)
	pass := passAt(day(8))
	pass.Checks = []watch.CheckResult{{Name: "sites", Error: "sign in: denied"}}
	outcome := record(t, l, pass, somebody)
	wantTold(t, outcome.Events)
	if len(outcome.Acknowledged) != 1 {
		t.Errorf("in force: %v", outcome.Acknowledged)
	}
	pass.GeneratedAt = day(9)
	wantTold(t, record(t, l, pass, somebody).Events, "reminder sites/a: warning")
}

func TestAnAcknowledgementCanBeTakenBack(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("a")), somebody)
		acknowledge(t, l, "sites/a", day(0), 90)
		for _, want := range []bool{true, false} {
			if was, err := l.Unacknowledge(t.Context(), "sites/a"); err != nil || was != want {
				t.Errorf("taken back: %v, %v, want %v", was, err, want)
			}
		}
		wantTold(t, record(t, l, passAt(day(1), warned("a")), somebody).Events, "reminder sites/a: warning (acknowledgement ended)")
		wantTold(t, record(t, l, passAt(day(2), warned("a")), somebody).Events)
	})
}

func TestOnlyWhatIsOpenCanBeAcknowledged(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	record(t, l, passAt(day(0), fine("a"), warned("b")), somebody)
	before := contents(t, l)
	ack := watch.Acknowledgement{By: "ada", At: day(0), Until: day(1)}
	late := ack
	late.Until = day(0)
	_, err := l.Unacknowledge(t.Context(), "sites/c")
	in := " in ledger " + l.name + ": "
	for want, err := range map[string]error{
		`acknowledge "sites/c"` + in + "no such finding is known":                                                  l.Acknowledge(t.Context(), "sites/c", ack),
		`acknowledge "sites/a"` + in + "there is nothing to take note of: when it was last looked at, it was fine": l.Acknowledge(t.Context(), "sites/a", ack),
		`acknowledge "sites/b"` + in + "it would end before it begins":                                             l.Acknowledge(t.Context(), "sites/b", late),
		`take back the acknowledgement of "sites/c"` + in + "no such finding is known":                             err,
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if contents(t, l) != before {
		t.Error("something was changed")
	}
}

func TestF7_AWrongOwnClockEndsNoAcknowledgement(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	unread := found("sites", "a", watch.Unknown, watch.TimedOut)
	unread.NotAfter = time.Time{}
	record(t, l, passAt(day(0), unread), somebody)
	ack := acknowledge(t, l, "sites/a", day(0), 9)
	ahead := passAt(day(365), unread)
	ahead.Clock.Trusted = false
	wantTold(t, record(t, l, ahead, somebody).Events)
	outcome := record(t, l, passAt(day(8), unread), somebody)
	wantTold(t, outcome.Events)
	if diff := cmp.Diff(map[string]watch.Acknowledgement{"sites/a": ack}, outcome.Acknowledged); diff != "" {
		t.Error(diff)
	}
}

func subjectIDs(t testing.TB, l *Ledger) []string {
	t.Helper()
	var ids []string
	for subject, err := range l.Subjects(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		// The ledger may be used meanwhile.
		if _, err := l.LastRun(t.Context()); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, subject.FindingID)
	}
	return ids
}

func TestSubjectsAreListedInOrderHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		const subjects = 2*subjectsAtOnce + 3
		record(t, l, many(subjects, day(0)), somebody)
		if listed := subjectIDs(t, l); len(slices.Compact(listed)) != subjects || !slices.IsSorted(listed) {
			t.Errorf("%d are listed: %q", len(listed), listed)
		}
		record(t, l, passAt(day(1), warned("B"), warned("\xff"), warned("é"), fine("a")), nobody)
		listed := subjectIDs(t, l)
		if diff := cmp.Diff([]string{`"sites/\xff"`, "sites/B", "sites/a", "sites/é"}, listed); diff != "" {
			t.Error(diff)
		}
		acknowledge(t, l, listed[0], day(1), 1)
	})
}

func TestASubjectIsListedWithWhatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	record(t, l, passAt(day(0), warned("a")), somebody)
	ack := acknowledge(t, l, "sites/a", day(0), 90)
	record(t, l, passAt(day(1), warned("a")), somebody)
	for subject, err := range l.Subjects(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		want := Subject{
			FindingID: "sites/a", Name: "a:443", Check: "sites", FirstSeen: day(0), LastSeen: day(1),
			Known: policy.Known{Finding: warned("a"), ToldAt: day(0), Worst: watch.Warning, Reasons: []watch.Reason{watch.ExpiresSoon},
				Acknowledged: &policy.Acknowledged{Acknowledgement: ack, Identity: "sha256:a"}},
		}
		if diff := cmp.Diff(want, subject); diff != "" {
			t.Error(diff)
		}
	}
}

func TestF16_ADamagedSubjectEndsTheList(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("a"), warned("b")), somebody)
		s.tamper(t, l, `UPDATE findings SET known = replace(known, 'warning', 'notice') WHERE subject_id = 'sites/b'`)
		var listed []string
		var failure error
		for subject, err := range l.Subjects(t.Context()) {
			if failure = err; err == nil {
				listed = append(listed, subject.FindingID)
			}
		}
		wantError(t, failure, ErrDamaged, "list subjects", "sites/b")
		if diff := cmp.Diff([]string{"sites/a"}, listed); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFreshFindsWhatWouldBeNews(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		record(t, l, passAt(day(0), warned("known"), warned("worse"), fine("turned"), warned("better")), somebody)
		before := contents(t, l)
		findings := []watch.Finding{
			warned("known"), found("sites", "worse", watch.Critical, watch.Expired), warned("turned"), fine("better"),
			found("sites", "new", watch.Unknown, watch.TimedOut), fine("fine"),
		}
		fresh, err := l.Fresh(t.Context(), each(findings), policy.Telling{}, watch.OwnClock{Trusted: true}, day(8))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]watch.Finding{findings[1], findings[2], findings[4]}, fresh); diff != "" {
			t.Error(diff)
		}
		if contents(t, l) != before {
			t.Error("something was changed")
		}
		if fresh, err = l.Fresh(t.Context(), many(200_000, day(8)).Findings, policy.Telling{}, watch.OwnClock{Trusted: true}, day(8)); err != nil || len(fresh) != maxFresh {
			t.Errorf("of very many, %d are news, %v", len(fresh), err)
		}
	})
}

func TestStandingEventsAreNoNews(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		standing := policy.Telling{Standing: true}
		pass := func(n int) watch.Pass { return passAt(day(n), warned("a"), fine("b")) }
		record(t, l, pass(0), somebody)
		outcome, err := l.Record(t.Context(), pass(1), standing, nobody)
		if err != nil {
			t.Fatal(err)
		}
		wantTold(t, outcome.Events, "standing sites/a: warning")
		if outcome.Untold != 0 {
			t.Errorf("%d count as untold", outcome.Untold)
		}
		outcome, err = l.Record(t.Context(), pass(2), standing, func(events []watch.Event) []policy.Digest {
			return []policy.Digest{{ID: "d", Channel: "alertmanager", CreatedAt: day(2), Events: events}}
		})
		if err != nil || len(outcome.Digests) != 1 {
			t.Fatalf("digests %v, %v", outcome.Digests, err)
		}
		if err := l.Dead(t.Context(), outcome.Digests[0].ID, "gone", day(2)); err != nil {
			t.Fatal(err)
		}
		wantTold(t, record(t, l, pass(3), somebody).Events)
	})
}

func TestF7_AWrongOwnClockKeepsStandingWhatStood(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	record(t, l, passAt(day(0), warned("a"), warned("b")), somebody)
	wrong := passAt(day(-365), fine("a"))
	wrong.Clock.Trusted = false
	outcome, err := l.Record(t.Context(), wrong, policy.Telling{Standing: true}, somebody)
	if err != nil {
		t.Fatal(err)
	}
	wantTold(t, outcome.Events, "standing sites/a: warning", "standing sites/b: warning")
}
