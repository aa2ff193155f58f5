package dotplot

import (
	"fmt"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/columns"
	"lapsewatch/watch"
)

// The widths in which a plot in plain text can be read, in columns.
const (
	MinWidth = 60
	MaxWidth = 100

	leastNameColumns = 10
	mostValueColumns = 22
	mostStacked      = 6
	tickGap          = 2
	lineMark         = '.'
)

// marks are ASCII, so that every font gives them one column.
func mark(severity watch.Severity) byte {
	switch severity {
	case watch.Critical:
		return '#'
	case watch.Warning:
		return '!'
	case watch.Notice:
		return '*'
	case watch.OK:
		return 'o'
	default:
		return '?'
	}
}

// canvas is the text plot while it is drawn: a name, the axis and a value in each line.
type canvas struct {
	layout            Layout
	name, axis, value int
	lines             []string
}

// Text draws the plot in plain text, at most so many columns wide (60 to 100): for a
// monospaced font, in ASCII but for names and units. Names have an apostrophe for each
// back-tick, so that the lines can stand in a block of code. It is nil if nothing has an
// offset.
func (l Layout) Text(width int) []string {
	if l.Clocks.Subjects == 0 {
		return nil
	}
	made := &canvas{layout: l}
	made.measure(max(MinWidth, min(width, MaxWidth)))
	made.lines = fold(l.Headline("-"), made.width())
	made.lines = append(made.lines, "")
	for _, dot := range l.Named {
		made.drawNamed(dot)
	}
	each := made.drawStacks()
	made.drawAxis()
	made.lines = append(made.lines, "")
	for _, note := range append([]string{made.key(each), made.limits()}, l.Notes("-")...) {
		made.lines = append(made.lines, fold(note, made.width())...)
	}
	return made.lines
}

// Between the columns of a line stand: the mark and a space before the name, and a space
// on each side of the axis.
const separators = 4

func (c *canvas) width() int { return separators + c.name + c.axis + c.value }

// measure gives names at most a third of the width, and the axis what is left.
func (c *canvas) measure(width int) {
	c.name = max(leastNameColumns, columns.In(c.layout.OthersName()))
	for _, dot := range c.layout.Named {
		c.name = max(c.name, columns.In(dot.Name))
		c.value = max(c.value, columns.In(dot.Value("-")))
	}
	c.name, c.value = min(c.name, width/3), min(c.value, mostValueColumns)
	c.axis = width - c.name - c.value - separators
}

// column is where a position lies on the axis.
func (c *canvas) column(position float64) int {
	return max(0, min(int(position*float64(c.axis)), c.axis-1))
}

// ground is a line of the axis with the limits alone.
func (c *canvas) ground() []byte {
	row := []byte(strings.Repeat(" ", c.axis))
	row[c.column(c.layout.Zero())] = lineMark
	for _, severity := range []watch.Severity{watch.Warning, watch.Critical} {
		for _, line := range c.layout.Lines() {
			if line.Severity == severity {
				row[c.column(line.Position)] = limitMark(severity)
			}
		}
	}
	return row
}

func limitMark(severity watch.Severity) byte {
	if severity == watch.Critical {
		return '|'
	}
	return ':'
}

func (c *canvas) drawNamed(dot Dot) {
	row := c.ground()
	low, high := c.column(dot.Low), c.column(dot.High)
	if low < high {
		for at := low; at <= high; at++ {
			row[at] = '-'
		}
	}
	row[c.column(dot.Position)] = mark(dot.Severity)
	name := columns.Fitted(clean.Prose(dot.Name), c.name)
	c.line(mark(dot.Severity), name, row, columns.Fitted(dot.Value("-"), c.value))
}

func (c *canvas) line(sign byte, name string, row []byte, value string) {
	line := fmt.Sprintf("%c %s %s %s", sign, columns.Padded(name, c.name), row, value)
	c.lines = append(c.lines, strings.TrimRight(line, " "))
}

// drawStacks draws the dots without a name and says how many clocks each stands for.
func (c *canvas) drawStacks() (each int) {
	bins := c.layout.Bins(c.axis)
	each = Each(bins, mostStacked)
	highest := 0
	for _, bin := range bins {
		highest = max(highest, len(bin.Stack(each)))
	}
	for level := highest - 1; level >= 0; level-- {
		row := c.ground()
		for _, bin := range bins {
			if stack := bin.Stack(each); level < len(stack) {
				row[c.column(bin.Position)] = mark(stack[level])
			}
		}
		name := ""
		if level == 0 {
			name = c.layout.OthersName()
		}
		c.line(' ', name, row, "")
	}
	return each
}

// drawAxis draws the axis and, below it, what its marks stand for.
func (c *canvas) drawAxis() {
	axis := []byte(strings.Repeat("-", c.axis))
	labels := []rune(strings.Repeat(" ", c.axis))
	taken := make([]bool, c.axis)
	c.layout.scale.ticks(func(tick Tick) bool {
		label := []rune(tick.Label("-"))
		at := c.column(tick.Position)
		from := max(0, min(at-len(label)/2, c.axis-len(label)))
		for i := max(0, from-tickGap); i < min(from+len(label)+tickGap, c.axis); i++ {
			if taken[i] {
				return false
			}
		}
		for i := range label {
			taken[from+i], labels[from+i] = true, label[i]
		}
		axis[at] = '+'
		return true
	})
	c.line(' ', "", axis, "")
	c.lines = append(c.lines, strings.TrimRight(strings.Repeat(" ", c.name+3)+string(labels), " "))
}

// key explains the marks that are there.
func (c *canvas) key(each int) string {
	var parts []string
	for _, severity := range watch.Severities() {
		if c.layout.Clocks.Of(severity) > 0 {
			parts = append(parts, fmt.Sprintf("%c %s", mark(severity), severity))
		}
	}
	if legend := Legend(each); legend != "" {
		parts = append(parts, legend)
	}
	return strings.Join(parts, ", ")
}

// limits explains the lines that are there; empty if there are none.
func (c *canvas) limits() string {
	var parts []string
	for _, limit := range c.layout.Limits() {
		parts = append(parts, fmt.Sprintf("%c %s from %s", limitMark(limit.Severity), limit.Severity, Span(limit.Size)))
	}
	return strings.Join(parts, ", ")
}

// fold breaks a text between words into lines of at most so many columns.
func fold(text string, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && columns.In(line)+1+columns.In(word) > most {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line == "" {
		return lines
	}
	return append(lines, line)
}
