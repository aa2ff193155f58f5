// Package email delivers digests as mail, over SMTP or by Microsoft Graph: one mail for
// each recipient, as plain text and HTML, with the dates as a calendar. It makes one
// attempt: retrying and remembering are the runner's. It reads no mail: bounces and wishes
// to be told no more are for whoever gets them.
package email

//go:generate go tool -modfile=../../tools/templ/go.mod templ generate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

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
	tokens  *tokens
}

// New makes a mail channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env, tokens: &tokens{options: options, env: env}}, nil
}

// Recipients are the configured addresses; none where only owners are told.
func (c *channel) Recipients() []string { return c.options.To }

// Deliver sends one mail. The proof is what the server or Microsoft Graph answers to its
// content.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	composed, err := compose(c.options, c.env, message)
	if err == nil {
		err = c.mayTell(message.Recipient)
	}
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.options.Timeout))
	defer cancel()
	if c.options.Transport == Graph {
		return c.sendByGraph(ctx, composed, message.Test)
	}
	return c.sendBySMTP(ctx, composed, message)
}

// sendBySMTP takes replies of 5xx as permanent, and what cannot be read on this machine;
// everything else, a missing STARTTLS and a certificate that cannot be verified included,
// is retryable, since somebody may mend it.
func (c *channel) sendBySMTP(ctx context.Context, composed *mail.Msg, message alerts.Message) (alerts.Receipt, error) {
	ends, _ := ctx.Deadline()
	within := time.Until(ends)
	if configured := time.Duration(c.options.Timeout); within > configured*9/10 {
		within = configured // what has passed since the attempt began is not worth a word
	}
	credential, failed := c.credential(ctx, message.Test)
	if failed != nil {
		return alerts.Receipt{}, failed
	}
	attempt := session{options: c.options, recipient: message.Recipient, dial: c.env.Dial, tlsTime: c.env.TLSTime, within: within}
	client, err := attempt.client(ctx, credential)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: presentable(err, c.forms(credential))}
	}
	reply, err := attempt.send(ctx, client, composed)
	if err != nil {
		status := statusOf(err)
		return alerts.Receipt{}, &alerts.DeliveryError{
			Channel: c.env.Name, Retryable: status < permanentReply, Status: status,
			Err: c.options.explain(status, presentable(err, c.forms(credential))),
		}
	}
	proof := redact.Text("250 "+reply, c.forms(credential)...)
	return alerts.Receipt{Proof: clean.Text(strings.TrimSpace(proof), maxReply)}, nil
}

// credential is the password or the access token to log in with; none where nobody logs
// in.
func (c *channel) credential(ctx context.Context, interactive bool) (watch.Secret, *alerts.DeliveryError) {
	switch {
	case c.options.Username == "":
		return watch.Secret{}, nil
	case c.options.Auth == xoauth2:
		return c.tokens.take(ctx, watch.Secret{}, interactive)
	}
	password, err := c.env.Secrets(c.options.Password)
	if err != nil {
		return password, &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("read password: %w", err)}
	}
	return password, nil
}

// forms are those in which a login carries the credential.
func (c *channel) forms(credential watch.Secret) []watch.Secret {
	if c.options.Username == "" {
		return nil
	}
	plain := "\x00" + c.options.Username + "\x00" + credential.Reveal()
	bearer := "user=" + c.options.Username + "\x01auth=Bearer " + credential.Reveal() + "\x01\x01"
	return []watch.Secret{credential, watch.NewSecret(plain), watch.NewSecret(bearer)}
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
