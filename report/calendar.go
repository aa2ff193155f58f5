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

const day = 24 * time.Hour

// writeCalendar writes one event per finding with a date, at the instant of notAfter
// (RFC 5545). Events are written one by one; the library would hold them all.
func writeCalendar(w io.Writer, pass watch.Pass, style Style) error {
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
	alarms := alarmLeads(style)
	for finding, err := range findings(pass) {
		if err != nil {
			return err
		}
		if finding.NotAfter.IsZero() || neverExpires(finding.NotAfter) {
			continue
		}
		if err := calendarEvent(finding, pass, alarms).SerializeTo(w, layout); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "END:VCALENDAR\r\n")
	return err
}

func alarmLeads(style Style) []watch.Lead {
	leads := []watch.Lead{style.Warn, style.Critical}
	if leads[0] == (watch.Lead{}) {
		leads[0] = watch.Lead{Months: 1}
	}
	if leads[1] == (watch.Lead{}) {
		leads[1] = watch.Lead{Fixed: 7 * day}
	}
	return leads
}

func calendarEvent(raw watch.Finding, pass watch.Pass, alarms []watch.Lead) *ics.VEvent {
	finding := readable(raw)
	event := ics.NewEvent(eventUID(raw.ID))
	event.SetDtStampTime(pass.GeneratedAt)
	event.SetLastModifiedAt(pass.GeneratedAt)
	// Calendars replace an event that they know only by one with a higher sequence.
	// Minutes since 1970 rise from report to report without a memory of the last.
	event.SetSequence(int(pass.GeneratedAt.Unix() / 60))
	event.SetStartAt(finding.NotAfter)
	event.SetTimeTransparency(ics.TransparencyTransparent)
	event.SetSummary(fmt.Sprintf("%s runs out (%s)", finding.Name, finding.Severity))
	event.SetDescription(eventDescription(finding))
	event.AddCategory(string(finding.Severity))
	if finding.Link != "" {
		event.SetURL(finding.Link)
	}
	for _, lead := range alarms {
		at := lead.Before(finding.NotAfter)
		if !rings(finding, at, pass.GeneratedAt) {
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

// rings leaves out alarms that are past, which calendars would ring on import, and
// those in the first two thirds of a life: what lives that short is renewed by machines
// later than that.
func rings(finding watch.Finding, at, now time.Time) bool {
	if !at.After(now) {
		return false
	}
	life := finding.NotAfter.Sub(finding.NotBefore)
	return finding.NotBefore.IsZero() || !at.Before(finding.NotBefore.Add(life/3*2))
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
