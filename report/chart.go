package report

import (
	"fmt"
	"strconv"

	"lapsewatch/watch"
)

// The chart's geometry, in units of its viewBox.
const (
	chartWidth  = 920
	chartHeight = 196
	baseline    = 156
	tallest     = 126
	barWidth    = 22
	barStep     = 30
	firstWeekX  = 84
	fewest      = 2 // what a full height stands for at least, so that one subject is no tower
)

type bar struct {
	x            int
	title, label string
	total        string
	totalY       string
	segments     []segment
	// cut: the bar is taller than the chart; only its number is to scale.
	cut bool
}

type segment struct {
	severity  watch.Severity
	y, height string
}

// bars lays the timeline out. The weeks share one scale; what has run out and what
// comes later stand apart and may be cut, so that they do not flatten the weeks.
func (t *timeline) bars() []bar {
	scale := fewest
	for _, each := range t.weeks {
		scale = max(scale, each.count.Subjects)
	}
	var bars []bar
	for i, each := range t.buckets() {
		x := firstWeekX + (i-1)*barStep
		switch i {
		case 0:
			x = barStep / 2
		case weeksShown + 1:
			x += barWidth / 2
		}
		drawn := newBar(each, x, scale)
		drawn.label = t.axisLabel(i)
		bars = append(bars, drawn)
	}
	return bars
}

func newBar(from bucket, x, scale int) bar {
	total := from.count.Subjects
	drawn := bar{
		x: x, title: from.label + ": " + counted(total, "subject", "subjects"), total: short(total), cut: total > scale,
	}
	if total > 0 {
		drawn.title += " (" + from.severities() + "): " + from.examples()
	}
	y := float64(baseline)
	for _, severity := range watch.Severities() {
		n := from.count.Of(severity)
		if n == 0 {
			continue
		}
		// A single subject among thousands must still be seen.
		height := max(3, float64(n)/float64(max(scale, total))*tallest)
		y -= height
		drawn.segments = append(drawn.segments, segment{severity, decimal(y), decimal(height)})
	}
	drawn.totalY = decimal(y - 6)
	return drawn
}

// axisLabel names the two outer bars, this week, and the first week of each month.
func (t *timeline) axisLabel(i int) string {
	switch i {
	case 0:
		return "run out"
	case 1:
		return "this week"
	case weeksShown + 1:
		return "later"
	}
	start := t.weekStart(i - 1)
	switch {
	case start.Day() > 7 || i < 4:
		return ""
	case start.Month() == 1:
		return start.Format("Jan 2006")
	default:
		return start.Format("Jan")
	}
}

func decimal(value float64) string { return strconv.FormatFloat(value, 'f', 1, 64) }

// short keeps a count as narrow as its bar.
func short(n int) string {
	switch {
	case n == 0:
		return ""
	case n >= 10_000:
		return fmt.Sprintf("%dk", n/1000)
	default:
		return strconv.Itoa(n)
	}
}

// barFill gives each severity a texture, so that no colour is needed to tell them apart.
func barFill(severity watch.Severity) string {
	switch severity {
	case watch.Warning:
		return "url(#hatch)"
	case watch.Notice:
		return "url(#dots)"
	case watch.OK:
		return "none"
	default:
		return "currentColor"
	}
}
