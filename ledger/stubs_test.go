package ledger

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// keeping tells and keeps stubs on one status system that has drafts.
func keeping() policy.Telling {
	return policy.Telling{Stubs: policy.StubPlan{Source: "test", Systems: []policy.StatusSystem{{Name: "status", Hides: true, Rules: []policy.StubRule{{GoodPasses: 1}}}}}}
}

func lapsed(subject string) watch.Finding {
	finding := found("sites", subject, watch.Critical, watch.Expired)
	finding.NotAfter = day(-1)
	return finding
}

func keep(t testing.TB, l *Ledger, pass watch.Pass) Outcome {
	t.Helper()
	outcome, err := l.Record(t.Context(), pass, keeping(), tell(pass.GeneratedAt, "ops@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func wantStubs(t testing.TB, l *Ledger, now time.Time, want ...string) []KeptStub {
	t.Helper()
	stubs, err := l.Stubs(t.Context(), now.AddDate(0, 0, -30))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, stub := range stubs {
		got = append(got, fmt.Sprintf("%s %s revision %d", stub.Causes[0].Finding.ID, stub.Phase, stub.Revision))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("stubs %q, want %q", got, want)
	}
	return stubs
}

func TestStubsAreKeptWithThePassAndFollowIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		if outcome := keep(t, l, passAt(day(0), lapsed("a"), fine("b"))); len(outcome.Stubs) != 1 {
			t.Errorf("%d stubs changed", len(outcome.Stubs))
		}
		stubs := wantStubs(t, l, day(0), "sites/a identified revision 1")
		if err := l.There(t.Context(), "status", stubs[0].Key, func(there *There) { there.ID, there.Revision = "7", 1 }); err != nil {
			t.Fatal(err)
		}
		keep(t, l, passAt(day(1), lapsed("a"), fine("b")))
		stubs = wantStubs(t, l, day(1), "sites/a identified revision 1")
		if stubs[0].There.ID != "7" {
			t.Errorf("a pass lost what stands there: %+v", stubs[0].There)
		}
		// A subject that the pass could not list is not well; one that has vanished is.
		hidden := passAt(day(2), fine("b"))
		hidden.Checks[0].Complete = false
		keep(t, l, hidden)
		wantStubs(t, l, day(2), "sites/a identified revision 1")
		keep(t, l, passAt(day(3), fine("b")))
		wantStubs(t, l, day(3), "sites/a resolved revision 2")
	})
}

func TestAPreviewKeepsNoStub(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	outcome, err := l.Preview(t.Context(), passAt(day(0), lapsed("a")), keeping(), nobody)
	if err != nil || len(outcome.Stubs) != 1 {
		t.Fatalf("%v, %v", outcome.Stubs, err)
	}
	wantStubs(t, l, day(0))
}

func TestF7_APassThatDoesNotKnowTheTimeLeavesTheStubsAlone(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	keep(t, l, passAt(day(0), lapsed("a")))
	wrong := passAt(day(400), lapsed("a"), lapsed("b"))
	wrong.Clock = watch.OwnClock{}
	keep(t, l, wrong)
	wantStubs(t, l, day(400), "sites/a identified revision 1")
}

func TestARunThatLostItsLeaseMayNotWriteOnAStatusSystem(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		lease, err := l.Acquire(t.Context(), "one", time.Minute, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		keep(t, l, passAt(day(0), lapsed("a")))
		stubs := wantStubs(t, l, day(0), "sites/a identified revision 1")
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		err = l.There(t.Context(), "status", stubs[0].Key, func(there *There) { there.Making = day(0) })
		if !errors.Is(err, ErrLost) {
			t.Errorf("%v, want %v", err, ErrLost)
		}
	})
}

func TestAStubWhoseRowWasDamagedIsFound(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		keep(t, l, passAt(day(0), lapsed("a")))
		s.tamper(t, l, `UPDATE incidents SET stub = REPLACE(stub, 'identified', 'resolved!!')`)
		if _, err := l.Stubs(t.Context(), day(0)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v, want %v", err, ErrDamaged)
		}
	})
}

