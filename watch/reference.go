package watch

import (
	"fmt"
	"time"
)

// Reference is what the clocks that are believed say of this machine's own clock.
type Reference struct {
	// Asked, Answered and Agreeing count the references: Answered those with a time that
	// can be used, Agreeing those of the majority.
	Asked, Answered, Agreeing int
	// Majority: enough of them agree. Otherwise Offset and Uncertainty mean nothing, and
	// Why says in a clause what is missing.
	Majority bool
	Why      string
	// Offset is this machine's clock minus the majority's; Uncertainty bounds its error, if
	// more than half of those that answered are right.
	Offset, Uncertainty time.Duration
	// Slack is by how much clocks may differ today without being wrong: most of the
	// majority announce a leap second, which some step and others spread.
	Slack time.Duration
	// At is when they were asked, by this machine's clock.
	At time.Time
	// Each is what single references said, in the order of the configuration.
	Each []ReferenceAnswer
}

// ReferenceAnswer is what one reference said.
type ReferenceAnswer struct {
	// Name is its URL.
	Name string
	// Err is why it gave no time that can be used; nil if it did. It holds no secret.
	Err error
	// Offset is this machine's clock minus the reference's.
	Offset, Uncertainty time.Duration
	// Agreeing: it belongs to the majority.
	Agreeing bool
	// Authenticated: its answer was (NTS, RFC 8915).
	Authenticated bool
	Observations  []Observation
	Details       map[string]any
}

// DistrustFrom is how far the own clock may be from the references before it is no longer
// believed: where sign-in services refuse it, and long before a day is miscounted.
const DistrustFrom = 5 * time.Minute

// fewestToOverrule is how many references must agree to be believed rather than the own
// clock: of two that disagree nobody knows which is right (RFC 8633, 3.2), and two in one
// hand are soon bent.
const fewestToOverrule = 3

// Contradicts reports whether the majority puts the own clock off by DistrustFrom or more.
func (r Reference) Contradicts() bool {
	return r.Majority && r.Offset.Abs()-r.Uncertainty >= DistrustFrom
}

// Overrules reports whether the majority is believed rather than the own clock.
func (r Reference) Overrules() bool { return r.Majority && r.Agreeing >= fewestToOverrule }

// Doubt says in a clause why no clock can be judged by the references that were asked;
// empty if one can, and where none were.
func (r Reference) Doubt() string {
	switch {
	case r.Asked == 0:
		return ""
	case !r.Majority:
		return r.Why
	case r.Contradicts() && !r.Overrules():
		return fmt.Sprintf("%s and this machine's clock are %s apart, and nothing tells which of them is right", r.Text(), Span(r.Offset))
	}
	return ""
}

// Time is an instant of the own clock by the time of the references, if they are believed
// rather than it. Where both have their monotonic parts a step of the own clock since they
// were asked plays no part.
func (r Reference) Time(own time.Time) time.Time {
	if !r.Overrules() {
		return own
	}
	return r.At.Add(-r.Offset).Add(own.Sub(r.At)).Round(0)
}

// Text says who agrees: "3 of 4 references".
func (r Reference) Text() string {
	switch {
	case r.Asked == 1:
		return r.Each[0].Name
	case r.Agreeing == r.Asked:
		return fmt.Sprintf("%d references", r.Asked)
	default:
		return fmt.Sprintf("%d of %d references", r.Agreeing, r.Asked)
	}
}
