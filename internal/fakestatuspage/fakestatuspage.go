// Package fakestatuspage is one page of Atlassian Statuspage for tests: its incidents,
// scheduled maintenances, components and drafts of post-mortems, by the contract of
// https://developer.statuspage.io/. It takes no field that this does not have, notifies
// where it is not told otherwise, and can hold the rate of one request a second. It shows
// no page, and knows one API key.
package fakestatuspage

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Page is the page. Its fields are set before it serves.
type Page struct {
	ID, Token string
	Now       func() time.Time
	// LongestPage shortens the pages of lists, whatever is asked for; zero leaves them.
	LongestPage int
	// Limited: more than 60 requests in 60 s are refused with 420.
	Limited bool
	// Lag is how far its lists are behind what stands there, as they are where they come from
	// a copy. A single incident is always given as it stands.
	Lag time.Duration

	mu         sync.Mutex
	past       []past
	incidents  []*Incident
	components []Component
	next       int
	asked      []time.Time
	refused    int
}

// Component is a part of the page, and how it stands.
type Component struct {
	ID     string `json:"id"`
	PageID string `json:"page_id"`
	Name   string `json:"name"`
	Status string `json:"status"`
}

// Incident is an incident or a scheduled maintenance, with what the service says of it.
type Incident struct {
	ID             string                    `json:"id"`
	PageID         string                    `json:"page_id"`
	Name           string                    `json:"name"`
	Status         string                    `json:"status"`
	Impact         string                    `json:"impact"`
	ImpactOverride *string                   `json:"impact_override"`
	Shortlink      string                    `json:"shortlink"`
	CreatedAt      time.Time                 `json:"created_at"`
	UpdatedAt      time.Time                 `json:"updated_at"`
	MonitoringAt   *time.Time                `json:"monitoring_at"`
	ResolvedAt     *time.Time                `json:"resolved_at"`
	ScheduledFor   *time.Time                `json:"scheduled_for"`
	ScheduledUntil *time.Time                `json:"scheduled_until"`
	RemindPrior    bool                      `json:"scheduled_remind_prior"`
	AutoInProgress bool                      `json:"scheduled_auto_in_progress"`
	AutoCompleted  bool                      `json:"scheduled_auto_completed"`
	Metadata       map[string]map[string]any `json:"metadata"`
	Components     []Component               `json:"components"`
	Updates        []Update                  `json:"incident_updates"`
	PostmortemBody *string                   `json:"postmortem_body"`
	PublishedAt    *time.Time                `json:"postmortem_published_at"`
	Reminders      *string                   `json:"reminder_intervals"`
	// Told counts how often subscribers were notified, and Draft is that of the post-mortem;
	// nobody is told of either here.
	Told  int    `json:"-"`
	Draft string `json:"-"`

	tied []string
}

// Update is an update of an incident.
type Update struct {
	ID         string     `json:"id"`
	IncidentID string     `json:"incident_id"`
	Status     string     `json:"status"`
	Body       string     `json:"body"`
	CreatedAt  time.Time  `json:"created_at"`
	DisplayAt  time.Time  `json:"display_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	Deliver    bool       `json:"deliver_notifications"`
	Affected   []Affected `json:"affected_components"`
}

// Affected is a component as an update left it.
type Affected struct {
	Code      string `json:"code"`
	Name      string `json:"name"`
	OldStatus string `json:"old_status"`
	NewStatus string `json:"new_status"`
}

// AddComponent adds a part of the page that is operational.
func (p *Page) AddComponent(id, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.components = append(p.components, Component{ID: id, PageID: p.ID, Name: name, Status: "operational"})
}

// SetComponent does what a person does on the page.
func (p *Page) SetComponent(id, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(id, status)
}

func (p *Page) set(id, status string) {
	for i := range p.components {
		if p.components[i].ID == id {
			p.components[i].Status = status
		}
	}
}

// Components are the parts of the page.
func (p *Page) Components() []Component {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.components)
}

// Incidents are all incidents, oldest first.
func (p *Page) Incidents() []Incident {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all()
}

// Asked are the instants of all requests that were answered, and refused how many were
// refused for their rate.
func (p *Page) Asked() (asked []time.Time, refused int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked), p.refused
}

// Post writes an incident as a person does, without telling subscribers.
func (p *Page) Post(name, body string) (id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.remember()
	status, off := "investigating", false
	incident, _ := p.make(Write{Name: &name, Status: &status, Body: &body, DeliverNotifications: &off}) // it is of the form
	return incident.ID
}

// Change lets a person change an incident; change is called with it.
func (p *Page) Change(id string, change func(*Incident)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found := p.find(id); found != nil {
		change(found)
	}
	p.remember()
}

// Delete takes an incident away.
func (p *Page) Delete(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.incidents = slices.DeleteFunc(p.incidents, func(incident *Incident) bool { return incident.ID == id })
	p.remember()
}

func (p *Page) find(id string) *Incident {
	for _, incident := range p.incidents {
		if incident.ID == id {
			return incident
		}
	}
	return nil
}

// shown is an incident with its components as they stand now.
func (p *Page) shown(incident *Incident) Incident {
	shown := *incident
	shown.Components = []Component{}
	for _, component := range p.components {
		if slices.Contains(incident.tied, component.ID) {
			shown.Components = append(shown.Components, component)
		}
	}
	shown.Updates = slices.Clone(incident.Updates)
	return shown
}

func (p *Page) id(kind string) string {
	p.next++
	return fmt.Sprintf("%s%04d", kind, p.next)
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left needs no answer
}

// refuse writes an error in one of the forms that are met.
func refuse(w http.ResponseWriter, status int, texts ...string) {
	switch status {
	case http.StatusUnauthorized:
		answer(w, status, map[string]any{"error": texts[0]})
	case http.StatusUnprocessableEntity:
		answer(w, status, map[string]any{"error": texts})
	default:
		answer(w, status, map[string]any{"message": strings.Join(texts, "; ")})
	}
}
