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
		passed := now.Sub(began)
		if later, ok := sinceBoot(); ok && counts {
			passed = later - boot
		}
		return now.Round(0).Sub(began.Round(0)) - passed
	}
}
