package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lapsewatch/internal/icalendar"
	"lapsewatch/watch"
)

// writeCalendar writes one event per finding with a date, at the instant of notAfter
// (RFC 5545).
func writeCalendar(w io.Writer, pass watch.Pass, _ Style) error {
	calendar, err := icalendar.Begin(w)
	if err != nil {
		return err
	}
	for finding, err := range findings(pass) {
		if err != nil {
			return err
		}
		if finding.NotAfter.IsZero() || endless(finding) {
			continue
		}
		if err := calendar.Add(calendarEvent(finding, pass)); err != nil {
			return err
		}
	}
	return calendar.End()
}

func calendarEvent(raw watch.Finding, pass watch.Pass) icalendar.Event {
	finding := readable(raw)
	return icalendar.Event{
		Subject: raw.ID, At: finding.NotAfter, Stamped: pass.GeneratedAt,
		Summary:     fmt.Sprintf("%s runs out (%s)", finding.Name, finding.Severity),
		Description: eventDescription(finding), Category: string(finding.Severity), Link: finding.Link,
		Alarms:    []time.Time{finding.WarnFrom, finding.CriticalFrom},
		AlarmText: fmt.Sprintf("%s runs out %s", finding.Name, stamp(finding.NotAfter)),
	}
}

func eventDescription(finding watch.Finding) string {
	lines := []string{finding.Message}
	for _, also := range finding.Also {
		lines = append(lines, fmt.Sprintf("Also (%s): %s", also.Severity, also.Message))
	}
	if finding.Remedy != "" {
		lines = append(lines, "Next step: "+finding.Remedy)
	}
	if len(finding.Owners) > 0 {
		lines = append(lines, "Owners: "+ownersText(finding))
	}
	return strings.Join(append(lines, "Check: "+finding.Check), "\n")
}
