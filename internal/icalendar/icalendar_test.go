package icalendar_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"lapsewatch/internal/icalendar"
)

func now() time.Time { return time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC) }

func write(t *testing.T, events ...icalendar.Event) *ics.Calendar {
	t.Helper()
	var out strings.Builder
	writer, err := icalendar.Begin(&out)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events {
		if err := writer.Add(event); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.End(); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if !strings.HasSuffix(line, "\r\n") || len(line) > 77 {
			t.Errorf("a line that calendars may not read: %q", line)
		}
	}
	read, err := ics.ParseCalendar(strings.NewReader(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func event() icalendar.Event {
	end := now().AddDate(0, 0, 30)
	return icalendar.Event{
		Subject: "public-sites/shop", At: end, Stamped: now(), Summary: "shop runs out, soon; \\ really",
		Description: strings.Repeat("line of words\n", 30), Category: "warning", Link: "https://example.com/42",
		Alarms: []time.Time{{}, now().AddDate(0, 0, -1), end.AddDate(0, 0, -14), end.Add(-90 * time.Minute)}, AlarmText: "shop runs out",
	}
}

func TestOtherProgramsReadTheEventAsItWasMeant(t *testing.T) {
	first := event()
	read := write(t, first).Events()
	if len(read) != 1 {
		t.Fatalf("%d events", len(read))
	}
	text := func(property ics.ComponentProperty) string {
		if found := read[0].GetProperty(property); found != nil {
			return found.Value
		}
		return ""
	}
	if got, err := read[0].GetStartAt(); err != nil || !got.Equal(first.At) {
		t.Errorf("starts at %s: %v", got, err)
	}
	if got := text(ics.ComponentPropertySummary); got != first.Summary {
		t.Errorf("summary %q", got)
	}
	if got := text(ics.ComponentPropertyDescription); got != first.Description {
		t.Errorf("description %q", got)
	}
	var triggers []string
	for _, alarm := range read[0].Alarms() {
		triggers = append(triggers, alarm.GetProperty(ics.ComponentPropertyTrigger).Value)
	}
	if got := strings.Join(triggers, " "); got != "-P14D -PT90M" {
		t.Errorf("alarms %q: one that is past must not ring", got)
	}
	if text(ics.ComponentPropertyStatus) != "" {
		t.Error("the event is cancelled")
	}
}

func TestTheSameSubjectIsTheSameEventInALaterVersion(t *testing.T) {
	first, later := event(), event()
	later.Stamped, later.Cancelled = later.Stamped.Add(time.Second), true
	other := event()
	other.Subject = "public-sites/mail"
	read := write(t, first, later, other).Events()
	if read[0].Id() != read[1].Id() || read[0].Id() == read[2].Id() {
		t.Errorf("UIDs %s, %s, %s", read[0].Id(), read[1].Id(), read[2].Id())
	}
	if before, after := read[0].GetProperty(ics.ComponentPropertySequence).Value, read[1].GetProperty(ics.ComponentPropertySequence).Value; before >= after {
		t.Errorf("sequence %s and then %s", before, after)
	}
	if got := read[1].GetProperty(ics.ComponentPropertyStatus).Value; got != "CANCELLED" || len(read[1].Alarms()) != 0 {
		t.Errorf("status %s with %d alarms", got, len(read[1].Alarms()))
	}
}

// full takes so many bytes and no more.
type full struct{ left int }

var errFull = errors.New("the disk is full")

func (f *full) Write(content []byte) (int, error) {
	if f.left -= len(content); f.left < 0 {
		return 0, errFull
	}
	return len(content), nil
}

func TestAFailedWriteIsReported(t *testing.T) {
	for _, room := range []int{0, 30, 200, 400} {
		writer, err := icalendar.Begin(&full{room})
		if err == nil {
			err = writer.Add(event())
		}
		if err == nil {
			err = writer.End()
		}
		if !errors.Is(err, errFull) {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
	}
}
