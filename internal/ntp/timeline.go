package ntp

import "time"

// timeline is the own clock, carried on from one instant by monotonic time, so that
// nobody who sets the clock bends it.
type timeline struct {
	// start has a monotonic reading, wall has none.
	start, wall time.Time
}

func newTimeline(now time.Time) timeline { return timeline{start: now, wall: now.Round(0)} }

// at is where an instant that time.Now gave lies on the timeline.
func (l timeline) at(now time.Time) time.Time { return l.wall.Add(now.Sub(l.start)) }

// arrival is when an answer came. The kernel's stamp is by the clock as it is set now,
// so it counts as "so long before it was read". A stamp before the packet was sent, or
// after it was read, shows that the clock was set in between; then the time of reading
// counts, which is late but not wrong.
func (l timeline) arrival(came answer, sent time.Time) time.Time {
	ago := came.read.Round(0).Sub(came.stamped)
	if came.stamped.IsZero() || ago < 0 || ago > came.read.Sub(sent) {
		ago = 0
	}
	return l.at(came.read).Add(-ago)
}
