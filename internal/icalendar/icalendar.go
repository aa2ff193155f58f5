// Package icalendar writes the dates of what is watched as a calendar (RFC 5545). Whoever
// imports the next one has each subject's event moved, not doubled. It judges nothing, and
// its texts are to be clean already.
package icalendar

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	ics "github.com/arran4/golang-ical"
)

const (
	day           = 24 * time.Hour
	secondsTo2020 = 1_577_836_800
	name          = "Lapsewatch: what runs out"
)

// Event is one subject's date.
type Event struct {
	// Subject is the finding's ID, by which calendars know the event again.
	Subject string
	// At is when it runs out, and Stamped when that was found.
	At, Stamped          time.Time
	Summary, Description string
	Category, Link       string
	// Alarms ring at these instants with AlarmText. Calendars ring one that is past when
	// they import it, so that none is written.
	Alarms    []time.Time
	AlarmText string
	// Cancelled takes the event out of calendars that know it.
	Cancelled bool
}

// Writer writes a calendar event by event; the library would hold them all.
type Writer struct {
	to     io.Writer
	layout *ics.SerializationConfiguration
}

// Begin writes a calendar's head.
func Begin(to io.Writer) (*Writer, error) {
	w := &Writer{to: to, layout: &ics.SerializationConfiguration{MaxLength: 75, PropertyMaxLength: 75, NewLine: "\r\n"}}
	calendar := ics.NewCalendar()
	calendar.SetProductId("-//Lapsewatch//Expiry calendar//EN")
	calendar.SetMethod(ics.MethodPublish)
	calendar.SetXWRCalName(name)
	if _, err := io.WriteString(to, "BEGIN:VCALENDAR\r\n"); err != nil {
		return nil, err
	}
	for _, property := range calendar.CalendarProperties {
		if err := property.SerializeTo(to, w.layout); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Add writes one event.
func (w *Writer) Add(event Event) error { return event.component().SerializeTo(w.to, w.layout) }

// End writes what closes the calendar.
func (w *Writer) End() error {
	_, err := io.WriteString(w.to, "END:VCALENDAR\r\n")
	return err
}

func (e Event) component() *ics.VEvent {
	made := ics.NewEvent(uid(e.Subject))
	made.SetDtStampTime(e.Stamped)
	made.SetLastModifiedAt(e.Stamped)
	// Calendars replace an event that they know only by one with a higher sequence.
	// Seconds since 2020 rise from calendar to calendar without a memory of the last, and
	// fit into 31 bits until 2088.
	made.SetSequence(int(e.Stamped.Unix() - secondsTo2020))
	made.SetStartAt(e.At)
	made.SetTimeTransparency(ics.TransparencyTransparent)
	made.SetSummary(e.Summary)
	made.SetDescription(e.Description)
	made.AddCategory(e.Category)
	if e.Link != "" {
		made.SetURL(e.Link)
	}
	if e.Cancelled {
		made.SetStatus(ics.ObjectStatusCancelled)
		return made
	}
	for _, at := range e.Alarms {
		if !at.After(e.Stamped) {
			continue
		}
		alarm := made.AddAlarm()
		alarm.SetAction(ics.ActionDisplay)
		alarm.SetTrigger(trigger(e.At.Sub(at)))
		alarm.SetDescription(e.AlarmText)
	}
	return made
}

// uid is the same in every calendar on the subject, so that importing the next one moves
// the event of a renewed credential.
func uid(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return hex.EncodeToString(sum[:16]) + "@lapsewatch"
}

// trigger writes a duration before the start as RFC 5545, 3.3.6 does.
func trigger(before time.Duration) string {
	if before%day == 0 {
		return fmt.Sprintf("-P%dD", before/day)
	}
	return fmt.Sprintf("-PT%dM", before/time.Minute)
}
