// Package email delivers digests as mail over SMTP: one mail for each recipient, as
// plain text and HTML. It makes one attempt: retrying and remembering are the runner's.
package email

//go:generate go tool -modfile=../../tools/templ/go.mod templ generate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// Kind is the mail channel.
var Kind = alerts.Define("email", defaults, New)

const (
	// permanentReply is the lowest SMTP reply that says not to try again (RFC 5321,
	// 4.2.1).
	permanentReply = 500
	maxReply       = 300
)

type channel struct {
	options Options
	env     alerts.Env
}

// New makes a mail channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env}, nil
}

// Recipients are the configured addresses.
func (c *channel) Recipients() []string { return c.options.To }

// Deliver sends one mail. The proof is the server's reply to its content. Replies of
// 5xx are permanent; everything else, a missing STARTTLS and a certificate that cannot
// be verified included, is retryable, since somebody may mend it.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	composed, err := compose(c.options, c.env, message)
	if err == nil {
		err = c.mayTell(message.Recipient)
	}
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	var password watch.Secret
	if c.options.Username != "" {
		if password, err = c.env.Secrets(c.options.Password); err != nil {
			return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Retryable: true, Err: fmt.Errorf("read password: %w", err)}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.options.Timeout))
	defer cancel()
	ends, _ := ctx.Deadline()
	attempt := session{options: c.options, dial: c.env.Dial, within: time.Until(ends)}
	reply, err := attempt.send(ctx, composed, password)
	if err != nil {
		status := statusOf(err)
		return alerts.Receipt{}, &alerts.DeliveryError{
			Channel: c.env.Name, Retryable: status < permanentReply, Status: status,
			Err: presentable(err, c.credentials(password)),
		}
	}
	proof := redact.Text("250 "+reply, c.credentials(password)...)
	return alerts.Receipt{Proof: clean.Text(strings.TrimSpace(proof), maxReply)}, nil
}

// credentials are the forms in which a login carries the password.
func (c *channel) credentials(password watch.Secret) []watch.Secret {
	if c.options.Username == "" {
		return nil
	}
	plain := "\x00" + c.options.Username + "\x00" + password.Reveal()
	return []watch.Secret{password, watch.NewSecret(plain)}
}

// presentable is err without secrets, in one line, and wrapping the context's end when
// that was the cause.
func presentable(err error, secrets []watch.Secret) error {
	text := clean.Text(redact.Text(err.Error(), secrets...), maxReply)
	for _, ended := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, ended) {
			return &plainError{text, ended}
		}
	}
	return errors.New(text)
}
