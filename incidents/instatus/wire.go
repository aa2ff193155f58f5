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
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Status  string          `json:"status"`
	Started stubtext.Moment `json:"started"`
	Updates []update        `json:"updates"`
	// Resolved is of an incident, Start and Duration (in minutes) are of a maintenance.
	Resolved stubtext.Moment `json:"resolved"`
	Start    stubtext.Moment `json:"start"`
	Duration float64         `json:"duration"`
	// Components are those that it is tied to, with the status that they have now.
	Components []status `json:"components"`
}

type update struct {
	Message   string          `json:"message"`
	Status    string          `json:"status"`
	CreatedAt stubtext.Moment `json:"createdAt"`
}

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
	Statuses      []status `json:"statuses,omitempty"`
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

func newSchedule(stub incidents.Stub) *schedule {
	lasts := stub.Window.Until.Sub(stub.Window.From).Round(time.Minute)
	return &schedule{
		Start: stubtext.Written(stub.Window.From), Duration: max(1, int64(lasts/time.Minute)),
		NotifyStart: stub.Notify, NotifyEnd: stub.Notify, NotifyEarly: stub.Notify,
	}
}

// moved is what is sent to put a maintenance off: what is left out stays
// (https://instatus.com/help/api/maintenances).
type moved struct {
	Notify bool `json:"notify"`
	*schedule
}

// freshUpdate is https://instatus.com/help/api/incident-updates and
// https://instatus.com/help/api/maintenance-updates
type freshUpdate struct {
	Message    string   `json:"message"`
	Components []string `json:"components"`
	Statuses   []status `json:"statuses,omitempty"`
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

// The words for a maintenance that is not over.
const notStarted, inProgress = "NOTSTARTEDYET", "INPROGRESS"

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
			watch.Scheduled: notStarted, watch.Investigating: inProgress, watch.Identified: inProgress,
			watch.Monitoring: inProgress, watch.Over: "COMPLETED",
		},
		reads: map[string]watch.Phase{notStarted: watch.Scheduled, inProgress: watch.Scheduled, "COMPLETED": watch.Over},
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
func (s sort) word(stub incidents.Stub, begun bool) string {
	if s.prefix != "" && stub.Phase == watch.Scheduled && begun {
		return inProgress
	}
	return s.phases[stub.Phase]
}

// begun reports that the window of the stub, or of what stands there, has come.
func (e entry) begun(stub incidents.Stub, at time.Time) bool {
	from := e.Start.Time
	if stub.Window != nil {
		from = stub.Window.From
	}
	return !at.Before(from)
}

// sameWindow reports that the maintenance takes place then already.
func (e entry) sameWindow(wanted *schedule) bool {
	return stubtext.Written(e.Start.Time) == wanted.Start && int64(e.Duration) == wanted.Duration
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

// says reports that the newest update is this one already, and that the components stand so.
func (e entry) says(message, key, word string, statuses []status) bool {
	ordered := e.inOrder()
	if len(ordered) == 0 || e.Status != word {
		return false
	}
	for _, wanted := range statuses {
		if !slices.Contains(e.Components, wanted) {
			return false
		}
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
