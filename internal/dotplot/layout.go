package dotplot

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"lapsewatch/watch"
)

// maxBins bounds the columns of stacked dots.
const maxBins = 100

// Layout is a plot of which the axis is settled. Positions run from 0, which is furthest
// behind, to 1.
type Layout struct {
	// Clocks counts those with an offset, and Without those that have none to draw.
	Clocks  watch.Summary
	Without int
	// Named are the worst clocks, the gravest first, and Others counts the rest.
	Named  []Dot
	Others watch.Summary
	// OtherLimits counts the clocks that have other limits than most.
	OtherLimits int

	common limits
	scale  scale
	rest   histogram
}

// Layout settles the axis by what was added so far.
func (p *Plot) Layout() Layout {
	common, others := p.common()
	made := Layout{
		Clocks: p.clocks, Without: p.without, Others: p.clocks,
		common: common, OtherLimits: others,
		scale: newScale(p.lowest, p.upmost, p.narrowest, max(common.warn, common.critical)),
		Named: slices.Clone(p.worst),
	}
	if p.clocks.Subjects > maxNamed {
		grave := slices.IndexFunc(made.Named, func(dot Dot) bool { return dot.Severity == watch.OK })
		if grave >= 0 {
			made.Named = made.Named[:max(grave, leastNamed)]
		}
	}
	for i := range made.Named {
		dot := &made.Named[i]
		made.Others.Uncount(dot.Severity)
		dot.Position = made.scale.position(dot.Offset)
		dot.Low, dot.High = made.scale.position(dot.Offset-dot.Uncertainty), made.scale.position(dot.Offset+dot.Uncertainty)
	}
	made.rest = p.spread.without(made.Named)
	return made
}

// Limit is a distance from the references, in seconds, from which clocks have a severity.
type Limit struct {
	Severity watch.Severity
	Size     float64
}

// Limits are those that are drawn, which are those that most clocks have.
func (l Layout) Limits() []Limit {
	limits := []Limit{{watch.Warning, l.common.warn}, {watch.Critical, l.common.critical}}
	return slices.DeleteFunc(limits, func(limit Limit) bool { return limit.Size == 0 })
}

// Line is a limit on one side of zero.
type Line struct {
	Severity watch.Severity
	Position float64
}

// Lines are the limits on both sides, from left to right.
func (l Layout) Lines() []Line {
	var lines []Line
	for _, limit := range l.Limits() {
		lines = append(lines, Line{limit.Severity, l.scale.position(-limit.Size)}, Line{limit.Severity, l.scale.position(limit.Size)})
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.Position, b.Position) })
	return lines
}

// Zero is the position of a clock that is right.
func (l Layout) Zero() float64 { return l.scale.position(0) }

// Ticks are the marks of the axis from left to right, at least so far from each other.
func (l Layout) Ticks(apart float64) []Tick {
	var at []float64
	ticks := l.scale.ticks(func(tick Tick) bool {
		for _, other := range at {
			if math.Abs(tick.Position-other) < apart {
				return false
			}
		}
		at = append(at, tick.Position)
		return true
	})
	slices.SortFunc(ticks, func(a, b Tick) int { return cmp.Compare(a.Position, b.Position) })
	return ticks
}

// Spread is between which offsets, in seconds, the clocks without a name lie, give or take
// 6 %. It is 0 to 0 if there are none.
func (l Layout) Spread() (from, to float64) {
	cells := slices.Sorted(maps.Keys(l.rest))
	if len(cells) == 0 {
		return 0, 0
	}
	return cellMiddle(cells[0]), cellMiddle(cells[len(cells)-1])
}

// Bin is a column of stacked dots: those clocks without a name of which the offset lies
// between From and To seconds, give or take 6 %.
type Bin struct {
	Position float64
	From, To float64
	Count    watch.Summary
}

// Gravest is the gravest severity in the bin.
func (b Bin) Gravest() watch.Severity {
	for _, severity := range watch.Severities() {
		if b.Count.Of(severity) > 0 {
			return severity
		}
	}
	return watch.OK
}

// Bins divides the axis into so many columns, at most 100, and gives those that are not
// empty, from left to right.
func (l Layout) Bins(columns int) []Bin {
	columns = max(1, min(columns, maxBins))
	bins := make([]Bin, columns)
	for cell, count := range l.rest {
		at := min(int(l.scale.position(cellMiddle(cell))*float64(columns)), columns-1)
		bins[at].Count = bins[at].Count.Plus(count)
	}
	for i := range bins {
		bins[i].Position = (float64(i) + 0.5) / float64(columns)
		bins[i].From, bins[i].To = l.scale.offset(float64(i)/float64(columns)), l.scale.offset(float64(i+1)/float64(columns))
	}
	return slices.DeleteFunc(bins, func(bin Bin) bool { return bin.Count.Subjects == 0 })
}

// Stack is how many dots of each severity a column shows, the gravest first, when one
// dot stands for up to so many clocks. What is there at all has a dot.
func (b Bin) Stack(each int) []watch.Severity {
	var dots []watch.Severity
	for _, severity := range watch.Severities() {
		n := b.Count.Of(severity)
		for range (n + each - 1) / each {
			dots = append(dots, severity)
		}
	}
	return dots
}

// Each is how many clocks a dot has to stand for, so that no column is higher than so
// many dots: 1, 2, 5, 10, 20 and so on. Since every severity that is there has a dot, most
// is at least their number.
func Each(bins []Bin, most int) int {
	most = max(most, len(watch.Severities()))
	for power := 1; ; power *= 10 {
		for _, factor := range []int{1, 2, 5} {
			each := power * factor
			if !slices.ContainsFunc(bins, func(bin Bin) bool { return len(bin.Stack(each)) > most }) {
				return each
			}
		}
	}
}
