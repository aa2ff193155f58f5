package policy

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"lapsewatch/watch"
)

func TestAStubStaysOpenWithItsProvider(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{Match: Match{Check: "sites"}, Upstreams: []string{"cloud"}, GoodPasses: 2}))
	provider := func(severity watch.Severity, reason watch.Reason) Known {
		return Known{Finding: watch.Finding{ID: "cloud/azure", Check: "cloud", Kind: "upstream", Name: "Azure", Severity: severity, Reason: reason, Message: "says so", Link: "https://status.example.com"}}
	}
	slow := stubFinding("ring-2", watch.Critical, watch.ResponseTimedOut)
	w.pass(0, slow, provider(watch.OK, ""))
	w.want("investigating, hidden: ring-2")
	w.pass(time.Hour, slow, provider(watch.Warning, watch.UpstreamDegraded))
	w.want("identified, hidden: ring-2")
	for range 3 {
		w.pass(time.Hour, well("ring-2"), provider(watch.Warning, watch.UpstreamDegraded))
	}
	for range 3 {
		w.pass(time.Hour, well("ring-2"), blind(provider(watch.OK, "")))
	}
	for range 3 {
		w.pass(time.Hour, well("ring-2"), provider(watch.Notice, watch.UpstreamMaintenance))
	}
	w.want("monitoring, hidden: ring-2")
	if upstreams := w.stubs[0].Upstreams; len(upstreams) != 1 || upstreams[0].Link != "https://status.example.com" || upstreams[0].Good {
		t.Errorf("upstreams %v", upstreams)
	}
	w.pass(time.Hour, well("ring-2"), provider(watch.OK, ""))
	w.want("monitoring, hidden: ring-2")
	w.pass(time.Hour, well("ring-2"), provider(watch.OK, ""))
	w.want("resolved, hidden: ring-2")
}

func TestAPlannedRotationIsAnnouncedAsMaintenance(t *testing.T) {
	rule := StubRule{AtCritical: OpenMaintenance, AtExpiry: OpenPublic, GoodPasses: 1, Maintenance: &Maintenance{At: "02:00", Zone: "Europe/Berlin", Lasts: watch.Duration(time.Hour)}}
	w := newStubWorld(t, showing(rule))
	w.pass(0, w.soon("crm", 5))
	w.want("scheduled: crm")
	// Two o'clock in Berlin is one o'clock UTC in winter; the date is the 27th at 06:00.
	want := watch.Window{From: time.Date(2026, time.November, 26, 1, 0, 0, 0, time.UTC), Until: time.Date(2026, time.November, 26, 2, 0, 0, 0, time.UTC)}
	if stub := w.stubs[0]; stub.Window == nil || *stub.Window != want {
		t.Errorf("window %v", stub.Window)
	}
	w.pass(oneDay, well("crm"))
	w.want("resolved: crm")
	w = newStubWorld(t, showing(rule))
	w.plan.Systems[0].Components = []ComponentRule{{Component: "c"}}
	w.pass(0, w.soon("crm", 5))
	for _, step := range []struct {
		after    time.Duration
		status   watch.ComponentStatus
		revision int
	}{{oneDay, watch.Operational, 1}, {2*oneDay + 19*time.Hour + 30*time.Minute, watch.UnderMaintenance, 2}, {time.Hour, watch.Operational, 3}} {
		w.pass(step.after, w.soon("crm", 1))
		if stub := w.stubs[0]; stub.Standing()[0].Status != step.status || stub.Revision != step.revision {
			t.Errorf("%s: %s in revision %d, want %s in %d", stamp(w.now), stub.Standing()[0].Status, stub.Revision, step.status, step.revision)
		}
	}
	w = newStubWorld(t, showing(rule))
	w.pass(0, w.soon("crm", 5))
	w.pass(6*oneDay, w.expired("crm"))
	w.want("resolved: crm", "identified: crm")
}

func TestF5_FiveHundredLapsesAtOnceAreAFewStubsAndOneForTheRest(t *testing.T) {
	w := newStubWorld(t, hiding())
	var all []Known
	for i := range 500 {
		all = append(all, w.expired(fmt.Sprintf("site-%03d", i)))
	}
	for range 3 {
		w.pass(oneDay, all...)
	}
	if len(w.stubs) != 21 {
		t.Fatalf("%d stubs, want 21", len(w.stubs))
	}
	many := w.stubs[20]
	if len(many.Causes)+many.More != 480 || many.Cause != "many draft" {
		t.Errorf("%d causes and %d more of %q", len(many.Causes), many.More, many.Cause)
	}
}

