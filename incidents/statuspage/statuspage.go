// Package statuspage keeps stubs as incidents and scheduled maintenances of one page of
// Atlassian Statuspage (https://developer.statuspage.io/). They are found by a key in
// their metadata. The service cannot hide an incident; it is never told to notify
// subscribers unless a stub says so. It publishes no post-mortem, sends no tweet and
// writes no component outside an incident.
package statuspage

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/retryafter"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
)

// Kind is Atlassian Statuspage.
var Kind = incidents.Define("statuspage", defaults, New)

const (
	// pace is a little longer than the second for each request that the service asks for,
	// over any 60 s: requests do not arrive as evenly as they are sent.
	pace = 1050 * time.Millisecond
	// leastWait is how long to keep away after a refusal for the rate, for which the service
	// promises no Retry-After: its window.
	leastWait = time.Minute
	// longestWait is more than that is never asked for.
	longestWait = time.Hour
	// statusCalm is how the service limits its rate, beside 429.
	statusCalm = 420
)

type system struct {
	options Options
	env     incidents.Env
	api     ticket.API
	pace    *rate.Limiter
}

// New makes the system of valid options. All its requests share one pace.
func New(options Options, env incidents.Env) (incidents.System, error) {
	return newSystem(options, env, pace), nil
}

func newSystem(options Options, env incidents.Env, every time.Duration) *system {
	s := &system{options: options, env: env, pace: rate.NewLimiter(rate.Every(every), 1)}
	s.api = ticket.API{
		Env: env.Env, Sender: httpsend.New(env.Env, options.Or(publicAPI)), Authorize: ticket.Key{Secrets: env.Secrets, From: options.Token, Called: "API key", Scheme: "OAuth"}.Authorize,
		Header: http.Header{"Accept": {"application/json"}}, Words: words, Verdict: s.verdict, Remedies: remedies,
	}
	return s
}

var remedies = map[int]string{
	http.StatusUnauthorized:        "the API key is wrong or was revoked, or is of another organisation than the page: make a new one under Manage account, API info",
	http.StatusForbidden:           "the key's user may not manage the incidents of this page: give that user the right to",
	http.StatusNotFound:            "no such page or incident, or the key's user may not see it: look at page",
	http.StatusUnprocessableEntity: "look at the ids of the components: each must be one of this page",
}

// verdict knows the refusals for the rate.
func (s *system) verdict(status int, header http.Header, _ []byte) (retry bool, after time.Duration, judged bool) {
	if status != statusCalm && status != http.StatusTooManyRequests {
		return false, 0, false
	}
	if after = retryafter.Of(header, s.env.Now(), longestWait); after == 0 {
		after = leastWait
	}
	return true, after, true
}

// Traits are those of the service.
func (s *system) Traits() incidents.Traits {
	return incidents.Traits{Plans: true, Place: "statuspage page " + s.options.Page, TitleLimit: maxTitle, TextLimit: maxText, Quote: stubtext.Quote}
}

// do waits for its turn, as long as ctx lasts, and makes one request below the page.
func (s *system) do(ctx context.Context, method, path string, query url.Values, send, receive any) error {
	if err := s.pace.Wait(ctx); err != nil {
		return &alerts.DeliveryError{Channel: s.env.Name, Retryable: true, Err: fmt.Errorf("wait for the turn of one request a second: %w", err)}
	}
	_, _, err := s.api.Do(ctx, ticket.Call{Method: method, Path: "/pages/" + s.options.Page + path, Query: query, Send: send, Receive: receive})
	return err
}

func incidentPath(id string) string { return "/incidents/" + url.PathEscape(id) }

// one makes a request that is answered with an incident.
func (s *system) one(ctx context.Context, method, path string, send any) (incident, error) {
	var answer incident
	if err := s.do(ctx, method, path, nil, send, &answer); err != nil {
		return incident{}, err
	}
	if answer.ID == "" {
		return incident{}, s.api.Unproven(method, path, errNoIncident)
	}
	return answer, nil
}

// Read gives the incident of that id.
func (s *system) Read(ctx context.Context, id string) (incidents.Remote, bool, error) {
	read, err := s.one(ctx, http.MethodGet, incidentPath(id), nil)
	switch {
	case ticket.Missing(err):
		return incidents.Remote{}, false, nil
	case err != nil:
		return incidents.Remote{}, false, err
	}
	return s.remote(read), true, nil
}

// Create makes the incident, or the maintenance.
func (s *system) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	wanted, err := s.wanted(ctx, incident{}, stub)
	if err != nil {
		return incidents.Remote{}, err
	}
	wanted.Reminders = noReminders
	made, err := s.one(ctx, http.MethodPost, "/incidents", envelope{wanted})
	if err != nil {
		return incidents.Remote{}, err
	}
	return s.remote(made), nil
}

// Update reads the incident as it stands and writes what differs from the stub.
func (s *system) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	path := incidentPath(current.ID)
	now, err := s.one(ctx, http.MethodGet, path, nil)
	if err != nil {
		return incidents.Remote{}, err
	}
	wanted, err := s.wanted(ctx, now, stub)
	if err != nil {
		return incidents.Remote{}, err
	}
	var written incident
	switch stands := now.stands(wanted); {
	case stands && now.keeps(wanted):
		return s.remote(now), nil
	case stands:
		written, err = s.keep(ctx, now, wanted.Metadata)
	default:
		written, err = s.one(ctx, http.MethodPatch, path, envelope{wanted})
	}
	if err != nil {
		return incidents.Remote{}, err
	}
	return s.remote(written), nil
}
