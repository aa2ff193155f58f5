package policy

import (
	"cmp"
	"slices"
	"time"

	"lapsewatch/watch"
)

// survey is how all causes of a stub stand in a pass.
type survey struct {
	hurts, coming, unknown bool
	// milder: some cause is better than it was, and not well.
	milder bool
	// explained: some cause says why, and not only what is felt.
	explained bool
}

// advance moves the stub on by what the pass saw.
func (r *StubRound) advance(stub *Stub) {
	if stub.Phase == watch.Over && (stub.Planned || !r.reopenable(stub) || !r.anyBad(stub)) {
		return
	}
	r.heedUpstreams(stub)
	if r.trusted {
		r.markGood(stub)
	}
	if system, configured := r.plan.system(stub.System); configured && len(stub.Causes) > 0 {
		stub.Components = componentsOf(system, stub)
		stub.Worst = stub.Impact()
	}
	seen := r.survey(stub)
	if stub.Planned {
		r.advancePlanned(stub, seen)
		return
	}
	switch {
	case seen.hurts || seen.coming:
		r.worsen(stub, seen)
	case stub.Phase == "":
	case seen.unknown || seen.milder || !r.trusted:
		// Nobody knows, and that closes nothing.
		stub.Good, stub.GoodSince = 0, time.Time{}
	default:
		r.recover(stub)
	}
}

func (r *StubRound) anyBad(stub *Stub) bool {
	seen := r.survey(stub)
	return seen.hurts || seen.coming
}

func (r *StubRound) mayBeBad(stub *Stub) bool { return r.anyBad(stub) || r.survey(stub).unknown }

// survey looks at each cause: what is still bad, what is well, and of what nobody knows.
func (r *StubRound) survey(stub *Stub) survey {
	var found survey
	if len(stub.Causes) == 0 {
		// It was found on the system. That it is not wanted any more is known only when
		// everything was looked at.
		found.unknown = !r.complete
	}
	for _, cause := range stub.Causes {
		state := r.states[cause.Finding.ID]
		switch {
		case cause.Gone:
		case state == nil || state.unknown:
			found.unknown = true
		case state.gone, r.untaken(stub, state.finding):
		case r.bad(stub, state.finding):
			harms := r.harms(stub, state.finding)
			found.hurts = found.hurts || harms
			found.coming = found.coming || !harms
			found.explained = found.explained || cause.explains() || state.acknowledged != nil
		case !r.well(stub, cause, state):
			found.milder = true
		}
	}
	if hurts, left := r.left[stub]; left {
		found.hurts, found.coming = found.hurts || hurts, found.coming || !hurts
	}
	return found
}

// untaken: the finding is as grave as ever, and no rule asks for it any more, because the
// configuration was changed.
func (r *StubRound) untaken(stub *Stub, finding watch.Finding) bool {
	system, configured := r.plan.system(stub.System)
	_, taken := r.plan.rule(system, finding)
	return configured && !taken && finding.Severity == watch.Critical
}

// well reports whether a finding that was read says that the cause is over: it is no longer
// taken, and nothing of what made it a cause is left in a milder form.
func (r *StubRound) well(stub *Stub, cause StubCause, state *causeState) bool {
	if r.bad(stub, state.finding) {
		return false
	}
	was := cause.Finding.Reasons(watch.Warning)
	return !slices.ContainsFunc(state.finding.Reasons(watch.Warning), func(reason watch.Reason) bool {
		felt := slices.Contains(symptoms, reason) && slices.ContainsFunc(was, func(before watch.Reason) bool { return slices.Contains(symptoms, before) })
		return felt || slices.Contains(was, reason) && !slices.Contains(ahead, reason)
	})
}

// bad reports whether a rule of the stub's system still takes the finding, and would make a
// stub of it. What has not lapsed yet neither holds nor reopens what everybody reads.
func (r *StubRound) bad(stub *Stub, finding watch.Finding) bool {
	system, configured := r.plan.system(stub.System)
	if !configured {
		return false
	}
	rule, taken := r.plan.rule(system, finding)
	harms := r.harms(stub, finding)
	return taken && system.opening(rule, harms) != OpenNothing && (harms || !system.shows(stub))
}

// harms reports whether what makes the finding one for the stub does harm already.
func (r *StubRound) harms(stub *Stub, finding watch.Finding) bool {
	system, _ := r.plan.system(stub.System)
	rule, _ := r.plan.rule(system, finding)
	return hurts(finding, cmp.Or(rule.Match.Severity, watch.Critical))
}

