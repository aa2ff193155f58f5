package incidentio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/internal/stubseen"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

const (
	// The limits of https://docs.incident.io/api-reference/status-pages-v2/createstatuspageincident
	maxTitle, maxMessage = 200, 4096
	// maxUpdates is how many updates an incident or a maintenance may have. The last is kept
	// for its end: https://docs.incident.io/api-reference/status-pages-v2/createstatuspageincidentupdate
	maxUpdates = 100
)

// statusPage is the public way.
type statusPage struct{ client }

// Traits says that everything is public there.
func (s *statusPage) Traits() incidents.Traits {
	return incidents.Traits{
		Plans: true, Place: "incident.io status page " + s.options.StatusPage,
		TitleLimit: maxTitle, TextLimit: maxMessage, Quote: stubtext.Quote,
	}
}

// List gives the incidents and maintenances with our key. The lists cannot be asked for
// what is open only, and are read to their end.
func (s *statusPage) List(ctx context.Context, _ time.Time) ([]incidents.Remote, error) {
	var all []incidents.Remote
	seen := map[string]bool{}
	for _, of := range []sort{incidentSort(), maintenanceSort()} {
		query := url.Values{"status_page_id": {s.options.StatusPage}}
		err := pages(ctx, s.client, of.path(), of.name+"s", query, func(listed entry) {
			remote := listed.remote(of, s.env.Source)
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

func (s *statusPage) read(ctx context.Context, id string) (read entry, of sort, err error) {
	of, theirs := sortOf(id)
	err = s.get(ctx, of.path()+"/"+url.PathEscape(theirs), of.name, &read)
	return read, of, err
}

// Read gives one incident or maintenance.
func (s *statusPage) Read(ctx context.Context, id string) (incidents.Remote, bool, error) {
	read, of, err := s.read(ctx, id)
	switch {
	case ticket.Missing(err):
		return incidents.Remote{}, false, nil
	case err != nil:
		return incidents.Remote{}, false, err
	}
	return read.remote(of, s.env.Source), true, nil
}

// Create makes the incident, or the maintenance where the stub has a window that is still to
// come. The key is the idempotency key too: incident.io makes one of each.
func (s *statusPage) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	of := incidentSort()
	title, message := stubtext.Cut(stub.Title, maxTitle), stubtext.WithRef(stub.Text, stub.Key, "", maxMessage)
	var send any = freshPageIncident{
		IdempotencyKey: stub.Key, StatusPage: s.options.StatusPage, Name: title, Message: message,
		Status: of.phases[stub.Phase], Notify: stub.Notify, Components: componentStatuses(stub.Components),
	}
	if stub.Phase == watch.Scheduled && stub.Window != nil {
		of = maintenanceSort()
		affected := make([]string, 0, len(stub.Components))
		for _, component := range stub.Components {
			affected = append(affected, component.ID)
		}
		send = freshMaintenance{
			IdempotencyKey: stub.Key, StatusPage: s.options.StatusPage, Name: title, Message: message,
			Status: of.word(stub, s.env.Now()), Notify: stub.Notify, Affected: affected,
			StartAt: stub.Window.From.UTC(), EndAt: stub.Window.Until.UTC(),
		}
	}
	var made entry
	if err := s.ask(ctx, ticket.Call{Method: http.MethodPost, Path: of.path(), Send: send}, of.name, &made); err != nil {
		return incidents.Remote{}, err
	}
	// A repeated idempotency key is answered as the first time, whatever has become of it.
	return s.after(ctx, of.prefix+made.ID)
}

// Update adds an update, unless it stands there already: a call may be repeated whose answer
// was lost.
func (s *statusPage) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	read, of, err := s.read(ctx, current.ID)
	if err != nil {
		return incidents.Remote{}, err
	}
	standing := read.remote(of, s.env.Source)
	if err := s.ours(standing, stub.Key); err != nil {
		return incidents.Remote{}, err
	}
	message, status := stubtext.Cut(stubtext.Tidy(stub.Text), maxMessage), of.word(stub, s.env.Now())
	if read.says(message, stub.Key, status) {
		return standing, nil
	}
	if err := stubseen.Meanwhile(s.env.Name, current, standing); err != nil {
		return incidents.Remote{}, err
	}
	if len(read.Updates) >= maxUpdates-1 && stub.Phase != watch.Over {
		return incidents.Remote{}, s.failure(fmt.Errorf("%q has %d updates, and incident.io takes %d: the last is kept for its end", stubtext.Cut(read.Name, maxTitle), len(read.Updates), maxUpdates))
	}
	send := freshUpdate{Message: message, Notify: stub.Notify}
	switch {
	case of.maintenance:
		send.Maintenance, send.MaintenanceStatus = read.ID, status
	default:
		send.Incident, send.IncidentStatus = read.ID, status
		if stub.Phase != watch.Over {
			send.Components = componentStatuses(stub.Components)
		}
	}
	var made pageUpdate
	if err := s.ask(ctx, ticket.Call{Method: http.MethodPost, Path: "/v2/" + of.name + "_updates", Send: send}, of.name+"_update", &made); err != nil {
		return incidents.Remote{}, err
	}
	return s.after(ctx, current.ID)
}

// after reads what stands there after a write, as later runs will read it.
func (s *statusPage) after(ctx context.Context, id string) (incidents.Remote, error) {
	remote, found, err := s.Read(ctx, id)
	if err == nil && !found {
		err = s.failure(errors.New("what was written is not there any more"))
	}
	return remote, err
}

// Annotate has no place: nothing of a status page's incident is for staff only.
func (s *statusPage) Annotate(context.Context, incidents.Remote, incidents.Note) error {
	return s.failure(incidents.ErrNoNotes)
}

// Draft has no place: post-mortems belong to incidents of the organisation.
func (s *statusPage) Draft(context.Context, incidents.Remote, incidents.Note) error {
	return s.failure(incidents.ErrNoDrafts)
}
