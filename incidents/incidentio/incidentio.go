// Package incidentio keeps stubs at incident.io (https://docs.incident.io/api-reference):
// as incidents and maintenances of a status page, or as incidents of the organisation. The
// key stands in the last line of the first update, or of the summary. A stub is one thing
// only: a status page's incident is not tied to one of the organisation. It sends no
// alerts, pages nobody and sets no custom fields.
package incidentio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/stubkey"
	"lapsewatch/internal/ticket"
)

// Kind is the incident.io system.
var Kind = incidents.Define("incidentio", defaults, New)

const (
	// pageSize is the largest: https://docs.incident.io/api-reference/incidents-v2/list
	pageSize = 250
	// maxPages bounds a list.
	maxPages = 100
)

// client is what both ways share.
type client struct {
	options Options
	env     incidents.Env
	api     ticket.API
}

// New makes an incident.io system from valid options.
func New(options Options, env incidents.Env) (incidents.System, error) {
	c := client{options: options, env: env}
	c.api = ticket.API{
		Env: env.Env, Sender: httpsend.New(env.Env, options.Or(publicAPI)), Authorize: ticket.Key{Secrets: env.Secrets, From: options.APIKey, Called: "API key", Scheme: "Bearer"}.Authorize,
		Header: http.Header{"Accept": {"application/json"}}, Words: words, Verdict: c.verdict, Remedies: remedies(),
	}
	if options.As == AsIncident {
		return &organisation{client: c}, nil
	}
	return &statusPage{client: c}, nil
}

func (c client) failure(err error) error {
	return &alerts.DeliveryError{Channel: c.env.Name, Err: err}
}

// ours requires that what stands there carries a key of the same cause, which may be an
// earlier one where the ledger was lost.
func (c client) ours(standing incidents.Remote, key string) error {
	if stubkey.SameCause(standing.Key, key, c.env.Source) {
		return nil
	}
	return c.failure(fmt.Errorf("%s does not carry the key %s any more, and is left alone", standing.ID, key))
}

// get reads one object, which stands under its name in the answer.
func (c client) get(ctx context.Context, path, name string, into identified) error {
	return c.ask(ctx, ticket.Call{Path: path}, name, into)
}

// identified is an object with an id, without which an answer proves nothing.
type identified interface{ id() string }

func (c client) ask(ctx context.Context, call ticket.Call, name string, into identified) error {
	var answer map[string]json.RawMessage
	call.Receive = &answer
	if _, _, err := c.api.Do(ctx, call); err != nil {
		return err
	}
	if json.Unmarshal(answer[name], into) != nil || into.id() == "" {
		return c.api.Unproven(call.Method, call.Path, fmt.Errorf("without a %s that has an id", strings.ReplaceAll(name, "_", " ")))
	}
	return nil
}

// pages visits a list, which stands under its name in the answers, to its end.
func pages[T any](ctx context.Context, c client, path, name string, query url.Values, visit func(T)) error {
	query.Set("page_size", strconv.Itoa(pageSize))
	for range maxPages {
		var answer map[string]json.RawMessage
		if _, _, err := c.api.Do(ctx, ticket.Call{Path: path, Query: query, Receive: &answer}); err != nil {
			return err
		}
		var items []T
		if json.Unmarshal(answer[name], &items) != nil || items == nil {
			return c.api.Unproven(http.MethodGet, path, fmt.Errorf("without a list of %s", strings.ReplaceAll(name, "_", " ")))
		}
		for _, item := range items {
			visit(item)
		}
		var meta struct {
			After string `json:"after"`
		}
		if raw, is := answer["pagination_meta"]; is && json.Unmarshal(raw, &meta) != nil {
			return c.api.Unproven(http.MethodGet, path, errors.New("without the place of its next page"))
		}
		switch {
		case meta.After == "" || len(items) == 0:
			return nil
		case meta.After == query.Get("after"):
			return c.api.Unproven(http.MethodGet, path, errors.New("with a next page that leads back"))
		}
		query.Set("after", meta.After)
	}
	return c.failure(fmt.Errorf("read the list at %s: it has more than %d pages", path, maxPages))
}

// words puts an error of incident.io into words.
func words(body []byte) string {
	var said struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Source  struct {
				Field string `json:"field"`
			} `json:"source"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	var all []string
	for _, one := range said.Errors {
		text := strings.TrimSuffix(one.Message, ".")
		if text == "" {
			text = one.Code
		}
		if one.Source.Field != "" {
			text = one.Source.Field + ": " + text
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// verdict reads the wait out of the body where no header says it:
// https://docs.incident.io/api-reference/introduction#rate-limits
func (c client) verdict(status int, header http.Header, body []byte) (retry bool, after time.Duration, judged bool) {
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "" {
		return false, 0, false
	}
	var said struct {
		Limit struct {
			Until string `json:"retry_after"`
		} `json:"rate_limit"`
	}
	if json.Unmarshal(body, &said) != nil {
		return false, 0, false
	}
	until, err := time.Parse(time.RFC1123, said.Limit.Until)
	if err != nil {
		return false, 0, false
	}
	now := c.env.Now()
	if theirs, err := http.ParseTime(header.Get("Date")); err == nil {
		now = theirs
	}
	return true, until.Sub(now), true
}

func remedies() map[int]string {
	return map[int]string{
		http.StatusUnauthorized:        "the API key is wrong or was deleted: make a new one under Settings, API keys",
		http.StatusForbidden:           "the API key lacks a permission: with as: status_page it needs the one to create status page incidents and maintenance windows and to publish updates, with as: incident those to create, edit and view incidents, private ones included",
		http.StatusNotFound:            "there is no such status page or incident, or the API key may not see it: look at status_page and at the key's permissions",
		http.StatusUnprocessableEntity: "look at the ids of components, severity and incident_type; subscribers of a page with more than 1,000 cannot be told by the API, and with as: incident it may refuse a status that is not active (statuses.resolved)",
	}
}
