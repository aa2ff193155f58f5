package report_test

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"lapsewatch/report"
	"lapsewatch/watch"
)

// clock is the finding of a clock with the offset and uncertainty in seconds.
func clock(name string, severity watch.Severity, offset, uncertainty any, details map[string]any) watch.Finding {
	finding := watch.Finding{
		ID: "fleet/" + name, Check: "fleet", Kind: "clock", Name: name, Severity: severity, Message: "clock as found",
		Details: map[string]any{
			"offset_seconds": offset, "uncertainty_seconds": uncertainty, "reference": "3 of 4 references",
			"warn_seconds": 1.0, "critical_seconds": int64(30),
		},
	}
	for key, value := range details {
		finding.Details[key] = value
	}
	if severity != watch.OK {
		finding.Reason = watch.ClockDrift
	}
	return finding
}

// fleetFindings are two hundred clocks that are right and a few that are not.
func fleetFindings() []watch.Finding {
	findings := []watch.Finding{
		clock("db-7.example.com", watch.Critical, int64(365*86400), 0.001, map[string]any{"clock_error": "a year"}),
		clock("web-3.example.com", watch.Critical, int64(9*3600-1), 0.001, map[string]any{"clock_error": "time zone"}),
		clock("mail.example.com", watch.Critical, -90.0, 0.004, map[string]any{"clock_error": "drift", "drift_ppm": -12.34}),
		clock("app-1.example.com", watch.Warning, 1.5, 0.2, nil),
		{
			ID: "fleet/silent", Check: "fleet", Kind: "clock", Name: "silent.example.com", Severity: watch.Unknown, Reason: watch.TimedOut,
			Message: "could not be read: no answer", Details: map[string]any{"warn_seconds": 1.0, "critical_seconds": 30.0},
		},
	}
	for i := range 200 {
		findings = append(findings, clock(fmt.Sprintf("host-%03d.example.com", i), watch.OK, float64(i-100)/2000, 0.0005, nil))
	}
	return findings
}

// tradingFindings are clocks under MiFID II's limit for high-frequency trading.
func tradingFindings() []watch.Finding {
	limits := map[string]any{"warn_seconds": 20e-6, "critical_seconds": 50e-6}
	var findings []watch.Finding
	for i, offset := range []float64{-72e-6, 31e-6, 15e-6, 9e-6, 4e-6, 2.2e-6, 0, -0.4e-6, -1.5e-6, -3e-6, -6e-6, -11e-6} {
		severity := watch.OK
		switch i {
		case 0:
			severity = watch.Critical
		case 1:
			severity = watch.Warning
		}
		findings = append(findings, clock(fmt.Sprintf("match-%02d.lon.example.com", i), severity, offset, 0.8e-6, limits))
	}
	return findings
}

func TestClocksStandInAPlot(t *testing.T) {
	for _, test := range []struct {
		golden, format string
		findings       []watch.Finding
		style          report.Style
	}{
		{"clocks-fleet.table-80.txt", "table", fleetFindings(), report.Style{Width: 80, OnlyNotOK: true}},
		{"clocks-fleet.md", "markdown", fleetFindings(), report.Style{OnlyNotOK: true}},
		{"clocks-fleet.html", "html", fleetFindings()[:40], report.Style{}},
		{"clocks-trading.table.txt", "table", tradingFindings(), report.Style{}},
		{"clocks-trading.html", "html", tradingFindings(), report.Style{}},
	} {
		t.Run(test.golden, func(t *testing.T) {
			golden(t, test.golden, write(t, test.format, passOf(test.findings...), test.style))
		})
	}
}

