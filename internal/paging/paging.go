// Package paging holds what channels to paging services have in common. Such a service
// calls nobody again for an alert that somebody has acknowledged, however much worse it
// gets, so that each finding has two alerts there: a critical one and one for all else.
// What becomes critical is then a new alert. The package knows no service and sends
// nothing.
package paging

import (
	"lapsewatch/alerts"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

// Page is a message of one event as the service is told it.
type Page struct {
	Event   watch.Event
	Message alerts.Message
	Digest  digest.Digest
	Entry   digest.Entry
	// Source names the installation, where several send to one service; empty as a rule.
	Source string
}

// New words a message that holds exactly one event.
func New(message alerts.Message, env alerts.Env, source string) Page {
	event := message.Events[0]
	return Page{Event: event, Message: message, Digest: digest.New(message, env, 1), Entry: digest.NewEntry(event), Source: source}
}

// Key names the finding to the service, the same in all its events. Each test has a key of
// its own, so that it is seen while another is still open.
func (p Page) Key() string {
	name := p.Event.Finding.ID
	if p.Source != "" {
		name = p.Source + "\x00" + name
	}
	if p.Message.Test {
		name += "\x00" + p.Message.ID
	}
	return digest.Key(name)
}

// Ended reports whether there is nothing left to be called for. Policy resolves whatever
// is no longer a warning; an improved event of that kind would be the end as well.
func (p Page) Ended() bool {
	return p.Event.Type == watch.Resolved || !p.Event.Finding.Severity.AtLeast(watch.Warning)
}

// Critical reports which of the two alerts is the finding's own from now on. What was
// critical is no milder because nobody can look any more.
func (p Page) Critical() bool {
	is := p.Event.Finding.Severity
	return is == watch.Critical || is == watch.Unknown && p.WasCritical()
}

// WasCritical reports which it was before.
func (p Page) WasCritical() bool { return p.Event.Previous == watch.Critical }
