package opsgenie

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

const (
	// firstPause and longestPause are between two questions after one request, which the
	// services process within a second as a rule.
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
	// shownOfAnswer is how many runes of the service's words an error shows.
	shownOfAnswer = 400
)

// requestID is what may become part of a path.
var requestID = regexp.MustCompile(`^[0-9A-Za-z-]{1,100}$`)

// do sends one request and waits until the service has processed it: 202 says only
// that it was well-formed.
func (c *channel) do(ctx context.Context, key watch.Secret, call call) (proof string, err error) {
	body, err := json.Marshal(call.body)
	if err != nil {
		return "", &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("encode the request: %w", err)}
	}
	response, err := c.send(ctx, key, httpsend.Request{Path: call.path, Query: call.query, Body: body})
	if err != nil {
		return "", doing(call.does, err)
	}
	var taken struct {
		RequestID string `json:"requestId"`
	}
	if json.Unmarshal(response.Body, &taken) != nil || !requestID.MatchString(taken.RequestID) {
		return "", doing(call.does, response.Unproven(c.env.Name, true, fmt.Errorf("want a requestId, got %d %s: %q", response.Status, http.StatusText(response.Status), clean.Text(string(response.Body), shownOfAnswer))))
	}
	done, err := c.confirm(ctx, key, taken.RequestID)
	if err != nil {
		return "", doing(call.does, err)
	}
	proof = fmt.Sprintf("HTTP %d, request %s: %s", response.Status, taken.RequestID, clean.Text(done.Status, shownOfAnswer))
	switch {
	case done.success():
		return proof + ", alert " + clean.Text(done.AlertID, shownOfAnswer), nil
	case call.closes && done.nothingOpen():
		return proof, nil
	default:
		return "", doing(call.does, c.failure(false, http.StatusAccepted, fmt.Errorf("the service accepted request %s and then refused it: %q", taken.RequestID, clean.Text(done.Status, shownOfAnswer))))
	}
}

// outcome is what became of a request.
type outcome struct {
	IsSuccess *bool  `json:"isSuccess"`
	Status    string `json:"status"`
	AlertID   string `json:"alertId"`
}

func (o outcome) success() bool { return o.IsSuccess != nil && *o.IsSuccess }

// nothingOpen reports that there was no alert to close: it never was, or a person was
// faster.
func (o outcome) nothingOpen() bool {
	said := strings.ToLower(o.Status)
	return strings.Contains(said, "does not exist") || strings.Contains(said, "already closed")
}

// confirm asks until the service has processed the request, or its time is over. The
// attempt that follows may repeat the request.
func (c *channel) confirm(ctx context.Context, key watch.Secret, id string) (outcome, error) {
	patience, cancel := context.WithTimeout(ctx, time.Duration(c.options.ConfirmWithin))
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		select {
		case <-time.After(pause):
		case <-patience.Done():
			if err := ctx.Err(); err != nil {
				return outcome{}, c.failure(true, 0, fmt.Errorf("wait for request %s: %w", id, err))
			}
			return outcome{}, c.failure(true, http.StatusAccepted, fmt.Errorf("the service accepted request %s and had not processed it after %s", id, time.Duration(c.options.ConfirmWithin)))
		}
		response, err := c.send(ctx, key, httpsend.Request{Method: http.MethodGet, Path: "/alerts/requests/" + id})
		if failure, ok := errors.AsType[*alerts.DeliveryError](err); ok && failure.Status == http.StatusNotFound {
			// The service does not know the request before it has processed it.
			continue
		}
		if err != nil {
			return outcome{}, err
		}
		done, err := processed(response.Body)
		if err != nil {
			return outcome{}, response.Unproven(c.env.Name, true, fmt.Errorf("ask what became of request %s: %w: %q", id, err, clean.Text(string(response.Body), shownOfAnswer)))
		}
		if done.IsSuccess != nil {
			return done, nil
		}
	}
}

// processed reads an outcome, which Opsgenie wraps in "data" and others may not.
func processed(body []byte) (outcome, error) {
	var said struct {
		outcome
		Data *outcome `json:"data"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return outcome{}, errors.New("the answer is not what it should be")
	}
	if said.Data != nil {
		return *said.Data, nil
	}
	return said.outcome, nil
}

func (c *channel) send(ctx context.Context, key watch.Secret, request httpsend.Request) (httpsend.Response, error) {
	request.Header = http.Header{"Authorization": {"GenieKey " + strings.TrimSpace(key.Reveal())}, "Content-Type": {"application/json"}}
	request.Secrets = redact.Words(key)
	var refused []byte
	request.Verdict = func(status int, header http.Header, body []byte) (retry bool, after time.Duration, judged bool) {
		refused = body
		return throttled(status, header)
	}
	response, err := c.sender.Send(ctx, request)
	if err != nil {
		return response, inWords(err, refused)
	}
	return response, nil
}

// throttled reads how long Opsgenie limits the rate, which it says in a header of its own:
// https://docs.opsgenie.com/docs/api-rate-limiting
func throttled(status int, header http.Header) (retry bool, after time.Duration, judged bool) {
	seconds, err := strconv.ParseInt(header.Get("X-RateLimit-Period-In-Sec"), 10, 32)
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "" || err != nil {
		return false, 0, false
	}
	return true, time.Duration(seconds) * time.Second, true
}

func (c *channel) failure(retryable bool, status int, err error) error {
	return &alerts.DeliveryError{Channel: c.env.Name, Retryable: retryable, Status: status, Err: err}
}

// doing says in a failure what was being done.
func doing(what string, err error) error {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok {
		return err
	}
	said := *failure
	said.Err = fmt.Errorf("%s: %w", what, failure.Err)
	return &said
}
