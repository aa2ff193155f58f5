package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

// stubWorld plays passes over stubs as the ledger does.
type stubWorld struct {
	t         *testing.T
	plan      StubPlan
	stubs     []Stub
	now       time.Time
	untrusted bool
	partial   bool
}

func newStubWorld(t *testing.T, systems ...StatusSystem) *stubWorld {
	return &stubWorld{t: t, plan: StubPlan{Source: "test", Systems: systems}, now: time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)}
}

// pass is one pass over the findings, after the given time.
func (w *stubWorld) pass(after time.Duration, known ...Known) {
	w.t.Helper()
	w.now = w.now.Add(after)
	round := w.plan.Begin(w.stubs, watch.OwnClock{Trusted: !w.untrusted}, !w.partial, w.now)
	for _, one := range known {
		if one.Gone {
			round.Vanished(one.Finding.ID)
			continue
		}
		round.See(one, false)
	}
	changed, forgotten := round.End()
	for _, stub := range changed {
		at := slices.IndexFunc(w.stubs, func(kept Stub) bool { return kept.Key == stub.Key && kept.System == stub.System })
		if at < 0 {
			w.stubs = append(w.stubs, stub)
			continue
		}
		w.stubs[at] = stub
	}
	w.stubs = slices.DeleteFunc(w.stubs, func(stub Stub) bool {
		return slices.ContainsFunc(forgotten, func(gone Stub) bool { return gone.Key == stub.Key && gone.System == stub.System })
	})
}

// want compares the stubs, each as "phase[, hidden]: causes".
func (w *stubWorld) want(want ...string) {
	w.t.Helper()
	var got []string
	for _, stub := range w.stubs {
		text := string(stub.Phase)
		if stub.Hidden {
			text += ", hidden"
		}
		var names []string
		for _, cause := range stub.Causes {
			names = append(names, cause.Finding.Name)
		}
		got = append(got, text+": "+strings.Join(names, " "))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: stubs\n%q, want\n%q", stamp(w.now), got, want)
	}
}

func stubFinding(name string, severity watch.Severity, reason watch.Reason, more ...func(*watch.Finding)) Known {
	finding := watch.Finding{ID: "sites/" + name, Check: "sites", Kind: "tls", Name: name, Severity: severity, Reason: reason, Message: string(reason), Identity: "sha256:" + name}
	for _, change := range more {
		change(&finding)
	}
	return Known{Finding: finding}
}

func (w *stubWorld) expired(name string, more ...func(*watch.Finding)) Known {
	return stubFinding(name, watch.Critical, watch.Expired, append(more, func(f *watch.Finding) { f.NotAfter = w.now.Add(-time.Hour) })...)
}

func (w *stubWorld) soon(name string, days int) Known {
	return stubFinding(name, watch.Critical, watch.ExpiresSoon, func(f *watch.Finding) { f.NotAfter = w.now.Add(time.Duration(days) * oneDay) })
}

func well(name string) Known { return stubFinding(name, watch.OK, "") }

func blind(known Known) Known {
	known.Blind = watch.TimedOut
	return known
}

func hiding(rules ...StubRule) StatusSystem {
	if len(rules) == 0 {
		rules = []StubRule{{}}
	}
	return StatusSystem{Name: "status", Hides: true, Rules: rules}
}

func showing(rules ...StubRule) StatusSystem {
	if len(rules) == 0 {
		rules = []StubRule{{}}
	}
	return StatusSystem{Name: "status", Public: true, Rules: rules}
}