func TestAStubThatIsAdoptedTwiceIsOne(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		kept := KeptStub{There: There{ID: "7"}}
		kept.Key, kept.System, kept.Phase = watch.NewIncidentKey("test", "x", day(0)).String(), "status", watch.Identified
		kept.Causes = []policy.StubCause{{Finding: lapsed("a")}}
		for range 2 {
			if err := l.Adopt(t.Context(), kept, day(0)); err != nil {
				t.Fatal(err)
			}
		}
		wantStubs(t, l, day(0), "sites/a identified revision 0")
	})
}

func TestTheHistoryOfFindingsSaysWhatHappenedAndWhoWasTold(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		keep(t, l, passAt(day(0), warned("a"), warned("b")))
		for _, one := range due(t, l, day(0)) {
			if err := l.Sent(t.Context(), one.ID, "250 ok", day(0).Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		keep(t, l, passAt(day(1), lapsed("a"), fine("b")))
		history, err := l.History(t.Context(), []string{"sites/a"}, day(-1))
		if err != nil {
			t.Fatal(err)
		}
		wantTold(t, history.Events, "opened sites/a: warning", "worsened sites/a: critical")
		if len(history.Told) != 2 || history.Told[0].Recipient != "ops@example.com" || !history.Told[0].SentAt.Equal(day(0).Add(time.Minute)) || !history.Told[1].SentAt.IsZero() {
			t.Errorf("told %+v", history.Told)
		}
		if history, err = l.History(t.Context(), []string{"sites/a"}, day(1)); err != nil || len(history.Events) != 1 {
			t.Errorf("since the second day: %v, %v", history.Events, err)
		}
	})
}

func TestWhatChangedIsKeptThoughNothingWasWrong(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		with := func(identity, version string) watch.Finding {
			finding := fine("a")
			finding.Identity, finding.NotAfter, finding.Details = identity, day(90), map[string]any{"version": version}
			return finding
		}
		keep(t, l, passAt(day(0), with("sha256:1", "1.0")))
		keep(t, l, passAt(day(1), with("sha256:2", "1.1")))
		keep(t, l, passAt(day(2), with("sha256:2", "1.1")))
		changes, err := l.Changes(t.Context(), day(0), day(3), 10)
		want := "was replaced; the new one is valid until " + day(90).Format("2006-01-02 15:04 UTC") + "; went from version 1.0 to 1.1"
		if err != nil || len(changes) != 1 || changes[0].Text != want || !changes[0].At.Equal(day(1)) {
			t.Errorf("%+v, %v, want %q", changes, err, want)
		}
		if _, err := l.Prune(t.Context(), day(100)); err != nil {
			t.Fatal(err)
		}
		if changes, err = l.Changes(t.Context(), day(0), day(3), 10); err != nil || len(changes) != 0 {
			t.Errorf("after pruning: %v, %v", changes, err)
		}
	})
}

func TestAStubThatIsOverIsKeptUntilItIsSoOnItsSystem(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		keep(t, l, passAt(day(0), lapsed("a")))
		key := wantStubs(t, l, day(0), "sites/a identified revision 1")[0].Key
		if err := l.There(t.Context(), "status", key, func(there *There) { there.ID, there.Revision = "7", 1 }); err != nil {
			t.Fatal(err)
		}
		keep(t, l, passAt(day(1), fine("a")))
		wantStubs(t, l, day(300), "sites/a resolved revision 2")
		if err := l.There(t.Context(), "status", key, func(there *There) { there.Revision = 2 }); err != nil {
			t.Fatal(err)
		}
		wantStubs(t, l, day(300))
		if known, err := l.KnowsStub(t.Context(), "status", key); err != nil || !known {
			t.Errorf("known: %t, %v", known, err)
		}
	})
}

func TestPruneForgetsStubsThatAreOver(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	keep(t, l, passAt(day(0), lapsed("a"), lapsed("b")))
	keep(t, l, passAt(day(1), lapsed("a"), fine("b")))
	keep(t, l, passAt(day(100), lapsed("a"), fine("b")))
	if _, err := l.Prune(t.Context(), day(60)); err != nil {
		t.Fatal(err)
	}
	wantStubs(t, l, day(60), "sites/a identified revision 1")
}
