package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go"

	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/redact"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// caller asks GitLab with one token.
type caller struct {
	*pass
	gitlab *gitlab.Client
	secret watch.Secret
}

// unlimited is the library's rate limiter that never sleeps: a limit is told of.
type unlimited struct{}

func (unlimited) Wait(ctx context.Context) error { return ctx.Err() }

// with makes a caller. The library neither tries again nor follows anything: the client
// below it reads again after a moment's outage.
func (p *pass) with(secret watch.Secret) (*caller, error) {
	client, err := gitlab.NewClient(secret.Reveal(), gitlab.WithBaseURL(p.options.URL),
		gitlab.WithHTTPClient(p.client.Reader()), gitlab.WithoutRetries(), gitlab.WithCustomLimiter(unlimited{}), gitlab.WithURLWarningLogger(p.env.Log))
	if err != nil {
		return nil, errors.New("url cannot be parsed")
	}
	return &caller{pass: p, gitlab: client, secret: secret}, nil
}

// paging is the query of a list.
type paging struct {
	gitlab.ListOptions
	// Revoked is left out where it is nil, because older instances do not know it everywhere.
	Revoked *bool `url:"revoked,omitempty"`
}

// get reads what stands at a path into a value.
func (c *caller) get(ctx context.Context, path string, query any, into any) (*gitlab.Response, *webclient.Failure) {
	request, err := c.gitlab.NewRequest(http.MethodGet, path, query, []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)})
	if err != nil {
		return nil, &webclient.Failure{Doing: c.doing(), Reason: watch.Unreadable, Text: "the request cannot be made", Lasting: true}
	}
	var raw json.RawMessage
	response, err := c.gitlab.Do(request, &raw)
	if err != nil {
		return nil, c.explain(response, err)
	}
	if json.Unmarshal(raw, into) != nil || string(raw) == "null" {
		return nil, c.unlike("the answer is not what GitLab's documentation says", response.StatusCode)
	}
	return response, nil
}

// unlike is the failure of an answer with success that proves nothing.
func (c *caller) unlike(text string, status int) *webclient.Failure {
	return &webclient.Failure{Doing: c.doing(), Reason: watch.Unparsable, Text: text, Status: status, Lasting: true}
}

func (c *caller) doing() string { return webclient.Doing(http.MethodGet, c.options.URL) }

// explain makes a failure of what the library gave.
func (c *caller) explain(response *gitlab.Response, err error) *webclient.Failure {
	if refusal, ok := errors.AsType[*gitlab.ErrorResponse](err); ok {
		return c.refusal(refusal.Response, refusal.Body)
	}
	if errors.Is(err, gitlab.ErrNotFound) && response != nil {
		return c.refusal(response.Response, nil)
	}
	_, noJSON := errors.AsType[*json.SyntaxError](err)
	if response != nil && (noJSON || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return c.unlike("it answered with something else than JSON: a login page, a proxy, or something else stands at this address", response.StatusCode)
	}
	return c.client.Explain(c.doing(), err, c.secret)
}

func (c *caller) refusal(response *http.Response, body []byte) *webclient.Failure {
	answer := webclient.Answer{Status: response.StatusCode, Header: response.Header, Body: []byte(redact.Text(string(body), c.secret))}
	failure := c.client.Refusal(webclient.Request{URL: c.options.URL}, answer, redact.Text(wordsOf(body), c.secret))
	if failure.Status == http.StatusUnauthorized && listedtoken.IsPage(body) {
		return listedtoken.NotTheService(failure)
	}
	return failure
}

// wordsOf is what GitLab says of a refusal: the description of an OAuth error, or a message
// (https://docs.gitlab.com/api/rest/troubleshooting/).
func wordsOf(body []byte) string {
	var said struct {
		Description string          `json:"error_description"`
		Error       string          `json:"error"`
		Message     json.RawMessage `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	var message string
	switch {
	case said.Description != "":
		return said.Description
	case json.Unmarshal(said.Message, &message) == nil:
		return message
	case len(said.Message) > 0:
		return string(said.Message) // an object that says which field is wrong
	}
	return said.Error
}

const (
	perPage = 100
	// maxPages bounds a list to 50,000 elements, which is what GitLab allows by offsets.
	maxPages = 500
)

// all walks through all pages of a list and hands over each element. Only a list that was
// read to its end is one without failure.
func (c *caller) all(ctx context.Context, path string, query paging, each func(json.RawMessage)) *webclient.Failure {
	query.PerPage = perPage
	for page := int64(1); page <= maxPages; {
		query.Page = page
		var elements []json.RawMessage
		response, failure := c.get(ctx, path, query, &elements)
		if failure != nil {
			if page > 1 && failure.Reason != watch.Throttled {
				failure.Reason, failure.Text = watch.Incomplete, fmt.Sprintf("the list broke off at page %d: %s", page, failure.Text)
			}
			return failure
		}
		for _, element := range elements {
			each(element)
		}
		more, known := next(response, page)
		if !known {
			return &webclient.Failure{Doing: c.doing(), Reason: watch.Incomplete, Text: fmt.Sprintf("page %d of the list does not say where the next one is in a form that can be followed", page), Lasting: true}
		}
		if !more && (response.Header.Get("X-Page") != "" || len(elements) < perPage) {
			return nil
		}
		page++ // where GitLab says nothing of pages, something on the way may have taken that away
	}
	return &webclient.Failure{Doing: c.doing(), Reason: watch.TooLarge, Text: fmt.Sprintf("the list has more than %d pages of %d", maxPages, perPage), Lasting: true}
}

// next reports whether another page follows, and whether that can be followed: by its number
// (https://docs.gitlab.com/api/rest/#offset-based-pagination), which is the next one.
func next(response *gitlab.Response, page int64) (more, known bool) {
	if text := response.Header.Get("X-Next-Page"); text != "" {
		return true, text == strconv.FormatInt(page+1, 10)
	}
	if response.Header.Get("X-Page") != "" {
		return false, true
	}
	return false, !nextLink.MatchString(response.Header.Get("Link"))
}

// nextLink is how Link names a next page (RFC 8288, 3.3), which keyset pagination does alone.
var nextLink = regexp.MustCompile(`(?i);\s*rel\s*=\s*"?([^";,]*\s)?next(\s[^";,]*)?["\s;,]?`)

// at is a path of the API, whose parts are escaped.
func at(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = url.PathEscape(part)
	}
	return strings.Join(escaped, "/")
}
