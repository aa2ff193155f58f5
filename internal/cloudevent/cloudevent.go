// Package cloudevent writes a message as a CloudEvent 1.0 in structured JSON mode, which
// is what programs receive from Lapsewatch. It sends nothing, and escapes for nothing but
// JSON.
package cloudevent

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/weblink"
)

// ContentType is CloudEvents' structured mode (HTTP Protocol Binding 1.0.2, 3.2).
const ContentType = "application/cloudevents+json; charset=utf-8"

const (
	// eventType changes with the form of the data.
	eventType = "lapsewatch.digest.v1"
	// maxBytes bounds a request's body; events that do not fit are left out and counted.
	maxBytes = 256 << 10
	// maxEventBytes bounds one event: a larger one loses what is not needed to act.
	maxEventBytes = 32 << 10
	maxNote       = 500
)

var errNoEvents = errors.New("the message holds no events")

// cloudEvent is the JSON form of CloudEvents 1.0.2.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            digest    `json:"data"`
}

type digest struct {
	Channel string `json:"channel"`
	// Test marks a message of `lapsewatch alerts test`.
	Test bool `json:"test,omitempty"`
	// Note says why the message comes this way.
	Note string `json:"note,omitempty"`
	// ReportURL is where people find the whole report.
	ReportURL string            `json:"report_url,omitempty"`
	Events    []json.RawMessage `json:"events"`
	// EventsLeftOut counts the events for which there was no room, the least urgent as a
	// rule.
	EventsLeftOut int `json:"events_left_out,omitempty"`
}

// Encode writes the message, of which it leaves out the events that do not fit into
// 256 KiB, the least urgent first. Source names the installation, and reportURL is where people find the
// whole report; it may be empty.
func Encode(message alerts.Message, source, reportURL string) ([]byte, error) {
	if len(message.Events) == 0 {
		return nil, errNoEvents
	}
	envelope := cloudEvent{
		SpecVersion: "1.0", ID: message.ID, Source: source, Type: eventType,
		Time: message.CreatedAt.UTC(), DataContentType: "application/json",
		Data: digest{
			Channel: clean.Text(message.Channel, maxName), Test: message.Test,
			Note: clean.Text(message.Note, maxNote), ReportURL: weblink.HTTPS(reportURL),
			Events: []json.RawMessage{}, EventsLeftOut: len(message.Events),
		},
	}
	frame, err := json.Marshal(envelope)
	if err != nil {
		return nil, fmt.Errorf("encode the CloudEvent: %w", err)
	}
	room := maxBytes - len(frame)
	for _, event := range message.Events {
		encoded, err := encodeEvent(event)
		if err != nil {
			return nil, fmt.Errorf("encode event %s: %w", clean.Text(event.ID, maxName), err)
		}
		// After an event that does not fit may come some that do.
		if need := len(encoded) + len(","); need <= room {
			room -= need
			envelope.Data.Events = append(envelope.Data.Events, encoded)
		}
	}
	envelope.Data.EventsLeftOut -= len(envelope.Data.Events)
	return json.Marshal(envelope)
}
