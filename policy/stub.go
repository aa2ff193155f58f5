package policy

import (
	"slices"
	"time"

	"lapsewatch/watch"
)

// Stub is an incident stub as it should stand on one status system.
type Stub struct {
	// Key is a watch.IncidentKey. It is unique within its system.
	Key string `json:"key"`
	// System is the status system's name in the configuration.
	System string `json:"system"`
	// Cause says what lapsed, as the rule puts findings together; empty for one that was
	// found on the system and is not known here.
	Cause string `json:"cause,omitempty"`
	// Phase is empty while the hold-off lasts: nothing stands on the system yet.
	Phase watch.Phase `json:"phase,omitempty"`
	// Hidden: only staff sees it.
	Hidden bool `json:"hidden,omitempty"`
	// Planned: it announces a maintenance, which takes place in Window.
	Planned bool          `json:"planned,omitempty"`
	Window  *watch.Window `json:"window,omitempty"`
	// Begun: the maintenance is under way. Cancelled: it ended without having taken place.
	Begun     bool `json:"begun,omitempty"`
	Cancelled bool `json:"cancelled,omitempty"`

	Causes     []StubCause       `json:"causes,omitempty"`
	Components []watch.Component `json:"components,omitempty"`
	// Worst is the worst that any component suffered.
	Worst     watch.ComponentStatus `json:"worst,omitempty"`
	Upstreams []StubUpstream        `json:"upstreams,omitempty"`
	// More counts the findings that were left out for their number.
	More int `json:"more,omitempty"`

	// Acknowledged is who took note of one of the causes; nil if nobody did.
	Acknowledged *watch.Acknowledgement `json:"acknowledged,omitempty"`

	// FoundAt is when a cause was first seen bad, OpenedAt when the stub was opened, StartedAt
	// when it began to hurt, PhaseAt when its phase began, RenewedAt when all was first seen
	// well again, ResolvedAt when it was resolved; all in UTC, zero for what has not come.
	FoundAt    time.Time `json:"found_at,omitzero"`
	OpenedAt   time.Time `json:"opened_at,omitzero"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	PhaseAt    time.Time `json:"phase_at,omitzero"`
	RenewedAt  time.Time `json:"renewed_at,omitzero"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	// Good counts the passes in a row that saw all well, the first of them at GoodSince.
	// BadAt is the last pass that did not.
	Good      int       `json:"good,omitempty"`
	GoodSince time.Time `json:"good_since,omitzero"`
	BadAt     time.Time `json:"bad_at,omitzero"`
	// Relapses counts how often it was bad again after it had been well, Reopened how often
	// after it was resolved.
	Relapses int `json:"relapses,omitempty"`
	Reopened int `json:"reopened,omitempty"`
	// Terms are the rule's at the time when the stub was opened.
	Terms StubTerms `json:"terms"`
	// Phases are those that the stub went through.
	Phases []StubPhase `json:"phases,omitempty"`
	// Revision grows whenever something changed that people should see.
	Revision int `json:"revision"`
	// Shown is what the revision shows, and RevisedAt when it was made.
	Shown      string            `json:"shown,omitempty"`
	ShownParts []watch.Component `json:"shown_parts,omitempty"`
	RevisedAt  time.Time         `json:"revised_at,omitzero"`
}

// StubTerms is what a stub keeps of its rule.
type StubTerms struct {
	HoldOff      watch.Duration `json:"hold_off,omitempty"`
	GoodPasses   int            `json:"good_passes"`
	ReopenWithin watch.Duration `json:"reopen_within,omitempty"`
	Upstreams    []string       `json:"upstreams,omitempty"`
	Maintenance  *Maintenance   `json:"maintenance,omitempty"`
}

// StubPhase is when a phase began.
type StubPhase struct {
	Phase watch.Phase `json:"phase"`
	At    time.Time   `json:"at"`
}

// StubCause is one finding behind a stub, as it was when it was last bad.
type StubCause struct {
	Finding watch.Finding `json:"finding"`
	// Hurts: it does harm already, rather than on a date to come.
	Hurts bool `json:"hurts,omitempty"`
	// GoodAt is when it was first seen well again; zero while it is not. Gone: it is not
	// listed any more.
	GoodAt time.Time `json:"good_at,omitzero"`
	Gone   bool      `json:"gone,omitempty"`
}

// StubUpstream is a provider that a stub hangs on.
type StubUpstream struct {
	FindingID string `json:"finding_id"`
	Name      string `json:"name"`
	Message   string `json:"message,omitempty"`
	Link      string `json:"link,omitempty"`
	// Good: it was last read as positively well.
	Good bool `json:"good,omitempty"`
}

const oneDay = 24 * time.Hour

const (
	// maxStubCauses bounds what one stub lists.
	maxStubCauses    = 200
	maxStubUpstreams = 20
	maxStubPhases    = 100
)

// Open reports whether the stub stands on its system and is not resolved.
func (s Stub) Open() bool { return s.Phase != "" && s.Phase != watch.Over }

// Hurt reports whether it ever did harm.
func (s Stub) Hurt() bool { return !s.StartedAt.IsZero() }

func (s *Stub) cause(findingID string) *StubCause {
	for i := range s.Causes {
		if s.Causes[i].Finding.ID == findingID {
			return &s.Causes[i]
		}
	}
	return nil
}

// stubRunAhead is how far ahead of a pass an instant may lie without its clock having been
// wrong.
const stubRunAhead = time.Hour

// clamp undoes what a clock that ran ahead has left: an instant that lies ahead is now.
func (s *Stub) clamp(now time.Time) {
	for _, instant := range []*time.Time{&s.FoundAt, &s.OpenedAt, &s.StartedAt, &s.PhaseAt, &s.RenewedAt, &s.ResolvedAt, &s.GoodSince, &s.BadAt, &s.RevisedAt} {
		if instant.After(now.Add(stubRunAhead)) {
			*instant = now
		}
	}
}

func (s *Stub) enter(phase watch.Phase, now time.Time) {
	if s.Phase == phase {
		return
	}
	s.Phase, s.PhaseAt = phase, now
	if len(s.Phases) < maxStubPhases {
		s.Phases = append(slices.Clone(s.Phases), StubPhase{Phase: phase, At: now})
	}
}

// symptoms are what is felt of a cause that is not known yet. It is read-only.
var symptoms = []watch.Reason{
	watch.ResponseSlow, watch.ResponseTimedOut, watch.ResponseFailed, watch.DivergentMember,
	watch.MailSlow, watch.MailStuck, watch.MailLost, watch.MailRefused,
	watch.SignInSlow, watch.SignInRefused, watch.DivergentNode,
}

// explains reports that the finding says why, and not only what is felt.
func (c StubCause) explains() bool { return c.Hurts && !slices.Contains(symptoms, c.Finding.Reason) }

// ahead are the reasons that speak of a date to come. It is read-only.
var ahead = []watch.Reason{watch.ExpiresSoon, watch.RenewalOverdue, watch.RolloverPending, watch.UnneededExpiring}

// hurts reports whether a finding that is bad at least to the given degree does harm now.
func hurts(finding watch.Finding, atLeast watch.Severity) bool {
	return slices.ContainsFunc(finding.Reasons(atLeast), func(reason watch.Reason) bool { return !slices.Contains(ahead, reason) })
}

// slim is what a stub keeps of a finding.
func slim(finding watch.Finding) watch.Finding {
	finding.Details, finding.Acknowledged = nil, nil
	return finding
}
