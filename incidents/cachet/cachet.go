// Package cachet keeps stubs as incidents of a Cachet status page (https://cachethq.io/),
// version 2.4 or 3. They are found by a key: in version 2 in a line of the message that
// Markdown does not show, in version 3 in the metadata. Hidden stubs are for signed-in
// users only. It makes no schedules, for which Cachet has neither a way to hide them nor
// one to keep them from subscribers, and it has no place for notes and drafts.
package cachet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// Kind is Cachet.
var Kind = incidents.Define("cachet", defaults, New)

// core is what both versions have in common.
type core struct {
	options Options
	env     incidents.Env
	api     ticket.API
}

// New makes the system of valid options.
func New(options Options, env incidents.Env) (incidents.System, error) {
	c := core{options: options, env: env}
	key := ticket.Key{Secrets: env.Secrets, From: options.Token, Called: "API key", Scheme: "Bearer"}
	if options.Version == "2" {
		key.Header, key.Scheme = "X-Cachet-Token", ""
	}
	c.api = ticket.API{
		Env: env.Env, Sender: httpsend.New(env.Env, options.Endpoint), Authorize: key.Authorize,
		Header: http.Header{"Accept": {"application/json"}}, Words: words, Remedies: remedies,
	}
	if options.Version == "2" {
		return &second{c}, nil
	}
	return &third{c}, nil
}

var remedies = map[int]string{
	http.StatusUnauthorized: "the API key is wrong or was revoked: look at token",
	http.StatusForbidden:    "the token may not do this: it needs the abilities incidents.manage and incident-updates.manage",
	http.StatusNotFound:     "nothing stands there: look at url, which is that of the page, and at version",
}

// Traits are those of both versions.
func (c core) Traits() incidents.Traits {
	return incidents.Traits{Hides: true, Place: c.place(), TitleLimit: maxTitle, TextLimit: maxText, Quote: stubtext.Quote}
}

// place names the host, where its address is no secret.
func (c core) place() string {
	if address, err := url.Parse(c.options.URL); err == nil && address.Host != "" {
		return "cachet " + address.Host
	}
	return "cachet"
}

// page is where people look at an incident; empty where the address is a secret.
func (c core) page(id string) string {
	if c.options.URL == "" {
		return ""
	}
	return strings.TrimSuffix(c.options.URL, "/") + "/incidents/" + url.PathEscape(id)
}

// do makes one request below the API.
func (c core) do(ctx context.Context, method, path string, query url.Values, send, receive any) error {
	_, _, err := c.api.Do(ctx, ticket.Call{Method: method, Path: apis[c.options.Version] + path, Query: query, Send: send, Receive: receive})
	return err
}

// Annotate has no place: what is kept with an incident can be read by everybody who sees it.
func (core) Annotate(context.Context, incidents.Remote, incidents.Note) error {
	return incidents.ErrNoNotes
}

// Draft has no place either.
func (core) Draft(context.Context, incidents.Remote, incidents.Note) error {
	return incidents.ErrNoDrafts
}

func incidentPath(id string) string { return "/incidents/" + url.PathEscape(id) }

// phases are the numbers of the service for the phases. It is read-only.
var phases = map[watch.Phase]int{watch.Investigating: 1, watch.Identified: 2, watch.Monitoring: 3, watch.Over: 4}

// phaseOf is ours for the service's number.
func phaseOf(status int) watch.Phase {
	for phase, number := range phases {
		if number == status {
			return phase
		}
	}
	return ""
}

// states are the numbers for how a component stands. Version 2 knows no maintenance. It is
// read-only.
var states = map[watch.ComponentStatus]int{
	watch.Operational: 1, watch.Degraded: 2, watch.PartialOutage: 3, watch.MajorOutage: 4, watch.UnderMaintenance: 6,
}

func (c core) state(status watch.ComponentStatus) int {
	if c.options.Version == "2" && status == watch.UnderMaintenance {
		status = watch.Degraded
	}
	return states[status]
}

func statusOf(state int) watch.ComponentStatus {
	for status, number := range states {
		if number == state {
			return status
		}
	}
	return ""
}

// componentID is the number of a component.
func (c core) componentID(id string) (int, error) {
	number, err := strconv.Atoi(id)
	if err != nil || number < 1 {
		return 0, &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("component %q: Cachet's ids are numbers", id)}
	}
	return number, nil
}

func visible(stub incidents.Stub) int {
	if stub.Hidden {
		return 0
	}
	return 1
}

// number is one that the service may write as a text or as a truth value too; zero where it
// writes something else.
type number int

// UnmarshalJSON takes whatever stands there.
func (n *number) UnmarshalJSON(text []byte) error {
	switch written := strings.Trim(string(text), `"`); written {
	case "true":
		*n = 1
	default:
		read, err := strconv.Atoi(written)
		if err != nil {
			read = 0
		}
		*n = number(read)
	}
	return nil
}

// refusal are the forms of an error: of version 2 a list of errors, of version 3 a message
// with the fields that are wrong.
type refusal struct {
	Message string          `json:"message"`
	Errors  json.RawMessage `json:"errors"`
}

// words reads what an error says; empty where it is of another form.
func words(body []byte) string {
	var said refusal
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	var listed []struct {
		Title, Detail string
		Meta          struct{ Details []string }
	}
	texts := []string{said.Message}
	if json.Unmarshal(said.Errors, &listed) == nil {
		for _, one := range listed {
			texts = append(texts, one.Title, one.Detail)
			texts = append(texts, one.Meta.Details...)
		}
	}
	var fields map[string][]string
	if json.Unmarshal(said.Errors, &fields) == nil {
		for _, problems := range sorted(fields) {
			texts = append(texts, problems...)
		}
	}
	return joined(texts)
}

var (
	errNoIncident  = errors.New("not with an incident that has an id")
	errNoList      = errors.New("not with a list and its pages")
	errNoUpdate    = errors.New("not with an update that has an id")
	errNoComponent = errors.New("not with a component that has an id")
)
