package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"lapsewatch/report"
	"lapsewatch/watch"
)

func TestAnUnknownFormatIsRefusedWithTheListOfKnownOnes(t *testing.T) {
	err := report.Write(io.Discard, "xlsx", samplePass(), report.Style{})
	if !errors.Is(err, report.ErrUnknownFormat) {
		t.Fatalf("got %v", err)
	}
	if want := `unknown output format "xlsx": want one of table, json, jsonl, csv, html, ics, markdown`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

type brokenPipe struct{ room int }

func (w *brokenPipe) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestAWriteErrorIsReturnedByEveryFormat(t *testing.T) {
	for _, format := range report.Formats() {
		for _, room := range []int{0, 5000} {
			if err := report.Write(&brokenPipe{room: room}, format, many(2000), report.Style{}); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("%s after %d bytes: got %v", format, room, err)
			}
		}
	}
}

func TestAnErrorThatEndsTheFindingsIsReturnedByEveryFormat(t *testing.T) {
	for _, format := range report.Formats() {
		pass := samplePass()
		pass.Findings = breaking(sampleFindings()[:3]...)
		err := report.Write(io.Discard, format, pass, report.Style{})
		if want := "write " + format + " report: read findings: spill file: input/output error"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// contract is version 1 of the JSON report as its readers know it.
type contract struct {
	Version     int       `json:"version"`
	GeneratedAt time.Time `json:"generated_at"`
	Clock       struct {
		Trusted       bool    `json:"trusted"`
		Verified      bool    `json:"verified"`
		OffsetSeconds float64 `json:"offset_seconds"`
		Reference     string  `json:"reference"`
	} `json:"clock"`
	Summary map[string]int `json:"summary"`
	Checks  []struct {
		Name     string   `json:"name"`
		Kind     string   `json:"kind"`
		Complete bool     `json:"complete"`
		Subjects int      `json:"subjects"`
		Problems int      `json:"problems"`
		Seconds  float64  `json:"seconds"`
		Remarks  []string `json:"remarks"`
		Error    string   `json:"error"`
	} `json:"checks"`
	Findings []contractFinding `json:"findings"`
	Error    string            `json:"error"`
}

type contractFinding struct {
	ID       string `json:"id"`
	Check    string `json:"check"`
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Severity string `json:"severity"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
	Also     []struct {
		Reason   string `json:"reason"`
		Severity string `json:"severity"`
		Message  string `json:"message"`
	} `json:"also"`
	NotBefore    *time.Time        `json:"not_before"`
	NotAfter     *time.Time        `json:"not_after"`
	DaysLeft     *int              `json:"days_left"`
	NeverExpires bool              `json:"never_expires"`
	WarnFrom     string            `json:"warn_from"`
	CriticalFrom string            `json:"critical_from"`
	Identity     string            `json:"identity"`
	Owners       []string          `json:"owners"`
	Labels       map[string]string `json:"labels"`
	Details      map[string]any    `json:"details"`
	Remedy       string            `json:"remedy"`
	Link         string            `json:"link"`
	Acknowledged *struct {
		By, Reason string
		At, Until  time.Time
	} `json:"acknowledged"`
}

func decode(t *testing.T, text string) contract {
	t.Helper()
	var decoded contract
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&decoded); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if _, err := decoder.Token(); err != io.EOF {
		t.Fatalf("more than one value: %v", err)
	}
	return decoded
}

func TestJSONFollowsItsContract(t *testing.T) {
	got := decode(t, write(t, "json", samplePass(), report.Style{}))
	if got.Version != 1 || !got.GeneratedAt.Equal(now) || !got.Clock.Trusted || got.Clock.OffsetSeconds != 0.002 || got.Summary["critical"] != 2 || len(got.Checks) != 2 || got.Error != "" {
		t.Errorf("got %+v", got)
	}
	if len(got.Findings) != 9 {
		t.Fatalf("%d findings, want every subject, the ok ones too: 9", len(got.Findings))
	}
	first, clock := got.Findings[0], got.Findings[8]
	if first.DaysLeft == nil || *first.DaysLeft != -2 || first.NotAfter == nil || !first.NotAfter.Equal(after(-2)) {
		t.Errorf("the first finding: %+v", first)
	}
	if clock.NotAfter != nil || clock.DaysLeft != nil {
		t.Errorf("a clock has a date: %+v", clock)
	}
	if clock.Details["offset_seconds"] != 0.012 || clock.Details["uncertainty_seconds"] != 0.004 {
		t.Errorf("the clock's details: %v", clock.Details)
	}
}

func TestJSONThatBreaksOffIsValidAndSaysSo(t *testing.T) {
	pass := samplePass()
	pass.Findings = breaking(sampleFindings()[:3]...)
	var out bytes.Buffer
	if err := report.Write(&out, "json", pass, report.Style{}); !errors.Is(err, errBroken) {
		t.Fatalf("got %v", err)
	}
	got := decode(t, out.String())
	if len(got.Findings) != 3 || got.Error != "read findings: spill file: input/output error" {
		t.Errorf("%d findings, error %q", len(got.Findings), got.Error)
	}
}

func TestJSONLHasOneFindingALine(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(write(t, "jsonl", samplePass(), report.Style{}), "\n"), "\n")
	if len(lines) != 9 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		var finding watch.Finding
		if err := json.Unmarshal([]byte(line), &finding); err != nil {
			t.Fatal(err)
		}
		if want := sampleFindings()[i].ID; finding.ID != want {
			t.Errorf("line %d is %s, want %s", i+1, finding.ID, want)
		}
	}
}

func TestADateThatRFC3339CannotWriteDoesNotCostTheReport(t *testing.T) {
	forever := dated(watch.Finding{Check: "tokens", Kind: "oauth", Name: "token", Severity: watch.OK, Message: "m"}, 1)
	forever.NotBefore = time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)
	forever.NotAfter = time.Date(50_000, 1, 1, 0, 0, 0, 0, time.UTC)
	got := decode(t, write(t, "json", passOf(forever), report.Style{})).Findings[0]
	if got.NotAfter.Format(time.RFC3339) != "9999-12-31T23:59:59Z" || got.NotBefore.Format(time.RFC3339) != "0000-01-01T00:00:00Z" {
		t.Errorf("got %s to %s", got.NotBefore, got.NotAfter)
	}
	if table := write(t, "table", passOf(forever), report.Style{}); !strings.Contains(table, "9999-12-31 23:59 UTC  never") {
		t.Errorf("the table says\n%s", table)
	}
	if calendar := write(t, "ics", passOf(forever), report.Style{}); strings.Contains(calendar, "VEVENT") {
		t.Errorf("the calendar has an event for what never expires:\n%s", calendar)
	}
}

func TestCSVReadsBack(t *testing.T) {
	text := write(t, "csv", samplePass(), report.Style{})
	if strings.Count(text, "\r\n") != 10 || strings.Count(text, "\n") != 10 {
		t.Errorf("want 10 lines that end with CRLF, as RFC 4180 says")
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cell := func(row int, column string) string { return rows[row][slices.Index(rows[0], column)] }
	for _, want := range []struct {
		row          int
		column, text string
	}{
		{1, "severity", "critical"}, {1, "name", "shop.example.com:443"}, {1, "days_left", "-2"},
		{1, "not_after", "2026-11-20T06:00:00Z"}, {1, "owners", "web@example.com, on-call@example.com"},
		{1, "labels", "env=prod / team=shop"}, {4, "not_after", ""}, {4, "days_left", ""}, {9, "name", "time.example.com"},
	} {
		if got := cell(want.row, want.column); got != want.text {
			t.Errorf("row %d, %s: got %q, want %q", want.row, want.column, got, want.text)
		}
	}
}

func TestEveryFormatStreams(t *testing.T) {
	for _, format := range report.Formats() {
		t.Run(format, func(t *testing.T) {
			pass, findings := many(20_000), many(20_000).Findings
			var out bytes.Buffer
			writtenAtTheEnd := 0
			pass.Findings = func(yield func(watch.Finding, error) bool) {
				for finding := range findings {
					writtenAtTheEnd = out.Len()
					if !yield(finding, nil) {
						return
					}
				}
			}
			if err := report.Write(&out, format, pass, report.Style{}); err != nil {
				t.Fatal(err)
			}
			// All formats but the table range over the subjects last of all.
			if rest := out.Len() - writtenAtTheEnd; rest > 64<<10 {
				t.Errorf("%d of %d bytes were held until the findings had ended", rest, out.Len())
			}
		})
	}
}

func TestTheTemplatesAreGenerated(t *testing.T) {
	// -n prints where the tool was built; run elsewhere, it leaves this folder alone.
	tool, err := exec.Command("go", "tool", "-modfile=../tools/templ/go.mod", "-n", "templ").Output()
	if err != nil {
		t.Fatalf("build templ: %v; run `go mod download -modfile=tools/templ/go.mod`", err)
	}
	folder := t.TempDir()
	templates, err := filepath.Glob("*.templ")
	if err != nil || len(templates) == 0 {
		t.Fatalf("no templates found: %v", err)
	}
	for _, template := range templates {
		text, err := os.ReadFile(template)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, template), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	generate := exec.Command(strings.TrimSpace(string(tool)), "generate")
	generate.Dir = folder
	if said, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("generate: %v: %s", err, said)
	}
	for _, template := range templates {
		generated := strings.TrimSuffix(template, ".templ") + "_templ.go"
		want, err := os.ReadFile(filepath.Join(folder, generated))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(generated); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is out of date (%v): run `go generate ./report`", generated, err)
		}
	}
}

func TestTheCalendarReadsBack(t *testing.T) {
	text := write(t, "ics", samplePass(), report.Style{})
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		t.Error("a line ends without CR")
	}
	for _, line := range strings.Split(text, "\r\n") {
		if len(line) > 75 {
			t.Errorf("%d octets in a line, RFC 5545 allows 75: %s", len(line), line)
		}
	}
	events := calendarEvents(t, text)
	if len(events) != 6 {
		t.Fatalf("%d events, want one for each of the 6 findings with a date", len(events))
	}
	start, err := events[0].GetStartAt()
	if err != nil || !start.Equal(after(-2)) {
		t.Errorf("the first event is at %s (%v), want its notAfter %s", start, err, after(-2))
	}
	if got := events[0].GetProperty(ics.ComponentPropertySummary).Value; got != "shop.example.com:443 runs out (critical)" {
		t.Errorf("summary %q", got)
	}
}

func calendarEvents(t *testing.T, text string) []*ics.VEvent {
	t.Helper()
	calendar, err := ics.ParseCalendar(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return calendar.Events()
}

func TestARenewedCredentialMovesItsEvent(t *testing.T) {
	finding := dated(watch.Finding{Check: "c", Kind: "tls", Name: "a", Severity: watch.Warning, Message: "m"}, 10)
	first := calendarEvents(t, write(t, "ics", passOf(finding), report.Style{}))[0]
	renewed := passOf(dated(finding, 300))
	renewed.GeneratedAt = now.Add(time.Hour)
	second := calendarEvents(t, write(t, "ics", renewed, report.Style{}))[0]
	if first.Id() != second.Id() {
		t.Errorf("the event of the renewed credential has another UID: %s and %s", first.Id(), second.Id())
	}
	sequence := func(event *ics.VEvent) string { return event.GetProperty(ics.ComponentPropertySequence).Value }
	if sequence(first) >= sequence(second) {
		t.Errorf("SEQUENCE went from %s to %s: calendars would keep the old date", sequence(first), sequence(second))
	}
}

func TestAlarmsRingFromWhenTheDateIsJudged(t *testing.T) {
	tests := []struct {
		name           string
		days           int
		warn, critical time.Duration
		want           string
	}{
		{"at the lead times that policy chose for the subject", 129, 31 * 24 * time.Hour, 36 * time.Hour, "-P31D -PT2160M"},
		{"an alarm that is past does not ring on import", 20, 31 * 24 * time.Hour, 7 * 24 * time.Hour, "-P7D"},
		{"what has expired rings no more", -3, 31 * 24 * time.Hour, 7 * 24 * time.Hour, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			finding := dated(watch.Finding{Check: "c", Kind: "tls", Name: "a", Severity: watch.OK, Message: "m"}, test.days)
			finding.WarnFrom, finding.CriticalFrom = finding.NotAfter.Add(-test.warn), finding.NotAfter.Add(-test.critical)
			var triggers []string
			for _, alarm := range calendarEvents(t, write(t, "ics", passOf(finding), report.Style{}))[0].Alarms() {
				triggers = append(triggers, alarm.GetProperty(ics.ComponentPropertyTrigger).Value)
			}
			if got := strings.Join(triggers, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func BenchmarkFormats(b *testing.B) {
	for _, format := range report.Formats() {
		for _, size := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", format, size), func(b *testing.B) {
				pass, peak := watchedHeap(many(size))
				for b.Loop() {
					if err := report.Write(io.Discard, format, pass, report.Style{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(*peak)/(1<<20), "peak-heap-MB")
			})
		}
	}
}
