package remoteclock

import (
	"math"
	"time"

	"lapsewatch/watch"
)

// timeline measures from one look at this machine's clock. It goes on by the monotonic
// clock, so that a step of the other one during a reading does not bend it.
type timeline struct{ start time.Time }

func newTimeline() timeline { return timeline{start: time.Now()} }

// now is the time since the start.
func (l timeline) now() time.Duration { return time.Since(l.start) }

// wall is what this machine's clock showed at now, had nobody set it meanwhile.
func (l timeline) wall(now time.Duration) time.Time { return l.start.Round(0).Add(now).UTC() }

// bounds are those of an offset.
type bounds struct{ low, high time.Duration }

// compare bounds the offset of a clock that was read at some moment between sent and
// received and showed from at the least and less than from+resolution.
func (l timeline) compare(from time.Time, resolution, sent, received time.Duration) bounds {
	ahead := from.Sub(l.start.Round(0)) // it saturates
	return bounds{low: watch.Minus(ahead, received), high: watch.Plus(watch.Minus(ahead, sent), resolution)}
}

func (b bounds) width() time.Duration { return watch.Minus(b.high, b.low) }

func (b bounds) middle() time.Duration { return watch.Plus(b.low, b.width()/2) }

// uncertainty covers both bounds as seen from the middle.
func (b bounds) uncertainty() time.Duration { return b.width()/2 + b.width()%2 }

// within is what both allow; low lies above high where they contradict each other.
func (b bounds) within(other bounds) bounds {
	return bounds{low: max(b.low, other.low), high: min(b.high, other.high)}
}

// around is what either allows.
func (b bounds) around(other bounds) bounds {
	return bounds{low: min(b.low, other.low), high: max(b.high, other.high)}
}

// seconds is a length given as floating-point seconds; what a Duration cannot hold
// saturates, and what is no number is nothing.
func seconds(value float64) time.Duration {
	nanoseconds := value * float64(time.Second)
	switch {
	case math.IsNaN(nanoseconds):
		return 0
	case nanoseconds >= math.MaxInt64:
		return math.MaxInt64
	case nanoseconds <= math.MinInt64:
		return math.MinInt64
	default:
		return time.Duration(nanoseconds)
	}
}

// unixTime is the time so many seconds after 1970; it is limited to years that package
// time can subtract.
func unixTime(since float64) time.Time {
	const furthest = 1 << 40 // 35,000 years
	since = min(max(since, -furthest), furthest)
	whole := math.Floor(since)
	return time.Unix(int64(whole), int64((since-whole)*float64(time.Second)))
}
