package fakecachet

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// write2 are the fields of an incident that version 2.4 takes.
type write2 struct {
	Name            *string           `json:"name"`
	Status          *int              `json:"status"`
	Message         *string           `json:"message"`
	Visible         *int              `json:"visible"`
	Notify          *bool             `json:"notify"`
	Stickied        *bool             `json:"stickied"`
	ComponentID     *int              `json:"component_id"`
	ComponentStatus *int              `json:"component_status"`
	OccurredAt      *string           `json:"occurred_at"`
	Template        *string           `json:"template"`
	Vars            map[string]string `json:"vars"`
	Meta            map[string]any    `json:"meta"`
}

func (s *Site) serve2(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Cachet-Token") != s.Token {
		refuse2(w, http.StatusUnauthorized, "You are not authorized to view this content")
		return
	}
	path := parts(r, "/api/v1/")
	switch {
	case len(path) == 1 && path[0] == "incidents" && r.Method == http.MethodGet:
		s.list2(w, r)
	case len(path) == 1 && path[0] == "incidents" && r.Method == http.MethodPost:
		s.create2(w, r)
	case len(path) == 2 && path[0] == "incidents":
		s.incident2(w, r, path[1])
	case len(path) >= 3 && path[0] == "incidents" && path[2] == "updates":
		s.update2(w, r, path)
	case len(path) == 2 && path[0] == "components":
		s.component2(w, r, path[1])
	default:
		refuse2(w, http.StatusNotFound, "The requested resource could not be found but may be available again in the future")
	}
}

func refuse2(w http.ResponseWriter, status int, details ...string) {
	answer(w, status, map[string]any{"errors": []any{map[string]any{
		"id": "6a5b1b1e-2a73-4a5b-9f39-0a5a7e0e0f7a", "status": status, "title": http.StatusText(status), "detail": details[0],
		"meta": map[string]any{"details": details[1:]},
	}}})
}

func (s *Site) list2(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for name := range query {
		if !slices.Contains([]string{"per_page", "page", "sort", "order", "status", "name", "visible", "id"}, name) {
			refuse2(w, http.StatusBadRequest, name+" is not known")
			return
		}
	}
	page, size := pageOf(query.Get("page"), 1), pageOf(query.Get("per_page"), 20)
	if s.LongestPage > 0 {
		size = min(size, s.LongestPage)
	}
	all := slices.Clone(s.incidents)
	if query.Get("sort") == "id" && query.Get("order") == "desc" {
		slices.Reverse(all)
	}
	shown := []any{}
	from := min((page-1)*size, len(all))
	for _, incident := range all[from:min(from+size, len(all))] {
		shown = append(shown, shown2(incident))
	}
	pages := max((len(all)+size-1)/size, 1)
	answer(w, http.StatusOK, map[string]any{
		"meta": map[string]any{"pagination": map[string]any{
			"total": len(all), "count": len(shown), "per_page": size, "current_page": page, "total_pages": pages,
			"links": map[string]any{"next_page": nil, "previous_page": nil},
		}},
		"data": shown,
	})
}

func pageOf(text string, otherwise int) int {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return otherwise
	}
	return number
}

func shown2(incident *Incident) map[string]any {
	updates := []any{}
	for _, update := range slices.Backward(incident.Updates) {
		updates = append(updates, map[string]any{"id": update.ID, "incident_id": incident.ID, "status": update.Status, "message": update.Message})
	}
	shown := map[string]any{
		"id": incident.ID, "user_id": 1, "component_id": nil, "name": incident.Name, "status": incident.Status, "visible": incident.Visible,
		"stickied": incident.Stickied, "notifications": false, "message": incident.Message, "updated_at": stamp(incident.Updated),
		"deleted_at": nil, "is_resolved": incident.Latest() == fixed, "latest_status": incident.Latest(), "updates": updates, "meta": []any{},
	}
	if incident.ComponentID != 0 {
		shown["component_id"] = incident.ComponentID
	}
	return shown
}

// purged is what becomes of what looks like HTML.
func purged(text string) string {
	return strings.NewReplacer("<script", "[removed]", "<", "&lt;", ">", "&gt;").Replace(text)
}

// problems2 is what a write is refused for.
func (s *Site) problems2(write write2) (details []string) {
	if (write.ComponentID == nil) != (write.ComponentStatus == nil) {
		details = append(details, "The component id and the component status come together.")
	}
	if write.ComponentID != nil && s.component(*write.ComponentID) == nil {
		details = append(details, "The component does not exist.")
	}
	if write.Status != nil && (*write.Status < 0 || *write.Status > fixed) {
		details = append(details, "The status must be between 0 and 4.")
	}
	return details
}

func (s *Site) create2(w http.ResponseWriter, r *http.Request) {
	var asked write2
	if err := read(w, r, &asked); err != nil {
		refuse2(w, http.StatusBadRequest, err.Error())
		return
	}
	problems := s.problems2(asked)
	if asked.Name == nil || asked.Status == nil || asked.Message == nil {
		problems = append(problems, "The name, status and message are required.")
	}
	if len(problems) > 0 {
		refuse2(w, http.StatusBadRequest, append([]string{"The request cannot be fulfilled due to bad syntax"}, problems...)...)
		return
	}
	incident := s.add(&Incident{})
	s.apply2(incident, asked)
	answered := shown2(incident)
	delete(answered, "updates") // what is made just now has none of its relations yet
	answer(w, http.StatusOK, map[string]any{"data": answered})
}

