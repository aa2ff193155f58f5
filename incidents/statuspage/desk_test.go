package statuspage_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/incidents/statuspage"
	"lapsewatch/internal/fakestatuspage"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// desk is a page of the fake, with the people who work there.
type desk struct{ *fakestatuspage.Page }

const token = "STATUSPAGE_API_KEY"

func newDesk(_ *testing.T, clock *tickettest.Clock) incidenttest.Desk {
	page := &fakestatuspage.Page{ID: "kctbh9vrtdwd", Token: "canary-of-" + token, Now: clock.Now, LongestPage: 3}
	page.AddComponent("ftgks51sfs2d", "Order service")
	page.AddComponent("b13yz5g2cw10", "Sign-in")
	page.AddComponent("nh2wcfsv9s5c", "Website")
	return desk{page}
}

// build makes the system at another pace than the service asks for.
func build(t *testing.T, env incidents.Env, url string, pace time.Duration) incidents.System {
	t.Helper()
	kind := incidents.Define("statuspage", statuspage.Defaults, statuspage.NewAt(pace))
	system, err := kind.Build(func(into any) error {
		options := into.(*statuspage.Options)
		options.URL, options.Page, options.Token = url+"/v1", "kctbh9vrtdwd", watch.SecretRef{Env: token}
		return nil
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	return system
}

func (d desk) New(t *testing.T, env incidents.Env, url string) incidents.System {
	return build(t, env, url, time.Nanosecond)
}

func (d desk) Handler() http.Handler { return d.Page }

func (d desk) Writes(request *http.Request) bool { return request.Method != http.MethodGet }

func (d desk) Records() []incidenttest.Record {
	var all []incidenttest.Record
	for _, incident := range d.Incidents() {
		record := incidenttest.Record{
			ID: incident.ID, Title: incident.Name, Phase: incident.Status, Told: incident.Told, Draft: incident.Draft,
			Open: incident.Status != "resolved" && incident.Status != "completed", Published: incident.PublishedAt != nil,
			Key: fmt.Sprint(incident.Metadata["lapsewatch"]["key"]),
		}
		for _, update := range slices.Backward(incident.Updates) {
			record.Texts = append(record.Texts, update.Body)
		}
		if internal, kept := incident.Metadata["lapsewatch"]["internal"].(string); kept {
			record.Internal = internal
		}
		if note, kept := incident.Metadata["lapsewatch"]["note"].(string); kept {
			record.Notes = []string{note}
		}
		if incident.ScheduledFor != nil {
			record.Window = &watch.Window{From: *incident.ScheduledFor, Until: *incident.ScheduledUntil}
		}
		for _, component := range incident.Components {
			record.Components = append(record.Components, watch.Component{ID: component.ID, Name: component.Name, Status: watch.ComponentStatus(component.Status)})
		}
		all = append(all, record)
	}
	return all
}

func (d desk) Components() []watch.Component {
	var all []watch.Component
	for _, component := range d.Page.Components() {
		all = append(all, watch.Component{ID: component.ID, Name: component.Name, Status: watch.ComponentStatus(component.Status)})
	}
	return all
}

func (d desk) Edit(id string) {
	d.Change(id, func(incident *fakestatuspage.Incident) {
		incident.Name = "What people see of it"
		incident.Updates[0].Body = "Written by a person."
	})
}

func (d desk) AddForeign(title, text string) string { return d.Post(title, text) }

func (d desk) WriteDraft(id, text string) {
	d.Change(id, func(incident *fakestatuspage.Incident) { incident.Draft = text })
}

func (d desk) SetComponent(id string, status watch.ComponentStatus) {
	d.Page.SetComponent(id, string(status))
}

func TestConformance(t *testing.T) {
	incidenttest.Run(t, incidenttest.Suite{
		Desk: newDesk, Throttled: time.Minute, MovesWindows: true, Forbidden: []string{"<script", "<img", "<iframe", "<!channel>", "<@U1>"},
	})
}
