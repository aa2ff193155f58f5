// Package dotplot lays out how far the clocks of a fleet are off as a small dot plot: a
// row for each of the worst, stacked dots for all others, and the limits as lines, over
// one axis from years to microseconds. It gives positions and words, which others draw,
// and a drawing in plain text of its own.
//
// It judges nothing: severities, offsets and limits are those of the findings. It reads
// no clock and does no I/O. However many findings are added, it holds a histogram of fixed
// size and the worst few. Texts are clean single lines, which the renderer has to escape.
package dotplot

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"lapsewatch/watch"
)

const (
	// maxNamed clocks have a row of their own.
	maxNamed = 12
	// leastNamed are named of a large fleet, even when all are ok.
	leastNamed = 3
	// maxLimits bounds the different limits that are counted apart.
	maxLimits = 64
)

// Plot gathers clocks. The zero Plot is empty and ready.
type Plot struct {
	clocks  watch.Summary
	without int
	// worst is sorted, the gravest first.
	worst          []Dot
	spread         histogram
	lowest, upmost float64
	limits         map[limits]int
	// unlisted counts the clocks whose limits are beyond maxLimits.
	unlisted int
	// narrowest is the least distance at which any clock is not ok; 0 if none is known.
	narrowest float64
}

// Add takes a finding into the plot if it is of a clock: if its details hold an offset,
// offset_seconds, or the limits of one, warn_seconds or critical_seconds. An offset that is
// no finite number is only counted. Other findings are passed over.
func (p *Plot) Add(finding watch.Finding) {
	switch read, found := readingOf(finding); found {
	case measured:
		p.add(read, limitsOf(finding))
	case noOffset:
		p.without++
	case noClock:
	}
}

func (p *Plot) add(read Dot, its limits) {
	p.clocks.Count(read.Severity)
	p.spread.add(read.Offset, read.Severity)
	p.lowest, p.upmost = min(p.lowest, read.Offset), max(p.upmost, read.Offset)
	p.addLimits(its)
	at, _ := slices.BinarySearchFunc(p.worst, read, graver)
	if at < maxNamed {
		p.worst = slices.Insert(p.worst, at, read)
		p.worst = p.worst[:min(len(p.worst), maxNamed)]
	}
}

// graver orders dots by severity, then by distance.
func graver(a, b Dot) int {
	return cmp.Or(
		cmp.Compare(a.Severity.Urgency(), b.Severity.Urgency()),
		cmp.Compare(math.Abs(b.Offset), math.Abs(a.Offset)),
		cmp.Compare(a.Name, b.Name),
	)
}

func (p *Plot) addLimits(found limits) {
	for _, limit := range []float64{found.warn, found.critical} {
		if limit > 0 && (p.narrowest == 0 || limit < p.narrowest) {
			p.narrowest = limit
		}
	}
	if p.limits == nil {
		p.limits = map[limits]int{}
	}
	if _, known := p.limits[found]; !known && len(p.limits) == maxLimits {
		p.unlisted++
		return
	}
	p.limits[found]++
}

// Clocks counts the clocks that have an offset.
func (p *Plot) Clocks() watch.Summary { return p.clocks }

// Any reports whether there is a dot to draw.
func (p *Plot) Any() bool { return p.clocks.Subjects > 0 }

// Worthwhile reports whether the plot says more than a line of text would: it has two
// clocks, or one that is not ok.
func (p *Plot) Worthwhile() bool { return p.clocks.Subjects > 1 || p.Worrying() }

// Worrying reports whether any clock with an offset is not ok.
func (p *Plot) Worrying() bool { return p.clocks.Subjects > p.clocks.OK }

// common gives the limits that most clocks have, of equals the narrower ones, and how
// many clocks have others.
func (p *Plot) common() (most limits, others int) {
	narrowFirst := slices.SortedFunc(maps.Keys(p.limits), func(a, b limits) int {
		return cmp.Or(cmp.Compare(a.warn, b.warn), cmp.Compare(a.critical, b.critical))
	})
	best := 0
	for _, found := range narrowFirst {
		if n := p.limits[found]; n > best && found != (limits{}) {
			most, best = found, n
		}
	}
	return most, p.clocks.Subjects - best - p.limits[limits{}]
}
