package dotplot

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"lapsewatch/watch"
)

// Minus is the sign of what is behind, as it is typeset.
const Minus = "−"

// Span writes a distance in time without its sign: exactly enough to be told from others
// on the axis, "1.5 s", "42.1 ms", "8 h 59 min".
func Span(seconds float64) string {
	size := math.Abs(seconds)
	switch {
	case size == 0:
		return "0 s"
	case size >= furthest:
		return "300 y or more"
	case size < 1e-6:
		return digits(size*1e9) + " ns"
	case size < 1e-3:
		return digits(size*1e6) + " µs"
	case size < 1:
		return digits(size*1e3) + " ms"
	case size < 2*minute:
		return digits(size) + " s"
	}
	return largestUnits(int64(math.Round(size)))
}

// digits writes three significant ones, and no zeros at the end.
func digits(value float64) string {
	decimals := 2
	switch {
	case value >= 99.95:
		decimals = 0
	case value >= 9.995:
		decimals = 1
	}
	written := strconv.FormatFloat(value, 'f', decimals, 64)
	if decimals == 0 {
		return written
	}
	return strings.TrimRight(strings.TrimRight(written, "0"), ".")
}

// largestUnits writes whole seconds by their largest unit and the one below it.
func largestUnits(seconds int64) string {
	units := []struct {
		size int64
		name string
	}{{day, "d"}, {hour, "h"}, {minute, "min"}, {1, "s"}}
	for i, unit := range units {
		n := seconds / unit.size
		if n == 0 {
			continue
		}
		written := fmt.Sprintf("%d %s", n, unit.name)
		if below := i + 1; below < len(units) && seconds%unit.size/units[below].size > 0 {
			written += fmt.Sprintf(" %d %s", seconds%unit.size/units[below].size, units[below].name)
		}
		return written
	}
	return "0 s"
}

// Signed writes an offset with its sign, of which minus is the one for behind.
func Signed(seconds float64, minus string) string {
	switch {
	case seconds == 0:
		return Span(0)
	case seconds < 0:
		return minus + Span(seconds)
	default:
		return "+" + Span(seconds)
	}
}

// exactEnough is the share of an offset below which its uncertainty is not worth a word.
const exactEnough = 0.05

// Value writes the dot's offset, with its uncertainty where that is worth a word.
func (d Dot) Value(minus string) string {
	written := Signed(d.Offset, minus)
	if d.Uncertainty > math.Abs(d.Offset)*exactEnough {
		written += " ± " + Span(d.Uncertainty)
	}
	return written
}

// Label writes what the tick stands for: "+10 ms", "+1 y", "0".
func (t Tick) Label(minus string) string {
	switch size := math.Abs(t.Offset); {
	case size == 0:
		return "0"
	case size >= year:
		return sign(t.Offset, minus) + strconv.FormatFloat(size/year, 'f', 0, 64) + " y"
	case size >= day:
		return sign(t.Offset, minus) + strconv.FormatFloat(size/day, 'f', 0, 64) + " d"
	case size == minute:
		return sign(t.Offset, minus) + "1 min"
	default:
		return Signed(t.Offset, minus)
	}
}

func sign(offset float64, minus string) string {
	if offset < 0 {
		return minus
	}
	return "+"
}

// Headline says what is drawn: "205 clocks (− behind the references, + ahead): 1 critical,
// 204 ok".
func (l Layout) Headline(minus string) string {
	return fmt.Sprintf("%s (%s behind the references, + ahead): %s", counted(l.Clocks.Subjects), minus, severities(l.Clocks))
}

// Notes are sentences on what the drawing does not show by itself.
func (l Layout) Notes(minus string) []string {
	var notes []string
	if l.Others.Subjects > 0 {
		notes = append(notes, fmt.Sprintf("%s (%s): %s.", l.OthersName(), severities(l.Others), l.spread(minus)))
	}
	switch {
	case l.OtherLimits == 1:
		notes = append(notes, "1 clock has other limits than those drawn.")
	case l.OtherLimits > 1:
		notes = append(notes, fmt.Sprintf("%d clocks have other limits than those drawn.", l.OtherLimits))
	}
	switch {
	case l.Without == 1:
		notes = append(notes, "1 more clock has no offset that could be drawn.")
	case l.Without > 1:
		notes = append(notes, fmt.Sprintf("%d more clocks have no offset that could be drawn.", l.Without))
	}
	return notes
}

// OthersName counts the clocks without a name: "200 others"; empty if there are none.
func (l Layout) OthersName() string {
	switch n := l.Others.Subjects; n {
	case 0:
		return ""
	case 1:
		return "1 other"
	default:
		return fmt.Sprintf("%d others", n)
	}
}

func (l Layout) spread(minus string) string {
	from, to := l.Spread()
	if from == to {
		return "about " + Signed(from, minus)
	}
	return fmt.Sprintf("from about %s to about %s", Signed(from, minus), Signed(to, minus))
}

// Legend says how many clocks a dot of a stack stands for; empty if it is one.
func Legend(each int) string {
	if each == 1 {
		return ""
	}
	return fmt.Sprintf("a stacked dot is up to %d clocks", each)
}

func counted(n int) string {
	if n == 1 {
		return "1 clock"
	}
	return fmt.Sprintf("%d clocks", n)
}

func severities(count watch.Summary) string {
	var parts []string
	for _, severity := range watch.Severities() {
		if n := count.Of(severity); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	return strings.Join(parts, ", ")
}
