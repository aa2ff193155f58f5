package instatus

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

// entry is an incident or a maintenance: https://instatus.com/help/api/incidents and
// https://instatus.com/help/api/maintenances
type entry struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Status  string   `json:"status"`
	Started stamp    `json:"started"`
	Updates []update `json:"updates"`
	// Resolved is of an incident, Start and Duration (in minutes) are of a maintenance.
	Resolved stamp   `json:"resolved"`
	Start    stamp   `json:"start"`
	Duration float64 `json:"duration"`
	// Components are those that it is tied to, with the status that they have now.
	Components []struct {
		ID string `json:"id"`
	} `json:"components"`
}

type update struct {
	Message   string `json:"message"`
	Status    string `json:"status"`
	CreatedAt stamp  `json:"createdAt"`
}

// stamp is an instant. What cannot be read is not known.
type stamp struct{ time.Time }

// UnmarshalJSON reads ISO 8601.
func (s *stamp) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		s.Time, _ = time.Parse(time.RFC3339Nano, text)
		s.Time = s.UTC()
	}
	return nil
}

// written is an instant as requests give it.
func written(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// status is a component and how it stands.
type status struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// fresh is what is sent to make an incident or a maintenance. Instatus takes what is left
// out of visibility and notification for true, so both always stand there.
type fresh struct {
	Name          string   `json:"name"`
	Message       string   `json:"message"`
	Components    []string `json:"components"`
	Statuses      []status `json:"statuses"`
	Status        string   `json:"status"`
	Notify        bool     `json:"notify"`
	Started       string   `json:"started,omitempty"`
	ShouldPublish *bool    `json:"shouldPublish,omitempty"`
	*schedule
}

// schedule is what only a maintenance has. Its phases are ours to tell, so nothing starts
// or ends by itself.
type schedule struct {
	Start       string `json:"start"`
	Duration    int64  `json:"duration"`
	NotifyStart bool   `json:"notifyStart"`
	NotifyEnd   bool   `json:"notifyEnd"`
	NotifyEarly bool   `json:"notifyEarly"`
	AutoStart   bool   `json:"autoStart"`
	AutoEnd     bool   `json:"autoEnd"`
}

// freshUpdate is https://instatus.com/help/api/incident-updates and
// https://instatus.com/help/api/maintenance-updates
type freshUpdate struct {
	Message    string   `json:"message"`
	Components []string `json:"components"`
	Statuses   []status `json:"statuses"`
	Status     string   `json:"status"`
	Started    string   `json:"started"`
	End        string   `json:"end,omitempty"`
	Notify     bool     `json:"notify"`
}

// made is the answer to both.
type made struct {
	ID string `json:"id"`
}

// sort is one of the two sorts of entries: its place in the API and its words.
type sort struct {
	// prefix stands before the service's id in ours, because the ids of the two sorts do
	// not tell which they are of.
	prefix, path, updates string
	over                  string
	phases                map[watch.Phase]string
	reads                 map[string]watch.Phase
}

func incidentSort() sort {
	return sort{
		path: "incidents", updates: "incident-updates", over: "RESOLVED",
		phases: map[watch.Phase]string{
			watch.Scheduled: "IDENTIFIED", watch.Investigating: "INVESTIGATING", watch.Identified: "IDENTIFIED",
			watch.Monitoring: "MONITORING", watch.Over: "RESOLVED",
		},
		reads: map[string]watch.Phase{
			"INVESTIGATING": watch.Investigating, "IDENTIFIED": watch.Identified, "MONITORING": watch.Monitoring, "RESOLVED": watch.Over,
		},
	}
}

func maintenanceSort() sort {
	return sort{
		prefix: "maintenance-", path: "maintenances", updates: "maintenance-updates", over: "COMPLETED",
		phases: map[watch.Phase]string{
			watch.Scheduled: "NOTSTARTEDYET", watch.Investigating: "INPROGRESS", watch.Identified: "INPROGRESS",
			watch.Monitoring: "INPROGRESS", watch.Over: "COMPLETED",
		},
		reads: map[string]watch.Phase{"NOTSTARTEDYET": watch.Scheduled, "INPROGRESS": watch.Monitoring, "COMPLETED": watch.Over},
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

// inOrder are the updates, oldest first. Lists of one instant stay as they are.
func (e entry) inOrder() []update {
	ordered := slices.Clone(e.Updates)
	slices.SortStableFunc(ordered, func(a, b update) int { return a.CreatedAt.Compare(b.CreatedAt.Time) })
	return ordered
}

// remote is the entry as the runner compares it. Its components are the page's own: their
// status changes with every other incident.
func (e entry) remote(of sort, source string) incidents.Remote {
	remote := incidents.Remote{ID: of.prefix + e.ID, Title: e.Name, Phase: of.reads[e.Status], Open: e.Status != of.over}
	for i, one := range e.inOrder() {
		text := stubtext.Tidy(one.Message)
		if i == 0 {
			remote.Key, _ = stubtext.Ref(text, source)
		}
		remote.Texts = append(remote.Texts, text)
		if !remote.Open && one.Status == of.over {
			remote.ResolvedAt = one.CreatedAt.Time
		}
	}
	if !remote.Open && !e.Resolved.IsZero() {
		remote.ResolvedAt = e.Resolved.Time
	}
	return remote
}

// before reports that the entry was over before the instant.
func (e entry) before(since time.Time, of sort) bool {
	ended := e.Resolved.Time
	if ended.IsZero() && !e.Start.IsZero() {
		ended = e.Start.Add(time.Duration(e.Duration * float64(time.Minute)))
	}
	for _, one := range e.Updates {
		if one.CreatedAt.After(ended) {
			ended = one.CreatedAt.Time
		}
	}
	return e.Status == of.over && !ended.IsZero() && ended.Before(since)
}

// says reports that the newest update is this one already.
func (e entry) says(message, key, status string) bool {
	ordered := e.inOrder()
	if len(ordered) == 0 || e.Status != status {
		return false
	}
	newest := stubtext.Tidy(ordered[len(ordered)-1].Message)
	return newest == message || newest == stubtext.WithRef(message, key, "", maxText)
}

// componentWords are those of https://instatus.com/help/api
func componentWord(of watch.ComponentStatus) string {
	return strings.ToUpper(strings.ReplaceAll(string(of), "_", ""))
}

// words puts an error of Instatus into words.
func words(body []byte) string {
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	if said.Error.Message == "" {
		return said.Error.Code
	}
	return strings.TrimSuffix(said.Error.Message, ".")
}

func remedies() map[int]string {
	return map[int]string{
		http.StatusUnauthorized:        "the API key is wrong or was deleted: make a new one under user settings, developer settings",
		http.StatusForbidden:           "the API key may not do this: its user must be a member of the page's team who may edit incidents",
		http.StatusNotFound:            "there is no such page, incident or component, or the API key may not see it: look at page and at the ids of the components",
		http.StatusUnprocessableEntity: "look at the ids of the components",
	}
}