func TestAStubFollowsItsStoryToTheEnd(t *testing.T) {
	w := newStubWorld(t, hiding())
	w.pass(0, w.soon("crm", 2))
	w.want("investigating, hidden: crm")
	w.pass(oneDay, w.soon("crm", 1))
	if w.stubs[0].Revision != 1 {
		t.Errorf("days that pass are no news: revision %d", w.stubs[0].Revision)
	}
	w.pass(oneDay, w.expired("crm"))
	w.want("identified, hidden: crm")
	if began := w.stubs[0].StartedAt; !began.Equal(w.now.Add(-time.Hour-oneDay)) && !began.Equal(w.now.Add(-oneDay-time.Hour)) {
		t.Logf("began %s", stamp(began))
	}
	w.pass(oneDay, well("crm"))
	w.want("monitoring, hidden: crm")
	w.pass(oneDay, well("crm"))
	w.want("monitoring, hidden: crm")
	w.pass(oneDay, well("crm"))
	w.want("resolved, hidden: crm")
	if stub := w.stubs[0]; !stub.ResolvedAt.Equal(w.now) || !stub.RenewedAt.Equal(w.now.Add(-2*oneDay)) || !stub.Hurt() || len(stub.Phases) != 4 {
		t.Errorf("%+v", stub)
	}
}

func TestWhatHasNotLapsedYetIsNeverMadePublic(t *testing.T) {
	for name, system := range map[string]StatusSystem{"by default": showing(), "though asked for at expiry": showing(StubRule{AtExpiry: OpenPublic})} {
		t.Run(name, func(t *testing.T) {
			w := newStubWorld(t, system)
			w.pass(0, w.soon("crm", 2))
			w.want()
			w.pass(2*oneDay, w.expired("crm"))
			w.want("identified: crm")
		})
	}
}

func TestADraftBecomesPublicAtExpiryOnlyWhereThatIsAskedFor(t *testing.T) {
	public := hiding(StubRule{AtExpiry: OpenPublic})
	public.Public = true
	w := newStubWorld(t, public)
	w.pass(0, w.soon("crm", 1))
	w.want("investigating, hidden: crm")
	w.pass(oneDay, w.expired("crm"))
	w.want("identified: crm")
}

func TestUnknownClosesNothingAndBeginsTheCountAnew(t *testing.T) {
	w := newStubWorld(t, hiding())
	w.pass(0, w.expired("crm"))
	w.pass(oneDay, well("crm"))
	w.pass(oneDay, well("crm"))
	w.pass(oneDay, blind(well("crm")))
	w.pass(oneDay) // nobody looked
	w.want("monitoring, hidden: crm")
	w.pass(oneDay, well("crm"))
	w.pass(oneDay, well("crm"))
	w.want("monitoring, hidden: crm")
	w.pass(oneDay, well("crm"))
	w.want("resolved, hidden: crm")
	w = newStubWorld(t, hiding())
	w.pass(0, blind(w.expired("crm")))
	w.want()
}

func TestASubjectThatIsGoneIsNoCauseAnyMore(t *testing.T) {
	w := newStubWorld(t, hiding())
	w.pass(0, w.expired("crm"))
	gone := well("crm")
	gone.Gone = true
	w.pass(oneDay, gone)
	w.want("monitoring, hidden: crm")
	w.pass(oneDay) // it is not in the ledger any more
	w.pass(oneDay)
	w.want("resolved, hidden: crm")
}

func TestOneSecretBehindFiveServicesIsOneStubWithFiveComponents(t *testing.T) {
	system := hiding()
	for i := range 5 {
		system.Components = append(system.Components, ComponentRule{Match: Match{Name: "crm"}, Component: fmt.Sprintf("c%d", i), Name: fmt.Sprintf("Service %d", i)})
	}
	w := newStubWorld(t, system)
	w.pass(0, w.expired("crm"))
	w.want("identified, hidden: crm")
	if components := w.stubs[0].Standing(); len(components) != 5 || components[4] != (watch.Component{ID: "c4", Name: "Service 4", Status: watch.PartialOutage}) {
		t.Errorf("components %v", components)
	}
	w.pass(oneDay, well("crm"))
	if components := w.stubs[0].Standing(); components[4].Status != watch.Operational {
		t.Errorf("components %v", components)
	}
}

func TestOneCertificateServedAtFiveAddressesIsOneStub(t *testing.T) {
	w := newStubWorld(t, hiding())
	same := func(f *watch.Finding) { f.Identity = "sha256:one" }
	w.pass(0, w.expired("a", same), w.expired("b", same), w.expired("c", same))
	w.want("identified, hidden: a b c")
	w.pass(oneDay, well("a"), w.expired("b", same), well("c"))
	w.want("identified, hidden: a b c")
}

