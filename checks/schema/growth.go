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
	// A point is kept of each day (UTC) for dailyFor, which is longer than the short window,
	// and of each week for as long as a point counts: remembered. maxPoints is more than that.
	dailyFor   = 9 * day
	remembered = 90 * day
	maxPoints  = 26
	// enough is the least time that tells of a rate. A daily job that starts a little
	// sooner than the day before must not wait for another day.
	enough = 23 * time.Hour
	// A rate is taken over a week, so that every day of the week counts once, and over four;
	// the greater of the two is believed.
	shortDays, longDays = 7, 28
	// many spans in a week tell a day that is like the others from one that is not.
	many = 5
	// sudden is the time within which growth that no window shows yet would use up the rest.
	sudden = day
)

// dayOf and weekOf number the days and weeks in UTC.
func (p point) dayOf() int64                  { return p.At / int64(day/time.Second) }
func (p point) weekOf() int64                 { return p.dayOf() / 7 }
func (p point) time() time.Time               { return time.Unix(p.At, 0).UTC() }
func pointOf(n *big.Int, now time.Time) point { return point{At: now.Unix(), Next: n.String()} }

// value is the number of a point that was read from a text of digits.
func (p point) value() *big.Int {
	value, ok := number(p.Next)
	if !ok {
		return new(big.Int)
	}
	return value
}

// grown adds the present number to the points, once a day: so each lies at the same hour, and
// what a nightly job uses counts once a day wherever a window begins. They begin anew where
// numbers were set back, as after a restore or a truncation.
func grown(points []point, s series, now time.Time) (after []point, setBack bool) {
	points = slices.DeleteFunc(slices.Clone(points), func(p point) bool {
		_, readable := number(p.Next)
		// One of the future was written by a wrong clock.
		return !readable || p.At < 0 || p.At > now.Unix() || now.Sub(p.time()) > remembered
	})
	if slices.ContainsFunc(points, func(p point) bool { return s.beyond(p.value(), s.next) }) {
		points, setBack = nil, true
	}
	slices.SortFunc(points, func(a, b point) int { return int(min(max(a.At-b.At, -1), 1)) })
	latest := pointOf(s.next, now)
	if n := len(points); n == 0 || points[n-1].dayOf() < latest.dayOf() {
		points = append(points, latest)
	}
	return thinned(points, now), setBack
}

// thinned leaves the first point of each day, and of what no short window needs any longer
// the first of each week.
func thinned(points []point, now time.Time) []point {
	var left []point
	for _, p := range points {
		if n := len(left); n > 0 {
			old := now.Sub(p.time()) > dailyFor
			if last := left[n-1]; last.dayOf() == p.dayOf() || old && last.weekOf() == p.weekOf() {
				continue
			}
		}
		left = append(left, p)
	}
	return left[max(len(left)-maxPoints, 0):]
}

// rate is how fast numbers go.
type rate struct {
	// perDay counts numbers, of which there may be gaps between those handed out.
	perDay float64
	since  time.Time
}

// between is the rate from one point to another.
func (s series) between(from, to point) (rate, bool) {
	took := to.time().Sub(from.time())
	if took < enough {
		return rate{}, false
	}
	return rate{perDay: s.steps(from.value(), to.value()) / (took.Hours() / 24), since: from.time()}, true
}

// rateOf is the rate at which the points grew; false if they do not go back far enough. Both
// ends are points, so that it is the same all day. near: little is left, and the greatest
// rate of all that is remembered counts.
func rateOf(points []point, s series, near bool) (found rate, known bool) {
	believe := func(r rate, ok bool) {
		if ok && (!known || r.perDay > found.perDay) {
			found, known = r, true
		}
	}
	n := len(points)
	if n == 0 {
		return rate{}, false
	}
	believe(s.usual(points[begin(points, shortDays):]))
	believe(s.between(points[begin(points, longDays)], points[n-1]))
	for i := range points {
		for j := i + 1; near && j < n; j++ {
			if points[j].dayOf()-points[i].dayOf() >= longDays {
				believe(s.between(points[i], points[j]))
			}
		}
	}
	return found, known
}

// usual is the rate of a week without its busiest day: what is done once a month is no rate
// of a week. The window of four weeks counts it.
func (s series) usual(points []point) (rate, bool) {
	whole, known := s.between(points[0], points[len(points)-1])
	if !known || len(points) <= many {
		return whole, known
	}
	total, most := s.steps(points[0].value(), points[len(points)-1].value()), 0.0
	took, busiest := points[len(points)-1].At-points[0].At, int64(0)
	for i := range points[1:] {
		if grew := s.steps(points[i].value(), points[i+1].value()); grew > most {
			most, busiest = grew, points[i+1].At-points[i].At
		}
	}
	whole.perDay = (total - most) / (float64(took-busiest) / day.Seconds())
	return whole, true
}

// begin is the latest point that is so many days before the last one, or else the first,
// unless that lies at another hour than the others: then a nightly job is between some of
// them once less than there are days.
func begin(points []point, days int64) int {
	found := 0
	if len(points) > 2 && points[1].time().Sub(points[0].time()) < enough {
		found = 1
	}
	for i, p := range points {
		if points[len(points)-1].dayOf()-p.dayOf() >= days {
			found = i
		}
	}
	return found
}

// suddenRate is that of the last day up to now, if it would use up what is left at once.
func suddenRate(points []point, s series, left float64, now time.Time) (rate, bool) {
	for _, p := range slices.Backward(points) {
		if r, ok := s.between(p, pointOf(s.next, now)); ok {
			return r, r.perDay > 0 && left/r.perDay <= sudden.Hours()/24
		}
	}
	return rate{}, false
}

// steps is how many numbers lie from a to b.
func (s series) steps(a, b *big.Int) float64 {
	distance := new(big.Float).SetInt(new(big.Int).Sub(b, a))
	steps, _ := distance.Quo(distance, new(big.Float).SetInt(s.increment)).Float64()
	return steps
}
