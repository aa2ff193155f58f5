package opsgenie_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/incidents/opsgenie"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// fake is Opsgenie as its pages describe it: it answers 202 to what is well-formed and
// processes it afterwards, refuses fields that it does not know and texts beyond their
// limits, and has pages of three.
type fake struct {
	t     *testing.T
	clock *tickettest.Clock
	// statusPage: the configuration posts on the status page.
	statusPage bool
	// unprocessed is how often the service does not know a request yet.
	unprocessed int
	// refuses: what is accepted fails afterwards.
	refuses bool
	// brief: lists leave the description out, which Atlassian's own client does not know.
	brief bool
	// failsAfter: the service takes so many changes and refuses all further ones; 0 for all.
	failsAfter, changes int

	mu        sync.Mutex
	incidents []*fakeIncident
	outcomes  map[string]map[string]any
	asked     map[string]int
	created   []createBody
}

type fakeIncident struct {
	id, message, description, status, priority string
	tags                                       []string
	details                                    map[string]string
	services                                   []string
	updated                                    time.Time
	notes                                      []string
	entry                                      *entry
	told                                       int
	gone                                       bool
}

type entry struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

type createBody struct {
	Message          string              `json:"message"`
	Description      string              `json:"description"`
	Responders       []map[string]string `json:"responders"`
	Tags             []string            `json:"tags"`
	Details          map[string]string   `json:"details"`
	Priority         string              `json:"priority"`
	Note             string              `json:"note"`
	ImpactedServices []string            `json:"impactedServices"`
	StatusPageEntry  *entry              `json:"statusPageEntry"`
	Notify           *bool               `json:"notifyStakeholders"`
}

type changeBody struct {
	Note        string            `json:"note"`
	Message     string            `json:"message"`
	Description *string           `json:"description"`
	Priority    string            `json:"priority"`
	Details     map[string]string `json:"details"`
}

func newFake(t *testing.T, clock *tickettest.Clock) *fake {
	return &fake{t: t, clock: clock, outcomes: map[string]map[string]any{}, asked: map[string]int{}}
}

func (f *fake) New(t *testing.T, env incidents.Env, url string) incidents.System {
	return build(t, env, func(o *opsgenie.Options) { o.URL, o.StatusPage = url, f.statusPage })
}

func build(t *testing.T, env incidents.Env, edit func(*opsgenie.Options)) incidents.System {
	t.Helper()
	system, err := opsgenie.Kind.Build(func(into any) error {
		o := into.(*opsgenie.Options)
		o.APIKey.Env = "KEY"
		edit(o)
		return nil
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	return system
}

func (f *fake) Components() []watch.Component { return nil }

func (f *fake) Writes(r *http.Request) bool { return r.Method != http.MethodGet }

func (f *fake) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		status, said := f.take(r, body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(said) // a client that left needs no answer
	})
}

func refused(status int, message string) (int, map[string]any) {
	return status, map[string]any{"message": message, "took": 0.001, "requestId": "64c2c8d4-0000-4000-8000-000000000000"}
}

func given(data any) (int, map[string]any) {
	return http.StatusOK, map[string]any{"data": data, "took": 0.02, "requestId": "ec7e1d8e-1c75-442e-a271-731070a7fa4d"}
}

func (f *fake) take(r *http.Request, body []byte) (int, map[string]any) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/incidents"), "/")
	switch {
	case r.Header.Get("Authorization") != "GenieKey canary-of-KEY":
		return refused(http.StatusUnauthorized, "Could not authenticate")
	case !strings.HasPrefix(r.URL.Path, "/v1/incidents"):
		return refused(http.StatusNotFound, "No such call")
	case len(parts) == 1 && r.Method == http.MethodGet:
		return f.list(r.URL.Query())
	case len(parts) == 3 && parts[1] == "requests" && r.Method == http.MethodGet:
		return f.outcome(parts[2])
	case len(parts) == 2 && parts[1] == "create" && r.Method == http.MethodPost:
		return f.create(body)
	}
	standing := f.named(parts[1])
	switch {
	case r.URL.Query().Get("identifierType") != "id":
		return refused(http.StatusUnprocessableEntity, "identifierType is not valid")
	case len(parts) == 2 && r.Method == http.MethodGet && standing == nil:
		return refused(http.StatusNotFound, "Incident does not exist")
	case len(parts) == 2 && r.Method == http.MethodGet:
		return given(f.show(standing))
	case len(parts) == 3 && parts[2] == "notes" && r.Method == http.MethodGet:
		return f.notes(standing, r.URL.Query())
	case len(parts) == 3:
		return f.change(standing, r.Method+" "+parts[2], body)
	default:
		return refused(http.StatusNotFound, "No such call")
	}
}

