package watch

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Clock is the fact that a subject's clock was compared with a reference.
type Clock struct {
	Subject Subject
	// Offset is the subject's clock minus the reference: positive is ahead. It saturates at
	// what a time.Duration holds, 292 years.
	Offset time.Duration
	// Uncertainty bounds the error of Offset, plus or minus.
	Uncertainty time.Duration
	// Reference names what it was compared with: "3 of 4 references".
	Reference string
	// Unverified says in a clause why the reference is not to be relied on; empty if it is.
	// Without a reference to rely on no clock is ok. NoReference: none was given.
	Unverified  string
	NoReference bool
	// At is when the clock was read, by the reference's time.
	At time.Time
	// Before is how the clock stood when it was last within its limits at an earlier pass,
	// and Since is the first reading after that which was not; nil where that is not known,
	// or there is none. After a second jump Before is how it stood between the two.
	Before, Since *ClockReading
	// Slack is what is added to the limits today; see Reference.
	Slack time.Duration
	// Limits are those of this clock; zero means the default ones.
	Limits ClockLimits
	// Own: it is the clock of the machine that Lapsewatch runs on.
	Own bool
	// OwnOffset is that clock minus the reference.
	OwnOffset time.Duration
	// SelfReported: Offset is the host's own account of what it follows, and no comparison.
	SelfReported bool
	// Observations are conditions other than the offset.
	Observations []Observation
	// Details are as those of a Credential.
	Details map[string]any
	Remedy  string
}

// ClockReading is how a clock stood at an instant of the reference's time.
type ClockReading struct {
	At                  time.Time
	Offset, Uncertainty time.Duration
	// Own is the own clock minus the same reference.
	Own time.Duration
}

// Plus and Minus stay at what a time.Duration holds.
func Plus(a, b time.Duration) time.Duration {
	sum := a + b
	if (a < 0) == (b < 0) && (sum < 0) != (a < 0) {
		return most(a)
	}
	return sum
}

// Minus is a − b.
func Minus(a, b time.Duration) time.Duration {
	difference := a - b
	if (a < 0) != (b < 0) && (difference < 0) != (a < 0) {
		return most(a)
	}
	return difference
}

func most(of time.Duration) time.Duration {
	if of < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}

// slewedAtMost is how fast a clock may drift or be steered without having been set: the
// kernel's own limit (adjtimex, 500 ppm).
const slewedAtMost = 500e-6

// SetBefore reports whether the clock was set between this reading and a later one: it
// moved by at least that much more than it can have drifted and than was read inexactly,
// against the reference and against the own clock too. Otherwise one of those was set.
func (r ClockReading) SetBefore(later ClockReading, atLeast time.Duration) bool {
	elapsed := later.At.Sub(r.At).Abs()
	explained := time.Duration(slewedAtMost*float64(elapsed)) + later.Uncertainty + r.Uncertainty
	moved := Minus(later.Offset, r.Offset).Abs()
	movedFromOwn := Minus(Minus(later.Offset, later.Own), Minus(r.Offset, r.Own)).Abs()
	return min(moved, movedFromOwn)-explained >= atLeast
}

// ClockLimits are the distances from the reference from which a clock is a warning and
// critical.
type ClockLimits struct {
	Warn, Critical time.Duration
	// For names the tolerance that they were made for; empty if they were given as they are.
	For string
}

// DefaultClockLimits are those of clocks that are given none: from a second on the logs of
// two hosts no longer sort, and at 30 s one-time passwords are refused.
func DefaultClockLimits() ClockLimits {
	return ClockLimits{Warn: time.Second, Critical: 30 * time.Second}
}

// Tolerance is how far a clock may be off before something breaks.
type Tolerance struct {
	// Name is what configuration calls it.
	Name  string
	Limit time.Duration
	// Breaks is a clause that says what happens beyond the limit.
	Breaks string
	// Common: nearly every host relies on it, so that it is named wherever it is exceeded.
	Common bool
}

// Limits warn at a fifth of the tolerance and are critical at half of it, so that there
// is time to act before anything breaks.
func (t Tolerance) Limits() ClockLimits {
	return ClockLimits{Warn: t.Limit / 5, Critical: t.Limit / 2, For: t.Name}
}

// Tolerances lists what is known to break, the narrowest first.
func Tolerances() []Tolerance {
	return []Tolerance{
		// Commission Delegated Regulation (EU) 2017/574 (RTS 25), annex, tables 1 and 2.
		{Name: "mifid2-hft", Limit: 100 * time.Microsecond, Breaks: "high-frequency trading breaks MiFID II (100 µs)"},
		{Name: "mifid2", Limit: time.Millisecond, Breaks: "electronic trading breaks MiFID II (1 ms)"},
		// 80 % of the default --max-offset of 500 ms.
		{Name: "cockroachdb", Limit: 400 * time.Millisecond, Breaks: "a CockroachDB node ends itself (400 ms)"},
		{Name: "etcd", Limit: time.Second, Breaks: "etcd warns of clock differences (1 s)"},
		// RFC 6238, 5.2: one time step.
		{Name: "totp", Limit: 30 * time.Second, Breaks: "one-time passwords (TOTP) are refused (30 s)", Common: true},
		// RFC 4120, 5.2.2 leaves it to the deployment; 5 minutes is MIT's and Microsoft's default.
		{Name: "kerberos", Limit: 300 * time.Second, Breaks: "Kerberos and Active Directory sign-ins fail (300 s)", Common: true},
		{Name: "entra", Limit: 300 * time.Second, Breaks: "Microsoft Entra refuses client assertions (300 s)", Common: true},
		{Name: "certificates", Limit: time.Hour, Breaks: "new certificates seem not yet valid, or valid ones expired (1 h)", Common: true},
	}
}

// Span writes a distance in time without its sign: by its two largest units, or as exactly
// as a clock of that scale is read.
func Span(distance time.Duration) string {
	distance = distance.Abs()
	switch {
	case distance == 0:
		return "0 s"
	case distance < time.Microsecond:
		return fmt.Sprintf("%d ns", distance.Nanoseconds())
	case distance < time.Millisecond:
		return fmt.Sprintf("%.1f µs", float64(distance)/float64(time.Microsecond))
	case distance < time.Second:
		return fmt.Sprintf("%.1f ms", float64(distance)/float64(time.Millisecond))
	case distance < 2*time.Minute:
		return fmt.Sprintf("%.3f s", distance.Seconds())
	}
	seconds := int64(distance.Round(time.Second) / time.Second)
	units := []struct {
		name string
		size int64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}
	var parts []string
	for _, unit := range units {
		n := seconds / unit.size
		seconds %= unit.size
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit.name))
		}
	}
	return strings.Join(parts, " ")
}
