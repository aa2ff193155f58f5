package opsgenie

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/internal/genie"
	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

const (
	// The service's limits in characters: https://docs.opsgenie.com/docs/incident-api
	maxMessage     = 130
	maxDescription = 15_000
	maxNote        = 25_000
	// ownTag is on all incidents of Lapsewatch, and what they are listed by.
	ownTag = "lapsewatch"
	maxURL = 500
)

// The details of an incident that are ours.
const (
	keyDetail   = "lapsewatch_key"
	phaseDetail = "lapsewatch_phase"
	markDetail  = "lapsewatch_mark"
)

// createBody opens an incident. Both of its switches are always told, because the service
// has defaults of its own.
type createBody struct {
	Message            string            `json:"message"`
	Description        string            `json:"description"`
	Responders         []genie.Responder `json:"responders,omitempty"`
	Tags               []string          `json:"tags"`
	Details            map[string]string `json:"details"`
	Priority           string            `json:"priority"`
	Note               string            `json:"note,omitempty"`
	ImpactedServices   []string          `json:"impactedServices,omitempty"`
	StatusPageEntry    *statusPageEntry  `json:"statusPageEntry,omitempty"`
	NotifyStakeholders bool              `json:"notifyStakeholders"`
}

type statusPageEntry struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

type (
	noteBody struct {
		Note string `json:"note,omitempty"`
	}
	messageBody struct {
		Message string `json:"message"`
	}
	descriptionBody struct {
		Description string `json:"description"`
	}
	priorityBody struct {
		Priority string `json:"priority"`
	}
	detailsBody struct {
		Details map[string]string `json:"details"`
	}
)

// incident is one as the service gives it, as far as it matters here.
type incident struct {
	ID      string `json:"id"`
	TinyID  string `json:"tinyId"`
	Message string `json:"message"`
	// Description is nil where the service leaves it out, as lists may.
	Description     *string           `json:"description"`
	Status          string            `json:"status"`
	Priority        string            `json:"priority"`
	UpdatedAt       time.Time         `json:"updatedAt"`
	ExtraProperties map[string]string `json:"extraProperties"`
	Links           struct {
		Web string `json:"web"`
	} `json:"links"`
}

// open: an incident is open, resolved or closed.
func (i incident) open() bool { return strings.EqualFold(i.Status, "open") }

// text is what is said of it.
func (i incident) text() string {
	if i.Description == nil {
		return ""
	}
	return *i.Description
}

// name is what people call it.
func (i incident) name() string { return "#" + clean.Text(cmp.Or(i.TinyID, i.ID), maxName) }

// tells reports that the incident has arrived at the state.
func (i incident) tells(stub incidents.Stub) bool {
	for name, value := range detailsOf(stub) {
		if i.ExtraProperties[name] != value {
			return false
		}
	}
	return true
}

// detailsOf are ours.
func detailsOf(stub incidents.Stub) map[string]string {
	return map[string]string{keyDetail: stub.Key, phaseDetail: string(stub.Phase), markDetail: clean.Text(stub.Mark, maxMark)}
}

// remote is an incident as the runner sees it. Which services it affects is set once and
// not given back as a state, so that it has no components.
func (s *system) remote(i incident) incidents.Remote {
	remote := incidents.Remote{ID: i.ID, URL: clean.Text(i.Links.Web, maxURL), Title: i.Message, Open: i.open(), Texts: []string{i.text()}}
	if key, found := watch.FindIncidentKey(i.ExtraProperties[keyDetail], s.env.Source); found {
		remote.Key = key.String()
	}
	switch phase := watch.Phase(i.ExtraProperties[phaseDetail]); {
	case !remote.Open:
		// When it was resolved is not told; it was changed last then, or later.
		remote.Phase, remote.ResolvedAt = watch.Over, i.UpdatedAt.UTC()
	case phase != watch.Over && slices.Contains(watch.Phases(), phase):
		remote.Phase = phase
	}
	return remote
}

func byID(a, b incidents.Remote) int { return strings.Compare(a.ID, b.ID) }

func (s *system) fresh(stub incidents.Stub) createBody {
	fresh := createBody{
		Message: title(stub), Description: stubtext.Cut(stubtext.Tidy(stub.Text), maxDescription), Responders: genie.Responders(s.options.Teams),
		Tags: append([]string{ownTag}, s.options.Tags...), Details: detailsOf(stub), Priority: priorityOf(stub),
		NotifyStakeholders: stub.Notify,
	}
	if stub.Internal != "" {
		fresh.Note = marked(stub.Internal, stub.Mark)
	}
	for _, component := range stub.Components {
		fresh.ImpactedServices = append(fresh.ImpactedServices, component.ID)
	}
	if s.options.StatusPage {
		fresh.StatusPageEntry = &statusPageEntry{Title: fresh.Message, Detail: fresh.Description}
	}
	return fresh
}

func title(stub incidents.Stub) string { return stubtext.Cut(stub.Title, maxMessage) }

// priorities are those of the states of components.
var priorities = map[watch.ComponentStatus]string{
	watch.MajorOutage: "P1", watch.PartialOutage: "P2", watch.Degraded: "P3", watch.UnderMaintenance: "P4", watch.Operational: "P3",
}

func priorityOf(stub incidents.Stub) string { return cmp.Or(priorities[stub.Impact], "P3") }

// markedLine is the last line of a note of ours.
var markedLine = regexp.MustCompile(`(?:^|\n)` + digest.Product + ` ([^\n]+)$`)

// maxMark bounds what a note and a detail hold of a mark.
const maxMark = 200

func marked(text, mark string) string {
	line := "\n\n" + digest.Product + " " + clean.Text(mark, maxMark)
	return stubtext.Cut(stubtext.Tidy(text), maxNote-len([]rune(line))) + line
}

func markOf(note string) string {
	if found := markedLine.FindStringSubmatch(strings.TrimSpace(strings.ReplaceAll(note, "\r\n", "\n"))); found != nil {
		return found[1]
	}
	return ""
}

// plainly makes text harmless where it is shown: the service takes HTML, and shows the
// same texts as plain ones on telephones, so that escapes would stand there to be read.
// Angle quotes look alike and are no markup.
func plainly(text string) string {
	return strings.NewReplacer("<", "‹", ">", "›", "](", "] (").Replace(text)
}

// safeID is what may become part of a path.
var safeID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,100}$`)

// byIdentifier says that an incident is named by its id. It is read-only.
var byIdentifier = url.Values{"identifierType": {"id"}}

func incidentPath(id, action string) string {
	path := "/v1/incidents/" + url.PathEscape(id)
	if action != "" {
		path += "/" + action
	}
	return path
}
