// Package instatus keeps stubs as incidents and maintenances of an Instatus status page
// (https://instatus.com/help/api). The key stands in the last line of the first update,
// because incidents have no field for it. It writes no title once an incident is made, and
// uses no drafts: nothing published says that they can be found again.
package instatus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// Kind is the Instatus system.
var Kind = incidents.Define("instatus", defaults, New)

const (
	// Instatus publishes no limits. These are what people still read.
	maxTitle, maxText = 200, 5000
	// pageSize is the largest: https://instatus.com/help/api/incidents
	pageSize = 100
	// maxPages bounds a list.
	maxPages = 200
)

type system struct {
	options Options
	env     incidents.Env
	api     ticket.API
}

// New makes an Instatus system from valid options.
func New(options Options, env incidents.Env) (incidents.System, error) {
	s := &system{options: options, env: env}
	s.api = ticket.API{
		Env: env.Env, Sender: httpsend.New(env.Env, options.Or(publicAPI)), Authorize: ticket.Key{Secrets: env.Secrets, From: options.APIKey, Called: "API key", Scheme: "Bearer"}.Authorize,
		Header: http.Header{"Accept": {"application/json"}}, Words: words, Remedies: remedies(),
	}
	return s, nil
}

// Traits says that everything is public there.
func (s *system) Traits() incidents.Traits {
	return incidents.Traits{
		Plans: true, Place: "instatus page " + s.options.Page,
		TitleLimit: maxTitle, TextLimit: maxText, Quote: stubtext.Quote,
	}
}

func (s *system) path(parts ...string) string {
	path := "/v1/" + s.options.Page
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// List gives the incidents and maintenances with our key.
func (s *system) List(ctx context.Context, since time.Time) ([]incidents.Remote, error) {
	var all []incidents.Remote
	seen := map[string]bool{}
	add := func(of sort) func(entry) {
		return func(listed entry) {
			remote := listed.remote(of, s.env.Source)
			if remote.Key != "" && !seen[remote.ID] {
				all, seen[remote.ID] = append(all, remote), true
			}
		}
	}
	if err := s.pages(ctx, incidentSort(), open(), time.Time{}, add(incidentSort())); err != nil {
		return nil, err
	}
	if err := s.pages(ctx, incidentSort(), url.Values{"status": {"RESOLVED"}}, since, add(incidentSort())); err != nil {
		return nil, err
	}
	if err := s.pages(ctx, maintenanceSort(), url.Values{}, since, add(maintenanceSort())); err != nil {
		return nil, err
	}
	return all, nil
}

// pages visits a list to its end, which is the first empty page: a page may be shorter than
// was asked for. Lists begin with the newest; one page of what was over before since ends
// them too.
func (s *system) pages(ctx context.Context, of sort, query url.Values, since time.Time, visit func(entry)) error {
	query.Set("per_page", strconv.Itoa(pageSize))
	path := s.path(of.path)
	for page := range maxPages {
		query.Set("page", strconv.Itoa(page+1))
		var listed *[]entry
		if _, _, err := s.api.Do(ctx, ticket.Call{Path: path, Query: query, Receive: &listed}); err != nil {
			return err
		}
		if listed == nil {
			return s.api.Unproven(http.MethodGet, path, errors.New("without a list"))
		}
		if len(*listed) == 0 {
			return nil
		}
		old := true
		for _, one := range *listed {
			if one.ID == "" {
				return s.api.Unproven(http.MethodGet, path, errors.New("with an entry that has no id"))
			}
			old = old && one.before(since, of)
			visit(one)
		}
		if old {
			return nil
		}
	}
	return s.failure(fmt.Errorf("read the list at %s: it has more than %d pages", path, maxPages))
}

func (s *system) read(ctx context.Context, id string) (entry, sort, error) {
	of, theirs := sortOf(id)
	path := s.path(of.path, theirs)
	var read entry
	_, _, err := s.api.Do(ctx, ticket.Call{Path: path, Receive: &read})
	if err == nil && read.ID == "" {
		err = s.api.Unproven(http.MethodGet, path, errors.New("without an id"))
	}
	return read, of, err
}

// Read gives one incident or maintenance.
func (s *system) Read(ctx context.Context, id string) (incidents.Remote, bool, error) {
	read, of, err := s.read(ctx, id)
	switch {
	case ticket.Missing(err):
		return incidents.Remote{}, false, nil
	case err != nil:
		return incidents.Remote{}, false, err
	}
	return read.remote(of, s.env.Source), true, nil
}

// Create makes the incident, or the maintenance where the stub has a window that is still
// to come.
func (s *system) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	of, publish := incidentSort(), true
	send := fresh{
		Name: stubtext.Cut(stub.Title, maxTitle), Message: stubtext.WithRef(stub.Text, stub.Key, "", maxText),
		Components: tied(entry{}, stub), Notify: stub.Notify,
	}
	if stub.Phase == watch.Scheduled && stub.Window != nil {
		of, send.schedule = maintenanceSort(), newSchedule(stub)
	} else {
		send.Started, send.ShouldPublish = stubtext.Written(stub.StartedAt), &publish
	}
	var err error
	if send.Statuses, err = s.statuses(ctx, entry{}, of, stub); err != nil {
		return incidents.Remote{}, err
	}
	send.Status = of.word(stub, entry{}.begun(stub, s.env.Now()))
	id, err := s.post(ctx, http.MethodPost, s.path(of.path), send)
	if err != nil {
		return incidents.Remote{}, err
	}
	return s.after(ctx, of.prefix+id)
}

