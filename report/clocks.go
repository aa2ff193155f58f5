package report

import (
	"fmt"
	"strconv"
	"strings"

	"lapsewatch/internal/columns"
	"lapsewatch/internal/dotplot"
	"lapsewatch/watch"
)

// The plot's geometry. What stands across is in per cent, so that text keeps its size on
// every screen; what stands below each other is in pixels.
const (
	plotEdge    = 3.0 // on either side, for what the outermost dots and labels need
	rowHeight   = 26
	firstRow    = 20
	stackStep   = 9
	mostStacked = 8
	stackBins   = 46
	axisHeight  = 30
	markSize    = 5.5
	dotSize     = 3.2

	// How far ticks are apart on a wide screen, and on a narrow one.
	ticksApart       = 0.085
	narrowTicksApart = 0.19
	// atTheEdge a label of a tick does not fit in the middle below it.
	atTheEdge = 0.05
	// The least width of the axis on such screens, and that of a character, in pixels.
	wideAxis    = 720
	narrowAxis  = 305
	charWidth   = 7.3
	labelOffset = 11
	// leastName is what is shown of a name however little room there is, and leastRoom the
	// share of the axis for which a label stands beside its bar and not upon it.
	leastName = 8
	leastRoom = 0.36
	// leastBar is the length from which an uncertainty can be seen beside its dot.
	leastBar = 0.02
)

// clockPlot is the plot of clocks as the templates draw it.
type clockPlot struct {
	dotplot.Layout
	bins []dotplot.Bin
	each int
}

func newClockPlot(plot *dotplot.Plot) clockPlot {
	made := clockPlot{Layout: plot.Layout()}
	made.bins = made.Bins(stackBins)
	made.each = dotplot.Each(made.bins, mostStacked)
	return made
}

// across is where a position lies, in per cent of the drawing's width.
func across(position float64) string {
	return strconv.FormatFloat(plotEdge+position*(100-2*plotEdge), 'f', 2, 64) + "%"
}

func (p clockPlot) rowY(row int) int { return firstRow + row*rowHeight }

// axisY is below the rows and the stacks.
func (p clockPlot) axisY() int {
	y := p.rowY(len(p.Named)) - rowHeight/2
	if len(p.bins) > 0 {
		y += p.stacked()*stackStep + rowHeight
	}
	return y
}

func (p clockPlot) stacked() int {
	highest := 0
	for _, bin := range p.bins {
		highest = max(highest, len(bin.Stack(p.each)))
	}
	return highest
}

func (p clockPlot) height() int { return p.axisY() + axisHeight }

func (p clockPlot) stackY(level int) string {
	return decimal(float64(p.axisY()) - 7 - float64(level)*stackStep)
}

// description says in words what the plot shows.
func (p clockPlot) description() string {
	return strings.Join(append([]string{p.Headline(dotplot.Minus) + "."}, p.Notes(dotplot.Minus)...), " ")
}

// present are the severities that have a clock.
func (p clockPlot) present() []watch.Severity {
	var present []watch.Severity
	for _, severity := range watch.Severities() {
		if p.Clocks.Of(severity) > 0 {
			present = append(present, severity)
		}
	}
	return present
}

// axisTick is a tick, which narrow screens may have no room for.
type axisTick struct {
	dotplot.Tick
	class, anchor, dx string
}

func (p clockPlot) ticks() []axisTick {
	narrow := map[float64]bool{}
	for _, tick := range p.Ticks(narrowTicksApart) {
		narrow[tick.Offset] = true
	}
	var ticks []axisTick
	for _, tick := range p.Ticks(ticksApart) {
		made := axisTick{tick, "tick wide", "middle", "0"}
		if narrow[tick.Offset] {
			made.class = "tick"
		}
		switch {
		case tick.Position < atTheEdge:
			made.anchor, made.dx = "start", strconv.Itoa(-labelOffset)
		case tick.Position > 1-atTheEdge:
			made.anchor, made.dx = "end", strconv.Itoa(labelOffset)
		}
		ticks = append(ticks, made)
	}
	return ticks
}

// clockLabel names a dot on that side of it which has more room.
type clockLabel struct {
	x, dx, anchor string
	name, short   string
	value         string
}

func labelOf(dot dotplot.Dot) clockLabel {
	left, right := dot.Position, dot.Position
	if hasBar(dot) && max(dot.Low, 1-dot.High) >= leastRoom {
		left, right = dot.Low, dot.High
	}
	made := clockLabel{x: across(right), dx: strconv.Itoa(labelOffset), anchor: "start", value: dot.Value(dotplot.Minus)}
	if left > 1-right {
		made.x, made.dx, made.anchor = across(left), "-"+made.dx, "end"
	}
	room := max(left, 1-right)
	fit := func(axis float64, beside string) string {
		most := int((room*axis-labelOffset)/charWidth) - columns.In(beside)
		return columns.Fitted(dot.Name, max(leastName, most))
	}
	made.name, made.short = fit(wideAxis, made.value+" "), fit(narrowAxis, "")
	return made
}

func hasBar(dot dotplot.Dot) bool { return dot.High-dot.Low >= leastBar }

// dotTitle is all that is known of a dot, in one line.
func dotTitle(dot dotplot.Dot) string {
	title := fmt.Sprintf("%s: %s (%s)", dot.Name, dot.Value(dotplot.Minus), dot.Severity)
	if dot.Seems != "" {
		title += ", " + dot.Seems
	}
	return title
}

func binTitle(bin dotplot.Bin) string {
	var parts []string
	for _, severity := range watch.Severities() {
		if n := bin.Count.Of(severity); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	return fmt.Sprintf("about %s to %s: %s (%s)", dotplot.Signed(bin.From, dotplot.Minus), dotplot.Signed(bin.To, dotplot.Minus),
		counted(bin.Count.Subjects, "clock", "clocks"), strings.Join(parts, ", "))
}

// markPath draws the shape of a severity around the origin, the same as in the rest of the
// page: a lozenge, a triangle, a disc, and a ring for what is ok. What could not be judged
// is a square, since a path holds no question mark.
func markPath(severity watch.Severity, size float64) string {
	switch severity {
	case watch.Critical:
		return fmt.Sprintf("M0-%[1]gL%[1]g 0 0 %[1]g-%[1]g 0z", round(size*1.25))
	case watch.Warning:
		return fmt.Sprintf("M0-%[1]gL%[1]g %[2]gH-%[1]gz", round(size*1.1), round(size*0.85))
	case watch.Unknown:
		return fmt.Sprintf("M-%[1]g-%[1]gH%[1]gV%[1]gH-%[1]gz", round(size*0.85))
	default:
		return fmt.Sprintf("M-%[1]g 0a%[1]g %[1]g 0 1 0 %[2]g 0a%[1]g %[1]g 0 1 0-%[2]g 0z", round(size), round(size*2))
	}
}

// markFill leaves the ring of what is ok open, so that no colour is needed to tell it apart.
func markFill(severity watch.Severity) string {
	if severity == watch.OK {
		return "none"
	}
	return "currentColor"
}

func uncertainty(dot dotplot.Dot) string {
	if dot.Uncertainty == 0 {
		return ""
	}
	return "± " + dotplot.Span(dot.Uncertainty)
}

func round(value float64) float64 {
	rounded, err := strconv.ParseFloat(decimal(value), 64)
	if err != nil {
		return value
	}
	return rounded
}
