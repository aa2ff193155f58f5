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
	"strings"

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

type system struct {
	options Options
	env     incidents.Env
	api     ticket.API
}

// New makes a Better Stack system from valid options.
func New(options Options, env incidents.Env) (incidents.System, error) {
	s := &system{options: options, env: env}
	s.api = ticket.API{
		Env: env.Env, Sender: httpsend.New(env.Env, options.Or(publicAPI)), Authorize: s.authorize,
		Header: http.Header{"Accept": {"application/json"}}, Words: words, Remedies: remedies(),
	}
	return s, nil
}

func (s *system) authorize(header http.Header) ([]watch.Secret, error) {
	token, err := s.env.Secrets(s.options.Token)
	if err != nil {
		return nil, fmt.Errorf("read the token: %w", err)
	}
	header.Set("Authorization", "Bearer "+strings.TrimSpace(token.Reveal()))
	return []watch.Secret{token}, nil
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

// Create makes a report, of a maintenance where the stub has a window that is still to come.
func (s *system) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	send := freshReport{
		Title: stubtext.Cut(stub.Title, maxTitle), Message: message(stub), Type: manual, Notify: stub.Notify,
		Affected: affectedBy(stub), StartsAt: written(stub.StartedAt),
	}
	if stub.Phase == watch.Scheduled && stub.Window != nil {
		send.Type, send.StartsAt, send.EndsAt = maintenance, written(stub.Window.From), written(stub.Window.Until)
	}
	id, err := s.write(ctx, http.MethodPost, s.path(), send)
	if err != nil {
		return incidents.Remote{}, err
	}
	made, err := s.read(ctx, id)
	return made.remote(s.env.Source), err
}

// Update adds an update, unless it stands there already: a call may be repeated whose answer
// was lost.
func (s *system) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	read, err := s.read(ctx, current.ID)
	if err != nil {
		return incidents.Remote{}, err
	}
	if read.report.Attributes.Type == maintenance && stub.Phase == watch.Scheduled && stub.Window != nil && !read.report.sameWindow(*stub.Window) {
		send := window{written(stub.Window.From), written(stub.Window.Until)}
		if _, err := s.write(ctx, http.MethodPatch, s.path(current.ID), send); err != nil {
			return incidents.Remote{}, err
		}
	}
	if !read.says(message(stub)) {
		send := freshUpdate{Message: message(stub), Notify: stub.Notify, Affected: affectedBy(stub)}
		if _, err := s.write(ctx, http.MethodPost, s.path(current.ID, "status-updates"), send); err != nil {
			return incidents.Remote{}, err
		}
	}
	read, err = s.read(ctx, current.ID)
	return read.remote(s.env.Source), err
}

// write sends once and gives the id of what was written.
func (s *system) write(ctx context.Context, method, path string, send any) (string, error) {
	var answer struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	_, _, err := s.api.Do(ctx, ticket.Call{Method: method, Path: path, Send: send, Receive: &answer})
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
