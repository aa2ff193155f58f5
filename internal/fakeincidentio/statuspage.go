package fakeincidentio

import (
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

type componentStatus struct {
	ID     string `json:"component_id"`
	Status string `json:"component_status"`
}

// asked is the body of every write to the status page.
type asked struct {
	IdempotencyKey    string            `json:"idempotency_key"`
	StatusPage        string            `json:"status_page_id"`
	Name              string            `json:"name"`
	Message           string            `json:"message"`
	IncidentStatus    string            `json:"incident_status"`
	MaintenanceStatus string            `json:"maintenance_status"`
	Notify            *bool             `json:"notify_subscribers"`
	Components        []componentStatus `json:"component_statuses"`
	Affected          []string          `json:"affected_component_ids"`
	StartAt           time.Time         `json:"start_at"`
	EndAt             time.Time         `json:"end_at"`
	Automate          *bool             `json:"automate_maintenance_status"`
	Incident          string            `json:"status_page_incident_id"`
	Maintenance       string            `json:"status_page_maintenance_id"`
}

func (a asked) status() string { return a.IncidentStatus + a.MaintenanceStatus }

var (
	incidentWords    = []string{"investigating", "identified", "monitoring", "resolved"}
	maintenanceWords = []string{"maintenance_scheduled", "maintenance_in_progress", "maintenance_complete"}
)

func ended(status string) bool { return status == "resolved" || status == "maintenance_complete" }

// refused says what is wrong with a write.
func (c *Cloud) refused(w http.ResponseWriter, write asked, maintenance bool) bool {
	words, status := incidentWords, write.IncidentStatus
	if maintenance {
		words, status = maintenanceWords, write.MaintenanceStatus
	}
	unknown := func(one componentStatus) bool {
		return !slices.Contains(c.components, one.ID) || !slices.Contains(componentWords, one.Status)
	}
	switch {
	case !slices.Contains(words, status):
		invalid(w, "status", "is not one of the statuses")
	case write.Message == "" || utf8.RuneCountInString(write.Message) > 4096:
		invalid(w, "message", "must have 1 to 4096 characters")
	case write.Notify == nil:
		invalid(w, "notify_subscribers", "is required")
	case ended(status) && write.Components != nil:
		invalid(w, "component_statuses", "must not be set")
	case slices.ContainsFunc(write.Components, unknown) || slices.ContainsFunc(write.Affected, func(id string) bool { return !slices.Contains(c.components, id) }):
		invalid(w, "component_statuses", "unknown component or status")
	default:
		return false
	}
	return true
}

func (c *Cloud) createEntry(w http.ResponseWriter, r *http.Request, maintenance bool) {
	var write asked
	if !strictly(w, r, &write) || c.refused(w, write, maintenance) {
		return
	}
	switch {
	case write.IdempotencyKey == "":
		invalid(w, "idempotency_key", "is required")
		return
	case write.StatusPage != c.StatusPage:
		missing(w)
		return
	case write.Name == "" || utf8.RuneCountInString(write.Name) > 200:
		invalid(w, "name", "must have 1 to 200 characters")
		return
	case maintenance == (write.Automate == nil):
		invalid(w, "automate_maintenance_status", "is for maintenances, and of no use where it is left to a default")
		return
	case maintenance && !write.StartAt.Before(write.EndAt):
		invalid(w, "end_at", "must be after start_at")
		return
	}
	if again, is := c.answered[r.URL.Path+" "+write.IdempotencyKey]; is {
		answer(w, http.StatusCreated, again)
		return
	}
	one := &Entry{Maintenance: maintenance, ID: c.next(), Name: write.Name, StartAt: write.StartAt, EndAt: write.EndAt, Affected: write.Affected, Components: map[string]string{}}
	c.entries = append(c.entries, one)
	c.say(one, write)
	said := map[string]any{one.sort(): one.body()}
	c.answered[r.URL.Path+" "+write.IdempotencyKey] = said
	answer(w, http.StatusCreated, said)
}

func (c *Cloud) updateEntry(w http.ResponseWriter, r *http.Request, maintenance bool) {
	var write asked
	if !strictly(w, r, &write) || c.refused(w, write, maintenance) {
		return
	}
	for _, one := range c.entries {
		if one.Maintenance != maintenance || one.ID != write.Incident+write.Maintenance {
			continue
		}
		if len(one.Updates) >= 100 {
			invalid(w, "", "An incident may have at most 100 updates")
			return
		}
		c.say(one, write)
		answer(w, http.StatusCreated, map[string]any{one.sort() + "_update": one.update(one.Updates[len(one.Updates)-1])})
		return
	}
	missing(w)
}

// say adds an update. The end makes all components well.
func (c *Cloud) say(one *Entry, write asked) {
	update := Update{ID: c.next(), Message: write.Message, Status: write.status(), Notify: *write.Notify, At: c.Now(), Components: map[string]string{}}
	for _, component := range write.Components {
		update.Components[component.ID], one.Components[component.ID] = component.Status, component.Status
	}
	if ended(update.Status) {
		clear(one.Components)
	}
	one.Status, one.Updates = update.Status, append(one.Updates, update)
}

func (e *Entry) sort() string {
	if e.Maintenance {
		return "status_page_maintenance"
	}
	return "status_page_incident"
}

func (e *Entry) statusField() string {
	if e.Maintenance {
		return "maintenance_status"
	}
	return "incident_status"
}

func (e *Entry) body() map[string]any {
	updates := []any{}
	for _, one := range slices.Backward(e.Updates) {
		updates = append(updates, e.update(one))
	}
	return map[string]any{
		"id": e.ID, "name": e.Name, e.statusField(): e.Status, "status_page_id": "page", "updates": updates,
		"published_at": e.Updates[0].At, "component_impacts": []any{}, "a_new_field": map[string]any{},
	}
}

func (e *Entry) update(one Update) any {
	components := []componentStatus{}
	for id, status := range one.Components {
		components = append(components, componentStatus{id, status})
	}
	return map[string]any{
		"id": one.ID, "message": one.Message, e.statusField(): one.Status, "published_at": one.At,
		"component_statuses": components, e.sort() + "_id": e.ID,
	}
}

func (c *Cloud) readEntries(w http.ResponseWriter, r *http.Request, resource string, of []string) {
	var all []any
	for _, one := range c.entries {
		if one.sort()+"s" != resource {
			continue
		}
		if len(of) == 1 && one.ID == of[0] {
			answer(w, http.StatusOK, map[string]any{one.sort(): one.body()})
			return
		}
		all = append(all, one.body())
	}
	if len(of) > 0 || r.URL.Query().Get("status_page_id") != c.StatusPage {
		missing(w)
		return
	}
	c.page(w, r, resource, all, idOf)
}
