package fakecachet

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// write3 are the fields of an incident that version 3 takes; components only of a new one.
type write3 struct {
	Name          *string        `json:"name"`
	Status        *int           `json:"status"`
	Message       *string        `json:"message"`
	Visible       *int           `json:"visible"`
	Stickied      *bool          `json:"stickied"`
	Notifications *bool          `json:"notifications"`
	OccurredAt    *string        `json:"occurred_at"`
	PublishedAt   *string        `json:"published_at"`
	Components    []state3       `json:"components"`
	Meta          map[string]any `json:"meta"`
}

type state3 struct {
	ID     int `json:"id"`
	Status int `json:"status"`
}

func (s *Site) serve3(w http.ResponseWriter, r *http.Request) {
	authorized := r.Header.Get("Authorization") == "Bearer "+s.Token
	if !authorized && (r.Method != http.MethodGet || r.Header.Get("Authorization") != "") {
		answer(w, http.StatusUnauthorized, map[string]any{"message": "Unauthenticated."})
		return
	}
	path := parts(r, "/api/")
	switch {
	case len(path) == 1 && path[0] == "incidents" && r.Method == http.MethodGet:
		s.list3(w, r, authorized)
	case len(path) == 1 && path[0] == "incidents" && r.Method == http.MethodPost:
		s.create3(w, r)
	case len(path) == 2 && path[0] == "incidents":
		s.incident3(w, r, path[1], authorized)
	case len(path) == 3 && path[0] == "incidents" && path[2] == "updates" && r.Method == http.MethodPost:
		s.update3(w, r, path[1])
	default:
		answer(w, http.StatusNotFound, map[string]any{"message": "Not found."})
	}
}

// refuse3 names the fields that are wrong.
func refuse3(w http.ResponseWriter, problems map[string][]string) {
	answer(w, http.StatusUnprocessableEntity, map[string]any{"message": "The given data was invalid.", "errors": problems})
}

// included reads what is asked to come along; ok is false where that is not known.
func included(r *http.Request) (asked []string, ok bool) {
	for _, name := range strings.FieldsFunc(r.URL.Query().Get("include"), func(r rune) bool { return r == ',' }) {
		if !slices.Contains([]string{"components", "updates", "user", "meta"}, name) {
			return nil, false
		}
		asked = append(asked, name)
	}
	return asked, true
}

func (s *Site) list3(w http.ResponseWriter, r *http.Request, authorized bool) {
	query := r.URL.Query()
	asked, ok := included(r)
	keep := map[string]string{}
	for name := range query {
		key, isMeta := strings.CutPrefix(name, "filter[meta][")
		switch {
		case isMeta:
			keep[strings.TrimSuffix(key, "]")] = query.Get(name)
		case !slices.Contains([]string{"include", "per_page", "page", "sort"}, name):
			ok = false
		}
	}
	if !ok {
		answer(w, http.StatusBadRequest, map[string]any{"message": "Requested filter(s) or include(s) are not allowed."})
		return
	}
	page, size := pageOf(query.Get("page"), 1), min(pageOf(query.Get("per_page"), 15), 100)
	if s.LongestPage > 0 {
		size = min(size, s.LongestPage)
	}
	var all []*Incident
	for _, incident := range slices.Backward(s.incidents) {
		fits := incident.Visible == 1 || incident.Visible == 0 && authorized
		for key, value := range keep {
			fits = fits && fmt.Sprint(incident.Meta[key]) == value
		}
		if fits {
			all = append(all, incident)
		}
	}
	from, to := min((page-1)*size, len(all)), min(page*size, len(all))
	shown, along := []any{}, []any{}
	for _, incident := range all[from:to] {
		shown = append(shown, shown3(incident, asked))
		along = append(along, along3(incident, asked)...)
	}
	links := map[string]any{"first": "/api/incidents?page=1", "last": nil, "prev": nil, "next": nil}
	if to < len(all) {
		links["next"] = fmt.Sprintf("/api/incidents?page=%d", page+1)
	}
	answer(w, http.StatusOK, map[string]any{
		"data": shown, "included": along, "links": links,
		"meta": map[string]any{"current_page": page, "from": from + 1, "path": "/api/incidents", "per_page": size, "to": to},
	})
}

func shown3(incident *Incident, asked []string) map[string]any {
	attributes := map[string]any{
		"id": incident.ID, "guid": "b1f8b8f0", "name": incident.Name, "message": incident.Message, "visible": incident.Visible,
		"stickied": incident.Stickied, "notifications": incident.Notifications,
		"status":  map[string]any{"human": "Status", "value": incident.Latest()},
		"updated": map[string]any{"human": "now", "string": stamp(incident.Updated)},
	}
	relationships := map[string]any{}
	if slices.Contains(asked, "meta") {
		attributes["meta"] = incident.Meta
		if len(incident.Meta) == 0 {
			attributes["meta"] = []any{} // as PHP writes an empty one
		}
	}
	if slices.Contains(asked, "updates") {
		references := []any{}
		for _, update := range incident.Updates {
			references = append(references, map[string]any{"type": "updates", "id": strconv.Itoa(update.ID)})
		}
		relationships["updates"] = map[string]any{"data": references}
	}
	return map[string]any{"id": strconv.Itoa(incident.ID), "type": "incidents", "attributes": attributes, "relationships": relationships}
}

