package schema

import (
	"math/big"
	"slices"
	"time"
)

// point is how far the numbers had come by some time.
type point struct {
	At   int64  `json:"t"`
	Next string `json:"n"`
}

const (
	day = 24 * time.Hour
	// maxPoints is how many points are kept, and pointEvery how far apart they are at least.
	maxPoints  = 12
	pointEvery = 12 * time.Hour
	// remembered is how long a point counts.
	remembered = 90 * day
	// enough is the least time that tells of a rate. A daily job that starts a little
	// sooner than the day before must not wait for another day.
	enough = 23 * time.Hour
	// A rate is taken over a week, so that every day of the week counts once, and over four;
	// the greater of the two is believed.
	shortWindow, longWindow = 7 * day, 28 * day
	// farthest is how far ahead a date is worth telling.
	farthest = 36525 * day
)

// grown adds the present number to the points. They begin anew where numbers were set back,
// as after a restore or a truncation; of two that are close the older one stays.
func grown(points []point, s series, now time.Time) []point {
	points = slices.DeleteFunc(slices.Clone(points), func(p point) bool {
		_, readable := number(p.Next)
		// One of the future was written by a wrong clock.
		return !readable || p.At > now.Unix() || now.Sub(time.Unix(p.At, 0)) > remembered
	})
	if slices.ContainsFunc(points, func(p point) bool { return s.beyond(p.value(), s.next) }) {
		points = nil
	}
	slices.SortFunc(points, func(a, b point) int { return int(min(max(a.At-b.At, -1), 1)) })
	if n := len(points); n > 0 && now.Sub(time.Unix(points[n-1].At, 0)) < pointEvery {
		return points
	}
	points = append(points, point{At: now.Unix(), Next: s.next.String()})
	for len(points) > maxPoints {
		points = thinned(points, now)
	}
	return points
}

// value is the number of a point that was read from a text of digits.
func (p point) value() *big.Int {
	value, ok := number(p.Next)
	if !ok {
		return new(big.Int)
	}
	return value
}

// thinned leaves out the point whose neighbours are closest to each other, measured by
// their age: what is old is kept more coarsely than what is new. The ends stay.
func thinned(points []point, now time.Time) []point {
	least, at := 0.0, -1
	for i := 1; i < len(points)-1; i++ {
		age := float64(now.Unix() - points[i-1].At + 1)
		if gap := float64(points[i+1].At-points[i-1].At) / age; at < 0 || gap < least {
			least, at = gap, i
		}
	}
	return slices.Delete(points, at, at+1)
}

// rate is how fast numbers go.
type rate struct {
	// perDay counts numbers, of which there may be gaps between those handed out.
	perDay float64
	since  time.Time
}

// rateOf is the rate at which the points grew; false if they do not go back far enough.
func rateOf(points []point, s series, now time.Time) (rate, bool) {
	var found rate
	known := false
	for _, window := range []time.Duration{shortWindow, longWindow} {
		from, ok := begin(points, now.Add(-window+time.Hour))
		if !ok || now.Sub(time.Unix(from.At, 0)) < enough {
			continue
		}
		since := time.Unix(from.At, 0).UTC()
		if perDay := s.steps(from.value(), s.next) / (now.Sub(since).Hours() / 24); !known || perDay > found.perDay {
			found, known = rate{perDay: perDay, since: since}, true
		}
	}
	return found, known
}

// begin is the latest point that is no later than from, or else the first one.
func begin(points []point, from time.Time) (point, bool) {
	if len(points) == 0 {
		return point{}, false
	}
	found := points[0]
	for _, p := range points {
		if !time.Unix(p.At, 0).After(from) {
			found = p
		}
	}
	return found, true
}

// steps is how many numbers lie from a to b.
func (s series) steps(a, b *big.Int) float64 {
	distance := new(big.Float).SetInt(new(big.Int).Sub(b, a))
	steps, _ := distance.Quo(distance, new(big.Float).SetInt(s.increment)).Float64()
	return steps
}

// usedUpOn is the day on which so many numbers are gone at the rate, in UTC; false if that
// is too far ahead to tell. A day that has begun already becomes the minute.
func (r rate) usedUpOn(left float64, now time.Time) (time.Time, bool) {
	days := left / r.perDay
	if r.perDay <= 0 || days > farthest.Hours()/24 {
		return time.Time{}, false
	}
	at := now.Add(time.Duration(days * float64(day)))
	if on := at.Truncate(day); on.After(now) {
		return on, true
	}
	return at.Truncate(time.Minute).Add(time.Minute), true
}
