package incidentio

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/stubseen"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
)

// incident.io publishes no limits for incidents. These are what people still read.
const maxText, maxSummary, maxDraft = 5000, 12_000, 60_000

// organisation is the way that only the organisation sees.
type organisation struct {
	client

	mu sync.Mutex
	// known are its statuses, once they were read.
	known statuses
	// seesPrivate: a list has shown a private incident.
	seesPrivate atomic.Bool
}

// Traits says that nobody outside the organisation sees anything there.
func (o *organisation) Traits() incidents.Traits {
	return incidents.Traits{
		Private: true, Place: "incident.io incidents",
		TitleLimit: maxTitle, TextLimit: maxText, Quote: stubtext.Quote,
	}
}

// apart stands between what is said and what is affected.
const apart = "\n\n---\n\n"

// summary is the stub's text with what is for staff, and the key with the phase: several
// phases may share a status.
func summary(stub incidents.Stub) string {
	text := stubtext.Cut(stubtext.Tidy(stub.Text), maxText)
	if internal := stubtext.Tidy(stub.Internal); internal != "" {
		text += apart + internal
	}
	return stubtext.WithRef(text, stub.Key, stub.Phase, maxSummary)
}

// List gives the incidents with our key: those that are not over, and those that were
// changed since the day of the instant.
func (o *organisation) List(ctx context.Context, since time.Time) ([]incidents.Remote, error) {
	known, err := o.statuses(ctx)
	if err != nil {
		return nil, err
	}
	var all []incidents.Remote
	seen := map[string]bool{}
	visit := func(listed incident) {
		if listed.Visibility == visiblePrivate {
			o.seesPrivate.Store(true)
		}
		remote := listed.remote(known, o.env.Source)
		if remote.Key != "" && !seen[remote.ID] {
			all, seen[remote.ID] = append(all, remote), true
		}
	}
	for _, category := range []string{live, triage, paused} {
		err := pages(ctx, o.client, "/v2/incidents", "incidents", url.Values{"status_category[one_of]": {category}}, visit)
		if category == paused && unprocessable(err) {
			continue // an organisation that cannot pause incidents has none that are
		}
		if err != nil {
			return nil, err
		}
	}
	lately := url.Values{"updated_at[gte]": {since.UTC().Format(time.DateOnly)}}
	if err := pages(ctx, o.client, "/v2/incidents", "incidents", lately, visit); err != nil {
		return nil, err
	}
	return all, nil
}

func unprocessable(err error) bool {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	return ok && failure.Status == http.StatusUnprocessableEntity
}

func path(id string) string { return "/v2/incidents/" + url.PathEscape(id) }

// Read gives one incident.
func (o *organisation) Read(ctx context.Context, id string) (incidents.Remote, bool, error) {
	var read incident
	err := o.get(ctx, path(id), "incident", &read)
	if ticket.Missing(err) {
		return incidents.Remote{}, false, o.proveMissing(ctx, id)
	}
	if err != nil {
		return incidents.Remote{}, false, err
	}
	known, err := o.statuses(ctx)
	if err != nil {
		return incidents.Remote{}, false, err
	}
	return read.remote(known, o.env.Source), true, nil
}

// Create makes the incident. The key is the idempotency key too: incident.io makes one of
// each.
func (o *organisation) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	known, err := o.statuses(ctx)
	if err != nil {
		return incidents.Remote{}, err
	}
	send := freshIncident{
		IdempotencyKey: stub.Key, Visibility: o.options.Visibility, Mode: "standard",
		Name: stubtext.Cut(stub.Title, maxTitle), Summary: summary(stub), Status: known.of(stub.Phase).ID,
		Severity: o.options.Severity, Type: o.options.IncidentType,
	}
	var made incident
	if err := o.ask(ctx, ticket.Call{Method: http.MethodPost, Path: "/v2/incidents", Send: send}, "incident", &made); err != nil {
		return incidents.Remote{}, err
	}
	// A repeated idempotency key is answered as the first time, whatever has become of it;
	// and a key may make private incidents that it cannot see.
	remote, found, err := o.Read(ctx, made.ID)
	if err == nil && !found {
		err = o.failure(errors.New("what was made is not there any more"))
	}
	return remote, err
}

// Update edits name, status and summary, unless they stand there already.
func (o *organisation) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	known, err := o.statuses(ctx)
	if err != nil {
		return incidents.Remote{}, err
	}
	var read incident
	if err := o.get(ctx, path(current.ID), "incident", &read); err != nil {
		return incidents.Remote{}, err
	}
	standing := read.remote(known, o.env.Source)
	if err := o.ours(standing, stub.Key); err != nil {
		return incidents.Remote{}, err
	}
	name, said, status := stubtext.Cut(stub.Title, maxTitle), summary(stub), known.of(stub.Phase).ID
	if read.Name == name && stubtext.Tidy(read.Summary) == said && read.Status.ID == status {
		return standing, nil
	}
	if err := stubseen.Meanwhile(o.env.Name, current, standing); err != nil {
		return incidents.Remote{}, err
	}
	send := edit{Incident: editedIncident{Name: name, Summary: said, Status: status}, Notify: stub.Notify}
	err = o.ask(ctx, ticket.Call{Method: http.MethodPost, Path: path(current.ID) + "/actions/edit", Send: send}, "incident", &read)
	return read.remote(known, o.env.Source), err
}
