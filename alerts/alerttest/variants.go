package alerttest

import (
	"fmt"
	"slices"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/watch"
)

// Only is the ordinary message with one of its events, changed by the edits.
func Only(at int, edits ...func(*watch.Event)) alerts.Message {
	message := Message()
	message.Events = message.Events[at : at+1]
	for _, edit := range edits {
		edit(&message.Events[0])
	}
	return message
}

// Becomes is a message that tells of one and the same finding, which is now of another
// severity.
func Becomes(kind watch.EventType, previous, now watch.Severity) alerts.Message {
	return Only(1, func(event *watch.Event) {
		event.Type, event.Previous, event.Finding.Severity = kind, previous, now
	})
}

// Unwatched is a message of a finding that ends only because its check is not configured
// any more.
func Unwatched() alerts.Message {
	return Only(1, func(event *watch.Event) {
		event.Type, event.Why, event.Previous = watch.Resolved, watch.NoLongerWatched, watch.Warning
	})
}

// Large is a message of as many events that are all open, the first three critical.
func Large(number int) alerts.Message {
	message := Message()
	var events []watch.Event
	for at := range number {
		event := message.Events[at%4]
		event.Finding.Severity = watch.Critical
		if at >= 3 {
			event.Finding.Severity = watch.Warning
		}
		event.Finding.Name = fmt.Sprintf("host-%03d.example.com:443", at)
		events = append(events, event)
	}
	message.Events = events
	return message
}

// Crowded is the ordinary message with as many warnings more, by urgency.
func Crowded(number int) alerts.Message {
	message := Message()
	var warnings []watch.Event
	for i := range number {
		event := message.Events[1]
		event.Finding.Name = fmt.Sprintf("host-%03d.example.com:443", i)
		event.Finding.ID = "public-sites/" + event.Finding.Name
		warnings = append(warnings, event)
	}
	message.Events = slices.Insert(message.Events, 3, warnings...)
	return message
}

// Swell makes every text of the finding the same long one, a number of times where there
// may be several, and gives it a link of as many bytes.
func Swell(finding *watch.Finding, text string, times, link int) {
	finding.Name, finding.Check, finding.Message, finding.Remedy = text, text, text, text
	finding.Owners, finding.Also = nil, nil
	for range times {
		finding.Owners = append(finding.Owners, text)
		finding.Also = append(finding.Also, watch.Judgement{Severity: watch.Warning, Message: text})
	}
	const host = "https://inventory.example.com/"
	finding.Link = host + strings.Repeat("x", link-len(host))
}