func TestAPlotStandsInTextOnlyWhereItSaysMore(t *testing.T) {
	ok, other := clock("a.example.com", watch.OK, 0.01, 0.001, nil), clock("b.example.com", watch.OK, 0.02, 0.001, nil)
	off := clock("c.example.com", watch.Warning, 2.0, 0.001, nil)
	for _, test := range []struct {
		name     string
		findings []watch.Finding
		style    report.Style
		want     bool
	}{
		{"one clock that is ok has its row", []watch.Finding{ok}, report.Style{}, false},
		{"two clocks that are ok", []watch.Finding{ok, other}, report.Style{}, true},
		{"one clock that is not", []watch.Finding{off}, report.Style{}, true},
		{"clocks that are ok are not asked for", []watch.Finding{ok, other}, report.Style{OnlyNotOK: true}, false},
		{"one that is not shows among the others", []watch.Finding{off, ok, other}, report.Style{OnlyNotOK: true}, true},
		{"no clock at all", sampleFindings()[:3], report.Style{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, format := range []string{"table", "markdown"} {
				got := write(t, format, passOf(test.findings...), test.style)
				if strings.Contains(got, "behind the references") != test.want {
					t.Errorf("%s: want a plot: %t\n%s", format, test.want, got)
				}
			}
		})
	}
}

func TestAPlotIsLeftOutWhereATerminalWouldBreakIt(t *testing.T) {
	for width, want := range map[int]bool{40: false, 61: false, 62: true, 200: true} {
		got := write(t, "table", passOf(fleetFindings()...), report.Style{Width: width, OnlyNotOK: true})
		_, plot, found := strings.Cut(got, "Clocks:\n")
		if found != want {
			t.Errorf("in %d columns there is a plot: %t", width, found)
		}
		plot, _, _ = strings.Cut(plot, "\nCould not be read")
		for line := range strings.Lines(plot) {
			if columns := utf8.RuneCountInString(line) - 1; columns > width {
				t.Errorf("in %d columns a line has %d: %s", width, columns, line)
			}
		}
	}
}

func TestAPageWithoutClocksHasNoPlot(t *testing.T) {
	if page := write(t, "html", passOf(sampleFindings()[:3]...), report.Style{}); strings.Contains(page, `id="clocks"`) {
		t.Error("there is a section of clocks")
	}
	if page := write(t, "html", passOf(clock("a.example.com", watch.OK, 0.01, 0.001, nil)), report.Style{}); strings.Count(page, `id="clocks"`) != 1 {
		t.Error("there is no section of clocks")
	}
}

// overlaps lists the texts of the plot that touch each other or stick out of it.
const overlaps = `(() => {
	const plot = document.querySelector("#clocks svg[role=img]");
	const frame = plot.getBoundingClientRect();
	const shown = [...plot.querySelectorAll("text")].map(text => ({says: text.textContent, box: text.getBoundingClientRect()})).filter(({box}) => box.width > 0);
	const wrong = shown.filter(({box}) => box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1).map(({says}) => says + " sticks out");
	shown.forEach((a, i) => shown.slice(i + 1).forEach(b => {
		if (a.box.left < b.box.right && b.box.left < a.box.right && a.box.top + 2 < b.box.bottom && b.box.top + 2 < a.box.bottom) wrong.push(a.says + " touches " + b.says);
	}));
	return wrong.join("; ");
})()`

func TestThePlotOfClocksIsLegibleOnEveryScreen(t *testing.T) {
	var wide []watch.Finding
	for i, offset := range []float64{-3e8, 2e9, -40, 40, 0, 1e-7, -7000, 0.5} {
		wide = append(wide, clock(fmt.Sprint(i, strings.Repeat("株式会社", 20), strings.Repeat("W", 90)), watch.Severities()[i%5], offset, 3.0, nil))
	}
	b := newBrowser(t)
	for name, findings := range map[string][]watch.Finding{
		"fleet": fleetFindings(), "trading": tradingFindings(), "wide": wide, "single": fleetFindings()[3:4],
	} {
		for _, view := range []struct {
			scheme string
			width  int64
		}{{"light", 1280}, {"light", 900}, {"dark", 900}, {"light", 400}, {"dark", 400}, {"light", 360}} {
			b.media("screen", view.scheme)
			b.do(chromedp.EmulateViewport(view.width, 900))
			b.open(passOf(findings...))
			if said := ask[string](b, overlaps); said != "" {
				t.Errorf("%s, %d pixels: %s", name, view.width, said)
			}
			if marks := ask[int](b, `document.querySelectorAll("#clocks svg[role=img] .mark").length`); marks == 0 {
				t.Errorf("%s: no dots", name)
			}
			if ticks := ask[int](b, `[...document.querySelectorAll("#clocks .tick text")].filter(tick => tick.getBoundingClientRect().width > 0).length`); ticks < 3 {
				t.Errorf("%s, %d pixels: %d labels at the axis", name, view.width, ticks)
			}
			if over := ask[float64](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
				t.Errorf("%s: the page is %.0f px wider than the screen", name, over)
			}
			ask[any](b, `document.querySelectorAll("main > section:not(#clocks)").forEach(section => section.hidden = true)`)
			b.picture(fmt.Sprintf("clocks-%s-%s-%d", name, view.scheme, view.width))
		}
	}
	b.silent()
}

