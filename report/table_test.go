package report_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lapsewatch/report"
	"lapsewatch/watch"
)

func TestNoLineOfTheTableIsWiderThanTheTerminal(t *testing.T) {
	for width := 54; width <= 220; width += 7 {
		for line := range strings.Lines(write(t, "table", samplePass(), report.Style{Width: width})) {
			if got := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); got > width {
				t.Errorf("width %d: %d columns in %q", width, got, line)
			}
		}
	}
}

func TestANarrowTerminalStillNamesTheOwner(t *testing.T) {
	table := write(t, "table", samplePass(), report.Style{Width: 56})
	joined := strings.Join(strings.Fields(table), " ")
	if strings.Contains(table, "OWNER") || !strings.Contains(joined, "2 days ago (owner: web@example.com, on-call@example.com)") {
		t.Errorf("got\n%s", table)
	}
}

func TestWideCharactersKeepTheColumnsStraight(t *testing.T) {
	pass := passOf(
		dated(watch.Finding{Check: "c", Name: "日本語.example", Severity: watch.OK, Message: "MARK"}, 9),
		dated(watch.Finding{Check: "c", Name: "plain-name.example", Severity: watch.OK, Message: "MARK"}, 9),
	)
	lines := strings.Split(write(t, "table", pass, report.Style{}), "\n")
	wide, plain := utf8.RuneCountInString(lines[1]), utf8.RuneCountInString(lines[2])
	if plain-wide != 3 {
		t.Errorf("three characters of two columns each make %d runes of difference:\n%s", plain-wide, strings.Join(lines, "\n"))
	}
}

func TestSubjectsOfOneNameAreToldApartByTheirCheck(t *testing.T) {
	pass := passOf(
		dated(watch.Finding{Check: "prod", Name: "crm: secret main", Severity: watch.Critical, Message: "m", Remedy: "renew it"}, 3),
		dated(watch.Finding{Check: "test", Name: "crm: secret main", Severity: watch.Warning, Message: "m", Remedy: "renew it"}, 9),
		watch.Finding{Check: "prod", Name: "hr", Severity: watch.Unknown, Reason: "not_found", Message: "m"},
		watch.Finding{Check: "test", Name: "hr", Severity: watch.Unknown, Reason: "timed_out", Message: "m"},
		dated(watch.Finding{Check: "test", Name: "mail: secret main", Severity: watch.OK, Message: "m"}, 90),
	)
	pass.Checks = []watch.CheckResult{{Name: "prod", Complete: true}, {Name: "test", Complete: true}}
	table := write(t, "table", pass, report.Style{})
	for _, want := range []string{
		"critical  crm: secret main (check prod)  2026-11-25", "warning   crm: secret main (check test)  2026-12-01", "ok        mail: secret main              2027-02-20",
		"  hr (check prod): not_found\n  hr (check test): timed_out\n",
		"  crm: secret main (check prod), crm: secret main (check test): renew it\n",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in\n%s", want, table)
		}
	}
}

func TestALongNameEndsWithAnEllipsisOnATerminalAndIsWholeInAPipe(t *testing.T) {
	name := strings.Repeat("very-long-label.", 12) + "example.com"
	pass := passOf(dated(watch.Finding{Check: "c", Name: name, Severity: watch.Warning, Message: "m"}, 9))
	if table := write(t, "table", pass, report.Style{Width: 100}); !strings.Contains(table, "…  2026-12-01") {
		t.Errorf("on a terminal:\n%s", table)
	}
	if table := write(t, "table", pass, report.Style{}); !strings.Contains(table, name+"  2026-12-01") {
		t.Errorf("in a pipe:\n%s", table)
	}
}

func TestLeftCountsWholeDaysTowardsNow(t *testing.T) {
	tests := []struct {
		name string
		at   time.Duration
		want string
	}{
		{"a second less than two days is one day", 48*time.Hour - time.Second, "1 d"},
		{"two days are two days", 48 * time.Hour, "2 d"},
		{"an hour is less than a day", time.Hour, "<1 d"},
		{"this very second is less than a day", 0, "<1 d"},
		{"an hour ago is less than a day ago", -time.Hour, "<1 d ago"},
		{"a second more than two days ago is two days ago", -48*time.Hour - time.Second, "2 d ago"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			finding := watch.Finding{Check: "c", Name: "n", Severity: watch.Critical, Message: "MESSAGE", NotAfter: now.Add(test.at)}
			got := write(t, "table", passOf(finding), report.Style{})
			if !regexp.MustCompile(`UTC  ` + test.want + ` +MESSAGE`).MatchString(got) {
				t.Errorf("want %q in\n%s", test.want, got)
			}
		})
	}
}