func TestF7_APassThatDistrustsItsClockClosesNothing(t *testing.T) {
	w := newStubWorld(t, hiding())
	w.pass(0, w.expired("crm"))
	w.untrusted = true
	for range 5 {
		w.pass(time.Hour, well("crm"))
	}
	w.want("identified, hidden: crm")
}

func TestF7_WhatAClockThatRanAheadHasLeftHoldsNothingUp(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{GoodPasses: 1}))
	w.pass(0, w.expired("crm"))
	w.pass(365*oneDay, well("crm"))
	w.pass(time.Hour, w.expired("crm"))
	w.now = w.now.Add(-365 * oneDay)
	for range 3 {
		w.pass(2*time.Hour, well("crm"))
	}
	w.want("resolved, hidden: crm")
}

func TestWhatALostLedgerKnewIsClosedOnlyAfterCompletePasses(t *testing.T) {
	w := newStubWorld(t, hiding())
	adopted := Stub{Key: watch.NewIncidentKey("test", "finding sites/old", w.now).String(), System: "status", Phase: watch.Identified, Hidden: true, Terms: StubTerms{GoodPasses: 2}}
	w.stubs = []Stub{adopted}
	w.partial = true
	w.pass(oneDay)
	w.pass(oneDay)
	w.want("identified, hidden: ")
	w.partial = false
	w.pass(oneDay)
	w.pass(oneDay)
	w.want("resolved, hidden: ")
}

func TestWhatLapsewatchSaysOfItselfIsNoIncidentUnlessARuleSaysSo(t *testing.T) {
	failing := Known{Finding: watch.Finding{ID: "lapsewatch/alerts/mail", Check: watch.Itself, Kind: watch.Itself, Name: "alert mail", Severity: watch.Critical, Reason: watch.DeliveryFailing}}
	w := newStubWorld(t, hiding())
	w.pass(0, failing)
	w.want()
	w = newStubWorld(t, hiding(StubRule{Match: Match{Kind: watch.Itself}}))
	w.pass(0, failing)
	w.want("identified, hidden: alert mail")
}