func TestFindingsOfOneServiceArePutTogetherByTheirLabel(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{Together: "label:service"}))
	crm := func(f *watch.Finding) { f.Labels = map[string]string{"service": "crm"} }
	mail := stubFinding("canary", watch.Critical, watch.MailStuck, crm)
	w.pass(0, mail)
	w.want("investigating, hidden: canary")
	w.pass(time.Hour, mail, w.expired("secret", crm), w.expired("other"))
	w.want("identified, hidden: canary secret", "identified, hidden: other")
}

func TestASymptomIsIdentifiedWhenSomebodyTakesNoteOfIt(t *testing.T) {
	w := newStubWorld(t, hiding())
	slow := stubFinding("ring-2", watch.Critical, watch.ResponseTimedOut)
	w.pass(0, slow)
	w.want("investigating, hidden: ring-2")
	slow.Acknowledged = &Acknowledged{Acknowledgement: watch.Acknowledgement{By: "ana", Reason: "a switch", At: w.now, Until: w.now.Add(oneDay)}}
	w.pass(time.Hour, slow)
	w.want("identified, hidden: ring-2")
	if noted := w.stubs[0].Acknowledged; noted == nil || noted.By != "ana" {
		t.Errorf("acknowledged %v", noted)
	}
}

func TestNothingIsOpenedBeforeTheHoldOffIsOver(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{HoldOff: watch.Duration(30 * time.Minute)}))
	slow := stubFinding("ring-2", watch.Critical, watch.ResponseTimedOut)
	w.pass(0, slow)
	w.want(", hidden: ring-2")
	w.pass(10*time.Minute, well("ring-2"))
	w.want()
	w.pass(10*time.Minute, slow)
	w.pass(10*time.Minute, blind(slow))
	w.pass(20*time.Minute, slow)
	w.want("investigating, hidden: ring-2")
}

func TestF13_AStubIsNotClosedAndReopenedMoreThanOnceInAHoldOff(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{HoldOff: watch.Duration(time.Hour), GoodPasses: 1}))
	down := stubFinding("provider", watch.Critical, watch.UpstreamDown)
	w.pass(0, down)
	w.pass(time.Hour, down)
	w.want("identified, hidden: provider")
	closed := 0
	for i := range 60 { // 20 times an hour, for three hours
		before := w.stubs[0].Phase
		if i%2 == 0 {
			w.pass(3*time.Minute, well("provider"))
		} else {
			w.pass(3*time.Minute, down)
		}
		if before != watch.Over && w.stubs[0].Phase == watch.Over {
			closed++
		}
	}
	if len(w.stubs) != 1 || closed > 1 {
		t.Errorf("%d stubs, closed %d times in three hours of flapping", len(w.stubs), closed)
	}
	w.pass(time.Hour, well("provider"))
	w.pass(time.Hour, well("provider"))
	w.want("resolved, hidden: provider")
}

func TestWhatLapsesAgainSoonOpensTheSameStubAndLaterANewOne(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{GoodPasses: 1, ReopenWithin: watch.Duration(oneDay)}))
	w.pass(0, w.expired("crm"))
	w.pass(time.Hour, well("crm"))
	w.want("resolved, hidden: crm")
	w.pass(time.Hour, w.expired("crm"))
	w.want("identified, hidden: crm")
	if w.stubs[0].Reopened != 1 {
		t.Errorf("reopened %d times", w.stubs[0].Reopened)
	}
	w.pass(2*time.Hour, well("crm"))
	w.want("resolved, hidden: crm")
	w.pass(25*time.Hour, w.expired("crm"))
	w.want("resolved, hidden: crm", "identified, hidden: crm")
	first, _ := watch.FindIncidentKey(w.stubs[0].Key, "test")
	second, _ := watch.FindIncidentKey(w.stubs[1].Key, "test")
	if first == second || !first.SameCause(second) {
		t.Errorf("keys %s and %s", first, second)
	}
}