// heedUpstreams ties an open stub to the providers that are not well, and notes how those
// stand that it is tied to.
func (r *StubRound) heedUpstreams(stub *Stub) {
	if len(stub.Terms.Upstreams) == 0 || stub.Phase == "" && len(stub.Upstreams) == 0 && !r.anyBad(stub) {
		return
	}
	var upstreams []StubUpstream
	for _, known := range stub.Upstreams {
		if state := r.states[known.FindingID]; state == nil || !state.gone {
			known.Good = known.Good && state != nil && !state.unknown
			upstreams = append(upstreams, known)
		}
	}
	for _, id := range r.order {
		state := r.states[id]
		if state.gone || !slices.Contains(stub.Terms.Upstreams, state.finding.Check) {
			continue
		}
		at := slices.IndexFunc(upstreams, func(u StubUpstream) bool { return u.FindingID == id })
		bad := !state.unknown && tellable(state.finding)
		if at < 0 {
			if !bad || len(upstreams) >= maxStubUpstreams {
				continue
			}
			at, upstreams = len(upstreams), append(upstreams, StubUpstream{FindingID: id, Name: state.finding.Name})
		}
		if bad {
			upstreams[at].Message, upstreams[at].Link = state.finding.Message, state.finding.Link
		}
		// A provider that is still at work on its service is not well either.
		upstreams[at].Good = !state.unknown && state.finding.Severity == watch.OK
	}
	stub.Upstreams = upstreams
}

// hanging: a provider that the stub is tied to is not positively well.
func (s *Stub) hanging() bool {
	return slices.ContainsFunc(s.Upstreams, func(u StubUpstream) bool { return !u.Good })
}

// worsen is for a stub with a cause that is bad.
func (r *StubRound) worsen(stub *Stub, seen survey) {
	if stub.Phase == "" && r.now.Sub(stub.FoundAt) < time.Duration(stub.Terms.HoldOff) {
		return
	}
	r.noteAcknowledged(stub)
	phase := watch.Investigating
	if seen.explained || len(stub.Upstreams) > 0 && stub.hanging() {
		phase = watch.Identified
	}
	switch stub.Phase {
	case "":
		stub.OpenedAt = r.now
	case watch.Over:
		stub.Reopened++
		stub.ResolvedAt = time.Time{}
	case watch.Monitoring:
		stub.Relapses++
	case watch.Identified:
		phase = watch.Identified // a cause that is known stays known
	default:
	}
	stub.enter(phase, r.now)
	stub.Good, stub.GoodSince, stub.RenewedAt, stub.BadAt = 0, time.Time{}, time.Time{}, r.now
	if seen.hurts && stub.StartedAt.IsZero() {
		stub.StartedAt = stub.began(r.now)
	}
}

// began is when the stub's causes began to hurt: the first date that has passed, or else
// the pass that found it.
func (s *Stub) began(now time.Time) time.Time {
	began := now
	for _, cause := range s.Causes {
		passed := cause.Finding.NotAfter
		if cause.Hurts && cause.Finding.Reason == watch.Expired && !passed.IsZero() && passed.Before(began) {
			began = passed
		}
	}
	return began
}

// recover is for a stub of which everything was seen well. It moves on only when that has
// lasted, after a relapse for the hold-off too, and never before its providers.
func (r *StubRound) recover(stub *Stub) {
	if stub.GoodSince.IsZero() {
		stub.GoodSince = r.now
	}
	if stub.RenewedAt.IsZero() {
		stub.RenewedAt = r.now
	}
	unsettled := stub.Relapses+stub.Reopened > 0
	calm := cmp.Or(time.Duration(stub.Terms.HoldOff), defaultRelapseCalm)
	if unsettled && r.now.Sub(stub.BadAt) < calm {
		return
	}
	if stub.Phase != watch.Monitoring {
		stub.enter(watch.Monitoring, r.now)
	}
	if stub.hanging() {
		stub.Good, stub.GoodSince = 0, time.Time{}
		return
	}
	if stub.Good++; stub.Good >= max(1, stub.Terms.GoodPasses) {
		stub.enter(watch.Over, r.now)
		stub.ResolvedAt = r.now
	}
}

func (r *StubRound) markGood(stub *Stub) {
	causes := slices.Clone(stub.Causes)
	for i := range causes {
		state := r.states[causes[i].Finding.ID]
		untaken := state != nil && !state.unknown && !state.gone && r.untaken(stub, state.finding)
		well := state != nil && (state.gone || untaken || !state.unknown && r.well(stub, causes[i], state))
		if well && causes[i].GoodAt.IsZero() {
			causes[i].GoodAt = r.now
		}
		causes[i].Gone = causes[i].Gone || untaken || state != nil && state.gone
	}
	stub.Causes = causes
}

func (r *StubRound) noteAcknowledged(stub *Stub) {
	for _, cause := range stub.Causes {
		if state := r.states[cause.Finding.ID]; state != nil && state.acknowledged != nil {
			stub.Acknowledged = state.acknowledged
			return
		}
	}
}
