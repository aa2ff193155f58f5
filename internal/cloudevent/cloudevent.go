// Package cloudevent writes a message as a CloudEvent 1.0 in structured JSON mode, which
// is what programs receive from Lapsewatch. It sends nothing, and escapes for nothing but
// JSON.
package cloudevent

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/weblink"
	"lapsewatch/watch"
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
	maxName       = 512
	maxText       = 2048
	maxNote       = 500
	maxListed     = 50
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
	// EventsLeftOut counts the least urgent events, for which there was no room.
	EventsLeftOut int `json:"events_left_out,omitempty"`
}

// Encode writes the message, of which it leaves out the least urgent events that do not
// fit into 256 KiB. Source names the installation, and reportURL is where people find the
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
			return nil, fmt.Errorf("encode event %s: %w", event.ID, err)
		}
		room -= len(encoded) + len(",")
		if room < 0 {
			break
		}
		envelope.Data.Events = append(envelope.Data.Events, encoded)
	}
	envelope.Data.EventsLeftOut -= len(envelope.Data.Events)
	return json.Marshal(envelope)
}

// encodeEvent writes the event in the words of the report contract.
func encodeEvent(event watch.Event) (json.RawMessage, error) {
	event.ID = clean.Text(event.ID, maxName)
	event.Finding = cleaned(event.Finding)
	encoded, err := json.Marshal(event)
	if err == nil && len(encoded) <= maxEventBytes {
		return encoded, nil
	}
	event.Finding.Labels, event.Finding.Owners, event.Finding.Also = nil, nil, nil
	event.Finding.Details = map[string]any{"left_out": "they do not fit into a message"}
	return json.Marshal(event)
}

// cleaned takes out of the finding what a receiver must not be handed: control
// characters, which CloudEvents strings may not hold, and anything without bound.
func cleaned(finding watch.Finding) watch.Finding {
	finding.ID, finding.Check, finding.Kind = clean.Text(finding.ID, maxName), clean.Text(finding.Check, maxName), clean.Text(finding.Kind, maxName)
	finding.Name, finding.Identity = clean.Text(finding.Name, maxName), clean.Text(finding.Identity, maxName)
	finding.Message, finding.Remedy = clean.Text(finding.Message, maxText), clean.Text(finding.Remedy, maxText)
	finding.Link = weblink.HTTPS(finding.Link)
	finding.Owners = cleanList(finding.Owners)
	finding.Also = slices.Clone(finding.Also[:min(len(finding.Also), maxListed)])
	for i := range finding.Also {
		finding.Also[i].Message = clean.Text(finding.Also[i].Message, maxText)
	}
	labels := make(map[string]string)
	for _, name := range firstKeys(finding.Labels) {
		labels[clean.Text(name, maxName)] = clean.Text(finding.Labels[name], maxName)
	}
	finding.Labels = labels
	details := make(map[string]any)
	for _, name := range firstKeys(finding.Details) {
		details[clean.Text(name, maxName)] = cleanValue(finding.Details[name])
	}
	finding.Details = details
	return finding
}

func firstKeys[V any](of map[string]V) []string {
	names := slices.Sorted(maps.Keys(of))
	return names[:min(len(names), maxListed)]
}

func cleanList(texts []string) []string {
	kept := slices.Clone(texts[:min(len(texts), maxListed)])
	for i := range kept {
		kept[i] = clean.Text(kept[i], maxName)
	}
	return kept
}

// cleanValue knows the types of watch.Credential.Details, and lists as they come back
// from a ledger.
func cleanValue(value any) any {
	switch value := value.(type) {
	case string:
		return clean.Text(value, maxText)
	case []string:
		return cleanList(value)
	case []any:
		kept := slices.Clone(value[:min(len(value), maxListed)])
		for i := range kept {
			kept[i] = cleanValue(kept[i])
		}
		return kept
	default:
		return value
	}
}