func TestEveryFormatCountsAFractionOfNowAsItsMessageDoes(t *testing.T) {
	tests := []struct {
		name     string
		notAfter time.Time
		want     string
	}{
		{"half a second less than 1,826 days is 1,825 days", after(1826), "1825 d"},
		{"half a second less than a day is the last day", after(1), "<1 d"},
		{"half a second more than a day is a day", after(1).Add(time.Second), "1 d"},
		{"half a second more than two days ago is two days ago", after(-2), "2 d ago"},
		{"this very second has just ended", now, "<1 d ago"},
	}
	shown := map[string]string{"table": "UTC  %s  MESSAGE", "markdown": "UTC | %s | `MESSAGE`", "html": `<span class="left">%s</span>`}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pass := passOf(watch.Finding{Check: "c", Name: "n", Severity: watch.Critical, Message: "MESSAGE", NotAfter: test.notAfter})
			pass.GeneratedAt = now.Add(500 * time.Millisecond)
			for format, layout := range shown {
				// Neither the table's padding nor HTML's escape of < is of interest here.
				got := html.UnescapeString(regexp.MustCompile(` +MESSAGE`).ReplaceAllString(write(t, format, pass, report.Style{}), "  MESSAGE"))
				if want := fmt.Sprintf(layout, test.want); !strings.Contains(got, want) {
					t.Errorf("%s: want %q in\n%s", format, want, got)
				}
			}
		})
	}
}

func TestTheSummaryLineSpeaksOfTheClock(t *testing.T) {
	tests := []struct {
		name  string
		clock watch.OwnClock
		want  string
	}{
		{"no reference was asked", watch.OwnClock{Trusted: true}, "1 subject: 1 ok"},
		{"a reference agrees", watch.OwnClock{Trusted: true, Verified: true, OffsetSeconds: -0.25, Reference: "ntp://a"}, "1 subject: 1 ok; own clock verified (-0.250 s from ntp://a)"},
		{"the references disagree", watch.OwnClock{Verified: true, Corrected: true, OffsetSeconds: 3600, Reference: "3 of 4 references"}, "1 subject: 1 ok; own clock not to be believed (+3600.000 s from 3 of 4 references): dates are judged by the time of the references, and nothing is resolved"},
		{"no reference answers", watch.OwnClock{Trusted: true, Unverified: "none of 2 references answered"}, "1 subject: 1 ok; own clock unverified: none of 2 references answered"},
		{"it was set meanwhile", watch.OwnClock{Unverified: "was set by 1 h during this pass"}, "1 subject: 1 ok; own clock not to be believed: was set by 1 h during this pass"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pass := passOf(watch.Finding{Check: "c", Name: "n", Severity: watch.OK})
			pass.Clock = test.clock
			if got := write(t, "table", pass, report.Style{}); !strings.HasSuffix(got, "\n"+test.want+"\n") {
				t.Errorf("want %q at the end of\n%s", test.want, got)
			}
		})
	}
}

func TestAReportWithoutRowsSaysWhy(t *testing.T) {
	ok := passOf(watch.Finding{Check: "c", Name: "n", Severity: watch.OK})
	blind := passOf()
	blind.Checks = []watch.CheckResult{{Name: "entra", Kind: "entra", Error: "sign in: AADSTS7000222"}}
	tests := []struct {
		name  string
		pass  watch.Pass
		style report.Style
		want  string
	}{
		{"all is ok and only the rest was asked for", ok, report.Style{OnlyNotOK: true}, "Nothing to do: every subject is ok."},
		{"the checks found nothing", passOf(), report.Style{}, "Nothing to watch: the checks listed no subject."},
		{"the only check could not read its source", blind, report.Style{}, "No subject could be listed: see what could not be read."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, format := range []string{"table", "markdown"} {
				if got := write(t, format, test.pass, test.style); !strings.Contains(got, test.want) {
					t.Errorf("%s: want %q in\n%s", format, test.want, got)
				}
			}
		})
	}
	if got := write(t, "table", blind, report.Style{}); !strings.Contains(got, "check entra could not read its source: sign in: AADSTS7000222") {
		t.Errorf("the table hides the check's failure:\n%s", got)
	}
}

func TestNextStepsAreGroupedAndBounded(t *testing.T) {
	var findings []watch.Finding
	for i := range 70 {
		findings = append(findings, watch.Finding{Check: "c", Name: fmt.Sprintf("host-%02d", i), Severity: watch.Warning, Remedy: "Do the same."})
	}
	for i := range 70 {
		findings = append(findings, watch.Finding{Check: "c", Name: "n", Severity: watch.Notice, Remedy: fmt.Sprintf("Do thing %d.", i)})
	}
	got := write(t, "table", passOf(findings...), report.Style{})
	for _, want := range []string{
		"\n  host-00, host-01, host-02 and 67 more: Do the same.\n",
		"\n  n: Do thing 48.\n",
		"\n  … and for 21 more subjects: CSV and JSON have them all\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
}

func TestWhatNeverEndsShowsNoDaysWhateverDateStandsForThat(t *testing.T) {
	endless := dated(watch.Finding{
		Check: "tenant", Kind: "entra", Name: "kiosk", Severity: watch.OK, NeverExpires: true,
		Message: "client secret never expires (notAfter 2299-12-30 23:00 UTC)",
	}, 99749)
	if shown := write(t, "table", passOf(endless), report.Style{}); !strings.Contains(shown, " never ") || strings.Contains(shown, "99749") {
		t.Errorf("the table shows:\n%s", shown)
	}
	if shown := write(t, "ics", passOf(endless), report.Style{}); strings.Contains(shown, "BEGIN:VEVENT") {
		t.Errorf("the calendar shows:\n%s", shown)
	}
}
