package reference

import (
	"cmp"
	"slices"
	"time"
)

// interval is where the true offset lies if its source is right: mid ± half.
type interval struct{ mid, half time.Duration }

func (i interval) low() time.Duration  { return i.mid - i.half }
func (i interval) high() time.Duration { return i.mid + i.half }

// agreement is what more than half of some intervals have in common.
type agreement struct {
	// low and high bound the true offset if more than half of the intervals are right.
	low, high time.Duration
	// members are the indices of those that may be right then, ascending.
	members []int
	// together is the largest number of intervals that have a point in common, also
	// where that is no majority.
	together int
}

// edge is an end of an interval. Sorting puts what opens before what closes, so that
// intervals that touch have that point in common.
type edge struct {
	at     time.Duration
	closes bool
}

// intersect finds all points that more than half of the intervals have in common (RFC
// 5905, 11.2.1, allows for as many liars), and gives false if there are none. If more
// than half are right, the truth is one of these points, so that it lies between the
// lowest and the highest of them.
//
// It is not enough to look where as many as possible agree, as the RFC, ntpd and chronyd
// do: a liar whose interval overlaps those of some that are right moves that place away
// from the truth.
//
// As in ntpd and chronyd, and otherwise than in the RFC, the middles of intervals play no
// part: the truth lies within the interval of an honest server that is far away, but
// seldom in its middle, and an exact server near by would make a liar of it.
func intersect(all []interval) (agreement, bool) {
	spans, together := common(all, len(all)/2+1)
	if len(spans) == 0 {
		return agreement{together: together}, false
	}
	found := agreement{low: spans[0].from, high: spans[len(spans)-1].to, together: together}
	for at, i := range all {
		if slices.ContainsFunc(spans, func(s span) bool { return i.low() <= s.to && s.from <= i.high() }) {
			found.members = append(found.members, at)
		}
	}
	return found, true
}

// span is all from one point to another, with both.
type span struct{ from, to time.Duration }

// common gives what at least so many of the intervals have in common, ascending, and the
// largest number of them that have a point in common.
func common(all []interval, wanted int) (spans []span, most int) {
	depth := 0
	for _, e := range edges(all) {
		if e.closes {
			if depth--; depth == wanted-1 {
				spans[len(spans)-1].to = e.at
			}
			continue
		}
		if depth++; depth == wanted {
			spans = append(spans, span{from: e.at})
		}
		most = max(most, depth)
	}
	return spans, most
}

func edges(all []interval) []edge {
	sorted := make([]edge, 0, 2*len(all))
	for _, i := range all {
		sorted = append(sorted, edge{at: i.low()}, edge{at: i.high(), closes: true})
	}
	slices.SortFunc(sorted, func(a, b edge) int {
		switch {
		case a.at != b.at || a.closes == b.closes:
			return cmp.Compare(a.at, b.at)
		case a.closes:
			return 1
		}
		return -1
	})
	return sorted
}

// combine weighs the middles of the majority by how exact they are (RFC 5905, 11.2.3),
// and bounds the error so that all that the majority holds for possible lies within.
func combine(all []interval, agreed agreement) interval {
	centre := agreed.low + (agreed.high-agreed.low)/2
	var sum, weights float64
	for _, at := range agreed.members {
		weight := 1 / float64(max(all[at].half, 1))
		sum += weight * float64(all[at].mid-centre)
		weights += weight
	}
	// A middle may lie outside of what is possible.
	off := min(max(time.Duration(sum/weights), agreed.low-centre), agreed.high-centre)
	return interval{mid: centre + off, half: (agreed.high-agreed.low+1)/2 + off.Abs()}
}
