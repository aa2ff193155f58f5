package dotplot

import (
	"maps"
	"math"

	"lapsewatch/watch"
)

// The histogram's resolution: cells that each are 6 % wider than the one before, from a
// nanosecond to three centuries, on either side of zero.
const (
	finest         = 1e-9
	cellsPerDecade = 40
	largestCell    = 760
)

// histogram counts clocks by offset, before it is known which axis shows them. It never
// has more than 2×largestCell+1 cells.
type histogram map[int]watch.Summary

func (h *histogram) add(offset float64, severity watch.Severity) {
	if *h == nil {
		*h = histogram{}
	}
	cell := cellOf(offset)
	count := (*h)[cell]
	count.Count(severity)
	(*h)[cell] = count
}

// without is the histogram without some dots that were added to it.
func (h histogram) without(dots []Dot) histogram {
	rest := maps.Clone(h)
	for _, dot := range dots {
		cell := cellOf(dot.Offset)
		count := rest[cell]
		count.Uncount(dot.Severity)
		if rest[cell] = count; count.Subjects == 0 {
			delete(rest, cell)
		}
	}
	return rest
}

// cellOf numbers the cell of an offset: 0 is that of zero, negative ones are behind.
func cellOf(offset float64) int {
	size := math.Abs(offset)
	if size < finest {
		return 0
	}
	cell := min(1+int(math.Log10(size/finest)*cellsPerDecade), largestCell)
	if offset < 0 {
		return -cell
	}
	return cell
}

// cellMiddle is the offset in the middle of a cell, in seconds.
func cellMiddle(cell int) float64 {
	switch {
	case cell == 0:
		return 0
	case cell < 0:
		return -cellMiddle(-cell)
	default:
		return finest * math.Pow(10, (float64(cell)-0.5)/cellsPerDecade)
	}
}
