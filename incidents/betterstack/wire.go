package betterstack

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

// report is https://betterstack.com/docs/uptime/api/status-page-reports-api-response-params
type report struct {
	ID         string `json:"id"`
	Attributes struct {
		Title    string          `json:"title"`
		Type     string          `json:"report_type"`
		StartsAt stubtext.Moment `json:"starts_at"`
		EndsAt   stubtext.Moment `json:"ends_at"`
		Affected []affected      `json:"affected_resources"`
	} `json:"attributes"`
}

// update is https://betterstack.com/docs/uptime/api/list-all-existing-status-updates-for-a-status-page-report/
type update struct {
	ID         string `json:"id"`
	Attributes struct {
		Message     string          `json:"message"`
		PublishedAt stubtext.Moment `json:"published_at"`
	} `json:"attributes"`
}

// affected is how a report says that a resource stands.
type affected struct {
	Resource string `json:"status_page_resource_id"`
	Status   string `json:"status"`
}

type pagination struct {
	Last string `json:"last"`
	Next string `json:"next"`
}

// freshReport is https://betterstack.com/docs/uptime/api/create-a-new-status-page-report
type freshReport struct {
	Title    string     `json:"title"`
	Message  string     `json:"message"`
	Type     string     `json:"report_type"`
	Notify   bool       `json:"notify_subscribers"`
	Affected []affected `json:"affected_resources"`
	StartsAt string     `json:"starts_at,omitempty"`
	EndsAt   string     `json:"ends_at,omitempty"`
}

// freshUpdate is https://betterstack.com/docs/uptime/api/create-a-new-status-update
type freshUpdate struct {
	Message  string     `json:"message"`
	Notify   bool       `json:"notify_subscribers"`
	Affected []affected `json:"affected_resources"`
}

// window is https://betterstack.com/docs/uptime/api/update-an-existing-status-page-report/
type window struct {
	StartsAt string `json:"starts_at,omitempty"`
	EndsAt   string `json:"ends_at"`
}

// The types of reports, and the statuses of their resources.
const (
	manual, maintenance = "manual", "maintenance"

	wellAgain, degraded, downtime = "resolved", "degraded", "downtime"
	underMaintenance              = "maintenance"
)

// statusWord is the word of a manual report for a component; it has three.
func statusWord(of watch.ComponentStatus) string {
	return map[watch.ComponentStatus]string{
		watch.Operational: wellAgain, watch.UnderMaintenance: degraded,
		watch.Degraded: degraded, watch.PartialOutage: degraded, watch.MajorOutage: downtime,
	}[of]
}

func ourStatus(word string) watch.ComponentStatus {
	return map[string]watch.ComponentStatus{
		wellAgain: watch.Operational, underMaintenance: watch.UnderMaintenance, degraded: watch.Degraded, downtime: watch.MajorOutage,
	}[word]
}

// affectedBy says how the stub's components stand in a report, and in the end all that the
// report has. A manual report whose resources are all well is over for the service, so that
// until then they are degraded at the least; one of a maintenance has one word only.
func affectedBy(stub incidents.Stub, of string, has []affected) []affected {
	all := make([]affected, 0, len(stub.Components))
	for _, component := range stub.Components {
		word := statusWord(component.Status)
		switch {
		case of == maintenance:
			word = underMaintenance
		case stub.Phase == watch.Over:
			word = wellAgain
		case word == wellAgain:
			word = degraded
		}
		all = append(all, affected{component.ID, word})
	}
	if stub.Phase != watch.Over || of == maintenance {
		return all
	}
	for _, one := range has {
		if !slices.ContainsFunc(all, func(given affected) bool { return given.Resource == one.Resource }) {
			all = append(all, affected{one.Resource, wellAgain})
		}
	}
	return all
}

// standing is a report with its updates, oldest first.
type standing struct {
	report  report
	updates []update
}

// key is in the first update.
func (s standing) key(source string) (key string) {
	if len(s.updates) > 0 {
		key, _ = stubtext.Ref(s.updates[0].Attributes.Message, source)
	}
	return key
}

// phase is what the newest update says that is ours. A manual report whose resources were
// all made well is over, whoever did that. A maintenance is over when we said so and its end
// has come: that alone says nothing, for it may be put off. A report that says neither has
// no word for its phase.
func (s standing) phase(source string, at time.Time) watch.Phase {
	of, resources := s.report.Attributes.Type, s.report.Attributes.Affected
	if of != maintenance && len(resources) > 0 && !slices.ContainsFunc(resources, func(one affected) bool { return one.Status != wellAgain }) {
		return watch.Over
	}
	if len(s.updates) == 0 {
		return ""
	}
	_, said := stubtext.Ref(s.updates[len(s.updates)-1].Attributes.Message, source)
	switch {
	case !slices.Contains(watch.Phases(), said):
		return ""
	case said == watch.Over && of == maintenance && s.report.Attributes.EndsAt.After(at):
		return watch.Scheduled
	case said == watch.Over && of != maintenance && len(resources) > 0:
		return ""
	default:
		return said
	}
}

func (s standing) remote(source string, at time.Time) incidents.Remote {
	phase := s.phase(source, at)
	remote := incidents.Remote{
		ID: s.report.ID, Key: s.key(source), Title: s.report.Attributes.Title, Phase: phase, Open: phase != watch.Over,
	}
	for _, one := range s.updates {
		remote.Texts = append(remote.Texts, stubtext.Tidy(one.Attributes.Message))
	}
	if ended := s.report.Attributes.EndsAt.Time; !remote.Open && s.report.Attributes.Type == maintenance {
		remote.ResolvedAt = ended
	} else if !remote.Open && len(s.updates) > 0 {
		remote.ResolvedAt = s.updates[len(s.updates)-1].Attributes.PublishedAt.Time
	}
	byID := map[string]watch.ComponentStatus{}
	for _, one := range s.report.Attributes.Affected {
		byID[one.Resource] = ourStatus(one.Status)
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		remote.Components = append(remote.Components, watch.Component{ID: id, Status: byID[id]})
	}
	return remote
}

// says reports that the newest update is this one already, and that the resources stand so.
func (s standing) says(message string, wanted []affected) bool {
	for _, one := range wanted {
		if !slices.Contains(s.report.Attributes.Affected, one) {
			return false
		}
	}
	return len(s.updates) > 0 && stubtext.Tidy(s.updates[len(s.updates)-1].Attributes.Message) == message
}

// words puts an error of Better Stack into words: a text, or a list for each field.
func words(body []byte) string {
	var said struct {
		Errors json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(said.Errors, &text) == nil {
		return strings.TrimSuffix(text, ".")
	}
	var fields map[string][]string
	if json.Unmarshal(said.Errors, &fields) != nil {
		return ""
	}
	var all []string
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		said := strings.TrimSuffix(strings.Join(fields[field], ", "), ".")
		if field != "base" {
			said = field + " " + said
		}
		all = append(all, said)
	}
	return strings.Join(all, "; ")
}

func remedies() map[int]string {
	return map[int]string{
		http.StatusUnauthorized:        "the token is wrong or was deleted: it is that of the Uptime API of the page's team",
		http.StatusForbidden:           "the token may not do this: it must be the Uptime API token of the page's team, with the right to write",
		http.StatusNotFound:            "there is no such page or report, or the token is of another team: look at page",
		http.StatusUnprocessableEntity: "look at the ids of the components: they are those of resources on the status page, and not those of monitors",
	}
}
