package cachet

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
)

// second is Cachet 2.4. What it says to an update of an incident goes to every subscriber
// of a visible one, whatever is asked; so where nobody is to be told, the story goes on in
// the incident's own message.
type second struct{ core }

const (
	perPage = 100
	// maxPages bounds a list.
	maxPages = 100
)

// List reads all incidents, the newest first: version 2 cannot look for what they say.
func (s *second) List(ctx context.Context, since time.Time) ([]incidents.Remote, error) {
	var all []incidents.Remote
	for page := 1; page <= maxPages; page++ {
		query := url.Values{"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}, "sort": {"id"}, "order": {"desc"}}
		var list listOf2
		if err := s.do(ctx, http.MethodGet, "/incidents", query, nil, &list); err != nil {
			return nil, err
		}
		if list.Data == nil || list.Meta.Pagination.Current != page {
			return nil, s.api.Unproven(http.MethodGet, "/incidents", errNoList)
		}
		for _, found := range *list.Data {
			if found.ID == 0 {
				return nil, s.api.Unproven(http.MethodGet, "/incidents", errNoIncident)
			}
			if remote := s.remote(found); remote.Key != "" && (remote.Open || lately(found.UpdatedAt, since)) {
				all = append(all, remote)
			}
		}
		if page >= list.Meta.Pagination.Total {
			return all, nil
		}
	}
	return nil, s.tooMany()
}

// Read gives the incident of that id.
func (s *second) Read(ctx context.Context, id string) (incidents.Remote, bool, error) {
	read, err := s.incident(ctx, http.MethodGet, incidentPath(id), nil)
	switch {
	case ticket.Missing(err):
		return incidents.Remote{}, false, nil
	case err != nil:
		return incidents.Remote{}, false, err
	}
	return s.remote(read), true, nil
}

// incident makes a request that is answered with one.
func (s *second) incident(ctx context.Context, method, path string, send any) (incident2, error) {
	var answer struct {
		Data incident2 `json:"data"`
	}
	if err := s.do(ctx, method, path, nil, send, &answer); err != nil {
		return incident2{}, err
	}
	if answer.Data.ID == 0 {
		return incident2{}, s.api.Unproven(method, path, errNoIncident)
	}
	return answer.Data, nil
}

// Create makes the incident and then sets the components, so that none stays changed for an
// incident that was refused. The incident stands at a component that has its state already:
// to change that with the incident would tell the component's subscribers.
func (s *second) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	text := stubtext.Cut(stub.Text, maxText)
	kept := mark{key: stub.Key, said: stubtext.Digest(text)}
	components, err := s.plan(ctx, incident2{}, kept, stub)
	if err != nil {
		return incidents.Remote{}, err
	}
	kept.left = components.before
	send := s.write(stub, plan2{})
	send.Message, send.Notify = kept.marked(text), stub.Notify
	made, err := s.incident(ctx, http.MethodPost, "/incidents", send)
	if err != nil {
		return incidents.Remote{}, err
	}
	if len(components.steps) == 0 {
		return s.remote(made), nil
	}
	if err := s.carryOut(ctx, components, stub); err != nil {
		return incidents.Remote{}, err
	}
	kept.left = components.left
	send = s.write(stub, components)
	send.Message = kept.marked(text)
	written, err := s.incident(ctx, http.MethodPut, incidentPath(strconv.Itoa(int(made.ID))), send)
	if err != nil {
		return incidents.Remote{}, err
	}
	return s.remote(written), nil
}

// Update reads the incident as it stands and brings it to the stub.
func (s *second) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	path := incidentPath(current.ID)
	now, err := s.incident(ctx, http.MethodGet, path, nil)
	if err != nil {
		return incidents.Remote{}, err
	}
	story, kept := unmarked(now.Message, s.env.Source)
	components, err := s.setComponents(ctx, now, stub)
	if err != nil {
		return incidents.Remote{}, err
	}
	text := stubtext.Cut(stub.Text, maxText)
	said := s.said(now, stub, text)
	kept.key, kept.left = stub.Key, components.left
	send := s.write(stub, components)
	send.Stickied = now.Stickied != 0
	aloud := stub.Notify && !stub.Hidden
	if !said && !aloud && len(now.Updates) == 0 {
		story, kept.said = continued(story, dated(stub, text)), stubtext.Digest(text)
	}
	send.Message = kept.marked(story)
	if aloud || len(now.Updates) > 0 {
		// The updates have the last word on the phase, and these do not change it.
		send.Status = int(now.Status)
	}
	if !now.stands(send) {
		if _, err := s.incident(ctx, http.MethodPut, path, send); err != nil {
			return incidents.Remote{}, err
		}
	}
	if !said && (aloud || len(now.Updates) > 0) {
		if err := s.say(ctx, now, stub, text, aloud); err != nil {
			return incidents.Remote{}, err
		}
	}
	written, err := s.incident(ctx, http.MethodGet, path, nil)
	if err != nil {
		return incidents.Remote{}, err
	}
	return s.remote(written), nil
}

// setComponents sets those that the stub may set. How one stood before is kept before it is
// changed: afterwards nobody could tell.
func (s *second) setComponents(ctx context.Context, now incident2, stub incidents.Stub) (plan2, error) {
	story, kept := unmarked(now.Message, s.env.Source)
	components, err := s.plan(ctx, now, kept, stub)
	if err != nil {
		return plan2{}, err
	}
	if components.news(kept) {
		kept.key, kept.left = stub.Key, components.before
		same := write2{Name: now.Name, Status: int(now.Status), Visible: int(now.Visible), Stickied: now.Stickied != 0, Message: kept.marked(story)}
		if _, err := s.incident(ctx, http.MethodPut, incidentPath(strconv.Itoa(int(now.ID))), same); err != nil {
			return plan2{}, err
		}
	}
	return components, s.carryOut(ctx, components, stub)
}

// said reports that the text stands there as the last one, in the stub's phase.
func (s *second) said(now incident2, stub incidents.Stub, text string) bool {
	last := now.Message
	if update, any := now.lastUpdate(); any {
		last = update.Message
	}
	_, kept := unmarked(last, s.env.Source)
	return kept.said == stubtext.Digest(text) && now.status() == phases[stub.Phase]
}

// say makes an update, of which subscribers are told, or goes on with the last one, of which
// they are not.
func (s *second) say(ctx context.Context, now incident2, stub incidents.Stub, text string, aloud bool) error {
	method, path := http.MethodPost, incidentPath(strconv.Itoa(int(now.ID)))+"/updates"
	send := update2{Status: number(phases[stub.Phase])}
	last, _ := now.lastUpdate()
	marked := mark{key: stub.Key, said: stubtext.Digest(text)}
	if aloud {
		send.Message = marked.marked(text)
	} else {
		method, path = http.MethodPut, path+"/"+strconv.Itoa(int(last.ID))
		story, _ := unmarked(last.Message, s.env.Source)
		send.Message = marked.marked(continued(story, dated(stub, text)))
	}
	var answer struct {
		Data update2 `json:"data"`
	}
	if err := s.do(ctx, method, path, nil, send, &answer); err != nil {
		return err
	}
	if answer.Data.ID == 0 {
		return s.api.Unproven(method, path, errNoUpdate)
	}
	return nil
}

// dated is the text with the instant that its phase began before it, for a story that is
// told in one message.
func dated(stub incidents.Stub, text string) string {
	return stub.At.UTC().Format("2006-01-02 15:04 UTC") + ": " + text
}
