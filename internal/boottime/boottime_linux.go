package boottime

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot counts while the machine is suspended, and is never set (clock_gettime(2)).
func sinceBoot() (time.Duration, bool) {
	var since unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &since)
	return time.Duration(since.Nano()), err == nil
}
