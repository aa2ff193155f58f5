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
	// Offset is this machine's clock minus the majority's; Uncertainty bounds its error.
	Offset, Uncertainty time.Duration
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
