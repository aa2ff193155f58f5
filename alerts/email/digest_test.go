package email

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/icalendar"
	"lapsewatch/watch"
)

func TestSubject(t *testing.T) {
	at := func(kind watch.EventType, severity watch.Severity, days int64) watch.Event {
		notAfter := alerttest.Now().Add(time.Duration(days) * 24 * time.Hour)
		return watch.Event{Type: kind, Finding: watch.Finding{Severity: severity, NotAfter: notAfter, DaysLeft: &days}}
	}
	dateless := watch.Event{Type: watch.Opened, Finding: watch.Finding{Severity: watch.Unknown}}
	never := watch.Event{Type: watch.Opened, Finding: watch.Finding{Severity: watch.Warning, NeverExpires: true, NotAfter: time.Date(2299, 12, 30, 23, 0, 0, 0, time.UTC)}}
	tests := []struct {
		name   string
		events []watch.Event
		want   string
	}{
		{"the earliest date of all is told", []watch.Event{at(watch.Opened, watch.Warning, 30), at(watch.Opened, watch.Critical, 21), at(watch.Opened, watch.Warning, 25)}, "Lapsewatch: 1 critical, 2 warnings - first expires 2026-12-13 (21 days)"},
		{"one day is not plural", []watch.Event{at(watch.Opened, watch.Critical, 1)}, "Lapsewatch: 1 critical - first expires 2026-11-23 (1 day)"},
		{"less than a day", []watch.Event{at(watch.Opened, watch.Critical, 0)}, "Lapsewatch: 1 critical - first expires 2026-11-22 (within a day)"},
		{"expired within the last day", []watch.Event{at(watch.Opened, watch.Critical, -1)}, "Lapsewatch: 1 critical - first expired 2026-11-21 (within the last day)"},
		{"expired more than a day ago", []watch.Event{at(watch.Opened, watch.Critical, -2)}, "Lapsewatch: 1 critical - first expired 2026-11-20 (1 day ago)"},
		{"expired long ago", []watch.Event{at(watch.Opened, watch.Critical, -31)}, "Lapsewatch: 1 critical - first expired 2026-10-22 (30 days ago)"},
		{"the date of what is resolved is not told", []watch.Event{at(watch.Opened, watch.Warning, 30), at(watch.Resolved, watch.OK, 3)}, "Lapsewatch: 1 warning, 1 resolved - first expires 2026-12-22 (30 days)"},
		{"only what is resolved", []watch.Event{at(watch.Resolved, watch.OK, 90), at(watch.Resolved, watch.OK, 90)}, "Lapsewatch: 2 resolved"},
		{"what could not be read has no date", []watch.Event{dateless, dateless}, "Lapsewatch: 2 unreadable"},
		{"a date that stands for never is none", []watch.Event{never}, "Lapsewatch: 1 warning"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := subject("", newDigest(alerts.Message{Events: test.events}, alerts.Env{Version: "1.2.3"})); got != test.want {
				t.Errorf("subject %s\nwant    %s", got, test.want)
			}
		})
	}
}

var calendarProperties = []string{
	"BEGIN", "VERSION", "PRODID", "METHOD", "X-WR-CALNAME", "UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "DTSTART", "TRANSP",
	"SUMMARY", "DESCRIPTION", "CATEGORIES", "URL", "STATUS", "END",
}

// The date comes all the same, and nobody looks any more.
func TestWhatNobodyWatchesAnyMoreStaysInTheCalendar(t *testing.T) {
	got := calendarEvent(alerttest.Unwatched().Events[0], alerttest.Now())
	if want := "mail.example.com:587 runs out (no longer watched)"; got.Summary != want || got.Cancelled {
		t.Errorf("summary %s, cancelled %t; want %s", got.Summary, got.Cancelled, want)
	}
	var page bytes.Buffer
	for _, group := range newDigest(alerttest.Unwatched(), alerttest.Env(nil, nil)).Groups {
		if err := heading(group).Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
	}
	if want := `<h2 class="notice"`; !strings.Contains(page.String(), want) || !strings.Contains(page.String(), "color:#1f5fa8") {
		t.Errorf("%s is missing in %s", want, page.String())
	}
}

func FuzzDigest(f *testing.F) {
	f.Add("evil\r\nBcc: x@example.org", "\x1b[31m", "javascript:alert(1)", "<script>", string(watch.Opened))
	f.Add("\u202e\u2066", strings.Repeat("a ", 2000), "https://example.com/\"><img src=x>", "</td></table>", "other")
	f.Add("\xff\x00", "{{.}}", "https://a@b/", "'\"><b onclick=x>", string(watch.Resolved))
	f.Fuzz(func(t *testing.T, name, message, link, owner, kind string) {
		finding := watch.Finding{Name: name, Message: message, Link: link, Owners: []string{owner}, Severity: watch.Warning, Check: owner, Remedy: name}
		shown := newDigest(alerts.Message{Channel: name, Events: []watch.Event{{Type: watch.EventType(kind), Why: watch.Renewed, Finding: finding}}}, alerts.Env{Version: "1.2.3"})
		var html bytes.Buffer
		if err := page(shown).Render(t.Context(), &html); err != nil {
			t.Fatal(err)
		}
		alerttest.AssertHarmless(t, strings.Replace(html.String(), "</style>", "", 1), "</style", "<script", "<img", "<b ", `="javascript:`)
		alerttest.AssertHarmless(t, plainText(shown))
		dated := watch.Event{Type: watch.EventType(kind), Why: watch.Why(owner), Finding: finding}
		dated.Finding.NotAfter = alerttest.Now()
		var calendar strings.Builder
		writer, err := icalendar.Begin(&calendar)
		if err != nil || writer.Add(calendarEvent(dated, alerttest.Now())) != nil || writer.End() != nil {
			t.Fatal(err)
		}
		// Folded lines begin with a space; nothing from outside may begin one.
		for line := range strings.Lines(calendar.String()) {
			if property, _, _ := strings.Cut(line, ":"); !strings.HasPrefix(line, " ") && !slices.Contains(calendarProperties, property) {
				t.Errorf("%q in the calendar", line)
			}
		}
		// One link at most, and no table ended before its time: Outlook's is the fourth.
		if links, tables := strings.Count(html.String(), "<a "), strings.Count(html.String(), "</table>"); links > 1 || tables != 4 {
			t.Errorf("%d links and %d tables in %s", links, tables, html.String())
		}
	})
}