func TestThePlotOfClocksHasItsTextEquivalent(t *testing.T) {
	b := newBrowser(t)
	b.open(passOf(fleetFindings()...))
	if got, want := ask[string](b, `(() => {
		const plot = document.querySelector("#clocks svg[role=img]");
		return plot.getAttribute("aria-labelledby").split(" ").map(id => document.getElementById(id).textContent).join(" | ");
	})()`), "How far each clock is off | 204 clocks (− behind the references, + ahead): 3 critical, 1 warning, 200 ok. 200 others (200 ok): from about −48.7 ms to about +48.7 ms. 1 more clock has no offset that could be drawn."; got != want {
		t.Errorf("the plot is called\n%s\nwant\n%s", got, want)
	}
	rows := ask[[]string](b, `[...document.querySelectorAll("#clocks tbody tr")].map(row => [...row.cells].map(cell => cell.textContent).join(" | "))`)
	want := []string{
		"db-7.example.com | critical | +365 d | ± 1 ms | a year | 3 of 4 references",
		"web-3.example.com | critical | +8 h 59 min | ± 1 ms | time zone | 3 of 4 references",
		"mail.example.com | critical | −90 s | ± 4 ms | drifts by -12.3 ppm | 3 of 4 references",
		"app-1.example.com | warning | +1.5 s | ± 200 ms |  | 3 of 4 references",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("the table has other rows (-want +got):\n%s", diff)
	}
	// Shapes tell the severities apart, and not their colours alone.
	if shapes := ask[int](b, `new Set([...document.querySelectorAll("#clocks .legend .mark path")].map(path => path.getAttribute("d") + path.getAttribute("fill"))).size`); shapes != 3 {
		t.Errorf("%d shapes for three severities", shapes)
	}
	b.silent()
}

// outsideFences removes blocks of code as CommonMark delimits them.
func outsideFences(markdown string) string {
	var out strings.Builder
	fence := ""
	opening, closing := regexp.MustCompile("^ {0,3}(`{3,})[^`]*\n$"), regexp.MustCompile("^ {0,3}(`{3,})[ \t]*\n$")
	for line := range strings.Lines(markdown) {
		opens, closes := opening.FindStringSubmatch(line), closing.FindStringSubmatch(line)
		switch {
		case fence == "" && opens != nil:
			fence = opens[1]
		case fence == "":
			out.WriteString(line)
		case closes != nil && len(closes[1]) >= len(fence):
			fence = ""
		}
	}
	return out.String()
}

func TestCSVHasTheOffsetOfAClockAsANumber(t *testing.T) {
	clock := watch.Finding{ID: "c/a", Check: "c", Kind: "clock", Name: "a", Details: map[string]any{"offset_seconds": -0.0000005, "uncertainty_seconds": 31536000.0}}
	odd := watch.Finding{ID: "c/b", Check: "c", Kind: "clock", Name: "b", Details: map[string]any{"offset_seconds": math.NaN(), "uncertainty_seconds": "=1+1"}}
	got := write(t, "csv", passOf(clock, odd), report.Style{})
	for _, want := range []string{",,,,-0.0000005,31536000\r\n", ",,,,,\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no row ends in %q:\n%s", want, got)
		}
	}
}