// Update moves a maintenance that was put off, and adds an update, unless that stands there
// already: a call may be repeated whose answer was lost.
func (s *system) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	read, of, err := s.read(ctx, current.ID)
	if err != nil {
		return incidents.Remote{}, err
	}
	window := of.prefix != "" && stub.Phase == watch.Scheduled && stub.Window != nil
	if wanted := (moved{Notify: stub.Notify}); window {
		if wanted.schedule = newSchedule(stub); !read.sameWindow(wanted.schedule) {
			if _, err := s.post(ctx, http.MethodPut, s.path(of.path, read.ID), wanted); err != nil {
				return incidents.Remote{}, err
			}
		}
	}
	statuses, err := s.statuses(ctx, read, of, stub)
	if err != nil {
		return incidents.Remote{}, err
	}
	message, word := stubtext.Cut(stubtext.Tidy(stub.Text), maxText), of.word(stub, read.begun(stub, s.env.Now()))
	if !read.says(message, stub.Key, word, statuses) {
		send := freshUpdate{
			Message: message, Components: tied(read, stub), Statuses: statuses, Status: word, Started: stubtext.Written(stub.At), Notify: stub.Notify,
		}
		if window {
			send.End = stubtext.Written(stub.Window.Until)
		}
		if _, err := s.post(ctx, http.MethodPost, s.path(of.path, read.ID, of.updates), send); err != nil {
			return incidents.Remote{}, err
		}
	}
	return s.after(ctx, current.ID)
}

// post sends once and gives the id of what was written.
func (s *system) post(ctx context.Context, method, path string, send any) (string, error) {
	var answer made
	_, _, err := s.api.Do(ctx, ticket.Call{Method: method, Path: path, Send: send, Receive: &answer})
	if err == nil && answer.ID == "" {
		err = s.api.Unproven(method, path, errors.New("without an id"))
	}
	return answer.ID, err
}

// after reads what stands there after a write, as later runs will read it.
func (s *system) after(ctx context.Context, id string) (incidents.Remote, error) {
	read, of, err := s.read(ctx, id)
	if err != nil {
		return incidents.Remote{}, err
	}
	return read.remote(of, s.env.Source), nil
}

// Annotate has no place: nothing of an incident is for staff only.
func (s *system) Annotate(context.Context, incidents.Remote, incidents.Note) error {
	return s.failure(incidents.ErrNoNotes)
}

// Draft has no place: the API has no post-mortems.
func (s *system) Draft(context.Context, incidents.Remote, incidents.Note) error {
	return s.failure(incidents.ErrNoDrafts)
}

func (s *system) failure(err error) error {
	return &alerts.DeliveryError{Channel: s.env.Name, Err: err}
}
