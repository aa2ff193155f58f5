package dotplot_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/internal/columns"
	"lapsewatch/internal/dotplot"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files")

// clock is the finding of a clock; what is nil of it has no detail.
func clock(name string, severity watch.Severity, offset, uncertainty, warn, critical any) watch.Finding {
	finding := watch.Finding{Name: name, Severity: severity, Details: map[string]any{}}
	for key, value := range map[string]any{
		"offset_seconds": offset, "uncertainty_seconds": uncertainty, "warn_seconds": warn, "critical_seconds": critical,
	} {
		if value != nil {
			finding.Details[key] = value
		}
	}
	return finding
}

func plotOf(findings ...watch.Finding) *dotplot.Plot {
	var plot dotplot.Plot
	for _, finding := range findings {
		plot.Add(finding)
	}
	return &plot
}

// fleet has a few clocks that are off and two hundred that are right.
func fleet() []watch.Finding {
	findings := []watch.Finding{
		clock("db-7.example.com", watch.Critical, int64(365*86400), 0.001, 1.0, 30.0),
		clock("web-3.example.com", watch.Critical, uint64(9*3600-1), 0.001, 1.0, 30.0),
		clock("mail.example.com", watch.Critical, -90.0, 0.004, 1.0, int64(30)),
		clock("app-1.example.com", watch.Warning, 1.5, 0.2, 1.0, 30.0),
		clock("silent.example.com", watch.Unknown, nil, nil, 1.0, 30.0),
		{Name: "shop.example.com:443", Severity: watch.Critical, Details: map[string]any{"issuer": "CN=Example CA"}},
	}
	for i := range 200 {
		findings = append(findings, clock(fmt.Sprintf("host-%03d", i), watch.OK, float64(i-100)/2000, 0.0005, 1.0, 30.0))
	}
	return findings
}

// trading are clocks under the limit of MiFID II for high-frequency trading, 100 µs.
func trading() []watch.Finding {
	var findings []watch.Finding
	for i, offset := range []float64{-72e-6, 31e-6, 15e-6, 9e-6, 4e-6, 2.2e-6, 0, -0.4e-6, -1.5e-6, -3e-6, -6e-6, -11e-6, 12e-6, 13e-6} {
		severity := watch.OK
		switch i {
		case 0:
			severity = watch.Critical
		case 1:
			severity = watch.Warning
		}
		findings = append(findings, clock(fmt.Sprintf("match-%02d.lon", i), severity, offset, 0.8e-6, 20e-6, 50e-6))
	}
	return findings
}

func same(n int, offset float64) []watch.Finding {
	var findings []watch.Finding
	for i := range n {
		findings = append(findings, clock(fmt.Sprintf("host-%04d", i), watch.OK, offset, nil, 1.0, 30.0))
	}
	return findings
}

func TestPlotsReadAsTheGoldenFilesSay(t *testing.T) {
	mixed := same(40, 0.01)
	for i := range mixed[:6] {
		mixed[i].Severity = watch.Severities()[i%5]
		mixed[i].Details["offset_seconds"] = float64(i)
	}
	mixed = append(mixed, clock("own limits", watch.Warning, 0.4, 0.1, 0.2, 0.5), clock("no limits", watch.OK, 0.4, 0.1, nil, nil))
	for _, test := range []struct {
		golden   string
		findings []watch.Finding
		width    int
	}{
		{"fleet-60.txt", fleet(), 60},
		{"fleet-72.txt", fleet(), 72},
		{"fleet-100.txt", fleet(), 100},
		{"trading.txt", trading(), 80},
		{"single.txt", fleet()[3:4], 72},
		{"single-without-limits.txt", []watch.Finding{clock("time.example.com", watch.OK, 0.012, 0.004, nil, nil)}, 72},
		{"all-at-zero.txt", same(1000, 0), 72},
		{"every-severity.txt", mixed, 80},
		{"wide-names.txt", []watch.Finding{clock("株式会社の時計はいつも正しいわけではない", watch.Warning, -2, 0.001, 1.0, 30.0), clock("`rm -rf`", watch.OK, 0.1, 0.2, 1.0, 30.0)}, 72},
	} {
		t.Run(test.golden, func(t *testing.T) {
			lines := plotOf(test.findings...).Layout().Text(test.width)
			for _, line := range lines {
				if columns.In(line) > test.width || strings.TrimRight(line, " ") != line {
					t.Errorf("a line has %d columns or ends in spaces: %q", columns.In(line), line)
				}
			}
			got, path := strings.Join(lines, "\n")+"\n", filepath.Join("testdata", test.golden)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s differs (-want +got); run with -update if that is meant:\n%s", path, diff)
			}
		})
	}
}