func TestRulesThatContradictThemselvesAreRefusedWithTheirPlace(t *testing.T) {
	tests := map[string]struct {
		rule StubRule
		want string
	}{
		"a public stub before expiry":    {StubRule{AtCritical: OpenPublic}, `at_critical: "public": want nothing, draft or maintenance: what has not lapsed yet is not made public as an incident`},
		"an opening that does not exist": {StubRule{AtExpiry: "loud"}, `at_expiry: "loud": want nothing, draft or public`},
		"maintenance without a time":     {StubRule{AtCritical: OpenMaintenance}, `maintenance: is missing: at_critical: maintenance needs to know when, such as {at: "02:00", lasts: 1h}`},
		"a time that is none":            {StubRule{AtCritical: OpenMaintenance, Maintenance: &Maintenance{At: "25:00", Lasts: 1}}, `maintenance.at: "25:00": want a time of day, such as "02:00" (in quotes)`},
		"an unknown grouping":            {StubRule{Together: "label:"}, `together: "label:": want credential, finding, check, name, label:NAME or detail:NAME`},
		"a rule for nothing":             {StubRule{AtCritical: OpenNothing, AtExpiry: OpenNothing}, "at_expiry: the rule makes nothing of what it matches: put what is to be left alone into no rule, or give one of the two"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := test.rule.Validate(); err == nil || err.Error() != test.want {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

func TestTheTermsOfAStubAreReadBackAsTheyWereKept(t *testing.T) {
	w := newStubWorld(t, showing(StubRule{AtCritical: OpenMaintenance, Maintenance: &Maintenance{At: "02:00", Lasts: watch.Duration(time.Hour)}}))
	w.pass(0, w.soon("crm", 5))
	text, err := json.Marshal(w.stubs[0])
	var back Stub
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil || back.fingerprint() != w.stubs[0].fingerprint() {
		t.Errorf("%v: %s", err, text)
	}
}

func TestADateToComeNeitherHoldsNorReopensWhatEverybodyReads(t *testing.T) {
	w := newStubWorld(t, showing(StubRule{GoodPasses: 2}))
	w.pass(0, w.expired("crm"))
	w.pass(time.Hour, w.soon("crm", 5))
	w.pass(time.Hour, w.soon("crm", 5))
	w.want("resolved: crm")
	w.pass(time.Hour, w.soon("crm", 5))
	w.want("resolved: crm")
	both := hiding(StubRule{AtExpiry: OpenPublic, GoodPasses: 1})
	both.Public = true
	w = newStubWorld(t, both)
	w.pass(0, w.expired("crm"))
	w.pass(time.Hour, w.soon("crm", 5))
	w.want("resolved: crm", "investigating, hidden: crm")
}

func TestWhatIsPlannedHiddenAndPublicIsNotMixedBeyondTheLimit(t *testing.T) {
	system := hiding(StubRule{AtExpiry: OpenPublic})
	system.Public, system.MostNew = true, 1
	w := newStubWorld(t, system)
	w.pass(0, w.soon("a", 3), w.soon("b", 3), w.soon("c", 3), w.expired("d"), w.expired("e"))
	w.want("investigating, hidden: a", "investigating, hidden: b c", "identified: d e")
}

func TestAStubThatIsFullEndsOnlyWhenWhatItHadNoRoomForIsWellToo(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{Together: "check", GoodPasses: 1}))
	var all, rest []Known
	for i := range 300 {
		known := w.expired(fmt.Sprintf("site-%03d", i))
		all = append(all, known)
		if i < 200 {
			known = well(known.Finding.Name)
		}
		rest = append(rest, known)
	}
	for range 3 {
		w.pass(time.Hour, all...)
	}
	if stub := w.stubs[0]; len(stub.Causes) != 200 || stub.More != 100 {
		t.Errorf("%d causes and %d more", len(stub.Causes), stub.More)
	}
	for range 3 {
		w.pass(time.Hour, rest...)
	}
	if stub := w.stubs[0]; stub.Phase != watch.Identified || stub.More != 0 {
		t.Errorf("%s with %d more", stub.Phase, stub.More)
	}
}

func TestADateThatFlapsIsNotAnnouncedAnewEachTime(t *testing.T) {
	w := newStubWorld(t, showing(StubRule{AtCritical: OpenMaintenance, Maintenance: &Maintenance{At: "02:00", Lasts: watch.Duration(time.Hour)}}))
	near := w.soon("crm", 5)
	for range 20 {
		w.pass(5*time.Minute, near)
		w.pass(5*time.Minute, well("crm"))
	}
	w.want("scheduled: crm")
	for range 3 {
		w.pass(5*time.Minute, well("crm"))
	}
	w.want("resolved: crm")
	if !w.stubs[0].Cancelled {
		t.Error("it is said to have taken place")
	}
	w.pass(5*time.Minute, near)
	w.want("resolved: crm")
}

func TestF13_AProviderThatFlapsMakesNoLineWithEachPass(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{Match: Match{Check: "sites"}, Upstreams: []string{"cloud"}}))
	slow := stubFinding("ring-2", watch.Critical, watch.ResponseTimedOut)
	provider := Known{Finding: watch.Finding{ID: "cloud/azure", Check: "cloud", Kind: "upstream", Name: "Azure"}}
	for i := range 40 {
		provider.Finding.Severity = []watch.Severity{watch.OK, watch.Critical}[i%2]
		w.pass(90*time.Second, slow, provider)
	}
	if revision := w.stubs[0].Revision; revision > 4 {
		t.Errorf("%d revisions in an hour", revision)
	}
}

func TestACauseThatIsWellAgainHoldsNoComponentDown(t *testing.T) {
	system := hiding(StubRule{Together: "check"})
	system.Components = []ComponentRule{{Match: Match{Name: "a"}, Component: "1"}, {Match: Match{Name: "b"}, Component: "2"}}
	w := newStubWorld(t, system)
	w.pass(0, w.expired("a"), w.expired("b"))
	w.pass(2*time.Hour, well("a"), w.expired("b"))
	if components := w.stubs[0].Standing(); components[0].Status != watch.Operational || components[1].Status != watch.PartialOutage {
		t.Errorf("components %v", components)
	}
}

