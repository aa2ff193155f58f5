package schema

import (
	"math/big"
	"time"
)

const (
	// farthest is how far ahead a date is worth telling.
	farthest = 36525 * day
	// heldFor is how long slower growth has to last before it counts, and how far back the
	// points reach of which the earliest date counts: longer than a week, so that neither a
	// weekend nor the days between two batches put a date off.
	heldFor = 8 * day
)

// pace is the rate that was told last.
type pace struct {
	PerDay float64 `json:"per_day"`
	// Since is when the rate begins, and Slower since when growth has been less; in Unix
	// seconds.
	Since  int64 `json:"since"`
	Slower int64 `json:"slower,omitempty"`
}

func (p pace) rate() rate { return rate{perDay: p.PerDay, since: time.Unix(p.Since, 0).UTC()} }

// kept is the rate to tell: a greater one at once, and a smaller one after heldFor.
func (p pace) kept(fresh rate, now time.Time) pace {
	slower := time.Unix(p.Slower, 0)
	switch {
	case p.PerDay <= fresh.perDay || now.Sub(p.rate().since) > remembered || p.Slower > 0 && now.Sub(slower) >= heldFor:
		return pace{PerDay: fresh.perDay, Since: fresh.since.Unix()}
	case p.Slower <= 0 || slower.After(now):
		p.Slower = now.Unix()
	}
	return p
}

// outlook is when a range is used up, as far as its growth tells.
type outlook struct {
	rate  rate
	known bool
	// on is the date; zero if there is none.
	on time.Time
}

// lookAhead works the date out, and the rate to remember.
func lookAhead(points []point, s series, r reach, told pace, now time.Time) (outlook, pace) {
	left, _ := new(big.Float).SetInt(r.left).Float64()
	near := r.percent >= nearlyUsed
	fresh, known := rateOf(points, s, near)
	if quick, ok := suddenRate(points, s, left, now); ok && (!known || quick.perDay > fresh.perDay) {
		fresh, known = quick, true
	}
	if !known {
		return outlook{}, told
	}
	told = told.kept(fresh, now)
	found := outlook{rate: told.rate(), known: true}
	at, dated := found.rate.earliest(points, s, left, now)
	if !dated && near && found.rate.perDay > 0 {
		at, dated = time.Date(now.Year()+100, time.January, 1, 0, 0, 0, 0, time.UTC), true
	}
	if dated {
		found.on = shownDay(at, now)
	}
	return found, told
}

// earliest is the earliest of the dates that follow from the points of late: so it stays
// where it is while a day goes by, and between two batches. The present number counts where
// no point tells it, or where more than a day's numbers have gone since the last one.
func (r rate) earliest(points []point, s series, left float64, now time.Time) (at time.Time, dated bool) {
	surged := true
	for _, p := range points {
		if now.Sub(p.time()) > heldFor {
			continue
		}
		gone := s.steps(p.value(), s.next)
		surged = gone > r.perDay
		// One that is over was not kept to: numbers are left.
		if one, ok := r.usedUpAt(left+gone, p.time()); ok && one.After(now) && (!dated || one.Before(at)) {
			at, dated = one, true
		}
	}
	if current, ok := r.usedUpAt(left, now); ok && (!dated || surged && current.Before(at)) {
		return current, true
	}
	return at, dated
}

func (r rate) usedUpAt(left float64, from time.Time) (time.Time, bool) {
	days := left / r.perDay
	if r.perDay <= 0 || days > farthest.Hours()/24 {
		return time.Time{}, false
	}
	return from.Add(time.Duration(days * float64(day))), true
}

// shownDay is the beginning of the day in UTC. A day that has begun already becomes the
// minute.
func shownDay(at, now time.Time) time.Time {
	if on := at.Truncate(day); on.After(now) {
		return on
	}
	return at.Truncate(time.Minute).Add(time.Minute)
}
