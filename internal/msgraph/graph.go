package msgraph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"lapsewatch/internal/retryafter"
	"lapsewatch/watch"
)

const (
	// maxTries of one request, the first included.
	maxTries = 5
	// firstPause doubles from try to try.
	firstPause = time.Second
	// longestPause is the most that a pass waits for one request because the service asks
	// it to; more is for the next pass.
	longestPause = 2 * time.Minute
	// longestRetryAfter is the most that a Retry-After is taken to mean.
	longestRetryAfter = 30 * 24 * time.Hour
	// maxPayload bounds what is sent: Graph takes no larger request.
	maxPayload = 4 << 20
)

// exchange is the client as the transport of the SDK.
type exchange struct{ client *Client }

// RoundTrip gives good answers only; everything else is a *Failure, or wraps ctx's error.
func (e exchange) RoundTrip(request *http.Request) (*http.Response, error) {
	got, err := e.client.ask(request, e.client.paces.of(request.URL))
	if err != nil {
		return nil, err
	}
	return got.response(request), nil
}

// ask sends a request to Graph, signed in, and repeats it where that is safe and may help.
func (c *Client) ask(request *http.Request, pace *rate.Limiter) (answer, error) {
	doing := strings.ToLower(request.Method) + " " + said(request.URL.Path)
	ctx := request.Context()
	if !c.onGraph(request.URL) {
		return answer{}, &Failure{Doing: doing, Reason: watch.Incomplete, Lasting: true, Text: fmt.Sprintf("it would go to %s and not to Microsoft Graph at %s", said(request.URL.Host), c.graph.Host)}
	}
	payload, err := payloadOf(request)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", doing, err)
	}
	stale := ""
	for try := 1; ; {
		token, err := c.gate.take(ctx, stale)
		if err != nil {
			return answer{}, err
		}
		if err := keep(ctx, pace, doing); err != nil {
			return answer{}, err
		}
		got, failure := c.try(request, payload, token)
		switch {
		case failure == nil:
			return got, nil
		case ctx.Err() != nil:
			return answer{}, interrupted(ctx, doing)
		case failure.Status == http.StatusUnauthorized && stale == "":
			stale = token
			continue
		}
		failure.Doing = doing
		if try > 1 {
			failure.Text += fmt.Sprintf("; tried %d times", try)
		}
		if request.Method != http.MethodGet || !failure.soonOver() || try == maxTries {
			return answer{}, failure
		}
		if err := c.pause(ctx, try, failure); err != nil {
			return answer{}, err
		}
		try++
	}
}

// onGraph reports whether an address is where the token may go.
func (c *Client) onGraph(address *url.URL) bool {
	return address.Scheme == c.graph.Scheme && strings.EqualFold(address.Host, c.graph.Host) && address.User == nil
}

// payloadOf reads the request's body, so that it can be sent again with another token.
func payloadOf(request *http.Request) ([]byte, error) {
	if request.Body == nil {
		return nil, nil
	}
	defer func() { _ = request.Body.Close() }()
	payload, err := io.ReadAll(io.LimitReader(request.Body, maxPayload+1))
	if err == nil && len(payload) > maxPayload {
		err = fmt.Errorf("the request is larger than %d bytes", maxPayload)
	}
	return payload, err
}

func (c *Client) try(request *http.Request, payload []byte, token string) (answer, *Failure) {
	attempt := request.Clone(request.Context())
	attempt.Header.Set("Authorization", "Bearer "+token)
	if payload != nil {
		attempt.Body, attempt.ContentLength = io.NopCloser(bytes.NewReader(payload)), int64(len(payload))
	}
	got, err := c.wire.roundTrip(attempt, maxPage)
	secrets := func() []watch.Secret {
		return append(c.wire.proxySecrets(c.graph.String()), watch.NewSecret(token))
	}
	if err != nil {
		return got, networkFailure("", request.URL.Host, err, secrets()...)
	}
	now := c.env.Now()
	if refusal(request.Method, got, now) == nil {
		return got, nil
	}
	got = got.without(secrets())
	failure := refusal(request.Method, got, now)
	failure.hide(secrets())
	return got, failure
}