func (f *fake) named(id string) *fakeIncident {
	for _, standing := range f.incidents {
		if standing.id == id && !standing.gone {
			return standing
		}
	}
	return nil
}

func (f *fake) show(i *fakeIncident) map[string]any {
	return map[string]any{
		"id": i.id, "tinyId": strings.TrimLeft(i.id[len(i.id)-12:], "0"), "message": i.message, "description": i.description, "status": i.status, "priority": i.priority,
		"tags": i.tags, "extraProperties": i.details, "impactedServices": i.services, "createdAt": "2026-11-22T06:00:00.824Z",
		"updatedAt": i.updated.UTC().Format("2006-01-02T15:04:05.000Z"), "responders": []any{}, "ownerTeam": "", "actions": []any{},
		"links": map[string]string{"web": "https://acme.app.opsgenie.com/incident/detail/" + i.id, "api": "https://api.opsgenie.com/v1/incidents/" + i.id},
	}
}

// page cuts out one of three, whose link leads elsewhere.
func page[T any](all []T, query url.Values) (shown []T, paging map[string]string) {
	from, err := strconv.Atoi(query.Get("offset"))
	if err != nil {
		from = 0
	}
	from = min(from, len(all))
	to := min(from+3, len(all))
	paging = map[string]string{"first": "https://evil.example.org/?offset=0"}
	if to < len(all) {
		paging["next"] = "https://evil.example.org/?offset=" + strconv.Itoa(to)
	}
	return append([]T{}, all[from:to]...), paging
}

func (f *fake) list(query url.Values) (int, map[string]any) {
	if limit, err := strconv.Atoi(query.Get("limit")); err != nil || limit > 100 {
		return refused(http.StatusUnprocessableEntity, "limit is not valid")
	}
	var found []*fakeIncident
	for _, standing := range f.incidents {
		matches := !standing.gone
		for term := range strings.SplitSeq(query.Get("query"), " AND ") {
			field, value, _ := strings.Cut(term, ":")
			switch field {
			case "tag":
				matches = matches && slices.Contains(standing.tags, value)
			case "status":
				matches = matches && standing.status == value
			default:
				return refused(http.StatusUnprocessableEntity, "query is not valid")
			}
		}
		if matches {
			found = append(found, standing)
		}
	}
	// https://github.com/opsgenie/opsgenie-go-sdk-v2/blob/master/incident/request.go
	if sort := query.Get("sort"); !slices.Contains([]string{"", "createdAt", "tinyId", "message", "status", "isSeen", "owner"}, sort) {
		return refused(http.StatusUnprocessableEntity, "sort is not valid")
	}
	if query.Get("order") == "desc" {
		slices.Reverse(found)
	}
	shown, paging := page(found, query)
	data := []any{}
	for _, standing := range shown {
		listed := f.show(standing)
		if f.brief {
			delete(listed, "description")
		}
		data = append(data, listed)
	}
	status, said := given(data)
	said["paging"] = paging
	return status, said
}

func (f *fake) notes(standing *fakeIncident, query url.Values) (int, map[string]any) {
	if standing == nil {
		return refused(http.StatusNotFound, "Incident does not exist")
	}
	all := slices.Clone(standing.notes)
	slices.Reverse(all)
	shown, paging := page(all, query)
	data := []any{}
	for i, note := range shown {
		data = append(data, map[string]any{"note": note, "owner": "API", "createdAt": "2026-11-22T06:00:00.824Z", "offset": "15204" + strconv.Itoa(i)})
	}
	status, said := given(data)
	said["paging"] = paging
	return status, said
}

func (f *fake) accepted(isSuccess bool, status, incidentID string) (int, map[string]any) {
	id := fmt.Sprintf("43a29c5c-3dbf-4fa4-9c26-%012d", len(f.outcomes)+1)
	f.outcomes[id] = map[string]any{"success": isSuccess, "action": "", "isSuccess": isSuccess, "status": status, "incidentId": incidentID}
	return http.StatusAccepted, map[string]any{"result": "Request will be processed", "took": 0.302, "requestId": id}
}

func (f *fake) outcome(id string) (int, map[string]any) {
	f.asked[id]++
	outcome, known := f.outcomes[id]
	if !known || f.asked[id] <= f.unprocessed {
		return refused(http.StatusNotFound, "Request not found. It might not be processed, yet.")
	}
	return given(outcome)
}
