package cachet_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"lapsewatch/incidents"
	"lapsewatch/incidents/cachet"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/fakecachet"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

const token = "CACHET_API_KEY"

// desk is an installation of the fake, with the people who work there.
type desk struct{ *fakecachet.Site }

// switched is one at which a component has no state but its own.
type switched struct{ desk }

func newDesk(version int) func(*testing.T, *tickettest.Clock) incidenttest.Desk {
	return func(_ *testing.T, clock *tickettest.Clock) incidenttest.Desk {
		site := &fakecachet.Site{Version: version, Token: "canary-of-" + token, Now: clock.Now, LongestPage: 3}
		site.AddComponent(7, "Order service")
		site.AddComponent(9, "Sign-in")
		site.AddComponent(12, "Website")
		if version == 2 {
			return switched{desk{site}}
		}
		return desk{site}
	}
}

func (d desk) New(t *testing.T, env incidents.Env, url string) incidents.System {
	t.Helper()
	system, err := cachet.Kind.Build(func(into any) error {
		options := into.(*cachet.Options)
		options.Version, options.Token, options.URL = strconv.Itoa(d.Version), watch.SecretRef{Env: token}, url
		return nil
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	return system
}

func (d desk) Handler() http.Handler { return d.Site }

func (d desk) Writes(request *http.Request) bool { return request.Method != http.MethodGet }

// unseen is the line that Markdown does not show.
var unseen = regexp.MustCompile(`\n\n\[//\]: # \(.*\)$`)

func (d desk) Records() []incidenttest.Record {
	var all []incidenttest.Record
	for _, incident := range d.Incidents() {
		record := incidenttest.Record{
			ID: strconv.Itoa(incident.ID), Title: incident.Name, Phase: strconv.Itoa(incident.Latest()), Open: incident.Latest() != 4,
			Hidden: incident.Visible != 1, Told: incident.Told, Texts: []string{unseen.ReplaceAllString(incident.Message, "")},
			Key: incident.Message + fmt.Sprint(incident.Meta),
		}
		for _, update := range incident.Updates {
			record.Texts = append(record.Texts, unseen.ReplaceAllString(update.Message, ""))
		}
		for _, component := range d.Components() {
			state, tied := incident.States[mustNumber(component.ID)]
			if tied {
				component.Status = word(state)
			}
			if tied || mustNumber(component.ID) == incident.ComponentID {
				record.Components = append(record.Components, component)
			}
		}
		all = append(all, record)
	}
	return all
}

func mustNumber(text string) int {
	number, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return number
}

func word(state int) watch.ComponentStatus {
	return map[int]watch.ComponentStatus{1: watch.Operational, 2: watch.Degraded, 3: watch.PartialOutage, 4: watch.MajorOutage, 6: watch.UnderMaintenance}[state]
}

func (d desk) Components() []watch.Component {
	var all []watch.Component
	for _, component := range d.Site.Components() {
		all = append(all, watch.Component{ID: strconv.Itoa(component.ID), Name: component.Name, Status: word(component.Status)})
	}
	return all
}

func (d desk) Edit(id string) {
	d.Change(mustNumber(id), func(incident *fakecachet.Incident) {
		_, line, _ := cutLast(incident.Message)
		incident.Name, incident.Message = "What people see of it", "Written by a person."+line
	})
}

// cutLast splits off the line that a person does not see in the editor's preview.
func cutLast(message string) (text, line string, found bool) {
	at := unseen.FindStringIndex(message)
	if at == nil {
		return message, "", false
	}
	return message[:at[0]], message[at[0]:], true
}

func (d desk) Delete(id string) { d.Site.Delete(mustNumber(id)) }

func (d desk) AddForeign(title, text string) string { return strconv.Itoa(d.Post(title, text)) }

func (d switched) SetComponent(id string, status watch.ComponentStatus) {
	states := map[watch.ComponentStatus]int{watch.Operational: 1, watch.Degraded: 2, watch.PartialOutage: 3, watch.MajorOutage: 4, watch.UnderMaintenance: 6}
	d.Site.SetComponent(mustNumber(id), states[status])
}

func TestConformance(t *testing.T) {
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			incidenttest.Run(t, incidenttest.Suite{
				Desk: newDesk(version), Forbidden: []string{"<script", "<img", "<iframe", "](https://"},
			})
		})
	}
}
