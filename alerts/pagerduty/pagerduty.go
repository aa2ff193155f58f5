// Package pagerduty opens and resolves alerts in PagerDuty by its Events API v2, one for
// each finding and another while it is critical, and records renewals as change events
// where it is told to. It makes one attempt, keeps no ids (PagerDuty finds an alert again
// by its dedup_key), and neither acknowledges nor reads what people do there.
//
// https://github.com/PagerDuty/developer-docs/tree/main/docs/events-API-v2
package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Kind is the PagerDuty channel.
var Kind = alerts.Define("pagerduty", defaults, New)

const (
	alertPath  = "/v2/enqueue"
	changePath = "/v2/change/enqueue"
)

type channel struct {
	options Options
	env     alerts.Env
	sender  *httpsend.Sender
}

// New makes a PagerDuty channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env, sender: httpsend.New(env, options.Or(defaultURL))}, nil
}

// Recipients is the one service behind the integration key.
func (c *channel) Recipients() []string { return []string{""} }

// Manner is singly: PagerDuty keeps alerts of each finding.
func (c *channel) Manner() alerts.Manner { return alerts.Manner{Singly: true} }

// Deliver sends the events, and the change event of a renewal. The proof is PagerDuty's
// word "success" for each dedup_key that was sent.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	if len(message.Events) != 1 {
		return alerts.Receipt{}, c.permanent(fmt.Errorf("the message holds %d events, want one", len(message.Events)))
	}
	routingKey, err := c.env.Secrets(c.options.RoutingKey)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("read the integration key: %w", err)}
	}
	key := strings.TrimSpace(routingKey.Reveal())
	told := newTold(message, c.env, c.options.Source)
	var proofs []string
	for i, event := range told.sequence(key) {
		proof, err := c.post(ctx, alertPath, event, event.DedupKey, routingKey)
		if err != nil && i > 0 {
			err = partly("the event for the critical alert was taken, that for the other was not", err)
		}
		if err != nil {
			return alerts.Receipt{}, err
		}
		proofs = append(proofs, proof)
	}
	if c.options.ChangeEvents && message.Events[0].Why == watch.Renewed {
		// The change event comes last. If it fails, the next attempt repeats all, and only
		// what came before can be repeated without a trace: PagerDuty drops the resolution
		// of what is resolved, but keeps every change event. In this order a renewal is
		// recorded twice only if the answer to the change event itself was lost.
		proof, err := c.post(ctx, changePath, told.renewal(key), "", routingKey)
		if err != nil {
			return alerts.Receipt{}, partly("the alert event was taken, the change event was not", err)
		}
		proofs = append(proofs, "change event: "+proof)
	}
	return alerts.Receipt{Proof: strings.Join(proofs, "; ")}, nil
}

// partly says what did arrive, for whoever looks why the message failed.
func partly(words string, err error) error {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok {
		return err
	}
	said := *failure
	said.Err = fmt.Errorf("%s: %w", words, failure.Err)
	return &said
}

// post sends one body and proves by the answer that it was taken.
func (c *channel) post(ctx context.Context, path string, body any, dedupKey string, routingKey watch.Secret) (proof string, err error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return "", c.permanent(fmt.Errorf("encode the event: %w", err))
	}
	var refusal []byte
	response, err := c.sender.Send(ctx, httpsend.Request{
		Path: path, Body: encoded, Secrets: []watch.Secret{routingKey},
		Header: http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}},
		Verdict: func(_ int, _ http.Header, body []byte) (retry bool, after time.Duration, judged bool) {
			refusal = body
			return false, 0, false
		},
	})
	if err != nil {
		return "", inWords(err, refusal)
	}
	return c.accepted(response, dedupKey)
}

func (c *channel) permanent(err error) error {
	return &alerts.DeliveryError{Channel: c.env.Name, Err: err}
}
