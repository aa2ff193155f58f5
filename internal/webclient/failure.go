package webclient

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/neterr"
	"lapsewatch/internal/redact"
	"lapsewatch/internal/retryafter"
	"lapsewatch/watch"
)

// Failure is why a service gave no answer that can be used. It holds no secret.
type Failure struct {
	// Doing is what was being done, to what: "read https://example.com".
	Doing  string
	Reason watch.Reason
	// Text says what went wrong, as a clause.
	Text string
	// Status is that of the HTTP answer; zero if there was none.
	Status int
	// RetryAfter is how long the service wants to be left alone, at most an hour.
	RetryAfter time.Duration
	// Lasting: it does not heal by itself; somebody has to change something.
	Lasting bool
	// Err is the cause in this machine or on the network, if that is what it was.
	Err error
}

func (f *Failure) Error() string { return f.Doing + ": " + f.Text }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

const (
	shownRunes  = 300
	shownOfBody = 200
	longestWait = time.Hour
)

// Explain says why a request got no answer. err is what net/http gave. The end of ctx
// stays visible to errors.Is.
func (c *Client) Explain(doing string, err error, secrets ...watch.Secret) *Failure {
	if known, ok := errors.AsType[*Failure](err); ok {
		return known
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // it repeats the URL
	}
	failure := &Failure{Doing: doing}
	cause := err
	switch {
	case errors.Is(err, errTooLarge):
		failure.Reason, failure.Lasting, cause = watch.TooLarge, true, fmt.Errorf("the answer is larger than %d bytes", c.maxBytes())
	case errors.Is(err, errPlain):
		failure.Reason, failure.Lasting = watch.Refused, true
	case errors.Is(err, context.Canceled):
		failure.Reason, cause = watch.Unreachable, context.Canceled
	default:
		failure.Reason, cause = neterr.Explain(err)
	}
	failure.Err = redact.Error(err, secrets...)
	failure.Text = said(redact.Text(cause.Error(), secrets...), shownRunes)
	return failure
}

// Refusal makes a failure of an answer whose status is no success. words are the service's
// own, where the caller could read them.
func (c *Client) Refusal(request Request, answer Answer, words string) *Failure {
	failure := &Failure{
		Doing: Doing(cmp.Or(request.Method, http.MethodGet), request.URL), Status: answer.Status, Reason: watch.Unreadable,
		RetryAfter: retryafter.Of(answer.Header, c.env.Now(), longestWait), Lasting: !Passing(answer.Status),
	}
	switch answer.Status {
	case http.StatusUnauthorized:
		failure.Reason = watch.AuthFailed
	case http.StatusForbidden:
		failure.Reason = watch.PermissionDenied
	case http.StatusNotFound, http.StatusGone:
		failure.Reason = watch.NotFound
	case http.StatusTooManyRequests:
		failure.Reason = watch.Throttled
	}
	status := strings.TrimSpace(fmt.Sprintf("it answered %d %s", answer.Status, http.StatusText(answer.Status)))
	body := bytes.TrimSpace(answer.Body)
	switch {
	case answer.Status >= 300 && answer.Status < 400:
		failure.Text = status + ", which leads elsewhere and is not followed"
	case words != "":
		failure.Text = status + ": " + answer.Said(words, shownRunes)
	case bytes.HasPrefix(body, []byte("<")):
		failure.Text = status + " with a web page: a login page, a proxy, or something else stands at this address"
	case len(body) > 0 && !request.Private:
		failure.Text = fmt.Sprintf("%s: %q", status, answer.Said(string(body), shownOfBody))
	default:
		failure.Text = status
	}
	return failure
}

// Passing reports whether a status is one of a moment's outage.
func Passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// again reports whether a read is worth another attempt.
func (c *Client) again(ctx context.Context, response *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		failure := c.Explain("", err)
		return !failure.Lasting && (failure.Reason == watch.Unreadable || failure.Reason == watch.Unreachable), nil
	}
	if !Passing(response.StatusCode) || retryafter.Of(response.Header, c.env.Now(), longestWait) > longestPause {
		return false, nil
	}
	return true, nil
}

func (c *Client) pause(_, _ time.Duration, attempt int, response *http.Response) time.Duration {
	if response != nil {
		if asked := retryafter.Of(response.Header, c.env.Now(), longestWait); asked > 0 {
			return asked
		}
	}
	return firstPause << attempt
}

func said(text string, runes int) string {
	return clean.Text(strings.Join(strings.Fields(redact.JWTs(text)), " "), runes)
}
