// Package fakeincidentio speaks the part of incident.io's API that incidents of a status
// page, maintenances, incidents of the organisation and post-mortem documents need
// (https://docs.incident.io/api-reference). Its lists have short pages, the newest first.
// It takes no field that is not published, answers a repeated idempotency key as the first
// time, and counts what people would be told.
package fakeincidentio

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Cloud is an organisation at incident.io.
type Cloud struct {
	// APIKey is what it accepts, StatusPage the id of its status page.
	APIKey, StatusPage string
	// PageSize is how long the pages of lists are, whatever is asked for; 0 is 25.
	PageSize int
	Now      func() time.Time
	// Statuses are those of its incidents.
	Statuses []Status
	// Roles are those of the key. Without global_access it neither sees nor changes private
	// incidents, which it may make all the same.
	Roles []string
	// Lenient: an incident may be given a status of any category, and not only of an active
	// one.
	Lenient bool

	mu         sync.Mutex
	components []string
	entries    []*Entry
	incidents  []*Incident
	answered   map[string]any
	made       int
}

// Status is one of an organisation's.
type Status struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Rank     int    `json:"rank"`
}

// Entry is an incident or a maintenance of the status page.
type Entry struct {
	Maintenance      bool
	ID, Name, Status string
	StartAt, EndAt   time.Time
	Updates          []Update
	// Components is how each stands, by its id.
	Components map[string]string
	// Affected are those of a maintenance, which has them under maintenance while it is under
	// way.
	Affected []string
}

// Update is one text of an entry.
type Update struct {
	ID, Message, Status string
	Notify              bool
	At                  time.Time
	Components          map[string]string
}

// Incident is one of the organisation.
type Incident struct {
	ID, Name, Summary, Visibility string
	Severity, Type                string
	Status                        Status
	// Told counts how often its channel was told.
	Told      int
	UpdatedAt time.Time
	Documents []Document
}

// Document is a post-mortem.
type Document struct {
	ID, Title, Content string
	// Editor is the person who edited it; empty if nobody did.
	Editor string
}

// New is an organisation with usual statuses and these components on its page.
func New(apiKey, statusPage string, now func() time.Time, components ...string) *Cloud {
	return &Cloud{
		APIKey: apiKey, StatusPage: statusPage, Now: now, components: components, answered: map[string]any{},
		Roles: []string{"viewer", "incident_creator", "incident_editor", globalAccess},
		Statuses: []Status{
			{"01STATUS0TRIAGE", "Triage", "triage", 1}, {"01STATUS1INVEST", "Investigating", "live", 2},
			{"01STATUS2FIXING", "Fixing", "live", 3}, {"01STATUS3MONITO", "Monitoring", "live", 4},
			{"01STATUS4RESOLV", "Resolved", "live", 5}, {"01STATUS5REVIEW", "Reviewing", "learning", 6},
			{"01STATUS6CLOSED", "Closed", "closed", 7},
		},
	}
}

// Entries are those of the status page, oldest first.
func (c *Cloud) Entries() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Entry, 0, len(c.entries))
	for _, one := range c.entries {
		copied := *one
		copied.Updates, copied.Components = slices.Clone(one.Updates), maps.Clone(one.Components)
		all = append(all, copied)
	}
	return all
}

// Incidents are those of the organisation, oldest first.
func (c *Cloud) Incidents() []Incident {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Incident, 0, len(c.incidents))
	for _, one := range c.incidents {
		copied := *one
		copied.Documents = slices.Clone(one.Documents)
		all = append(all, copied)
	}
	return all
}

// componentWords are from well to worst.
var componentWords = []string{"operational", "under_maintenance", "degraded_performance", "partial_outage", "full_outage"}

// Component is how a component stands: the worst that any open incident says of it.
func (c *Cloud) Component(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	worst := 0
	for _, one := range c.entries {
		worst = max(worst, slices.Index(componentWords, one.Components[id]))
		if one.Status == "maintenance_in_progress" && slices.Contains(one.Affected, id) {
			worst = max(worst, slices.Index(componentWords, "under_maintenance"))
		}
	}
	return componentWords[worst]
}

// ChangeEntry lets a person change an entry; change returns false to delete it.
func (c *Cloud) ChangeEntry(id string, change func(*Entry) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = slices.DeleteFunc(c.entries, func(one *Entry) bool { return one.ID == id && !change(one) })
}

