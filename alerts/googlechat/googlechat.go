// Package googlechat delivers digests to a space of Google Chat by an incoming webhook. It
// makes one attempt, and neither edits nor deletes what it posted: a webhook cannot. It
// sends cards, in which no mention and no markup of text messages has a meaning; of texts
// from outside, the text above the card holds only names in the plot of the clocks.
package googlechat

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

// Kind is the Google Chat channel.
var Kind = alerts.Define("googlechat", defaults, New)

var errNoEvents = errors.New("the message holds no events")

type channel struct {
	options Options
	env     alerts.Env
	sender  *httpsend.Sender
}

// New makes a Google Chat channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env, sender: httpsend.New(env, options.Endpoint)}, nil
}

// Recipients is the single space.
func (c *channel) Recipients() []string { return []string{""} }

// Deliver posts the message. The proof is the ID of the message that Google Chat made.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	if len(message.Events) == 0 {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: errNoEvents}
	}
	body, err := chat.Encode(compose(message, c.env, c.options.Thread))
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("encode the message: %w", err)}
	}
	response, err := c.post(ctx, message.ID, body)
	if err != nil {
		return alerts.Receipt{}, err
	}
	said := readAnswer(response.Body)
	switch {
	case said.Error.Status != "":
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Status: response.Status, Err: refused(response.Status, said)}
	case said.messageID() == "":
		return alerts.Receipt{}, response.Unproven(c.env.Name, false, fmt.Errorf("google chat answered %d without the message that it made: check that the URL is that of a space's webhook", response.Status))
	default:
		return alerts.Receipt{Proof: fmt.Sprintf("HTTP %d, message %s", response.Status, clean.Text(said.messageID(), shownOfAnswer))}, nil
	}
}

func (c *channel) post(ctx context.Context, id string, body []byte) (httpsend.Response, error) {
	// Of two requests with one ID, the second yields the message of the first.
	// https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create#query-parameters
	query := url.Values{"requestId": {id}}
	if c.options.Thread {
		query.Set("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
	}
	var said answer
	response, err := c.sender.Send(ctx, httpsend.Request{
		Query: query, Header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, Body: body,
		// Google's statuses mean what HTTP says; only its words are wanted.
		Verdict: func(_ int, _ http.Header, body []byte) (retry bool, after time.Duration, judged bool) {
			said = readAnswer(body)
			return false, 0, false
		},
	})
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); ok && said.Error.Status != "" {
		failure.Err = refused(failure.Status, said)
	}
	return response, err
}
