package cachet

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// third is Cachet 3. Its metadata can be read by everybody who sees the incident.
type third struct{ core }

// The names in the metadata: that of the installation, by which incidents are listed, and
// that of the stub.
const (
	metaSource = "lapsewatch"
	metaKey    = "lapsewatch_key"
)

// including asks for what belongs to an incident.
const including = "updates,meta"

// mine is the part of every key that names the installation.
func (t *third) mine() string {
	key := watch.NewIncidentKey(t.env.Source, "", time.Time{}).String()
	mine, _, _ := strings.Cut(key, "-")
	return mine
}

// List reads what has the installation's metadata, the newest first.
func (t *third) List(ctx context.Context, since time.Time) ([]incidents.Remote, error) {
	var all []incidents.Remote
	for page := 1; page <= maxPages; page++ {
		query := url.Values{
			"filter[meta][" + metaSource + "]": {t.mine()}, "include": {including}, "sort": {"-id"},
			"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)},
		}
		var list listOf3
		if err := t.do(ctx, http.MethodGet, "/incidents", query, nil, &list); err != nil {
			return nil, err
		}
		if list.Data == nil || list.Links == nil {
			return nil, t.api.Unproven(http.MethodGet, "/incidents", errNoList)
		}
		for _, found := range *list.Data {
			incident, err := found.incident(list.Included)
			if err != nil {
				return nil, t.api.Unproven(http.MethodGet, "/incidents", err)
			}
			if remote := t.remote(incident); remote.Key != "" && (remote.Open || lately(incident.Updated.String, since)) {
				all = append(all, remote)
			}
		}
		if list.Links.Next == "" {
			return all, nil
		}
	}
	return nil, t.tooMany()
}

// Read gives the incident of that id.
func (t *third) Read(ctx context.Context, id string) (incidents.Remote, bool, error) {
	read, err := t.read(ctx, id)
	switch {
	case ticket.Missing(err):
		return incidents.Remote{}, false, nil
	case err != nil:
		return incidents.Remote{}, false, err
	}
	return t.remote(read), true, nil
}

func (t *third) read(ctx context.Context, id string) (incident3, error) {
	return t.incident(ctx, http.MethodGet, incidentPath(id), url.Values{"include": {including}}, nil)
}

// incident makes a request that is answered with one.
func (t *third) incident(ctx context.Context, method, path string, query url.Values, send any) (incident3, error) {
	var answer document3
	if err := t.do(ctx, method, path, query, send, &answer); err != nil {
		return incident3{}, err
	}
	found, err := answer.Data.incident(answer.Included)
	if err != nil {
		return incident3{}, t.api.Unproven(method, path, err)
	}
	return found, nil
}

// Create makes the incident and reads it: the answer to its making lacks the metadata.
func (t *third) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	components, err := t.components(stub)
	if err != nil {
		return incidents.Remote{}, err
	}
	made, err := t.incident(ctx, http.MethodPost, "/incidents", nil, create3{
		Name: stubtext.Cut(stub.Title, maxTitle), Status: phases[stub.Phase], Message: stubtext.Cut(stub.Text, maxText), Visible: visible(stub),
		Notifications: stub.Notify, Components: components, Meta: map[string]string{metaSource: t.mine(), metaKey: stub.Key},
	})
	if err != nil {
		return incidents.Remote{}, err
	}
	return t.reread(ctx, made.ID)
}

// Update reads the incident as it stands and brings it to the stub: what it is, then what
// is said of it, so that nobody is told who is not to be.
func (t *third) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	now, err := t.read(ctx, current.ID)
	if err != nil {
		return incidents.Remote{}, err
	}
	components, err := t.components(stub)
	if err != nil {
		return incidents.Remote{}, err
	}
	is := change3{Name: stubtext.Cut(stub.Title, maxTitle), Visible: visible(stub), Notifications: stub.Notify}
	if now.Name != is.Name || int(now.Visible) != is.Visible || (now.Notifications != 0) != is.Notifications {
		if _, err := t.incident(ctx, http.MethodPut, incidentPath(now.ID), nil, is); err != nil {
			return incidents.Remote{}, err
		}
	}
	text := stubtext.Cut(stub.Text, maxText)
	// Components come with a text only: one that was hidden till now is said again with them.
	shown := int(now.Visible) != 1 && is.Visible == 1 && len(components) > 0
	if now.last() != stubtext.Tidy(text) || int(now.Status.Value) != phases[stub.Phase] || shown {
		if err := t.say(ctx, now.ID, update3{Status: phases[stub.Phase], Message: text, Components: components}); err != nil {
			return incidents.Remote{}, err
		}
	}
	return t.reread(ctx, now.ID)
}

func (t *third) say(ctx context.Context, id string, update update3) error {
	path := incidentPath(id) + "/updates"
	var answer document3
	if err := t.do(ctx, http.MethodPost, path, nil, update, &answer); err != nil {
		return err
	}
	if answer.Data.ID == "" {
		return t.api.Unproven(http.MethodPost, path, errNoUpdate)
	}
	return nil
}

func (t *third) reread(ctx context.Context, id string) (incidents.Remote, error) {
	written, err := t.read(ctx, id)
	if err != nil {
		return incidents.Remote{}, err
	}
	return t.remote(written), nil
}