// ChangeIncident lets a person change an incident; change returns false to delete it.
func (c *Cloud) ChangeIncident(id string, change func(*Incident) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.incidents = slices.DeleteFunc(c.incidents, func(one *Incident) bool { return one.ID == id && !change(one) })
}

// AddEntry lets a person open an incident on the status page.
func (c *Cloud) AddEntry(name, message string) (id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := &Entry{ID: c.next(), Name: name, Status: "investigating", Components: map[string]string{}}
	one.Updates = []Update{{ID: c.next(), Message: message, Status: "investigating", At: c.Now()}}
	c.entries = append(c.entries, one)
	return one.ID
}

// AddIncident lets a person open an incident of the organisation.
func (c *Cloud) AddIncident(name, summary string) (id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := &Incident{ID: c.next(), Name: name, Summary: summary, Visibility: "public", Status: c.Statuses[1], UpdatedAt: c.Now()}
	c.incidents = append(c.incidents, one)
	return one.ID
}

// next is an id in the order of time, as ULIDs are.
func (c *Cloud) next() string {
	c.made++
	return fmt.Sprintf("01FCNDV6P870EA6S7T%08d", c.made)
}

// ServeHTTP implements http.Handler.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+c.APIKey {
		refuse(w, http.StatusUnauthorized, "authentication_error", "invalid_authorization_material", "API key was not recognised", "")
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 2 {
		parts = append(parts, "")
	}
	resource := r.Method + " " + strings.Join(parts[:2], "/")
	of := parts[2:]
	switch {
	case resource == "GET v2/status_page_incidents", resource == "GET v2/status_page_maintenances":
		c.readEntries(w, r, parts[1], of)
	case len(of) == 0 && resource == "POST v2/status_page_incidents", len(of) == 0 && resource == "POST v2/status_page_maintenances":
		c.createEntry(w, r, parts[1] == "status_page_maintenances")
	case resource == "POST v2/status_page_incident_updates", resource == "POST v2/status_page_maintenance_updates":
		c.updateEntry(w, r, parts[1] == "status_page_maintenance_updates")
	case resource == "GET v1/identity":
		answer(w, http.StatusOK, map[string]any{"identity": map[string]any{"name": "Lapsewatch", "roles": c.Roles, "dashboard_url": "https://app.incident.io/acme"}})
	case resource == "GET v1/incident_statuses":
		answer(w, http.StatusOK, map[string]any{"incident_statuses": c.Statuses})
	case resource == "GET v2/incidents":
		c.readIncidents(w, r, of)
	case len(of) == 0 && resource == "POST v2/incidents":
		c.createIncident(w, r)
	case len(of) == 3 && resource == "POST v2/incidents" && of[1] == "actions":
		c.act(w, r, of[0], of[2])
	case resource == "GET v1/postmortem_documents":
		c.listDocuments(w, r)
	default:
		missing(w)
	}
}

// page answers with one page of a list, the newest first.
func (c *Cloud) page(w http.ResponseWriter, r *http.Request, name string, all []any, id func(any) string) {
	slices.Reverse(all)
	from := 0
	if after := r.URL.Query().Get("after"); after != "" {
		from = slices.IndexFunc(all, func(one any) bool { return id(one) == after }) + 1
	}
	size := c.PageSize
	if size == 0 {
		size = 25
	}
	found := append([]any{}, all[from:min(from+size, len(all))]...)
	meta := map[string]any{"page_size": size}
	if from+size < len(all) {
		meta["after"] = id(found[len(found)-1])
	}
	answer(w, http.StatusOK, map[string]any{name: found, "pagination_meta": meta})
}

func idOf(one any) string {
	id, _ := one.(map[string]any)["id"].(string)
	return id
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left needs no answer
}

func refuse(w http.ResponseWriter, status int, sort, code, message, field string) {
	one := map[string]any{"code": code, "message": message}
	if field != "" {
		one["source"] = map[string]string{"field": field}
	}
	answer(w, status, map[string]any{"type": sort, "status": status, "request_id": "631766c4-4afd-4803-997c-cd700928fa4b", "errors": []any{one}})
}

func invalid(w http.ResponseWriter, field, message string) {
	refuse(w, http.StatusUnprocessableEntity, "validation_error", "invalid_value", message, field)
}

func missing(w http.ResponseWriter) {
	refuse(w, http.StatusNotFound, "not_found", "not_found", "The requested resource could not be found", "")
}

// strictly reads a body and refuses what is not published.
func strictly(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, "bad_request", "invalid_json", err.Error(), "")
		return false
	}
	return true
}
