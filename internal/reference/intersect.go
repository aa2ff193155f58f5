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

// agreement is what most of some intervals have in common.
type agreement struct {
	// low and high bound the true offset if the majority is right.
	low, high time.Duration
	// members are the indices of those that do not contradict that, ascending.
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

// intersect finds what as many intervals as possible have in common, which is to allow
// for as few liars as possible (RFC 5905, 11.2.1). It gives false if those are not more
// than half. Where as many agree upon several places, all that lies between them is
// possible.
//
// As in ntpd and chronyd, and otherwise than in the RFC, the middles of intervals play no
// part: the truth lies within the interval of an honest server that is far away, but
// seldom in its middle, and an exact server near by would make a liar of it.
func intersect(all []interval) (agreement, bool) {
	edges := make([]edge, 0, 2*len(all))
	for _, i := range all {
		edges = append(edges, edge{at: i.low()}, edge{at: i.high(), closes: true})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		switch {
		case a.at != b.at || a.closes == b.closes:
			return cmp.Compare(a.at, b.at)
		case a.closes:
			return 1
		}
		return -1
	})
	backwards := slices.Clone(edges)
	slices.Reverse(backwards)
	low, together := deepest(edges, false)
	if 2*together <= len(all) {
		return agreement{together: together}, false
	}
	high, _ := deepest(backwards, true)
	found := agreement{low: low, high: high, together: together}
	for at, i := range all {
		if i.low() <= high && low <= i.high() {
			found.members = append(found.members, at)
		}
	}
	return found, true
}

// deepest walks over edges and gives the first at which as many intervals have been
// entered and not left as anywhere, and how many those are.
func deepest(edges []edge, enteredByClosing bool) (at time.Duration, most int) {
	depth := 0
	for _, e := range edges {
		if e.closes != enteredByClosing {
			depth--
			continue
		}
		if depth++; depth > most {
			at, most = e.at, depth
		}
	}
	return at, most
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
