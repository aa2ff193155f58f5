// Package slack delivers digests to one channel of Slack: by an incoming webhook, or by
// chat.postMessage with a bot token. It makes one attempt, and neither edits nor deletes
// what it posted. Slack offers no idempotency for either, so that an attempt whose answer
// is lost may post twice; the header's block_id is then the same.
package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/redact"
)

// Kind is the Slack channel.
var Kind = alerts.Define("slack", defaults, New)

var errNoEvents = errors.New("the message holds no events")

type channel struct {
	options Options
	env     alerts.Env
	sender  *httpsend.Sender
}

// New makes a Slack channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env, sender: httpsend.New(env, options.endpoint())}, nil
}

// Recipients is the single channel.
func (c *channel) Recipients() []string { return []string{""} }

// Deliver posts the message. The proof is Slack's "ok", or the channel and time stamp of
// the message that it made.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	if len(message.Events) == 0 {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: errNoEvents}
	}
	if c.options.Token.IsZero() {
		return c.byWebhook(ctx, compose(message, c.env))
	}
	return c.asBot(ctx, message)
}

func (c *channel) byWebhook(ctx context.Context, message payload) (alerts.Receipt, error) {
	response, word, err := c.post(ctx, httpsend.Request{}, message, ofWebhooks, func(body []byte) string { return strings.TrimSpace(string(body)) })
	if err != nil {
		return alerts.Receipt{}, err
	}
	if string(response.Body) == "ok" {
		return alerts.Receipt{Proof: fmt.Sprintf("HTTP %d ok", response.Status)}, nil
	}
	if known, ok := ofWebhooks[word]; ok {
		return alerts.Receipt{}, &alerts.DeliveryError{
			Channel: c.env.Name, Retryable: known.retryable, RetryAfter: wait(response.Header), Status: response.Status,
			Err: refused(response.Status, word, known),
		}
	}
	return alerts.Receipt{}, response.Unproven(c.env.Name, false, fmt.Errorf("slack answered %d and %q instead of ok: check that the URL is that of an incoming webhook", response.Status, clean.Text(word, shownOfAnswer)))
}

func (c *channel) asBot(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	token, err := c.env.Secrets(c.options.Token)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("read the bot token: %w", err)}
	}
	posted := compose(message, c.env)
	posted.Channel, posted.ThreadTS = c.options.Channel, c.thread(ctx, message)
	posted.ReplyBroadcast = posted.ThreadTS != ""
	request := httpsend.Request{
		Path: "/chat.postMessage", Header: http.Header{"Authorization": {"Bearer " + strings.TrimSpace(token.Reveal())}},
		Secrets: redact.Words(token),
	}
	response, _, err := c.post(ctx, request, posted, ofAPI, func(body []byte) string { return readAnswer(body).Error })
	if err != nil {
		return alerts.Receipt{}, err
	}
	said := readAnswer(response.Body)
	switch known := ofAPI[said.Error]; {
	case said.OK && said.TS != "":
		c.beginThread(ctx, message, posted.ThreadTS, said.TS)
		return alerts.Receipt{Proof: fmt.Sprintf("HTTP %d, message %s in channel %s", response.Status, clean.Text(said.TS, shownOfAnswer), clean.Text(said.Channel, shownOfAnswer))}, nil
	case said.Error == "":
		return alerts.Receipt{}, response.Unproven(c.env.Name, false, fmt.Errorf("slack answered %d without the message that it made: check that the URL is that of the Web API", response.Status))
	default:
		if known.remedy == threadGone {
			c.remember(ctx, "")
		}
		return alerts.Receipt{}, &alerts.DeliveryError{
			Channel: c.env.Name, Retryable: known.retryable, RetryAfter: wait(response.Header), Status: response.Status,
			Err: refused(response.Status, said.Error, known, said.Metadata.Messages...),
		}
	}
}

// post makes the attempt. word is Slack's in the answer, or that of the refusal that the
// error explains.
func (c *channel) post(ctx context.Context, request httpsend.Request, message payload, knownWords map[string]refusal, wordOf func(body []byte) string) (response httpsend.Response, word string, err error) {
	request.Body, err = chat.Encode(message)
	if err != nil {
		return response, "", &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("encode the message: %w", err)}
	}
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Verdict = func(_ int, _ http.Header, body []byte) (retry bool, after time.Duration, judged bool) {
		word = wordOf(body)
		known, ok := knownWords[word]
		// What Slack means by a passing failure, its status says too.
		return false, 0, ok && !known.retryable
	}
	response, err = c.sender.Send(ctx, request)
	if err == nil {
		return response, wordOf(response.Body), nil
	}
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if known, understood := knownWords[word]; ok && understood {
		failure.Err = refused(failure.Status, word, known)
	}
	return response, word, err
}

// thread is the message to reply to; empty for a message that begins a thread, or is in
// none. A test is in none.
func (c *channel) thread(ctx context.Context, message alerts.Message) string {
	if !c.options.Thread || message.Test {
		return ""
	}
	first, err := c.env.Memory.Recall(ctx, c.threadKey())
	if err != nil {
		// The message matters more than its place.
		c.env.Log.WarnContext(ctx, "the thread is not known; a new one begins", "channel", c.env.Name, "error", err)
	}
	return string(first)
}

func (c *channel) beginThread(ctx context.Context, message alerts.Message, thread, first string) {
	if c.options.Thread && !message.Test && thread == "" {
		c.remember(ctx, first)
	}
}

func (c *channel) remember(ctx context.Context, first string) {
	if err := c.env.Memory.Remember(context.WithoutCancel(ctx), c.threadKey(), []byte(first)); err != nil {
		c.env.Log.WarnContext(ctx, "the thread cannot be remembered; the next message begins a new one", "channel", c.env.Name, "error", err)
	}
}

// threadKey changes with the channel: a thread is in one only.
func (c *channel) threadKey() string { return "thread of " + c.options.Channel }
