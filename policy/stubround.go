package policy

import (
	"cmp"
	"slices"
	"time"

	"lapsewatch/watch"
)

// StatusSystem is one configured status system, and what of it policy must know.
type StatusSystem struct {
	Name       string
	Rules      []StubRule
	Components []ComponentRule
	// Hides: it keeps drafts. Private: only staff sees anything there. Public: configuration
	// asks in plain words for what everybody sees.
	Hides, Private, Public bool
	// MostNew is how many stubs one pass may open; what is more becomes one stub. Zero means
	// twenty.
	MostNew int
}

// StubPlan are all configured status systems.
type StubPlan struct {
	// Source is how this installation signs its stubs.
	Source  string
	Systems []StatusSystem
}

const (
	defaultMostNew = 20
	// maxCandidates bounds what one pass holds of findings that ask for stubs.
	maxCandidates = 5000
)

// StubRound is one pass over the stubs: what is known of findings goes in by See and
// Vanished, and End gives the stubs as they should be from now on.
type StubRound struct {
	plan  StubPlan
	stubs []*Stub
	now   time.Time
	// trusted: the pass believes its own clock. Otherwise nothing is seen well.
	trusted bool
	// complete: every check saw all that it watches.
	complete bool
	causes   map[string]bool
	states   map[string]*causeState
	order    []string
	overflow map[string]int
	// before are the stubs as they were kept.
	before map[*Stub]Stub
	// left are those with bad causes that they have no room for, and whether these hurt.
	left map[*Stub]bool
}

// causeState is how one finding stands in this pass.
type causeState struct {
	finding       watch.Finding
	unknown, gone bool
	acknowledged  *watch.Acknowledgement
}

// Begin begins a round on the stubs that there are, resolved ones too as long as they may
// be opened again. complete: every check of the pass saw all that it watches.
func (p StubPlan) Begin(stubs []Stub, clock watch.OwnClock, complete bool, now time.Time) *StubRound {
	round := &StubRound{plan: p, now: now, trusted: clock.Trusted, complete: complete, causes: map[string]bool{}, states: map[string]*causeState{}, overflow: map[string]int{}, before: map[*Stub]Stub{}, left: map[*Stub]bool{}}
	for _, stub := range stubs {
		kept := stub
		stub.clamp(now)
		round.before[&stub] = kept
		round.stubs = append(round.stubs, &stub)
		for _, cause := range stub.Causes {
			round.causes[cause.Finding.ID] = true
		}
		for _, upstream := range stub.Upstreams {
			round.causes[upstream.FindingID] = true
		}
	}
	return round
}

// See notes what is known of a finding after the pass. unseen: the pass did not look at it.
func (r *StubRound) See(known Known, unseen bool) {
	unknown := unseen || known.Blind != "" || known.Finding.Unreadable()
	wanted := r.causes[known.Finding.ID] || r.plan.upstream(known.Finding.Check)
	if !wanted {
		for _, system := range r.plan.Systems {
			_, taken := r.plan.rule(system, known.Finding)
			if taken && !unknown && len(r.states) >= maxCandidates {
				r.overflow[system.Name]++
			}
			wanted = wanted || taken && !unknown && len(r.states) < maxCandidates
		}
	}
	if !wanted {
		return
	}
	state := &causeState{finding: slim(known.Finding), unknown: unknown, acknowledged: inForceAt(known.Acknowledged, r.now)}
	state.finding.Details = known.Finding.Details
	r.put(known.Finding.ID, state)
}

// Vanished notes that a finding's subject is not there any more.
func (r *StubRound) Vanished(findingID string) {
	if r.causes[findingID] {
		r.put(findingID, &causeState{finding: watch.Finding{ID: findingID}, gone: true})
	}
}

func (r *StubRound) put(findingID string, state *causeState) {
	if r.states[findingID] == nil {
		r.order = append(r.order, findingID)
	}
	r.states[findingID] = state
}

func inForceAt(noted *Acknowledged, now time.Time) *watch.Acknowledgement {
	if noted == nil || !now.Before(noted.Until) {
		return nil
	}
	return &noted.Acknowledgement
}

// End gives the stubs that changed, and the keys of those to forget: those that waited for
// a hold-off that never ended.
func (r *StubRound) End() (changed []Stub, forgotten []Stub) {
	for _, system := range r.plan.Systems {
		r.assign(system)
	}
	for _, stub := range r.stubs {
		was, known := r.before[stub]
		r.advance(stub)
		switch {
		case stub.Phase == "" && !r.mayBeBad(stub):
			if known {
				forgotten = append(forgotten, was)
			}
		default:
			stub.revise(was, r.now)
			if !known || stub.fingerprint() != was.fingerprint() {
				changed = append(changed, *stub)
			}
		}
	}
	return changed, forgotten
}

// rule is the first of the system's rules that takes the finding.
func (p StubPlan) rule(system StatusSystem, finding watch.Finding) (StubRule, bool) {
	if finding.Unreadable() || !tellable(finding) {
		return StubRule{}, false
	}
	for _, rule := range system.Rules {
		match := rule.Match
		match.Severity = cmp.Or(match.Severity, watch.Critical)
		// What Lapsewatch says of itself, and what is watched as somebody else's, is taken
		// only by a rule that speaks of it.
		apart := finding.Check == watch.Itself || p.upstream(finding.Check)
		if apart && match.Check == "" && match.Kind == "" {
			continue
		}
		if match.Finding(finding) {
			return rule, true
		}
	}
	return StubRule{}, false
}

// Reopenable is how long after its end a stub may be opened again at most.
func (p StubPlan) Reopenable() time.Duration {
	longest := defaultReopenWithin
	for _, system := range p.Systems {
		for _, rule := range system.Rules {
			longest = max(longest, time.Duration(rule.ReopenWithin))
		}
	}
	return longest + oneDay
}

func (p StubPlan) system(name string) (StatusSystem, bool) {
	for _, system := range p.Systems {
		if system.Name == name {
			return system, true
		}
	}
	return StatusSystem{}, false
}

// upstream reports whether some rule hangs its stubs on the check.
func (p StubPlan) upstream(check string) bool {
	for _, system := range p.Systems {
		for _, rule := range system.Rules {
			if slices.Contains(rule.Upstreams, check) {
				return true
			}
		}
	}
	return false
}

// opening is what becomes of a finding there. What has not lapsed yet never becomes public
// as an incident.
func (s StatusSystem) opening(rule StubRule, hurting bool) Opening {
	staffOnly := s.Hides || s.Private
	wanted := rule.AtCritical
	if hurting {
		wanted = rule.AtExpiry
	}
	switch {
	case wanted == OpenNothing || wanted == OpenMaintenance:
		return wanted
	case wanted == OpenPublic && s.Public, wanted == "" && hurting && s.Public && !s.Hides:
		return OpenPublic
	case staffOnly:
		return OpenDraft
	default:
		return OpenNothing
	}
}
