// Package opsgenie keeps stubs as incidents of Opsgenie, by its Incident API
// (https://docs.opsgenie.com/docs/incident-api). Requests that change something are
// processed later there: each is asked after until it was. It neither acknowledges
// alerts, nor writes on a status page unless configuration says so, nor reads what people
// discuss. Jira Service Management, to which Atlassian moves Opsgenie's customers, has no
// interface of this kind; see docs/incidents/opsgenie.md.
package opsgenie

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/stubkey"
	"lapsewatch/internal/stubseen"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// Kind is the status system of Opsgenie.
var Kind = incidents.Define("opsgenie", defaults, New)

type system struct {
	options Options
	env     incidents.Env
	api     ticket.API
}

// New makes a status system from valid options.
func New(options Options, env incidents.Env) (incidents.System, error) {
	s := &system{options: options, env: env}
	s.api = ticket.API{
		Env: env.Env, Sender: httpsend.New(env.Env, options.endpoint()), Authorize: ticket.Key{Secrets: env.Secrets, From: options.APIKey, Called: "API key", Scheme: "GenieKey"}.Authorize, Header: http.Header{"Accept": {"application/json"}},
		Words: words, Verdict: throttled, Remedies: remedies,
	}
	return s, nil
}

// Traits: what stands there is for staff, unless status_page asks for more. An incident
// cannot be hidden: what it lacks for the status page, Opsgenie takes from its message.
func (s *system) Traits() incidents.Traits {
	return incidents.Traits{
		Private: !s.options.StatusPage, Place: "opsgenie " + s.options.Service,
		TitleLimit: maxMessage, TextLimit: maxDescription, Quote: plainly,
	}
}

// List goes through all open incidents with our tag, and through those that are not, the
// newest first, up to a bound: the service sorts by when they were made, and neither
// tells nor sorts by when they were resolved.
func (s *system) List(ctx context.Context, since time.Time) ([]incidents.Remote, error) {
	found := map[string]incident{}
	take := func(listed incident) {
		if remote := s.remote(listed); remote.Key != "" && (remote.Open || !remote.ResolvedAt.Before(since)) {
			found[listed.ID] = listed
		}
	}
	open := url.Values{"query": {"tag:" + ownTag + " AND status:open"}, "sort": {"createdAt"}, "order": {"asc"}}
	err := s.everyPage(ctx, open, func(listed incident) (enough bool) {
		take(listed)
		return false
	})
	if err != nil {
		return nil, err
	}
	seen := 0
	lately := url.Values{"query": {"tag:" + ownTag}, "sort": {"createdAt"}, "order": {"desc"}}
	err = s.everyPage(ctx, lately, func(listed incident) (enough bool) {
		take(listed)
		seen++
		return seen >= maxLately
	})
	if err != nil {
		return nil, err
	}
	all := make([]incidents.Remote, 0, len(found))
	for _, listed := range found {
		if listed.Description == nil {
			if listed, err = s.incident(ctx, listed.ID); ticket.Missing(err) {
				continue
			} else if err != nil {
				return nil, err
			}
		}
		all = append(all, s.remote(listed))
	}
	slices.SortFunc(all, byID)
	return all, nil
}

// Read asks for one incident.
func (s *system) Read(ctx context.Context, id string) (read incidents.Remote, found bool, err error) {
	standing, err := s.incident(ctx, id)
	switch {
	case ticket.Missing(err):
		return incidents.Remote{}, false, nil
	case err != nil:
		return incidents.Remote{}, false, err
	}
	return s.remote(standing), true, nil
}

func (s *system) incident(ctx context.Context, id string) (incident, error) {
	path := incidentPath(id, "")
	var answer struct {
		Data *incident `json:"data"`
	}
	if _, _, err := s.api.Do(ctx, ticket.Call{Path: path, Query: byIdentifier, Receive: &answer}); err != nil {
		return incident{}, err
	}
	if answer.Data == nil || !safeID.MatchString(answer.Data.ID) || answer.Data.Status == "" {
		return incident{}, s.api.Unproven(http.MethodGet, path, errors.New("without the id and the status of an incident"))
	}
	return *answer.Data, nil
}

// Create makes the incident, with what is for staff in a note, in one request.
func (s *system) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	id, err := s.do(ctx, call{does: "create the incident", path: "/v1/incidents/create", body: s.fresh(stub)})
	if err != nil {
		return incidents.Remote{}, err
	}
	if !safeID.MatchString(id) {
		return incidents.Remote{}, s.api.Unproven(http.MethodPost, "/v1/incidents/create", errors.New("without the id of an incident"))
	}
	made, err := s.incident(ctx, id)
	if err != nil {
		return incidents.Remote{}, err
	}
	return s.remote(made), nil
}