func along3(incident *Incident, asked []string) []any {
	var along []any
	if slices.Contains(asked, "updates") {
		for _, update := range incident.Updates {
			along = append(along, updateShown3(incident, update))
		}
	}
	return along
}

func updateShown3(incident *Incident, update Update) map[string]any {
	return map[string]any{"id": strconv.Itoa(update.ID), "type": "updates", "attributes": map[string]any{
		"id": update.ID, "updateable_id": incident.ID, "updateable_type": "incident", "message": update.Message,
		"status": map[string]any{"human": "Status", "value": update.Status},
	}}
}

func (s *Site) problems3(status *int, name *string, components []state3) map[string][]string {
	problems := map[string][]string{}
	if status != nil && (*status < 0 || *status > fixed) {
		problems["status"] = []string{"The selected status is invalid."}
	}
	if name != nil && (*name == "" || utf8.RuneCountInString(*name) > 255) {
		problems["name"] = []string{"The name field must not be greater than 255 characters."}
	}
	for i, component := range components {
		if s.component(component.ID) == nil {
			problems[fmt.Sprintf("components.%d.id", i)] = []string{"The selected component is invalid."}
		}
		if component.Status < 1 || component.Status > 6 {
			problems[fmt.Sprintf("components.%d.status", i)] = []string{"The selected status is invalid."}
		}
	}
	return problems
}

func (s *Site) create3(w http.ResponseWriter, r *http.Request) {
	var asked write3
	if err := read(w, r, &asked); err != nil {
		refuse3(w, map[string][]string{"body": {err.Error()}})
		return
	}
	problems := s.problems3(asked.Status, asked.Name, asked.Components)
	if asked.Name == nil || asked.Status == nil || asked.Message == nil {
		problems["name"] = []string{"The name, status and message fields are required."}
	}
	if len(problems) > 0 {
		refuse3(w, problems)
		return
	}
	made := s.add(&Incident{Status: *asked.Status, Message: *asked.Message, States: map[int]int{}, Meta: asked.Meta})
	s.apply3(made, asked)
	s.tie(made, asked.Components)
	if made.Notifications && made.Visible == 1 {
		made.Told++
	}
	answer(w, http.StatusCreated, map[string]any{"data": shown3(made, nil)})
}

func (s *Site) tie(incident *Incident, components []state3) {
	for _, component := range components {
		if incident.States == nil {
			incident.States = map[int]int{}
		}
		incident.States[component.ID] = component.Status
	}
}

// apply3 does what was asked; what is left out stays.
func (s *Site) apply3(incident *Incident, write write3) {
	if write.Name != nil {
		incident.Name = *write.Name
	}
	if write.Message != nil {
		incident.Message = *write.Message
	}
	if write.Status != nil {
		incident.Status = *write.Status
	}
	if write.Visible != nil {
		incident.Visible = *write.Visible
	}
	if write.Notifications != nil {
		incident.Notifications = *write.Notifications
	}
	incident.Updated = s.Now().UTC()
}

func (s *Site) incident3(w http.ResponseWriter, r *http.Request, id string, authorized bool) {
	found := s.find(pageOf(id, 0))
	asked, ok := included(r)
	if found == nil || found.Visible == 2 || found.Visible == 0 && !authorized || !ok {
		answer(w, http.StatusNotFound, map[string]any{"message": "No query results for model [Cachet\\Models\\Incident] " + id})
		return
	}
	switch r.Method {
	case http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"data": shown3(found, asked), "included": along3(found, asked)})
	case http.MethodPut:
		var change write3
		if err := read(w, r, &change); err != nil || len(change.Components) > 0 {
			refuse3(w, map[string][]string{"body": {fmt.Sprint(err)}})
			return
		}
		if problems := s.problems3(change.Status, change.Name, nil); len(problems) > 0 {
			refuse3(w, problems)
			return
		}
		s.apply3(found, change)
		answer(w, http.StatusOK, map[string]any{"data": shown3(found, nil)})
	default:
		answer(w, http.StatusMethodNotAllowed, map[string]any{"message": "not here"})
	}
}

// update3 makes an update, of which subscribers are told where the incident says so and
// everybody sees it.
func (s *Site) update3(w http.ResponseWriter, r *http.Request, id string) {
	found := s.find(pageOf(id, 0))
	if found == nil {
		answer(w, http.StatusNotFound, map[string]any{"message": "No query results for model [Cachet\\Models\\Incident] " + id})
		return
	}
	var asked struct {
		Status     *int     `json:"status"`
		Message    *string  `json:"message"`
		Components []state3 `json:"components"`
	}
	err := read(w, r, &asked)
	problems := s.problems3(asked.Status, nil, asked.Components)
	if err != nil || asked.Status == nil || asked.Message == nil {
		problems["message"] = []string{"The status and message fields are required."}
	}
	if len(problems) > 0 {
		refuse3(w, problems)
		return
	}
	s.next++
	update := Update{ID: s.next, Status: *asked.Status, Message: *asked.Message}
	found.Updates, found.Status, found.Updated = append(found.Updates, update), update.Status, s.Now().UTC()
	s.tie(found, asked.Components)
	if found.Notifications && found.Visible == 1 {
		found.Told++
	}
	answer(w, http.StatusCreated, map[string]any{"data": updateShown3(found, update)})
}
