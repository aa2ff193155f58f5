package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

// candidate is a finding that asks for a stub.
type candidate struct {
	state   *causeState
	rule    StubRule
	opening Opening
	cause   string
	hurts   bool
}

// manyCauses begins the causes of the stubs that stand for those beyond the limit, one for
// each opening: what is planned, hidden and public is never mixed.
const manyCauses = "many "

func (c candidate) many() string { return manyCauses + string(c.opening) }

// assign gives each bad finding to the stub that it belongs to.
func (r *StubRound) assign(system StatusSystem) {
	for _, stub := range r.stubs {
		if stub.System == system.Name {
			stub.More = 0
		}
	}
	fresh := 0
	for _, id := range r.order {
		c, wanted := r.candidate(system, r.states[id])
		if !wanted {
			continue
		}
		stub := r.belongs(system, c)
		if stub == nil {
			// What comes while one stub stands for many joins it.
			many := r.many(system, c)
			if fresh++; many != nil || fresh > cmp.Or(system.MostNew, defaultMostNew) {
				c.cause, stub = c.many(), many
			}
		}
		if stub == nil {
			stub = r.open(system, c)
		}
		r.join(stub, c)
	}
	for _, stub := range r.stubs {
		if stub.System == system.Name && strings.HasPrefix(stub.Cause, manyCauses) && stub.Open() {
			stub.More += r.overflow[system.Name]
		}
	}
}

func (r *StubRound) many(system StatusSystem, c candidate) *Stub {
	for _, stub := range r.stubs {
		if stub.System == system.Name && stub.Cause == c.many() && stub.Phase != watch.Over {
			return stub
		}
	}
	return nil
}

// candidate is what the system's rules make of a finding.
func (r *StubRound) candidate(system StatusSystem, state *causeState) (c candidate, wanted bool) {
	if state.unknown || state.gone {
		return candidate{}, false
	}
	rule, taken := r.plan.rule(system, state.finding)
	if !taken {
		return candidate{}, false
	}
	c = candidate{state: state, rule: rule, hurts: hurts(state.finding, cmp.Or(rule.Match.Severity, watch.Critical))}
	if c.opening = system.opening(rule, c.hurts); c.opening == OpenNothing {
		return candidate{}, false
	}
	c.cause = causeOf(rule, state.finding)
	if c.opening == OpenMaintenance {
		c.cause = "planned " + c.cause
	}
	return c, true
}

// belongs finds the stub that a finding is part of, or joins.
func (r *StubRound) belongs(system StatusSystem, c candidate) *Stub {
	key := watch.NewIncidentKey(r.plan.Source, c.cause, r.now)
	var joined *Stub
	for _, stub := range r.stubs {
		planned := c.opening == OpenMaintenance
		if stub.System != system.Name || stub.Planned != planned || !stub.Open() && stub.Phase != "" && !r.reopenable(stub) {
			continue
		}
		if !c.hurts && system.shows(stub) {
			continue // what has not lapsed yet is no part of what everybody reads
		}
		cause := stub.cause(c.state.finding.ID)
		if planned && stub.Phase == watch.Over && (cause == nil || !cause.Finding.NotAfter.Equal(c.state.finding.NotAfter)) {
			continue // the next date is announced anew
		}
		if cause != nil {
			return stub
		}
		if known, found := watch.FindIncidentKey(stub.Key, r.plan.Source); found && known.SameCause(key) {
			// What everybody is to read joins what everybody reads already.
			if joined == nil || joined.Hidden == (c.opening == OpenPublic) {
				joined = stub
			}
		}
	}
	return joined
}

func (r *StubRound) reopenable(stub *Stub) bool {
	within := cmp.Or(time.Duration(stub.Terms.ReopenWithin), defaultReopenWithin)
	return stub.Phase == watch.Over && r.now.Sub(stub.ResolvedAt) < within
}

// shows reports that everybody reads the stub, and not only staff.
func (s StatusSystem) shows(stub *Stub) bool {
	return !stub.Planned && !stub.Hidden && !s.Private
}

// open begins a stub; it stands nowhere until its hold-off is over.
func (r *StubRound) open(system StatusSystem, c candidate) *Stub {
	stub := &Stub{
		Key: watch.NewIncidentKey(r.plan.Source, c.cause, r.now).String(), System: system.Name, Cause: c.cause,
		Planned: c.opening == OpenMaintenance, FoundAt: r.now, Hidden: system.Hides,
	}
	r.stubs = append(r.stubs, stub)
	return stub
}