func TestTheHoldOffCountsOnlyTimeInWhichItWasBad(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{HoldOff: watch.Duration(30 * time.Minute)}))
	slow := stubFinding("ring-2", watch.Critical, watch.ResponseTimedOut)
	milder := stubFinding("ring-2", watch.Warning, watch.ResponseSlow)
	w.pass(0, slow)
	w.pass(time.Hour, milder)
	w.want()
	w.pass(time.Hour, slow)
	w.want(", hidden: ring-2")
}

func TestF7_AHoldOffBegunByAClockThatRanAheadEnds(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{HoldOff: watch.Duration(30 * time.Minute)}))
	slow := stubFinding("ring-2", watch.Critical, watch.ResponseTimedOut)
	w.pass(365*oneDay, slow)
	w.now = w.now.Add(-365 * oneDay)
	for range 3 {
		w.pass(20*time.Minute, slow)
	}
	w.want("investigating, hidden: ring-2")
}

func TestAnOrdinaryWarningHoldsNoStub(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{GoodPasses: 2}))
	w.pass(0, w.expired("crm"))
	chain := stubFinding("crm", watch.Warning, watch.ChainBroken)
	w.pass(time.Hour, chain)
	w.pass(time.Hour, chain)
	w.want("resolved, hidden: crm")
	w = newStubWorld(t, hiding(StubRule{GoodPasses: 1}))
	w.pass(0, stubFinding("ring", watch.Critical, watch.ResponseTimedOut))
	for range 3 {
		w.pass(time.Hour, stubFinding("ring", watch.Warning, watch.ResponseSlow))
	}
	w.want("investigating, hidden: ring")
}

func TestARotationWithinItsWindowIsNotCalledCancelled(t *testing.T) {
	rule := StubRule{AtCritical: OpenMaintenance, GoodPasses: 1, Maintenance: &Maintenance{At: "02:00", Lasts: watch.Duration(time.Hour)}}
	w := newStubWorld(t, showing(rule))
	w.pass(0, w.soon("crm", 5))
	w.now = w.stubs[0].Window.From.Add(-time.Hour)
	w.pass(5*time.Hour, well("crm")) // the next pass after the window
	w.want("resolved: crm")
	if w.stubs[0].Cancelled {
		t.Error("what took place is called cancelled")
	}
}

func TestAComponentThatGoesDownLaterIsShownAtOnce(t *testing.T) {
	system := hiding(StubRule{Together: "check"})
	system.Components = []ComponentRule{{Match: Match{Name: "a"}, Component: "1"}, {Match: Match{Name: "b"}, Component: "2"}}
	w := newStubWorld(t, system)
	w.pass(0, w.expired("a"))
	w.pass(5*time.Minute, w.expired("a"), w.expired("b"))
	if revision := w.stubs[0].Revision; revision != 2 {
		t.Errorf("revision %d", revision)
	}
}

func TestADraftThatBecomesPublicLeavesWhatHasNotLapsedBehind(t *testing.T) {
	system := hiding(StubRule{Together: "check", AtExpiry: OpenPublic})
	system.Public = true
	w := newStubWorld(t, system)
	w.pass(0, w.soon("a", 3), w.soon("b", 1))
	w.pass(oneDay, w.soon("a", 2), w.expired("b"))
	w.pass(time.Hour, w.soon("a", 2), w.expired("b"))
	w.want("identified: b", "investigating, hidden: a")
	w.pass(time.Hour, w.soon("a", 2), w.expired("b"), w.expired("c"))
	w.want("identified: b c", "investigating, hidden: a")
}

func TestAStubEndsWhenNoRuleAsksForItsCauseAnyMore(t *testing.T) {
	w := newStubWorld(t, hiding(StubRule{GoodPasses: 1}))
	w.pass(0, w.expired("crm"))
	w.plan.Systems[0].Rules = []StubRule{{Match: Match{Name: "shop"}}}
	w.pass(time.Hour, w.expired("crm"))
	w.want("resolved, hidden: crm")
	if !w.stubs[0].Causes[0].Gone {
		t.Error("it is said to be well")
	}
}