// apply2 does what was asked: what is left out of visible and notify counts as true.
func (s *Site) apply2(incident *Incident, write write2) {
	if write.Name != nil {
		incident.Name = purged(*write.Name)
	}
	if write.Status != nil {
		incident.Status = *write.Status
	}
	if write.Message != nil {
		incident.Message = purged(*write.Message)
	}
	incident.Visible = 1
	if write.Visible != nil {
		incident.Visible = *write.Visible
	}
	incident.Stickied = write.Stickied != nil && *write.Stickied
	if write.ComponentID != nil {
		incident.ComponentID = *write.ComponentID
		s.setComponent2(*write.ComponentID, *write.ComponentStatus, false)
	}
	if incident.Visible == 1 && (write.Notify == nil || *write.Notify) {
		incident.Told++
	}
	incident.Updated = s.Now().UTC()
}

// setComponent2 tells the component's subscribers of a change, unless it is silent.
func (s *Site) setComponent2(id, status int, silent bool) {
	found := s.component(id)
	if found.Status != status && !silent {
		s.mails++
	}
	found.Status = status
}

func (s *Site) incident2(w http.ResponseWriter, r *http.Request, id string) {
	found := s.find(pageOf(id, 0))
	if found == nil {
		refuse2(w, http.StatusNotFound, "The requested resource could not be found but may be available again in the future")
		return
	}
	switch r.Method {
	case http.MethodGet:
	case http.MethodPut:
		var asked write2
		if err := read(w, r, &asked); err != nil {
			refuse2(w, http.StatusBadRequest, err.Error())
			return
		}
		if problems := s.problems2(asked); len(problems) > 0 {
			refuse2(w, http.StatusBadRequest, append([]string{"The request cannot be fulfilled due to bad syntax"}, problems...)...)
			return
		}
		s.apply2(found, asked)
	default:
		refuse2(w, http.StatusMethodNotAllowed, "not here")
		return
	}
	answer(w, http.StatusOK, map[string]any{"data": shown2(found)})
}

// update2 makes an update, of which all subscribers of a visible incident are told, or
// changes one, of which they are not.
func (s *Site) update2(w http.ResponseWriter, r *http.Request, path []string) {
	found := s.find(pageOf(path[1], 0))
	var asked struct {
		Status          *int    `json:"status"`
		Message         *string `json:"message"`
		ComponentID     *int    `json:"component_id"`
		ComponentStatus *int    `json:"component_status"`
	}
	if found == nil {
		refuse2(w, http.StatusNotFound, "The requested resource could not be found but may be available again in the future")
		return
	}
	if err := read(w, r, &asked); err != nil || asked.Status == nil || asked.Message == nil {
		refuse2(w, http.StatusBadRequest, "The request cannot be fulfilled due to bad syntax", "The status and message are required.")
		return
	}
	update := Update{Status: *asked.Status, Message: purged(*asked.Message)}
	switch {
	case r.Method == http.MethodPost && len(path) == 3:
		s.next++
		update.ID = s.next
		found.Updates, found.Status = append(found.Updates, update), update.Status
		if found.Visible == 1 {
			found.Told++
		}
	case r.Method == http.MethodPut && len(path) == 4:
		at := slices.IndexFunc(found.Updates, func(other Update) bool { return other.ID == pageOf(path[3], 0) })
		if at < 0 {
			refuse2(w, http.StatusNotFound, "The requested resource could not be found but may be available again in the future")
			return
		}
		update.ID = found.Updates[at].ID
		found.Updates[at] = update
	default:
		refuse2(w, http.StatusMethodNotAllowed, "not here")
		return
	}
	found.Updated = s.Now().UTC()
	answer(w, http.StatusOK, map[string]any{"data": map[string]any{"id": update.ID, "incident_id": found.ID, "status": update.Status, "message": update.Message}})
}

// component2 changes a component: one whose enabled is left out is hidden.
func (s *Site) component2(w http.ResponseWriter, r *http.Request, id string) {
	found := s.component(pageOf(id, 0))
	if found == nil {
		refuse2(w, http.StatusNotFound, "The requested resource could not be found but may be available again in the future")
		return
	}
	if r.Method == http.MethodPut {
		var asked struct {
			Status  *int `json:"status"`
			Enabled bool `json:"enabled"`
			Silent  bool `json:"silent"`
		}
		if err := read(w, r, &asked); err != nil || asked.Status != nil && (*asked.Status < 0 || *asked.Status > 4) {
			refuse2(w, http.StatusBadRequest, "The request cannot be fulfilled due to bad syntax")
			return
		}
		found.Enabled = asked.Enabled
		if asked.Status != nil {
			s.setComponent2(found.ID, *asked.Status, asked.Silent)
		}
	}
	answer(w, http.StatusOK, map[string]any{"data": map[string]any{
		"id": found.ID, "name": found.Name, "status": found.Status, "enabled": found.Enabled, "group_id": 0, "order": 0,
	}})
}