func termsOf(rule StubRule) StubTerms {
	return StubTerms{
		HoldOff: rule.HoldOff, GoodPasses: cmp.Or(rule.GoodPasses, defaultGoodPasses),
		ReopenWithin: rule.ReopenWithin, Upstreams: rule.Upstreams, Maintenance: rule.Maintenance,
	}
}

// join makes the finding one of the stub's causes, as it is now.
func (r *StubRound) join(stub *Stub, c candidate) {
	if len(stub.Causes) == 0 {
		stub.Terms = termsOf(c.rule)
	}
	cause := stub.cause(c.state.finding.ID)
	if cause == nil {
		if cause = stub.room(); cause == nil {
			stub.More++
			r.left[stub] = r.left[stub] || c.hurts
			return
		}
	} else {
		stub.Causes = slices.Clone(stub.Causes)
		cause = stub.cause(c.state.finding.ID)
	}
	*cause = StubCause{Finding: slim(c.state.finding), Hurts: c.hurts}
	if c.opening == OpenPublic && stub.Hidden {
		// What has not lapsed yet stays behind, for a draft of its own.
		stub.Hidden = false
		stub.Causes = slices.DeleteFunc(stub.Causes, func(cause StubCause) bool { return !cause.Hurts })
	}
}

// room is a place for one more cause: a new one, or that of one that is well again; nil if
// there is none.
func (s *Stub) room() *StubCause {
	s.Causes = slices.Clone(s.Causes)
	if len(s.Causes) < maxStubCauses {
		s.Causes = append(s.Causes, StubCause{})
		return &s.Causes[len(s.Causes)-1]
	}
	at := slices.IndexFunc(s.Causes, func(cause StubCause) bool { return !cause.GoodAt.IsZero() })
	if at < 0 {
		return nil
	}
	return &s.Causes[at]
}

// causeOf is what makes findings parts of one stub.
func causeOf(rule StubRule, finding watch.Finding) string {
	alone := "finding " + finding.ID
	label, byLabel := strings.CutPrefix(rule.Together, togetherLabel)
	detail, byDetail := strings.CutPrefix(rule.Together, togetherDetail)
	switch {
	case byLabel && finding.Labels[label] != "":
		return fmt.Sprintf("label %s=%s", label, finding.Labels[label])
	case byDetail && finding.Details[detail] != nil:
		return fmt.Sprintf("detail %s=%v", detail, finding.Details[detail])
	case rule.Together == togetherCheck:
		return "check " + finding.Check
	case rule.Together == togetherName:
		return "name " + finding.Name
	case (rule.Together == "" || rule.Together == togetherCredential) && finding.Identity != "" && datedLapse(finding):
		return "credential " + finding.Identity
	}
	return alone
}

// datedLapse: what is wrong with the finding is its credential's date, so that all that
// carry the same credential share it.
func datedLapse(finding watch.Finding) bool {
	return slices.Contains([]watch.Reason{watch.Expired, watch.ExpiresSoon, watch.RenewalOverdue, watch.NotYetValid}, finding.Reason)
}

// componentsOf are the components that the stub's causes concern, each as the worst of
// them has it.
func componentsOf(system StatusSystem, stub *Stub) []watch.Component {
	var components []watch.Component
	for _, rule := range system.Components {
		status, concerned := rule.status(stub)
		if !concerned {
			continue
		}
		at := slices.IndexFunc(components, func(c watch.Component) bool { return c.ID == rule.Component })
		switch {
		case at < 0:
			components = append(components, watch.Component{ID: rule.Component, Name: cmp.Or(rule.Name, rule.Component), Status: status})
		case status.Worse(components[at].Status):
			components[at].Status = status
		}
	}
	return components
}

func (c ComponentRule) status(stub *Stub) (status watch.ComponentStatus, concerned bool) {
	status = watch.Operational
	for _, cause := range stub.Causes {
		if !c.Match.Finding(cause.Finding) {
			continue
		}
		concerned = true
		now := cmp.Or(c.AtCritical, watch.Operational)
		switch {
		case !cause.GoodAt.IsZero():
			now = watch.Operational
		case stub.Planned:
			now = watch.UnderMaintenance
		case cause.Hurts:
			now = cmp.Or(c.AtExpiry, watch.PartialOutage)
		}
		if now.Worse(status) {
			status = now
		}
	}
	return status, concerned
}
