// Package betterstack keeps stubs as status reports on a status page of Better Stack
// (https://betterstack.com/docs/uptime/api/). Reports have no phase and no field for a key:
// both stand in the last line of each update. It makes no incidents of Better Stack, which
// would page people, and changes no report that the service made itself.
package betterstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// Kind is the Better Stack system.
var Kind = incidents.Define("betterstack", defaults, New)

// Better Stack publishes no limits. These are what people still read.
const maxTitle, maxText = 200, 5000

const (
	// Nor does it publish how often it may be asked. After the first requests of a run, which
	// read the list, we ask no more than five times a second.
	pace, atOnce = 200 * time.Millisecond, 30
	// shortest is how long a maintenance is said to have taken that ended before it began.
	shortest = time.Minute
)

type system struct {
	options Options
	env     incidents.Env
	api     ticket.API
	pace    *rate.Limiter
}

// New makes a Better Stack system from valid options. All its requests share one pace.
func New(options Options, env incidents.Env) (incidents.System, error) {
	s := &system{options: options, env: env, pace: rate.NewLimiter(rate.Every(pace), atOnce)}
	s.api = ticket.API{
		Env: env.Env, Sender: httpsend.New(env.Env, options.Or(publicAPI)), Authorize: ticket.Key{Secrets: env.Secrets, From: options.Token, Called: "token", Scheme: "Bearer"}.Authorize,
		Header: http.Header{"Accept": {"application/json"}}, Words: words, Remedies: remedies(),
	}
	return s, nil
}

// Traits says that everything is public there.
func (s *system) Traits() incidents.Traits {
	return incidents.Traits{
		Plans: true, Place: "betterstack status page " + s.options.Page,
		TitleLimit: maxTitle, TextLimit: maxText, Quote: stubtext.Quote,
	}
}

func (s *system) path(parts ...string) string {
	path := "/api/v2/status-pages/" + s.options.Page + "/status-reports"
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

func message(stub incidents.Stub) string {
	return stubtext.WithRef(stub.Text, stub.Key, stub.Phase, maxText)
}

// do waits for its turn, as long as ctx lasts, and makes one request.
func (s *system) do(ctx context.Context, call ticket.Call) error {
	if err := s.pace.Wait(ctx); err != nil {
		return &alerts.DeliveryError{Channel: s.env.Name, Retryable: true, Err: fmt.Errorf("wait for the turn of five requests a second: %w", err)}
	}
	_, _, err := s.api.Do(ctx, call)
	return err
}

// Create makes a report, of a maintenance where the stub has a window that is still to come.
func (s *system) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	send := freshReport{Title: stubtext.Cut(stub.Title, maxTitle), Message: message(stub), Type: manual, Notify: stub.Notify, StartsAt: stubtext.Written(stub.StartedAt)}
	if stub.Phase == watch.Scheduled && stub.Window != nil {
		send.Type, send.StartsAt, send.EndsAt = maintenance, stubtext.Written(stub.Window.From), stubtext.Written(stub.Window.Until)
	}
	send.Affected = affectedBy(stub, send.Type, nil)
	id, err := s.write(ctx, http.MethodPost, s.path(), send)
	if err != nil {
		return incidents.Remote{}, err
	}
	return s.after(ctx, id)
}

// Update moves a maintenance that was put off or is over early, and adds an update, unless
// that stands there already: a call may be repeated whose answer was lost.
func (s *system) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	read, err := s.read(ctx, current.ID)
	if err != nil {
		return incidents.Remote{}, err
	}
	if affected := affectedBy(stub, read.report.Attributes.Type, read.report.Attributes.Affected); !read.says(message(stub), affected) {
		send := freshUpdate{Message: message(stub), Notify: stub.Notify, Affected: affected}
		if _, err := s.write(ctx, http.MethodPost, s.path(current.ID, "status-updates"), send); err != nil {
			return incidents.Remote{}, err
		}
	}
	if send, moved := read.report.moved(stub, s.env.Now()); moved {
		if _, err := s.write(ctx, http.MethodPatch, s.path(current.ID), send); err != nil {
			return incidents.Remote{}, err
		}
	}
	return s.after(ctx, current.ID)
}

// moved is the window of a maintenance that was put off, or is over before its end. One that
// had not begun is given a minute that has passed: the service knows no other way to end it.
func (r report) moved(stub incidents.Stub, at time.Time) (send window, moved bool) {
	switch {
	case r.Attributes.Type != maintenance:
		return window{}, false
	case stub.Phase == watch.Over:
		send.EndsAt = stubtext.Written(at)
		if !r.Attributes.StartsAt.Before(at) {
			send.StartsAt = stubtext.Written(at.Add(-shortest))
		}
		return send, r.Attributes.EndsAt.After(at)
	case stub.Phase == watch.Scheduled && stub.Window != nil:
		return window{stubtext.Written(stub.Window.From), stubtext.Written(stub.Window.Until)}, !r.sameWindow(*stub.Window)
	default:
		return window{}, false
	}
}

// after reads what stands there after a write, as later runs will read it.
func (s *system) after(ctx context.Context, id string) (incidents.Remote, error) {
	read, err := s.read(ctx, id)
	if err != nil {
		return incidents.Remote{}, err
	}
	return read.remote(s.env.Source, s.env.Now()), nil
}

// write sends once and gives the id of what was written.
func (s *system) write(ctx context.Context, method, path string, send any) (string, error) {
	var answer struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	err := s.do(ctx, ticket.Call{Method: method, Path: path, Send: send, Receive: &answer})
	if err == nil && answer.Data.ID == "" {
		err = s.api.Unproven(method, path, errors.New("without an id"))
	}
	return answer.Data.ID, err
}

// Annotate has no place: nothing of a report is for staff only.
func (s *system) Annotate(context.Context, incidents.Remote, incidents.Note) error {
	return s.failure(incidents.ErrNoNotes)
}

// Draft has no place: reports have no post-mortems, and an update is public at once.
func (s *system) Draft(context.Context, incidents.Remote, incidents.Note) error {
	return s.failure(incidents.ErrNoDrafts)
}
