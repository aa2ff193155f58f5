package webclient

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// Request is one to send.
type Request struct {
	// Method is GET if it is empty.
	Method string
	URL    string
	Header http.Header
	// Form is sent as application/x-www-form-urlencoded, if it is not nil.
	Form url.Values
	// JSON is sent as application/json, if it is not nil and Form is.
	JSON []byte
	// Secrets that the request carries are kept out of answers and errors.
	Secrets []watch.Secret
	// Private: the answer holds secrets that nobody knows yet, such as tokens. Its body comes
	// as the service sent it, whatever the request carries, and Refusal does not show it.
	Private bool
}

// Answer is one whose body was read whole. Body holds what the service sent, secrets that
// it made included, and those of a private request: what is shown of it goes through Said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Took is the time from the request's beginning to the end of the body, the making of
	// a connection included.
	Took time.Duration
	// Date is that of the service (RFC 9110, 6.6.1), zero if it gives none.
	Date    time.Time
	secrets []watch.Secret
}

// Get reads a URL, again after a moment's outage. An answer with any status is no error;
// Refusal makes one of it.
func (c *Client) Get(ctx context.Context, request Request) (Answer, error) {
	return c.send(ctx, c.patient, request)
}

// Once sends a request one single time, whatever becomes of it.
func (c *Client) Once(ctx context.Context, request Request) (Answer, error) {
	return c.send(ctx, c.once, request)
}

func (c *Client) send(ctx context.Context, client *http.Client, request Request) (Answer, error) {
	doing := Doing(cmp.Or(request.Method, http.MethodGet), request.URL)
	if request.Private {
		ctx = context.WithValue(ctx, untouched{}, true)
	}
	outgoing, err := request.outgoing(ctx)
	if err != nil {
		return Answer{}, &Failure{Doing: doing, Reason: watch.Unreadable, Text: err.Error(), Lasting: true}
	}
	secrets := append(slices.Clone(request.Secrets), carried(outgoing)...)
	began := time.Now()
	response, err := client.Do(outgoing)
	if err != nil {
		failure := c.Explain(doing, err, secrets...)
		if request.Private && strings.Contains(failure.Text, "malformed") { // net/http repeats what it could not read
			failure.Text, failure.Err = "it answered with what is no HTTP", nil
		}
		return Answer{}, failure
	}
	defer func() { _ = response.Body.Close() }()
	answer := Answer{Status: response.StatusCode, Header: response.Header, secrets: secrets}
	answer.Date, _ = http.ParseTime(response.Header.Get("Date")) // without one it is zero
	if answer.Body, err = io.ReadAll(response.Body); err != nil {
		return answer, c.Explain(doing, err, secrets...)
	}
	answer.Took = time.Since(began)
	return answer, nil
}

func (r Request) outgoing(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	method := cmp.Or(r.Method, http.MethodGet)
	if r.Form != nil {
		body, method = bytes.NewReader([]byte(r.Form.Encode())), cmp.Or(r.Method, http.MethodPost)
	} else if r.JSON != nil {
		body, method = bytes.NewReader(r.JSON), cmp.Or(r.Method, http.MethodPost)
	}
	outgoing, err := http.NewRequestWithContext(ctx, method, r.URL, body)
	if err != nil {
		return nil, errors.New("the URL cannot be parsed") // the parser's error repeats it
	}
	for name, values := range r.Header {
		outgoing.Header[http.CanonicalHeaderKey(name)] = values
	}
	if r.Form != nil {
		outgoing.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else if r.JSON != nil {
		outgoing.Header.Set("Content-Type", "application/json")
	}
	return outgoing, nil
}

// Doing is the beginning of an error: what is done, to which service. Paths and queries,
// which may hold a secret, are left out.
func Doing(method, address string) string {
	words := map[string]string{http.MethodGet: "read", http.MethodPost: "post to"}
	target, err := url.Parse(address)
	if err != nil {
		return cmp.Or(words[method], strings.ToLower(method)) + " a URL"
	}
	return fmt.Sprintf("%s %s://%s", cmp.Or(words[method], strings.ToLower(method)), target.Scheme, target.Host)
}

// Said is text out of the answer as it may be shown: in one line of at most so many runes,
// without the secrets of the request.
func (a Answer) Said(text string, runes int) string {
	return said(redact.Text(text, a.secrets...), runes)
}
