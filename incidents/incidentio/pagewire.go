package incidentio

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

// entry is an incident or a maintenance of a status page:
// https://docs.incident.io/api-reference/status-page-incidents-v2 and
// https://docs.incident.io/api-reference/status-page-maintenances-v2
type entry struct {
	ID                string       `json:"id"`
	Name              string       `json:"name"`
	IncidentStatus    string       `json:"incident_status"`
	MaintenanceStatus string       `json:"maintenance_status"`
	Updates           []pageUpdate `json:"updates"`
}

func (e *entry) id() string { return e.ID }

type pageUpdate struct {
	ID                string            `json:"id"`
	Message           string            `json:"message"`
	IncidentStatus    string            `json:"incident_status"`
	MaintenanceStatus string            `json:"maintenance_status"`
	PublishedAt       time.Time         `json:"published_at"`
	Components        []componentStatus `json:"component_statuses"`
}

func (u *pageUpdate) id() string { return u.ID }

type componentStatus struct {
	ID     string `json:"component_id"`
	Status string `json:"component_status"`
}

// freshPageIncident is https://docs.incident.io/api-reference/status-pages-v2/createstatuspageincident
type freshPageIncident struct {
	IdempotencyKey string            `json:"idempotency_key"`
	StatusPage     string            `json:"status_page_id"`
	Name           string            `json:"name"`
	Message        string            `json:"message"`
	Status         string            `json:"incident_status"`
	Notify         bool              `json:"notify_subscribers"`
	Components     []componentStatus `json:"component_statuses,omitempty"`
}

// freshMaintenance is https://docs.incident.io/api-reference/status-pages-v2/createstatuspagemaintenance
type freshMaintenance struct {
	IdempotencyKey string    `json:"idempotency_key"`
	StatusPage     string    `json:"status_page_id"`
	Name           string    `json:"name"`
	Message        string    `json:"message"`
	Status         string    `json:"maintenance_status"`
	Notify         bool      `json:"notify_subscribers"`
	Affected       []string  `json:"affected_component_ids"`
	StartAt        time.Time `json:"start_at"`
	EndAt          time.Time `json:"end_at"`
	// Automate would begin and end the maintenance by itself, whatever becomes of it.
	Automate bool `json:"automate_maintenance_status"`
}

// freshUpdate is https://docs.incident.io/api-reference/status-pages-v2/createstatuspageincidentupdate
// and https://docs.incident.io/api-reference/status-pages-v2/createstatuspagemaintenanceupdate
type freshUpdate struct {
	Incident          string            `json:"status_page_incident_id,omitempty"`
	Maintenance       string            `json:"status_page_maintenance_id,omitempty"`
	Message           string            `json:"message"`
	IncidentStatus    string            `json:"incident_status,omitempty"`
	MaintenanceStatus string            `json:"maintenance_status,omitempty"`
	Notify            bool              `json:"notify_subscribers"`
	Components        []componentStatus `json:"component_statuses,omitempty"`
}

// sort is one of the two sorts of entries: its names in the API and its words.
type sort struct {
	maintenance bool
	// prefix stands before the service's id in ours, because ids do not tell which they
	// are of.
	prefix string
	// name is of one in answers; with an s it is the path.
	name   string
	over   string
	phases map[watch.Phase]string
	reads  map[string]watch.Phase
}

func incidentSort() sort {
	return sort{
		name: "status_page_incident", over: "resolved",
		phases: map[watch.Phase]string{
			watch.Scheduled: "identified", watch.Investigating: "investigating", watch.Identified: "identified",
			watch.Monitoring: "monitoring", watch.Over: "resolved",
		},
		reads: map[string]watch.Phase{
			"investigating": watch.Investigating, "identified": watch.Identified, "monitoring": watch.Monitoring, "resolved": watch.Over,
		},
	}
}

const underWay = "maintenance_in_progress"

