package dotplot

import (
	"math"
	"slices"
)

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
	year   = 365 * day

	// margin is how much further than the outermost dot or limit the axis goes.
	margin = 1.7
	// linearPart of the narrowest limit is drawn linearly.
	linearPart = 0.1
	// linearShare of the furthest offset is, where no limit is known.
	linearShare = 0.01
)

// scale is a symmetric logarithmic axis: linear near zero, so that it has a zero, and
// logarithmic beyond on either side. It reaches as far as the data on each side.
type scale struct {
	// linear is the end of the linear part, in seconds; left and right are the ends of the
	// axis in decades, of which the linear part counts as one.
	linear, left, right float64
}

// newScale makes an axis from at or before lowest to at or behind upmost, that shows the
// limits on both sides.
func newScale(lowest, upmost, narrowest, limit float64) scale {
	made := scale{linear: roundTime(narrowest * linearPart)}
	if narrowest == 0 {
		made.linear = roundTime(max(-lowest, upmost) * linearShare)
	}
	reach := max(limit, made.linear) * margin
	made.left = made.decades(max(-lowest*margin, reach))
	made.right = made.decades(max(upmost*margin, reach))
	return made
}

// decades is how far from zero a distance lies.
func (s scale) decades(size float64) float64 {
	if size <= s.linear {
		return size / s.linear
	}
	return 1 + math.Log10(size/s.linear)
}

// position is where an offset lies on the axis, from 0 to 1.
func (s scale) position(offset float64) float64 {
	decades := s.decades(math.Abs(offset))
	if offset < 0 {
		decades = -decades
	}
	return max(0, min((decades+s.left)/(s.left+s.right), 1))
}

// offset is what lies at a position.
func (s scale) offset(position float64) float64 {
	decades := position*(s.left+s.right) - s.left
	size := math.Abs(decades)
	if size <= 1 {
		return decades * s.linear
	}
	return math.Copysign(s.linear*math.Pow(10, size-1), decades)
}

// roundTimes are the times that an axis is marked with, in seconds.
func roundTimes() []float64 {
	return []float64{
		1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1,
		1, 10, minute, 10 * minute, hour, day, 30 * day, year, 10 * year, 100 * year,
	}
}

// unitTimes are those of them that are a whole unit, which are marked first.
func unitTimes() []float64 { return []float64{year, day, hour, minute, 1, 1e-3, 1e-6, 1e-9} }

// roundTime is the largest round time that is not above the given one; the second beyond
// which everything is far if that is nothing.
func roundTime(seconds float64) float64 {
	if seconds <= 0 {
		return 1e-3
	}
	times := roundTimes()
	found := times[0]
	for _, each := range times {
		if each <= seconds*(1+1e-9) {
			found = each
		}
	}
	return found
}

// Tick is a mark of the axis.
type Tick struct {
	Offset   float64
	Position float64
}

// ticks marks the axis by round times, the most telling first, as far as accept takes
// them. It gives them in the order in which they were taken.
func (s scale) ticks(accept func(Tick) bool) []Tick {
	var taken []Tick
	offer := func(offset float64) {
		reach := s.right
		if offset < 0 {
			reach = s.left
		}
		known := slices.ContainsFunc(taken, func(other Tick) bool { return other.Offset == offset })
		tick := Tick{Offset: offset, Position: s.position(offset)}
		if !known && s.decades(math.Abs(offset)) <= reach && accept(tick) {
			taken = append(taken, tick)
		}
	}
	offer(0)
	for _, times := range [][]float64{unitTimes(), roundTimes()} {
		for _, each := range times {
			if each >= s.linear {
				offer(each)
				offer(-each)
			}
		}
	}
	return taken
}
