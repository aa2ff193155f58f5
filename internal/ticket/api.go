package ticket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// maxAnswer bounds a page of a list.
const maxAnswer = 8 << 20

// API speaks JSON over HTTP with a ticket service.
type API struct {
	Env    alerts.Env
	Sender *httpsend.Sender
	// Authorize sets the credentials, read at each use, and gives what of them is secret.
	Authorize func(http.Header) ([]watch.Secret, error)
	// Header goes with every request.
	Header http.Header
	// Words and Verdict are those of httpsend.Request.
	Words   func(body []byte) string
	Verdict func(status int, header http.Header, body []byte) (retry bool, after time.Duration, judged bool)
	// Distrust finds in the header of a success why it is none; nil trusts all.
	Distrust func(http.Header) error
	// Remedies say what to do about a status.
	Remedies map[int]string
}

// Call is one request.
type Call struct {
	// Method is GET if it is empty.
	Method string
	Path   string
	Query  url.Values
	// Send becomes the JSON of the body, and the JSON of the answer goes into Receive;
	// nil for neither.
	Send, Receive any
}

// Do makes one attempt. An answer is a success only when it can be read: a login page
// answers 200 as well. The proof is its status.
func (a API) Do(ctx context.Context, call Call) (header http.Header, proof string, err error) {
	request := httpsend.Request{
		Method: call.Method, Path: call.Path, Query: call.Query, Header: a.Header.Clone(),
		Words: a.Words, Verdict: a.Verdict, MaxResponse: maxAnswer,
	}
	if request.Method == "" {
		request.Method = http.MethodGet
	}
	if request.Secrets, err = a.Authorize(request.Header); err != nil {
		return nil, "", &alerts.DeliveryError{Channel: a.Env.Name, Err: err}
	}
	if call.Send != nil {
		request.Header.Set("Content-Type", "application/json")
		if request.Body, err = json.Marshal(call.Send); err != nil {
			return nil, "", &alerts.DeliveryError{Channel: a.Env.Name, Err: fmt.Errorf("encode what to send to %s: %w", call.Path, err)}
		}
	}
	response, err := a.Sender.Send(ctx, request)
	if err != nil {
		return nil, "", a.remedied(err)
	}
	if a.Distrust != nil {
		if err := a.Distrust(response.Header); err != nil {
			return nil, "", a.unproven(response.Status, false, request.Method, call.Path, err)
		}
	}
	if call.Receive != nil {
		if err := json.Unmarshal(response.Body, call.Receive); err != nil {
			return nil, "", a.unreadable(response, request.Method, call.Path, err)
		}
	}
	return response.Header, strings.TrimSpace(fmt.Sprintf("HTTP %d %s", response.Status, http.StatusText(response.Status))), nil
}

// Unproven is the failure of an answer that reads like a success and proves nothing.
func (a API) Unproven(method, path string, err error) error {
	return a.unproven(http.StatusOK, true, method, path, err)
}

func (a API) unproven(status int, retry bool, method, path string, err error) error {
	return &alerts.DeliveryError{
		Channel: a.Env.Name, Retryable: retry, Status: status,
		Err: fmt.Errorf("%s %s: it answered %d, but %w", method, path, status, err),
	}
}

// ErrTooLong says that an answer is longer than what is read of one.
var ErrTooLong = fmt.Errorf("with more than %d MiB", maxAnswer>>20)

var errWebPage = errors.New("with a web page instead of JSON: a login page, a proxy, or something else stands at this URL")

// unreadable: a web page will stand there at the next attempt too, and a list be as long,
// while JSON that breaks off will not.
func (a API) unreadable(response httpsend.Response, method, path string, err error) error {
	switch {
	case response.IsPage():
		return a.unproven(response.Status, false, method, path, errWebPage)
	case response.Cut:
		return a.unproven(response.Status, false, method, path, ErrTooLong)
	case response.Broken != nil:
		return a.unproven(response.Status, true, method, path, fmt.Errorf("the answer broke off: %w", response.Broken))
	default:
		return a.unproven(response.Status, true, method, path, fmt.Errorf("not with the JSON of its API: %w", err))
	}
}

// remedied adds what to do to a refusal.
func (a API) remedied(err error) error {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok {
		return err
	}
	remedy := a.Remedies[failure.Status]
	if remedy == "" {
		return err
	}
	explained := *failure
	explained.Err = fmt.Errorf("%w: %s", failure.Err, remedy)
	return &explained
}

// Missing reports that an error is the service's word that something is not there, or
// not there any more.
func Missing(err error) bool {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	return ok && (failure.Status == http.StatusNotFound || failure.Status == http.StatusGone)
}
