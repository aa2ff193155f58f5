package incidentio

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"lapsewatch/incidents"
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

// List gives the incidents with our key: those that are active, and those that were changed
// since the day of the instant.
func (o *organisation) List(ctx context.Context, since time.Time) ([]incidents.Remote, error) {
	known, err := o.statuses(ctx)
	if err != nil {
		return nil, err
	}
	var all []incidents.Remote
	seen := map[string]bool{}
	for _, query := range []url.Values{
		{"status_category[one_of]": {live}},
		{"status_category[one_of]": {"triage"}},
		{"updated_at[gte]": {since.UTC().Format(time.DateOnly)}},
	} {
		err := pages(ctx, o.client, "/v2/incidents", "incidents", query, func(listed incident) {
			remote := listed.remote(known, o.env.Source)
			if remote.Key != "" && !seen[remote.ID] {
				all, seen[remote.ID] = append(all, remote), true
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func path(id string) string { return "/v2/incidents/" + url.PathEscape(id) }

// Read gives one incident.
func (o *organisation) Read(ctx context.Context, id string) (incidents.Remote, bool, error) {
	var read incident
	err := o.get(ctx, path(id), "incident", &read)
	if ticket.Missing(err) {
		return incidents.Remote{}, false, nil
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
	err = o.ask(ctx, ticket.Call{Method: http.MethodPost, Path: "/v2/incidents", Send: send}, "incident", &made)
	return made.remote(known, o.env.Source), err
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
	name, said, status := stubtext.Cut(stub.Title, maxTitle), summary(stub), known.of(stub.Phase).ID
	if read.Name == name && stubtext.Tidy(read.Summary) == said && read.Status.ID == status {
		return read.remote(known, o.env.Source), nil
	}
	send := edit{Incident: editedIncident{Name: name, Summary: said, Status: status}, Notify: stub.Notify}
	err = o.ask(ctx, ticket.Call{Method: http.MethodPost, Path: path(current.ID) + "/actions/edit", Send: send}, "incident", &read)
	return read.remote(known, o.env.Source), err
}

// Annotate has no place: the API only lists updates of incidents
// (https://github.com/incident-io/incidentio-mcp-golang/issues/35).
func (o *organisation) Annotate(context.Context, incidents.Remote, incidents.Note) error {
	return o.failure(incidents.ErrNoNotes)
}

// postmortem is https://docs.incident.io/api-reference/postmortemdocuments-v1
type postmortem struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Editors []struct {
		ID string `json:"id"`
	} `json:"editors"`
}

func (p *postmortem) id() string { return p.ID }

const draftTitle = "Draft by Lapsewatch, "

// Draft imports a post-mortem document. The API neither changes nor deletes one, so a newer
// draft stands beside the older; what a person wrote or edited is left alone.
func (o *organisation) Draft(ctx context.Context, current incidents.Remote, draft incidents.Note) error {
	title, theirs := draftTitle+draft.At.UTC().Format("2006-01-02 15:04:05")+" UTC", false
	query := url.Values{"incident_id": {current.ID}}
	err := pages(ctx, o.client, "/v1/postmortem_documents", "postmortem_documents", query, func(one postmortem) {
		theirs = theirs || one.Title == title || len(one.Editors) > 0 || !strings.HasPrefix(one.Title, draftTitle)
	})
	if err != nil || theirs {
		return err
	}
	send := struct {
		Title   string `json:"title"`
		Content string `json:"content"`
	}{title, stubtext.Cut(stubtext.Tidy(draft.Text), maxDraft)}
	var made postmortem
	return o.ask(ctx, ticket.Call{Method: http.MethodPost, Path: path(current.ID) + "/actions/import_postmortem_document", Send: send}, "postmortem_document", &made)
}
