package email

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// longestHold is the most that a wait of the sign-in keeps a mail back: until then another
// run may come with a new secret.
const longestHold = time.Hour

// tokens give access tokens: what something else has left in its place, or what a sign-in
// of their own brings. Mails share a sign-in as long as its token lasts.
type tokens struct {
	options Options
	env     alerts.Env

	mu     sync.Mutex
	client *msgraph.Client
}

// take gives a token. refused is one that the service has just refused; interactive says
// that somebody waits for the answer.
func (t *tokens) take(ctx context.Context, refused watch.Secret, interactive bool) (watch.Secret, *alerts.DeliveryError) {
	if t.options.Entra == nil {
		token, err := t.env.Secrets(t.options.Token)
		if err != nil {
			return token, &alerts.DeliveryError{Channel: t.env.Name, Err: fmt.Errorf("read access token: %w", err)}
		}
		return token, nil
	}
	client, err := t.signedIn(interactive)
	if err != nil {
		return watch.Secret{}, &alerts.DeliveryError{Channel: t.env.Name, Err: err}
	}
	defer client.Close()
	token, err := client.Token(ctx, refused)
	if err != nil {
		return token, t.failure(err)
	}
	return token, nil
}

// signedIn makes the client at its first use: only then is it known whether somebody
// waits.
func (t *tokens) signedIn(interactive bool) (*msgraph.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.client != nil {
		return t.client, nil
	}
	env := msgraph.Env{
		Now: t.env.Now, Log: t.env.Log, HTTP: t.env.HTTP, Secrets: t.env.Secrets, Memory: t.env.Memory,
		Timeout: time.Duration(t.options.Timeout), Interactive: interactive,
	}
	if t.options.Transport == SMTP {
		env.Resource = outlook
	}
	client, err := msgraph.Open(*t.options.Entra, env)
	t.client = client
	return client, err
}

// failure is a sign-in's. One that does not heal by itself, such as an expired secret, is
// permanent, so that the news takes another channel at once.
func (t *tokens) failure(err error) *alerts.DeliveryError {
	failed := &alerts.DeliveryError{Channel: t.env.Name, Retryable: true, Err: err}
	if why, ok := errors.AsType[*msgraph.Failure](err); ok {
		failed.Retryable, failed.Status = !why.Lasting, why.Status
		if failed.Retryable && !why.RetryAt.IsZero() {
			failed.RetryAfter = min(max(why.RetryAt.Sub(t.env.Now()), 0), longestHold)
		}
	}
	return failed
}
