package pagerduty

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

const (
	// maxSummary is what both kinds of event take, in characters:
	// https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/02-Trigger-Events.md
	maxSummary = 1024
	maxField   = 200
)

// The actions and severities of the Events API v2.
const (
	trigger = "trigger"
	resolve = "resolve"

	severityCritical = "critical"
	severityError    = "error"
	severityWarning  = "warning"
	severityInfo     = "info"
)

// alertEvent is the body of /v2/enqueue. What each text holds is bounded, so that the
// whole stays far below the 512,000 bytes that PagerDuty takes.
type alertEvent struct {
	RoutingKey string       `json:"routing_key"`
	Action     string       `json:"event_action"`
	DedupKey   string       `json:"dedup_key"`
	Payload    alertPayload `json:"payload"`
	Links      []link       `json:"links,omitempty"`
	Client     string       `json:"client"`
	ClientURL  string       `json:"client_url,omitempty"`
}

type alertPayload struct {
	Summary   string    `json:"summary"`
	Severity  string    `json:"severity"`
	Source    string    `json:"source"`
	Timestamp time.Time `json:"timestamp"`
	Component string    `json:"component,omitempty"`
	Group     string    `json:"group,omitempty"`
	Class     string    `json:"class,omitempty"`
	Details   details   `json:"custom_details"`
}

// changeEvent is the body of /v2/change/enqueue.
type changeEvent struct {
	RoutingKey string        `json:"routing_key"`
	Payload    changePayload `json:"payload"`
	Links      []link        `json:"links,omitempty"`
}

type changePayload struct {
	Summary   string    `json:"summary"`
	Source    string    `json:"source"`
	Timestamp time.Time `json:"timestamp"`
	Details   details   `json:"custom_details"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// details are shown as a table beneath the alert, in this order.
type details struct {
	Test         string    `json:"test,omitempty"`
	Note         string    `json:"note,omitempty"`
	Change       string    `json:"change"`
	Message      string    `json:"message"`
	Also         []string  `json:"also,omitempty"`
	ToDo         string    `json:"to_do,omitempty"`
	Owners       string    `json:"owners,omitempty"`
	Check        string    `json:"check"`
	Expires      time.Time `json:"expires,omitzero"`
	DaysLeft     *int64    `json:"days_left,omitempty"`
	Installation string    `json:"installation,omitempty"`
	SentBy       string    `json:"sent_by"`
	// MessageID finds the message in the ledger of the installation.
	MessageID string `json:"message_id"`
}

// told is one event as PagerDuty's readers see it.
type told struct {
	event   watch.Event
	shown   digest.Digest
	entry   digest.Entry
	message alerts.Message
	source  string
}

func newTold(message alerts.Message, env alerts.Env, source string) told {
	event := message.Events[0]
	return told{event: event, shown: digest.New(message, env, 1), entry: digest.NewEntry(event), message: message, source: source}
}

func (t told) alert(routingKey string) alertEvent {
	finding := t.event.Finding
	made := alertEvent{
		RoutingKey: routingKey, Action: trigger, DedupKey: t.key(),
		Payload: alertPayload{
			Summary: t.titled(t.entry.Headline + ": " + t.entry.Message), Severity: t.severity(), Source: t.subject(), Timestamp: t.message.CreatedAt.UTC(),
			Component: clean.Text(finding.Kind, maxField), Group: clean.Text(finding.Check, maxField),
			Class: clean.Text(string(finding.Reason), maxField), Details: t.details(),
		},
		Links: t.links(), Client: digest.Product, ClientURL: t.shown.ReportURL,
	}
	if t.ended() {
		made.Action = resolve
	}
	return made
}

// renewal says what changed, however the finding stands after it.
func (t told) renewal(routingKey string) changeEvent {
	details := t.details()
	details.Change = string(watch.Renewed)
	summary := fmt.Sprintf("Renewed: %s: %s", t.entry.Name, t.entry.Message)
	return changeEvent{
		RoutingKey: routingKey,
		Payload:    changePayload{Summary: t.titled(summary), Source: t.subject(), Timestamp: t.message.CreatedAt.UTC(), Details: details},
		Links:      t.links(),
	}
}

// key is the same for all events of one finding, so that PagerDuty keeps one alert for
// it. Each test has a key of its own: PagerDuty pages nobody a second time for an alert
// that is still open.
func (t told) key() string {
	name := t.event.Finding.ID
	if t.source != "" {
		name = t.source + "\x00" + name
	}
	if t.message.Test {
		name += "\x00" + t.message.ID
	}
	return digest.Key(name)
}

// ended reports whether there is nothing left to be woken for. Policy resolves whatever
// is no longer a warning; an improved event of that kind would be the end as well.
func (t told) ended() bool {
	return t.event.Type == watch.Resolved || !t.event.Finding.Severity.AtLeast(watch.Warning)
}

// severity decides in PagerDuty how loudly people are told: critical and error have high
// urgency, warning and info low.
func (t told) severity() string {
	is := t.event.Finding.Severity
	switch {
	case t.ended():
		return severityInfo
	case is == watch.Critical, is == watch.Unknown && t.event.Previous == watch.Critical:
		// What was critical is no milder because nobody can look any more.
		return severityCritical
	case is == watch.Unknown:
		return severityError
	default:
		return severityWarning
	}
}

func (t told) titled(text string) string {
	if t.message.Test {
		text = digest.Product + " test: " + text
	}
	return clean.Text(text, maxSummary)
}

// subject is never empty: PagerDuty refuses an event without a source.
func (t told) subject() string { return cmp.Or(t.entry.Name, t.entry.Check) }

func (t told) details() details {
	finding := t.event.Finding
	made := details{
		Test: t.shown.TestNotice(), Note: t.shown.Note, Change: t.entry.Change, Message: t.entry.Message, Also: t.entry.Also,
		ToDo: toDo(t.entry.Remedy), Owners: t.entry.Owners, Check: t.entry.Check, Installation: t.source,
		SentBy: t.shown.Footer(), MessageID: clean.Text(t.message.ID, maxField),
	}
	if !finding.NeverExpires {
		made.Expires, made.DaysLeft = finding.NotAfter.UTC(), finding.DaysLeft
	}
	return made
}

// toDo gives each command a line of its own, so that it can be copied as it stands.
func toDo(remedy string) string {
	var lines []string
	for _, part := range clean.Parts(remedy) {
		lines = append(lines, part.Text)
	}
	return strings.Join(lines, "\n")
}

func (t told) links() []link {
	var links []link
	if t.entry.Link != "" {
		links = append(links, link{Href: t.entry.Link, Text: "What it is about"})
	}
	if t.shown.ReportURL != "" {
		links = append(links, link{Href: t.shown.ReportURL, Text: "Lapsewatch's whole report"})
	}
	return links
}
