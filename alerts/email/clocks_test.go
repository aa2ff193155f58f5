package email_test

import (
	"fmt"
	"html"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/watch"
)

// clock is news of a clock that is off by so many seconds.
func clock(name string, severity watch.Severity, offset any) watch.Event {
	return watch.Event{ID: "event of " + name, Type: watch.Opened, At: alerttest.Now(), Finding: watch.Finding{
		ID: "fleet/" + name, Check: "fleet", Kind: "clock", Name: name, Severity: severity, Reason: watch.ClockDrift, Message: "clock is off",
		Details: map[string]any{
			"offset_seconds": offset, "uncertainty_seconds": 0.2, "reference": name, "warn_seconds": 1.0, "critical_seconds": int64(30),
		},
	}}
}

func clocksMessage(events ...watch.Event) alerts.Message {
	message := alerttest.Message()
	message.Events = append(events, message.Events[1])
	return message
}

func TestAMailAboutClocksShowsHowFarTheyAreOff(t *testing.T) {
	taken, _ := send(t, clocksMessage(
		clock("db-7.example.com", watch.Critical, int64(365*86400)),
		clock("web-3.example.com", watch.Critical, int64(9*3600-1)),
		clock("mail.example.com", watch.Critical, -90.0),
		clock("app-1.example.com", watch.Warning, 1.5),
		clock("<b>&`x`", watch.Warning, -1.5),
	), nil)
	mail := parseMail(t, taken.raw)
	golden(t, "clocks.txt", mail.text)
	golden(t, "clocks.html", mail.html)
	_, plot, _ := strings.Cut(mail.text, "CLOCKS\n======\n\n")
	plot, _, _ = strings.Cut(plot, "\n\n-- \n")
	if plot == "" || !strings.Contains(html.UnescapeString(mail.html), plot+"</pre>") {
		t.Errorf("the HTML has not the plot of the text:\n%s", plot)
	}
	if strings.Contains(mail.html, "<svg") || strings.Contains(mail.html, "<b>&") {
		t.Error("the HTML holds what no mail client shows, or what a name wrote")
	}
}

func TestF15_HostileNamesOfClocksStayInThePlot(t *testing.T) {
	message := alerttest.HostileMessage()
	for i := range message.Events {
		finding := &message.Events[i].Finding
		finding.Details["offset_seconds"], finding.Details["reference"], finding.Details["clock_error"] = float64(i*40), finding.Name, finding.Name
	}
	taken, _ := send(t, message, nil)
	mail := parseMail(t, taken.raw)
	alerttest.AssertHarmless(t, mail.text)
	alerttest.AssertHarmless(t, strings.Replace(mail.html, "</style>", "", 1), "<script", "<img", "<iframe", "</style", "</td></table><iframe")
	if got := mail.header.Get("Bcc"); got != "" {
		t.Errorf("Bcc: %s", got)
	}
	if strings.Count(mail.html, "<pre") != 1 || strings.Count(mail.html, "</pre>") != 1 {
		t.Error("the HTML has not exactly one plot")
	}
	_, plot, _ := strings.Cut(mail.text, "CLOCKS\n")
	for line := range strings.Lines(plot) {
		if runes := len([]rune(strings.TrimRight(line, "\r\n"))); runes > 76 {
			t.Errorf("a line has %d characters: %s", runes, line)
		}
	}
}

func TestA9_AThousandClocksMakeNoLongerPlot(t *testing.T) {
	var events []watch.Event
	for i := range 1000 {
		events = append(events, clock(fmt.Sprintf("host-%04d-%s", i, strings.Repeat("<&", 90)), watch.Critical, float64(40+i)))
	}
	taken, _ := send(t, clocksMessage(events...), nil)
	mail := parseMail(t, taken.raw)
	if !strings.Contains(mail.text, "1000 clocks (- behind the references, + ahead): 1000 critical") {
		t.Error("the plot has not all clocks")
	}
	_, plot, _ := strings.Cut(mail.text, "CLOCKS\n")
	if lines := strings.Count(plot, "\n"); lines > 40 {
		t.Errorf("%d lines", lines)
	}
	// Gmail cuts a message off above 102 KB of HTML.
	if len(mail.html) > 102<<10 {
		t.Errorf("the HTML has %d bytes", len(mail.html))
	}
}
