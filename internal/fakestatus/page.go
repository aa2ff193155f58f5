// Package fakestatus is a provider that publishes its status as Statuspage, Instatus,
// incident.io and Azure do, for tests: the same components and incidents in the words and
// shapes of each. It is served by package vendortest, which misbehaves. It takes no
// changes over the network, and knows no history beyond the incidents that it is given.
package fakestatus

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Component is a part of the provider's service. Status is Statuspage's word.
type Component struct{ ID, Name, Status string }

// Incident is an open one, or a maintenance. Words are Statuspage's.
type Incident struct {
	ID, Name, Status, Impact string
	Started                  time.Time
	// Components are IDs of those that it names.
	Components []string
}

// Page is a provider's status page.
type Page struct {
	Name string
	// Updated is when the page was changed last.
	Updated time.Time
	// Indicator is Statuspage's word for the whole: none, minor, major, critical, maintenance.
	Indicator    string
	Components   []Component
	Incidents    []Incident
	Maintenances []Incident
}

// Provider serves a page that may be changed while it is read.
type Provider struct {
	mu   sync.Mutex
	page Page
}

// New makes a provider with that page.
func New(page Page) *Provider { return &Provider{page: page} }

// Change edits the page.
func (p *Provider) Change(edit func(*Page)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	edit(&p.page)
}

// ServeHTTP implements http.Handler: each system's document at its own path.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	page := p.page
	base := "https://" + r.Host
	documents := map[string]func(string) any{"/api/v2/summary.json": page.statuspage, "/summary.json": page.instatus, "/api/v1/summary": page.incidentIO}
	document, known := documents[r.URL.Path]
	var body []byte
	if known {
		body, _ = json.Marshal(document(base)) // strings only, which always encode
	}
	p.mu.Unlock()
	if !known || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(body) // a client that left needs no answer
}

type object = map[string]any

// statuspage is /api/v2/summary.json (metastatuspage.com/api/v2).
func (p Page) statuspage(base string) any {
	components := []object{}
	for _, one := range p.Components {
		components = append(components, p.component(one))
	}
	descriptions := map[string]string{
		"none": "All Systems Operational", "minor": "Minor Service Outage", "major": "Partial System Outage", "critical": "Major Service Outage",
		"maintenance": "Service Under Maintenance",
	}
	return object{
		"page":       object{"id": "kctbh9vrtdwd", "name": p.Name, "url": base, "time_zone": "Etc/UTC", "updated_at": stamp(p.Updated)},
		"components": components, "incidents": p.published(base, p.Incidents), "scheduled_maintenances": p.published(base, p.Maintenances),
		"status": object{"indicator": p.Indicator, "description": or(descriptions, p.Indicator)},
	}
}

func (p Page) component(one Component) object {
	return object{
		"id": one.ID, "name": one.Name, "status": one.Status, "created_at": stamp(p.Updated), "updated_at": stamp(p.Updated), "position": 1,
		"description": nil, "showcase": false, "group_id": nil, "page_id": "kctbh9vrtdwd", "group": false, "only_show_if_degraded": false,
	}
}

func (p Page) published(base string, incidents []Incident) []object {
	all := []object{}
	for _, one := range incidents {
		all = append(all, object{
			"id": one.ID, "name": one.Name, "status": one.Status, "impact": one.Impact, "shortlink": base + "/incidents/" + one.ID, "page_id": "kctbh9vrtdwd",
			"created_at": stamp(one.Started), "updated_at": stamp(p.Updated), "monitoring_at": nil, "resolved_at": nil, "started_at": stamp(one.Started),
			"scheduled_for": stamp(one.Started), "incident_updates": []object{}, "components": p.named(one),
		})
	}
	return all
}

func (p Page) named(one Incident) []object {
	named := []object{}
	for _, id := range one.Components {
		for _, component := range p.Components {
			if component.ID == id {
				named = append(named, p.component(component))
			}
		}
	}
	return named
}

// instatus is /summary.json (instatus.com/help/api/public-data).
func (p Page) instatus(base string) any {
	words := map[string]string{"none": "UP", "maintenance": "UNDERMAINTENANCE", "minor": "HASISSUES", "major": "HASISSUES", "critical": "HASISSUES"}
	document := object{"page": object{"name": p.Name, "url": base, "status": or(words, p.Indicator)}}
	impacts := map[string]string{"minor": "PARTIALOUTAGE", "major": "MAJOROUTAGE", "critical": "MAJOROUTAGE", "none": "OPERATIONAL"}
	const javaScript = "Mon Jan 02 2006 15:04:05 GMT+0000 (Coordinated Universal Time)"
	var incidents, maintenances []object
	for _, one := range p.Incidents {
		incidents = append(incidents, object{
			"name": one.Name, "started": one.Started.UTC().Format(javaScript), "status": strings.ToUpper(one.Status), "impact": or(impacts, one.Impact), "url": base + "/incident/" + one.ID,
		})
	}
	states := map[string]string{"scheduled": "NOTSTARTEDYET", "in_progress": "INPROGRESS", "completed": "COMPLETED"}
	for _, one := range p.Maintenances {
		maintenances = append(maintenances, object{
			"name": one.Name, "start": one.Started.UTC().Format(javaScript), "status": or(states, one.Status), "duration": "60", "url": base + "/maintenance/" + one.ID,
		})
	}
	if len(incidents) > 0 {
		document["activeIncidents"] = incidents
	}
	if len(maintenances) > 0 {
		document["activeMaintenances"] = maintenances
	}
	return document
}

// incidentIO is what the Widget API answers (docs.incident.io/status-pages/embedding).
func (p Page) incidentIO(base string) any {
	impacts := map[string]string{"minor": "degraded_performance", "major": "partial_outage", "critical": "full_outage"}
	event := func(one Incident) object {
		affected := []object{}
		for _, component := range p.named(one) {
			affected = append(affected, object{"id": component["id"], "name": component["name"], "group_name": nil})
		}
		return object{
			"id": one.ID, "name": one.Name, "status": one.Status, "url": base + "/incidents/" + one.ID, "affected_components": affected,
			"last_update_at": stamp(p.Updated), "last_update_message": "We are looking into it.", "current_worst_impact": or(impacts, one.Impact), "started_at": stamp(one.Started),
		}
	}
	ongoing, under, ahead := []object{}, []object{}, []object{}
	for _, one := range p.Incidents {
		ongoing = append(ongoing, event(one))
	}
	for _, one := range p.Maintenances {
		found := event(one)
		if one.Status == "scheduled" {
			found["status"] = "maintenance_scheduled"
			ahead = append(ahead, found)
			continue
		}
		found["status"] = "maintenance_in_progress"
		under = append(under, found)
	}
	return object{"page_title": p.Name, "page_url": base, "ongoing_incidents": ongoing, "in_progress_maintenances": under, "scheduled_maintenances": ahead}
}

// or is the other system's word, or the same where it has none: a new one.
func or(words map[string]string, word string) string {
	if other, known := words[word]; known {
		return other
	}
	return word
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
