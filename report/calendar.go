package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"lapsewatch/watch"
)

const (
	day           = 24 * time.Hour
	secondsTo2020 = 1_577_836_800
)

// writeCalendar writes one event per finding with a date, at the instant of notAfter
// (RFC 5545). Events are written one by one; the library would hold them all.
func writeCalendar(w io.Writer, pass watch.Pass, _ Style) error {
	layout := &ics.SerializationConfiguration{MaxLength: 75, PropertyMaxLength: 75, NewLine: "\r\n"}
	calendar := ics.NewCalendar()
	calendar.SetProductId("-//Lapsewatch//Expiry calendar//EN")
	calendar.SetMethod(ics.MethodPublish)
	calendar.SetXWRCalName("Lapsewatch: what runs out")
	if _, err := io.WriteString(w, "BEGIN:VCALENDAR\r\n"); err != nil {
		return err
	}
	for _, property := range calendar.CalendarProperties {
		if err := property.SerializeTo(w, layout); err != nil {
			return err
		}
	}
	for finding, err := range findings(pass) {
		if err != nil {
			return err
		}
		if finding.NotAfter.IsZero() || endless(finding) {
			continue
		}
		if err := calendarEvent(finding, pass).SerializeTo(w, layout); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "END:VCALENDAR\r\n")
	return err
}

func calendarEvent(raw watch.Finding, pass watch.Pass) *ics.VEvent {
	finding := readable(raw)
	event := ics.NewEvent(eventUID(raw.ID))
	event.SetDtStampTime(pass.GeneratedAt)
	event.SetLastModifiedAt(pass.GeneratedAt)
	// Calendars replace an event that they know only by one with a higher sequence.
	// Seconds since 2020 rise from report to report without a memory of the last, and
	// fit into 31 bits until 2088.
	event.SetSequence(int(pass.GeneratedAt.Unix() - secondsTo2020))
	event.SetStartAt(finding.NotAfter)
	event.SetTimeTransparency(ics.TransparencyTransparent)
	event.SetSummary(fmt.Sprintf("%s runs out (%s)", finding.Name, finding.Severity))
	event.SetDescription(eventDescription(finding))
	event.AddCategory(string(finding.Severity))
	if finding.Link != "" {
		event.SetURL(finding.Link)
	}
	for _, at := range []time.Time{finding.WarnFrom, finding.CriticalFrom} {
		// Calendars ring an alarm that is past when they import it.
		if !at.After(pass.GeneratedAt) {
			continue
		}
		alarm := event.AddAlarm()
		alarm.SetAction(ics.ActionDisplay)
		alarm.SetTrigger(trigger(finding.NotAfter.Sub(at)))
		alarm.SetDescription(fmt.Sprintf("%s runs out %s", finding.Name, stamp(finding.NotAfter)))
	}
	return event
}

// eventUID is the same in every report on the subject, so that importing the next one
// moves the event of a renewed credential.
func eventUID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16]) + "@lapsewatch"
}

// trigger writes a duration before the start as RFC 5545, 3.3.6 does.
func trigger(before time.Duration) string {
	if before%day == 0 {
		return fmt.Sprintf("-P%dD", before/day)
	}
	return fmt.Sprintf("-PT%dM", before/time.Minute)
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