func TestOnlyWhatIsOfAClockIsTaken(t *testing.T) {
	for _, test := range []struct {
		name             string
		finding          watch.Finding
		clocks, without  int
		worth, worrisome bool
	}{
		{"a certificate is no clock", watch.Finding{Severity: watch.Critical, Details: map[string]any{"issuer": "x"}}, 0, 0, false, false},
		{"a clock that is ok", clock("n", watch.OK, 0.1, 0.1, 1.0, 2.0), 1, 0, false, false},
		{"a clock that is not", clock("n", watch.Notice, 0.1, 0.1, 1.0, 2.0), 1, 0, true, true},
		{"a whole number from JSON", clock("n", watch.OK, int64(3), uint64(1), 5, nil), 1, 0, false, false},
		{"limits without an offset", clock("n", watch.Unknown, nil, nil, 1.0, nil), 0, 1, false, false},
		{"an offset that is no number", clock("n", watch.Unknown, "1.5", nil, nil, nil), 0, 1, false, false},
		{"NaN", clock("n", watch.Warning, math.NaN(), nil, nil, nil), 0, 1, false, false},
		{"infinity", clock("n", watch.Warning, math.Inf(-1), nil, nil, nil), 0, 1, false, false},
		{"a severity that does not exist counts as unknown", clock("n", "fine", 0.1, nil, nil, nil), 1, 0, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			plot := plotOf(test.finding)
			layout := plot.Layout()
			if layout.Clocks.Subjects != test.clocks || layout.Without != test.without || plot.Any() != (test.clocks > 0) {
				t.Errorf("%d clocks and %d without an offset, want %d and %d", layout.Clocks.Subjects, layout.Without, test.clocks, test.without)
			}
			if plot.Worthwhile() != test.worth || plot.Worrying() != test.worrisome {
				t.Errorf("worthwhile %t, worrying %t", plot.Worthwhile(), plot.Worrying())
			}
			if text := layout.Text(72); (text == nil) != (test.clocks == 0) {
				t.Errorf("text %q", text)
			}
		})
	}
}

func TestTheWorstAreNamedAndTheOthersCounted(t *testing.T) {
	worrying := same(30, 0.01)
	for i := range worrying[:20] {
		worrying[i].Severity, worrying[i].Details["offset_seconds"] = watch.Warning, float64(2+i)
	}
	worrying[25].Severity = watch.Critical
	for _, test := range []struct {
		name     string
		findings []watch.Finding
		named    string
		others   int
	}{
		{"a small fleet is named whole, the gravest first and then the furthest", []watch.Finding{
			clock("near", watch.OK, 0.1, nil, nil, nil), clock("far", watch.OK, -0.2, nil, nil, nil), clock("grave", watch.Warning, 0.05, nil, nil, nil),
		}, "grave far near", 0},
		{"of a large fleet all that is not ok", fleet(), "db-7.example.com web-3.example.com mail.example.com app-1.example.com", 200},
		{"of a large fleet in order the three furthest", append(trading()[2:], clock("near", watch.OK, 1e-9, nil, nil, nil)), "match-02.lon match-13.lon match-12.lon", 10},
		{"no more than twelve", worrying, "host-0025 host-0019 host-0018 host-0017 host-0016 host-0015 host-0014 host-0013 host-0012 host-0011 host-0010 host-0009", 18},
		{"equals by name", same(1000, 0), "host-0000 host-0001 host-0002", 997},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, order := range []string{"as found", "backwards"} {
				layout := plotOf(test.findings...).Layout()
				var names []string
				for _, dot := range layout.Named {
					names = append(names, dot.Name)
				}
				if got := strings.Join(names, " "); got != test.named || layout.Others.Subjects != test.others {
					t.Errorf("%s: %d others and %s\nwant %d and %s", order, layout.Others.Subjects, got, test.others, test.named)
				}
				binned := 0
				for _, bin := range layout.Bins(46) {
					binned += bin.Count.Subjects
				}
				if binned != test.others {
					t.Errorf("%d in bins, want %d", binned, test.others)
				}
				slices.Reverse(test.findings)
			}
		})
	}
}

