package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-github/v84/github"

	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/redact"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// answered is one answer that could be used.
type answered struct {
	header http.Header
	// nextPage is 0 if GitHub names none in a form that can be followed; more says that there
	// is one all the same, and linked whether it said anything of pages.
	nextPage     int
	more, linked bool
}

// caller asks GitHub with one credential.
type caller struct {
	*pass
	github *github.Client
	secret watch.Secret
}

// with makes a caller. The credential is sent to the API's own host only: nothing is
// redirected, because the library would send it along.
func (p *pass) with(secret watch.Secret) (*caller, error) {
	client := github.NewClient(p.client.Reader()).WithAuthToken(secret.Reveal())
	base, err := url.Parse(strings.TrimSuffix(p.options.APIURL, "/") + "/")
	if err != nil {
		return nil, errors.New("api_url cannot be parsed")
	}
	client.BaseURL = base
	return &caller{pass: p, github: client, secret: secret}, nil
}

// get reads a path below the API's URL into a value. A 200 without a body is an error: the
// library takes it for an empty list. The header is that of a failure too, if there was an
// answer.
func (c *caller) get(ctx context.Context, path string, into any) (answered, *webclient.Failure) {
	request, err := c.github.NewRequest(http.MethodGet, path, nil, github.WithVersion("2022-11-28"))
	if err != nil {
		return answered{}, &webclient.Failure{Doing: c.doing(), Reason: watch.Unreadable, Text: "the request cannot be made", Lasting: true}
	}
	var raw json.RawMessage
	response, err := c.github.Do(ctx, request, &raw)
	if err == nil && len(raw) == 0 {
		err = io.ErrUnexpectedEOF
	}
	var got answered
	if response != nil && response.Response != nil {
		link := response.Header.Get("Link")
		got = answered{header: response.Header, nextPage: response.NextPage, more: nextLink.MatchString(link), linked: link != ""}
	}
	if err != nil {
		return got, c.explain(err)
	}
	if unread := json.Unmarshal(raw, into); unread != nil || string(raw) == "null" {
		return got, c.unlike("the answer is not what GitHub's documentation says", response.StatusCode)
	}
	return got, nil
}

// nextLink is how Link names a next page (RFC 8288, 3.3).
var nextLink = regexp.MustCompile(`(?i);\s*rel\s*=\s*"?([^";,]*\s)?next(\s[^";,]*)?["\s;,]?`)

// unlike is the failure of an answer with success that proves nothing.
func (c *caller) unlike(text string, status int) *webclient.Failure {
	return &webclient.Failure{Doing: c.doing(), Reason: watch.Unparsable, Text: text, Status: status, Lasting: true}
}

func (c *caller) doing() string { return webclient.Doing(http.MethodGet, c.options.APIURL) }

// explain makes a failure of what the library gave.
func (c *caller) explain(err error) *webclient.Failure {
	var refusal *github.ErrorResponse
	if limited, ok := errors.AsType[*github.RateLimitError](err); ok {
		return c.throttled(limited.Response, limited.Message, limited.Rate.Reset.Time)
	}
	if limited, ok := errors.AsType[*github.AbuseRateLimitError](err); ok {
		return c.throttled(limited.Response, limited.Message, time.Time{})
	}
	if second, ok := errors.AsType[*github.TwoFactorAuthError](err); ok {
		refusal = (*github.ErrorResponse)(second)
	} else if found, ok := errors.AsType[*github.ErrorResponse](err); ok {
		refusal = found
	}
	if elsewhere, ok := errors.AsType[*github.RedirectionError](err); ok {
		refusal = &github.ErrorResponse{Response: elsewhere.Response}
	}
	if refusal != nil {
		return c.refusal(refusal)
	}
	if _, ok := errors.AsType[*github.AcceptedError](err); ok {
		return &webclient.Failure{Doing: c.doing(), Reason: watch.Unreadable, Text: "it answered 202 Accepted, without what was asked for", Status: http.StatusAccepted}
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return c.unlike("it answered with something else than JSON: a login page, a proxy, or something else stands at this address", http.StatusOK)
	}
	return c.client.Explain(c.doing(), err, c.secret)
}

func (c *caller) refusal(refusal *github.ErrorResponse) *webclient.Failure {
	header := refusal.Response.Header
	answer := webclient.Answer{Status: refusal.Response.StatusCode, Header: header}
	if body, err := io.ReadAll(refusal.Response.Body); err == nil && refusal.Message == "" {
		answer.Body = []byte(redact.Text(string(body), c.secret))
	}
	words := redact.Text(refusal.Message, c.secret)
	failure := c.client.Refusal(webclient.Request{URL: c.options.APIURL}, answer, words)
	if failure.Status == http.StatusUnauthorized && listedtoken.IsPage(answer.Body) {
		return listedtoken.NotTheService(failure)
	}
	// A 403 that names a wait is a limit, and so is the one after too many wrong sign-ins
	// (https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api).
	if failure.Status == http.StatusForbidden && (header.Get("Retry-After") != "" || strings.Contains(strings.ToLower(words), "login attempts")) {
		failure.Reason, failure.Lasting = watch.Throttled, false
	}
	return failure
}

// throttled tells of a limit, and until when it holds.
func (c *caller) throttled(response *http.Response, words string, until time.Time) *webclient.Failure {
	failure := c.client.Refusal(webclient.Request{URL: c.options.APIURL}, webclient.Answer{Status: response.StatusCode, Header: response.Header}, redact.Text(words, c.secret))
	failure.Reason, failure.Lasting = watch.Throttled, false
	if !until.IsZero() {
		failure.Text += fmt.Sprintf("; its limit is used up until %s", until.UTC().Format(time.RFC3339))
	}
	return failure
}
