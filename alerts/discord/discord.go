// Package discord delivers digests to one channel of Discord by a webhook. It makes one
// attempt, notifies nobody by mention, and neither edits nor deletes what it posted.
// Webhooks offer no idempotency, so that an attempt whose answer is lost may post twice;
// the last line of both then names the same message.
package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
)

// Kind is the Discord channel.
var Kind = alerts.Define("discord", defaults, New)

var errNoEvents = errors.New("the message holds no events")

type channel struct {
	options Options
	env     alerts.Env
	sender  *httpsend.Sender
}

// New makes a Discord channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env, sender: httpsend.New(env, options.Endpoint)}, nil
}

// Recipients is the single webhook.
func (c *channel) Recipients() []string { return []string{""} }

// Deliver posts the message and waits until Discord has stored it. The proof is the ID of
// the message that it made.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	if len(message.Events) == 0 {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: errNoEvents}
	}
	body, err := chat.Encode(compose(message, c.env))
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("encode the message: %w", err)}
	}
	response, err := c.post(ctx, body)
	if err != nil {
		return alerts.Receipt{}, err
	}
	said := readAnswer(response.Body)
	if said.ID == "" {
		return alerts.Receipt{}, response.Unproven(c.env.Name, false, fmt.Errorf("discord answered %d without the message that it made: check that the URL is that of a webhook, and that no proxy changes it", response.Status))
	}
	return alerts.Receipt{Proof: fmt.Sprintf("HTTP %d, message %s", response.Status, clean.Text(said.ID, shownOfAnswer))}, nil
}

func (c *channel) post(ctx context.Context, body []byte) (httpsend.Response, error) {
	// Without wait, Discord answers 204 before it stores the message, and says nothing
	// if it does not.
	query := url.Values{"wait": {"true"}}
	if c.options.ThreadID != "" {
		query.Set("thread_id", c.options.ThreadID)
	}
	var said answer
	response, err := c.sender.Send(ctx, httpsend.Request{
		Query: query, Header: http.Header{"Content-Type": {"application/json"}}, Body: body,
		Verdict: func(status int, header http.Header, body []byte) (bool, time.Duration, bool) {
			said = readAnswer(body)
			return verdict(status, header, body)
		},
	})
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); ok && remedies[said.Code] != "" {
		failure.Err = refused(failure.Status, said)
	}
	return response, err
}