// Update brings the incident to the stub.
func (s *system) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	return s.bring(ctx, current, stub)
}

// bring makes what differs right, one request after the other. Each may be repeated: the
// note for staff is looked for before it is written. What tells people, and the runner,
// that the stub has arrived at its state comes last.
func (s *system) bring(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	standing, err := s.ours(ctx, current.ID, stub.Key)
	if err != nil {
		return incidents.Remote{}, err
	}
	if err := stubseen.Meanwhile(s.env.Name, current, s.remote(standing)); err != nil {
		return incidents.Remote{}, err
	}
	calls, err := s.calls(ctx, standing, stub)
	if err != nil {
		return incidents.Remote{}, err
	}
	if len(calls) == 0 {
		return s.remote(standing), nil
	}
	for _, call := range calls {
		if _, err := s.do(ctx, call); err != nil {
			return incidents.Remote{}, err
		}
	}
	standing, err = s.incident(ctx, current.ID)
	if err != nil {
		return incidents.Remote{}, err
	}
	return s.remote(standing), nil
}

// calls are in the order in which a failure between them leaves nothing that reads like the
// work of a person: an incident that is opened again has its phase before it is open.
func (s *system) calls(ctx context.Context, standing incident, stub incidents.Stub) (calls []call, err error) {
	add := func(does, method, action string, body any) {
		calls = append(calls, call{does: does, method: method, path: incidentPath(standing.ID, action), query: byIdentifier, body: body})
	}
	over, told := stub.Phase == watch.Over, standing.tells(stub)
	keep := func() {
		if !told {
			add("keep the state of the incident", http.MethodPost, "details", detailsBody{Details: detailsOf(stub)})
		}
	}
	if !told && stub.Internal != "" {
		noted, err := s.noted(ctx, standing.ID, stub.Mark)
		if err != nil {
			return nil, err
		}
		if !noted {
			add("add a note for staff", http.MethodPost, "notes", noteBody{marked(stub.Internal, stub.Mark)})
		}
	}
	if !over {
		keep()
	}
	if !over && !standing.open() {
		add("open the incident again", http.MethodPost, "reopen", noteBody{})
	}
	if message := title(stub); message != standing.Message {
		add("change the incident's message", http.MethodPost, "message", messageBody{message})
	}
	if priority := priorityOf(stub); !over && priority != standing.Priority {
		add("change the incident's priority", http.MethodPut, "priority", priorityBody{priority})
	}
	if description := stubtext.Cut(stubtext.Tidy(stub.Text), maxDescription); description != standing.text() {
		add("change the incident's description", http.MethodPost, "description", descriptionBody{description})
	}
	if over && standing.open() {
		add("resolve the incident", http.MethodPost, "resolve", noteBody{})
	}
	if over {
		keep()
	}
	return calls, nil
}

// ours reads the incident before it is touched: only one that carries a key of the same
// cause is, which may be an earlier one where the ledger was lost.
func (s *system) ours(ctx context.Context, id, key string) (incident, error) {
	standing, err := s.incident(ctx, id)
	if err != nil {
		return incident{}, err
	}
	if !stubkey.SameCause(s.remote(standing).Key, key, s.env.Source) {
		return incident{}, s.failure(false, 0, fmt.Errorf("incident %s does not carry the key %s any more, and is left alone", standing.name(), key))
	}
	return standing, nil
}

// Annotate leaves a note, which only staff reads. One with the same mark is not repeated.
func (s *system) Annotate(ctx context.Context, current incidents.Remote, note incidents.Note) error {
	standing, err := s.ours(ctx, current.ID, current.Key)
	if err != nil {
		return err
	}
	noted, err := s.noted(ctx, standing.ID, note.Mark)
	if err != nil || noted {
		return err
	}
	_, err = s.do(ctx, call{
		does: "add a note for staff", path: incidentPath(standing.ID, "notes"), query: byIdentifier,
		body: noteBody{marked(note.Text, note.Mark)},
	})
	return err
}

// Draft: post-mortems of Opsgenie are documents of a form of their own, and a note cannot
// be replaced.
func (s *system) Draft(context.Context, incidents.Remote, incidents.Note) error {
	return incidents.ErrNoDrafts
}

func (s *system) failure(retryable bool, status int, err error) error {
	return &alerts.DeliveryError{Channel: s.env.Name, Retryable: retryable, Status: status, Err: err}
}
