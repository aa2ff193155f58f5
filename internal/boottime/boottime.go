// Package boottime tells by how much the machine's clock was set, and does not take sleep
// for that: where the system has a clock that counts while the machine is suspended, it is
// that one which the wall clock is compared with. It knows no right time.
package boottime

import "time"

// Start begins to watch the wall clock. The function that it gives tells by how much that
// was set since: positive is forwards. Where there is no clock that counts through sleep, a
// machine that slept looks as if its clock had been set forwards.
func Start() func() time.Duration {
	began := time.Now()
	boot, counts := sinceBoot()
	return func() time.Duration {
		now := time.Now()
		slept := time.Duration(0)
		if later, ok := sinceBoot(); ok && counts {
			slept = later - boot - now.Sub(began)
		}
		return Between(began, now) - slept
	}
}

// Between is by how much the wall clock was set between two instants that time.Now gave:
// positive is forwards. It takes sleep for a step.
func Between(from, to time.Time) time.Duration {
	return to.Round(0).Sub(from.Round(0)) - to.Sub(from)
}

// Stale is a step between two instants after which what was measured at the first one says
// nothing at the second.
const Stale = time.Second
