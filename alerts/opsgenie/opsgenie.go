// Package opsgenie opens and closes alerts in Opsgenie and in the Operations of Jira
// Service Management, which answer to the same calls. It makes one attempt, keeps no ids
// (an alert is found again by its alias), and neither acknowledges nor reads what people
// do there. Of the calls it uses only those that both services document for the key of an
// integration: create, close, add a note, and ask what became of a request.
//
// https://docs.opsgenie.com/docs/alert-api and
// https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events/
package opsgenie

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/httpsend"
)

// Kind is the channel to Opsgenie and Jira Service Management.
var Kind = alerts.Define("opsgenie", defaults, New)

type channel struct {
	options Options
	env     alerts.Env
	sender  *httpsend.Sender
}

// New makes an Opsgenie channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env, sender: httpsend.New(env, options.endpoint())}, nil
}

// Recipients is the one account behind the key.
func (c *channel) Recipients() []string { return []string{""} }

// Manner is singly: the services keep one alert for each finding.
func (c *channel) Manner() alerts.Manner { return alerts.Manner{Singly: true} }

// call is one request to the service.
type call struct {
	// does says what for, in errors and proofs: "create the alert".
	does  string
	path  string
	query url.Values
	body  any
	// closes: that nothing is open to be closed is no failure.
	closes bool
}

// Deliver sends what the event asks for and waits until the service has done it. The
// proof is its own word for that, with the id of the alert. Every call can be repeated:
// a second create is counted by the alert that is open, and a second close finds nothing.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	if len(message.Events) != 1 {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("the message holds %d events, want one", len(message.Events))}
	}
	key, err := c.env.Secrets(c.options.APIKey)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("read the API key: %w", err)}
	}
	var proofs []string
	for _, call := range calls(newTold(message, c.env, c.options)) {
		proof, err := c.do(ctx, key, call)
		if err != nil {
			return alerts.Receipt{}, err
		}
		proofs = append(proofs, proof)
	}
	return alerts.Receipt{Proof: strings.Join(proofs, "; ")}, nil
}

// calls are in the order in which a failure between them leaves nothing unsaid: the alert
// that goes on is there before the one that ends is closed. A note comes last: an attempt
// that fails is repeated as a whole, and only the note would stand there twice.
func calls(t told) []call {
	if t.Ended() {
		return []call{closing(t, urgent), closing(t, moderate)}
	}
	all := []call{{does: "create the alert", path: "/alerts", body: t.create()}}
	if !t.changed() {
		return all
	}
	all = append(all, closing(t, t.otherPriority()))
	if t.keepsPriority() {
		all = append(all, onAlert(t, t.priority(), "notes", "add a note to the alert", t.news()))
	}
	return all
}

func closing(t told, priority string) call {
	made := onAlert(t, priority, "close", "close the alert with priority "+priority, t.closing())
	made.closes = true
	return made
}

func onAlert(t told, priority, action, does string, body noteBody) call {
	return call{
		does: does, path: "/alerts/" + t.alias(priority) + "/" + action,
		query: url.Values{"identifierType": {"alias"}}, body: body,
	}
}
