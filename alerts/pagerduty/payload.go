package pagerduty

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/internal/paging"
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
type told struct{ paging.Page }

func newTold(message alerts.Message, env alerts.Env, source string) told {
	return told{paging.New(message, env, source)}
}

// opening raises the finding's own alert.
func (t told) opening(routingKey string) alertEvent {
	return t.alert(routingKey, trigger, t.Critical(), t.severity(), t.details())
}

// closing resolves one of the finding's two alerts. Where the finding is not over, it goes
// on in the other.
func (t told) closing(routingKey string, critical bool) alertEvent {
	details := t.details()
	if !t.Ended() {
		details.Change += "; it goes on in an alert with severity " + t.severity()
	}
	return t.alert(routingKey, resolve, critical, severityInfo, details)
}

func (t told) alert(routingKey, action string, critical bool, severity string, details details) alertEvent {
	finding := t.Event.Finding
	return alertEvent{
		RoutingKey: routingKey, Action: action, DedupKey: t.key(critical),
		Payload: alertPayload{
			Summary: t.titled(t.Entry.Headline + ": " + t.Entry.Message), Severity: severity, Source: t.subject(), Timestamp: t.Message.CreatedAt.UTC(),
			Component: clean.Text(finding.Kind, maxField), Group: clean.Text(finding.Check, maxField),
			Class: clean.Text(string(finding.Reason), maxField), Details: details,
		},
		Links: t.links(), Client: digest.Product, ClientURL: t.Digest.ReportURL,
	}
}

// renewal says what changed, however the finding stands after it.
func (t told) renewal(routingKey string) changeEvent {
	details := t.details()
	details.Change = string(watch.Renewed)
	summary := fmt.Sprintf("Renewed: %s: %s", t.Entry.Name, t.Entry.Message)
	return changeEvent{
		RoutingKey: routingKey,
		Payload:    changePayload{Summary: t.titled(summary), Source: t.subject(), Timestamp: t.Message.CreatedAt.UTC(), Details: details},
		Links:      t.links(),
	}
}

// key names one of the finding's two alerts. PagerDuty tells nobody of a trigger for an
// incident that somebody has acknowledged, so that what becomes critical needs another one:
// https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/02-Trigger-Events.md
func (t told) key(critical bool) string {
	if critical {
		return t.Key() + "-critical"
	}
	return t.Key() + "-warning"
}

// severity decides in PagerDuty how loudly people are told: critical and error have high
// urgency, warning and info low.
func (t told) severity() string {
	switch {
	case t.Critical():
		return severityCritical
	case t.Event.Finding.Unreadable():
		return severityError
	default:
		return severityWarning
	}
}

func (t told) titled(text string) string {
	if t.Message.Test {
		text = digest.Product + " test: " + text
	}
	return clean.Text(text, maxSummary)
}

// subject is never empty: PagerDuty refuses an event without a source.
func (t told) subject() string { return cmp.Or(t.Entry.Name, t.Entry.Check) }

func (t told) details() details {
	finding := t.Event.Finding
	made := details{
		Test: t.Digest.TestNotice(), Note: t.Digest.Note, Change: t.Entry.Change, Message: t.Entry.Message, Also: t.Entry.Also,
		ToDo: toDo(t.Entry.Remedy), Owners: t.Entry.Owners, Check: t.Entry.Check, Installation: t.Source,
		SentBy: t.Digest.Footer(), MessageID: clean.Text(t.Message.ID, maxField),
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
	if t.Entry.Link != "" {
		links = append(links, link{Href: t.Entry.Link, Text: "What it is about"})
	}
	if t.Digest.ReportURL != "" {
		links = append(links, link{Href: t.Digest.ReportURL, Text: "Lapsewatch's whole report"})
	}
	return links
}