func TestTheAxisIsInOrderAndZeroIsZero(t *testing.T) {
	for name, findings := range map[string][]watch.Finding{
		"fleet": fleet(), "trading": trading(), "zero": same(3, 0), "far behind": {clock("n", watch.Critical, -9.2e9, nil, 1e-9, 1e10)},
		"beyond everything": {clock("n", watch.Critical, 1e300, 1e300, 1e300, 1e300)}, "denormal": {clock("n", watch.OK, 5e-324, 5e-324, 5e-324, nil)},
	} {
		layout := plotOf(findings...).Layout()
		previous := -1.0
		for _, tick := range layout.Ticks(0.05) {
			if tick.Position-previous < 0.05 || tick.Position > 1 || tick.Position < 0 {
				t.Errorf("%s: the tick %s lies at %g behind %g", name, tick.Label("-"), tick.Position, previous)
			}
			if tick.Offset == 0 && tick.Position != layout.Zero() {
				t.Errorf("%s: zero lies at %g and at %g", name, tick.Position, layout.Zero())
			}
			previous = tick.Position
		}
		for _, dot := range layout.Named {
			if !(0 <= dot.Low && dot.Low <= dot.Position && dot.Position <= dot.High && dot.High <= 1) {
				t.Errorf("%s: %s lies at %g (%g to %g)", name, dot.Name, dot.Position, dot.Low, dot.High)
			}
			if dot.Offset > 0 != (dot.Position > layout.Zero()) && dot.Offset != 0 && math.Abs(dot.Offset) > 1e-9 {
				t.Errorf("%s: %s is on the wrong side of zero", name, dot.Name)
			}
		}
		lines := layout.Lines()
		if !slices.IsSortedFunc(lines, func(a, b dotplot.Line) int { return int(math.Copysign(1, a.Position-b.Position)) }) {
			t.Errorf("%s: limits %v", name, lines)
		}
	}
}

func TestLimitsAreThoseThatMostClocksHave(t *testing.T) {
	findings := append(same(5, 0), clock("a", watch.OK, 0.0, nil, 0.1, 0.5), clock("b", watch.OK, 0.0, nil, 0.2, nil), clock("c", watch.OK, 0.0, nil, nil, nil))
	layout := plotOf(findings...).Layout()
	if diff := cmp.Diff([]dotplot.Limit{{Severity: watch.Warning, Size: 1}, {Severity: watch.Critical, Size: 30}}, layout.Limits()); diff != "" || layout.OtherLimits != 2 {
		t.Errorf("%d others, limits (-want +got):\n%s", layout.OtherLimits, diff)
	}
	hostile := make([]watch.Finding, 0, 1000)
	for i := range cap(hostile) {
		hostile = append(hostile, clock("n", watch.OK, 0.0, nil, float64(i+1), -1.0))
	}
	if layout := plotOf(hostile...).Layout(); layout.OtherLimits != 999 || len(layout.Limits()) != 1 {
		t.Errorf("%d others, limits %v", layout.OtherLimits, layout.Limits())
	}
}

func TestTheValuesAreInTheWordsOfClocks(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0 s", 2e-9: "+2 ns", 999.6e-9: "+1000 ns", -42.06e-6: "-42.1 µs", 0.0999: "+99.9 ms", -0.5: "-500 ms", 1.5: "+1.5 s", 100: "+100 s",
		-90: "-90 s", 119.94: "+120 s", 120: "+2 min", 187: "+3 min 7 s", 9*3600 - 1: "+8 h 59 min", 7200: "+2 h", 365 * 86400: "+365 d",
		90061: "+1 d 1 h", -86405: "-1 d", 9.2e9: "+106481 d 11 h", 1e10: "+300 y or more",
	} {
		if got := dotplot.Signed(seconds, "-"); got != want {
			t.Errorf("%g: %s, want %s", seconds, got, want)
		}
	}
}

func TestALookAlikeIsNamedWithItsDrift(t *testing.T) {
	for _, test := range []struct {
		class, drift any
		want         string
	}{
		{nil, nil, ""}, {"a year", nil, "a year"}, {"drift", -12.34, "drifts by -12.3 ppm"}, {nil, int64(7), "drifts by +7 ppm"},
		{"time zone", 0.5, "time zone, drifts by +0.5 ppm"}, {7, math.NaN(), ""}, {"a\x1b[31m\nb", 0.0, "a\uFFFD[31m\uFFFDb"},
	} {
		finding := clock("n", watch.Warning, 1.0, nil, nil, nil)
		finding.Details["clock_error"], finding.Details["drift_ppm"] = test.class, test.drift
		if got := plotOf(finding).Layout().Named[0].Seems; got != test.want {
			t.Errorf("%v and %v: %q, want %q", test.class, test.drift, got, test.want)
		}
	}
}
