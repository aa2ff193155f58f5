package fakeincidentio

import (
	"net/http"
	"slices"
	"time"
)

func (i *Incident) body() map[string]any {
	return map[string]any{
		"id": i.ID, "name": i.Name, "summary": i.Summary, "visibility": i.Visibility, "mode": "standard", "reference": "INC-123",
		"permalink": "https://app.incident.io/incidents/" + i.ID, "incident_status": i.Status, "updated_at": i.UpdatedAt,
	}
}

const globalAccess = "global_access"

// hides reports that the key sees nothing of an incident.
func (c *Cloud) hides(one *Incident) bool {
	return one.Visibility == "private" && !slices.Contains(c.Roles, globalAccess)
}

func (c *Cloud) readIncidents(w http.ResponseWriter, r *http.Request, of []string) {
	query := r.URL.Query()
	since, err := time.Parse(time.DateOnly, query.Get("updated_at[gte]"))
	if query.Has("updated_at[gte]") && err != nil {
		invalid(w, "updated_at", "is not a date")
		return
	}
	var all []any
	for _, one := range c.incidents {
		if c.hides(one) {
			continue
		}
		if len(of) == 1 && one.ID == of[0] {
			answer(w, http.StatusOK, map[string]any{"incident": one.body()})
			return
		}
		category := query.Get("status_category[one_of]")
		if (category == "" || category == one.Status.Category) && !one.UpdatedAt.Before(since) {
			all = append(all, one.body())
		}
	}
	if len(of) > 0 {
		missing(w)
		return
	}
	c.page(w, r, "incidents", all, idOf)
}

func (c *Cloud) status(id string) (Status, bool) {
	at := slices.IndexFunc(c.Statuses, func(one Status) bool { return one.ID == id })
	if at < 0 {
		return Status{}, false
	}
	return c.Statuses[at], true
}

func (c *Cloud) createIncident(w http.ResponseWriter, r *http.Request) {
	var write struct {
		IdempotencyKey string `json:"idempotency_key"`
		Visibility     string `json:"visibility"`
		Mode           string `json:"mode"`
		Name           string `json:"name"`
		Summary        string `json:"summary"`
		Status         string `json:"incident_status_id"`
		Severity       string `json:"severity_id"`
		Type           string `json:"incident_type_id"`
	}
	if !strictly(w, r, &write) {
		return
	}
	status, known := c.status(write.Status)
	switch {
	case write.IdempotencyKey == "":
		invalid(w, "idempotency_key", "is required")
		return
	case write.Visibility != "private" && write.Visibility != "public":
		invalid(w, "visibility", "is required")
		return
	case write.Mode != "standard" || !known:
		invalid(w, "incident_status_id", "unknown mode or status")
		return
	}
	if again, is := c.answered[r.URL.Path+" "+write.IdempotencyKey]; is {
		answer(w, http.StatusOK, again)
		return
	}
	one := &Incident{
		ID: c.next(), Name: write.Name, Summary: write.Summary, Visibility: write.Visibility, Severity: write.Severity, Type: write.Type,
		Status: status, UpdatedAt: c.Now(),
	}
	c.incidents = append(c.incidents, one)
	said := map[string]any{"incident": one.body()}
	c.answered[r.URL.Path+" "+write.IdempotencyKey] = said
	answer(w, http.StatusOK, said)
}

func (c *Cloud) act(w http.ResponseWriter, r *http.Request, id, action string) {
	at := slices.IndexFunc(c.incidents, func(one *Incident) bool { return one.ID == id })
	if at < 0 || c.hides(c.incidents[at]) {
		missing(w)
		return
	}
	switch one := c.incidents[at]; action {
	case "edit":
		c.edit(w, r, one)
	case "import_postmortem_document":
		c.importDocument(w, r, one)
	default:
		missing(w)
	}
}

func (c *Cloud) edit(w http.ResponseWriter, r *http.Request, one *Incident) {
	var write struct {
		Incident struct {
			Name    *string `json:"name"`
			Summary *string `json:"summary"`
			Status  *string `json:"incident_status_id"`
		} `json:"incident"`
		Notify *bool `json:"notify_incident_channel"`
	}
	if !strictly(w, r, &write) {
		return
	}
	if write.Notify == nil {
		invalid(w, "notify_incident_channel", "is required")
		return
	}
	if write.Incident.Status != nil {
		status, known := c.status(*write.Incident.Status)
		if !known || !c.Lenient && status.Category != "live" {
			invalid(w, "incident_status_id", "you can only change an incident from one active status to another")
			return
		}
		one.Status = status
	}
	if write.Incident.Name != nil {
		one.Name = *write.Incident.Name
	}
	if write.Incident.Summary != nil {
		one.Summary = *write.Incident.Summary
	}
	if *write.Notify {
		one.Told++
	}
	one.UpdatedAt = c.Now()
	answer(w, http.StatusOK, map[string]any{"incident": one.body()})
}

func (c *Cloud) importDocument(w http.ResponseWriter, r *http.Request, one *Incident) {
	var write struct {
		Title   string `json:"title"`
		Content string `json:"content"`
	}
	if !strictly(w, r, &write) {
		return
	}
	made := Document{ID: c.next(), Title: write.Title, Content: write.Content}
	one.Documents = append(one.Documents, made)
	answer(w, http.StatusCreated, map[string]any{"postmortem_document": made.body(one.ID)})
}

func (d Document) body(incident string) any {
	editors := []any{}
	if d.Editor != "" {
		editors = append(editors, map[string]string{"id": "01USER", "name": d.Editor})
	}
	return map[string]any{"id": d.ID, "title": d.Title, "incident_id": incident, "status": "in_progress", "editors": editors}
}

func (c *Cloud) listDocuments(w http.ResponseWriter, r *http.Request) {
	var all []any
	for _, one := range c.incidents {
		if wanted := r.URL.Query().Get("incident_id"); wanted != "" && wanted != one.ID {
			continue
		}
		for _, document := range one.Documents {
			all = append(all, document.body(one.ID))
		}
	}
	c.page(w, r, "postmortem_documents", all, idOf)
}
