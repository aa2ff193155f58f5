package dotplot_test

import (
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"lapsewatch/internal/columns"
	"lapsewatch/internal/dotplot"
	"lapsewatch/watch"
)

func TestTheFleetMayBeOfAnySize(t *testing.T) {
	var plot dotplot.Plot
	severities := watch.Severities()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const clocks = 100_000
	for i := range clocks {
		offset := math.Pow(10, float64(i%1700)/100-8)
		if i%2 == 0 {
			offset = -offset
		}
		plot.Add(clock(fmt.Sprintf("host-%06d.example.com", i), severities[i%5], offset, 1e-6, float64(i%500+1), 1e4))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d clocks hold %d bytes", clocks, grown)
	}
	layout := plot.Layout()
	if layout.Clocks.Subjects != clocks || layout.Others.Subjects != clocks-12 || len(layout.Text(72)) > 40 {
		t.Errorf("%d clocks, %d others, %d lines", layout.Clocks.Subjects, layout.Others.Subjects, len(layout.Text(72)))
	}
	bins := layout.Bins(46)
	each := dotplot.Each(bins, 8)
	for _, bin := range bins {
		if high := len(bin.Stack(each)); high == 0 || high > 8 {
			t.Errorf("a stack of %d dots for %d clocks", high, bin.Count.Subjects)
		}
		if bin.Gravest() != watch.Critical {
			t.Errorf("the gravest of %+v is %s", bin.Count, bin.Gravest())
		}
	}
}

func FuzzFinding(f *testing.F) {
	f.Add("db-7", "critical", `{"offset_seconds":31536000,"uncertainty_seconds":0.1,"warn_seconds":1,"critical_seconds":30}`, 72)
	f.Add("`x`\x1b[31m\u202e", "ok", `{"offset_seconds":-1e308,"uncertainty_seconds":-5,"warn_seconds":1e-300,"reference":"<b>"}`, 10)
	f.Add(strings.Repeat("株", 500), "?", `{"offset_seconds":5e-324,"warn_seconds":"1","clock_error":["a"],"drift_ppm":1e300}`, 1000)
	f.Fuzz(func(t *testing.T, name, severity, details string, width int) {
		finding := watch.Finding{Name: name, Severity: watch.Severity(severity)}
		if json.Unmarshal([]byte(details), &finding.Details) != nil {
			return
		}
		plot := plotOf(append(same(14, 0.25), finding, finding)...)
		layout := plot.Layout()
		for _, line := range layout.Text(width) {
			if columns.In(line) > max(dotplot.MinWidth, min(width, dotplot.MaxWidth)) || !utf8.ValidString(line) || strings.Contains(line, "`") {
				t.Errorf("%d columns: %q", columns.In(line), line)
			}
			for _, char := range line {
				if !unicode.IsPrint(char) {
					t.Errorf("%U in %q", char, line)
				}
			}
		}
		count := len(layout.Named)
		for _, bin := range layout.Bins(width) {
			count += bin.Count.Subjects
		}
		if count != layout.Clocks.Subjects {
			t.Errorf("%d drawn, want %d", count, layout.Clocks.Subjects)
		}
	})
}