// pause waits before the next try, as long as the service asks, or ever longer. A wait
// that the pass has no time for ends it with what the service said.
func (c *Client) pause(ctx context.Context, try int, failure *Failure) error {
	wait := firstPause << (try - 1)
	asked := !failure.RetryAt.IsZero()
	if asked {
		wait = max(failure.RetryAt.Sub(c.env.Now()), 0) // the clock may have been set forward
	}
	wait += rand.N(wait/4 + 1) // so that many clients do not return together
	deadline, bounded := ctx.Deadline()
	if asked && wait > longestPause || bounded && wait >= time.Until(deadline) {
		if asked {
			failure.Reason = watch.Throttled
			failure.Text += fmt.Sprintf("; it asks to wait until %s, longer than this pass has", failure.RetryAt.UTC().Format(time.RFC3339))
		}
		return failure
	}
	if !c.sleep(ctx, wait) {
		return interrupted(ctx, failure.Doing)
	}
	return nil
}

// sleep reports whether the whole wait has passed.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// refusal is what an answer says against itself; nil for a good one.
func refusal(method string, got answer, now time.Time) *Failure {
	media := mediaOf(got)
	failure := &Failure{Status: got.status, RequestID: requestID(got.header.Get("request-id")), Lasting: true}
	switch {
	case got.status >= http.StatusBadRequest:
		failure.refused(got, media, now)
	case got.status >= http.StatusMultipleChoices:
		failure.Reason, failure.Text = watch.Unreadable, "it answers with a redirect to "+target(got.header)+", which is not followed"
	case method != http.MethodGet && len(got.body) == 0:
		return nil
	case len(got.body) == 0:
		failure.Reason, failure.Text = watch.Unparsable, "it answers without content"
	case media != "application/json":
		failure.Reason, failure.Text = watch.Unparsable, notJSON(media)
	default:
		return nil
	}
	return failure
}

// mediaOf is the answer's type of content, empty if it names none.
func mediaOf(got answer) string {
	media, _, _ := mime.ParseMediaType(got.header.Get("Content-Type"))
	return media
}

func notJSON(media string) string {
	if media == "" {
		media = "no content type"
	}
	return fmt.Sprintf("it answers with %s where JSON belongs; a proxy or a sign-in page may stand in between", said(media))
}

func target(header http.Header) string {
	location, err := url.Parse(header.Get("Location"))
	if err != nil || location.Host == "" {
		return "another place"
	}
	return said(location.Scheme + "://" + location.Host)
}

// graphError is Graph's own shape of a refusal (learn.microsoft.com/graph/errors).
type graphError struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Inner   struct {
			RequestID string `json:"request-id"`
		} `json:"innerError"`
	} `json:"error"`
}

func (f *Failure) refused(got answer, media string, now time.Time) {
	var told graphError
	_ = json.Unmarshal(got.body, &told) // whatever of it can be read is of use
	f.Code, f.Text = code(told.Error.Code), said(told.Error.Message)
	if f.RequestID == "" {
		f.RequestID = requestID(told.Error.Inner.RequestID)
	}
	switch {
	case f.Text != "":
	case media != "" && media != "application/json":
		f.Text = notJSON(media)
	default:
		f.Text = "it answers " + strings.ToLower(http.StatusText(got.status))
	}
	f.Reason = watch.Unreadable
	switch got.status {
	case http.StatusUnauthorized:
		f.Reason, f.Text = watch.AuthFailed, "it does not accept the token: "+f.Text
	case http.StatusForbidden:
		f.Reason = watch.PermissionDenied
	case http.StatusNotFound, http.StatusGone:
		f.Reason = watch.NotFound
	case http.StatusTooManyRequests:
		f.Reason = watch.Throttled
	}
	if f.Lasting = !transientStatus(got.status); !f.Lasting {
		if wait := retryafter.Of(got.header, now, longestRetryAfter); wait > 0 {
			f.RetryAt = now.Add(wait).UTC()
		}
	}
}

func transientStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
