package email

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"lapsewatch/alerts"
	"lapsewatch/internal/digest"
	"lapsewatch/internal/icalendar"
	"lapsewatch/watch"
)

const (
	// maxDates bounds the calendar beside a digest that bounds itself.
	maxDates     = 50
	calendarFile = "lapsewatch.ics"
	// lastCall is how long before the end the last alarm rings.
	lastCall = 24 * time.Hour
	// calendarType makes it a calendar that is published, and no invitation: Outlook
	// shows it as an attachment.
	calendarType = "text/calendar; charset=UTF-8; method=PUBLISH"
)

// attachCalendar attaches the dates of the most urgent findings that have one.
func attachCalendar(composed *mail.Msg, message alerts.Message) error {
	var dated []watch.Event
	for _, event := range message.Events {
		if !event.Finding.NotAfter.IsZero() && !event.Finding.NeverExpires && len(dated) < maxDates {
			dated = append(dated, event)
		}
	}
	if len(dated) == 0 {
		return nil
	}
	var content bytes.Buffer
	calendar, err := icalendar.Begin(&content)
	if err != nil {
		return fmt.Errorf("write the calendar: %w", err)
	}
	for _, event := range dated {
		if err := calendar.Add(calendarEvent(event, message.CreatedAt)); err != nil {
			return fmt.Errorf("write the calendar: %w", err)
		}
	}
	if err := calendar.End(); err != nil {
		return fmt.Errorf("write the calendar: %w", err)
	}
	if err := composed.AttachReader(calendarFile, &content, mail.WithFileContentType(calendarType)); err != nil {
		return fmt.Errorf("attach the calendar: %w", err)
	}
	return nil
}

func calendarEvent(event watch.Event, now time.Time) icalendar.Event {
	finding, entry := event.Finding, digest.NewEntry(event)
	made := icalendar.Event{
		Subject: finding.ID, At: finding.NotAfter, Stamped: now.UTC(),
		Summary:     fmt.Sprintf("%s runs out (%s)", entry.Name, finding.Severity),
		Description: calendarWords(entry), Category: string(finding.Severity), Link: entry.Link,
		Alarms:    []time.Time{finding.WarnFrom, finding.CriticalFrom, finding.NotAfter.Add(-lastCall)},
		AlarmText: fmt.Sprintf("%s runs out %s", entry.Name, finding.NotAfter.UTC().Format("2006-01-02 15:04 UTC")),
	}
	if of := digest.SeverityOf(event); of == digest.Resolved {
		made.Summary, made.Cancelled = fmt.Sprintf("%s: %s", entry.Name, entry.Change), true
	} else if of == digest.Unwatched {
		// The date comes all the same.
		made.Summary = fmt.Sprintf("%s runs out (no longer watched)", entry.Name)
	}
	return made
}

func calendarWords(entry digest.Entry) string {
	lines := []string{entry.Message}
	for _, row := range []struct{ label, text string }{{"Next step: ", entry.Remedy}, {"Owners: ", entry.Owners}, {"Check: ", entry.Check}} {
		if row.text != "" {
			lines = append(lines, row.label+row.text)
		}
	}
	return strings.Join(lines, "\n")
}