func maintenanceSort() sort {
	return sort{
		maintenance: true, prefix: "maintenance-", name: "status_page_maintenance", over: "maintenance_complete",
		phases: map[watch.Phase]string{
			watch.Scheduled: "maintenance_scheduled", watch.Investigating: underWay, watch.Identified: underWay,
			watch.Monitoring: underWay, watch.Over: "maintenance_complete",
		},
		reads: map[string]watch.Phase{
			// One that is under way is one that was announced.
			"maintenance_scheduled": watch.Scheduled, underWay: watch.Scheduled, "maintenance_complete": watch.Over,
		},
	}
}

// sortOf tells by our id what it is of.
func sortOf(id string) (of sort, theirs string) {
	of = maintenanceSort()
	if theirs, is := strings.CutPrefix(id, of.prefix); is {
		return of, theirs
	}
	return incidentSort(), id
}

// word is the service's for the stub's phase. An announced maintenance is under way from the
// beginning of its window on.
func (s sort) word(stub incidents.Stub, now time.Time) string {
	if s.maintenance && stub.Phase == watch.Scheduled && stub.Window != nil && !now.Before(stub.Window.From) {
		return underWay
	}
	return s.phases[stub.Phase]
}

func (s sort) path() string { return "/v2/" + s.name + "s" }

// fullOutage is the one word for a component that is not ours.
const fullOutage = "full_outage"

func componentWord(of watch.ComponentStatus) string {
	if of == watch.MajorOutage {
		return fullOutage
	}
	return string(of)
}

func ourStatus(word string) watch.ComponentStatus {
	if word == fullOutage {
		return watch.MajorOutage
	}
	return watch.ComponentStatus(word)
}

func componentStatuses(components []watch.Component) (all []componentStatus) {
	for _, component := range components {
		all = append(all, componentStatus{component.ID, componentWord(component.Status)})
	}
	return all
}

func (e entry) status() string { return cmp.Or(e.IncidentStatus, e.MaintenanceStatus) }

// inOrder are the updates, oldest first. Ids are made in the order of time.
func (e entry) inOrder() []pageUpdate {
	ordered := slices.Clone(e.Updates)
	slices.SortStableFunc(ordered, func(a, b pageUpdate) int {
		return cmp.Or(a.PublishedAt.Compare(b.PublishedAt), strings.Compare(a.ID, b.ID))
	})
	return ordered
}

func (e entry) remote(of sort, source string) incidents.Remote {
	remote := incidents.Remote{ID: of.prefix + e.ID, Title: e.Name, Phase: of.reads[e.status()], Open: e.status() != of.over}
	statuses := map[string]watch.ComponentStatus{}
	for i, one := range e.inOrder() {
		text := stubtext.Tidy(one.Message)
		if i == 0 {
			remote.Key, _ = stubtext.Ref(text, source)
		}
		remote.Texts = append(remote.Texts, text)
		if !remote.Open && cmp.Or(one.IncidentStatus, one.MaintenanceStatus) == of.over {
			remote.ResolvedAt = one.PublishedAt.UTC()
		}
		for _, component := range one.Components {
			statuses[component.ID] = ourStatus(component.Status)
		}
	}
	if of.maintenance {
		return remote
	}
	for _, id := range slices.Sorted(maps.Keys(statuses)) {
		status := statuses[id]
		if !remote.Open {
			// The end of an incident makes all of them well, and its last update may not say so.
			status = watch.Operational
		}
		remote.Components = append(remote.Components, watch.Component{ID: id, Status: status})
	}
	return remote
}

// says reports that the newest update is this one already.
func (e entry) says(message, key, status string) bool {
	ordered := e.inOrder()
	if len(ordered) == 0 || e.status() != status {
		return false
	}
	newest := stubtext.Tidy(ordered[len(ordered)-1].Message)
	return newest == message || newest == stubtext.WithRef(message, key, "", maxMessage)
}
