package incidentio_test

import (
	"net/http"
	"strings"
	"testing"

	"lapsewatch/incidents"
	"lapsewatch/incidents/incidentio"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/fakeincidentio"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

const pageID = "01FCNDV6P870EA6S7TK1DSYDG0"

func newCloud(clock *tickettest.Clock) *fakeincidentio.Cloud {
	cloud := fakeincidentio.New("canary-of-INCIDENT_IO_KEY", pageID, clock.Now, "01COMPONENTA", "01COMPONENTB", "01COMPONENTC")
	cloud.PageSize = 3
	return cloud
}

func options(url string, as incidentio.As) incidentio.Options {
	o := incidentio.Options{
		Endpoint: httpsend.Endpoint{URL: url, Timeout: httpsend.DefaultTimeout},
		As:       as, APIKey: watch.SecretRef{Env: "INCIDENT_IO_KEY"}, Visibility: "private",
	}
	if as == incidentio.AsStatusPage {
		o.StatusPage = pageID
	}
	return o
}

func build(t *testing.T, env incidents.Env, o incidentio.Options) incidents.System {
	t.Helper()
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	system, err := incidentio.New(o, env)
	if err != nil {
		t.Fatal(err)
	}
	return system
}

// pageDesk is a status page with the hands of the people who work there.
type pageDesk struct{ *fakeincidentio.Cloud }

func (d pageDesk) Handler() http.Handler             { return d.Cloud }
func (d pageDesk) Writes(request *http.Request) bool { return request.Method != http.MethodGet }

func (d pageDesk) New(t *testing.T, env incidents.Env, url string) incidents.System {
	t.Helper()
	return build(t, env, options(url, incidentio.AsStatusPage))
}

func ourStatus(word string) watch.ComponentStatus {
	if word == "full_outage" {
		return watch.MajorOutage
	}
	return watch.ComponentStatus(word)
}

func (d pageDesk) Components() (all []watch.Component) {
	for _, id := range []string{"01COMPONENTA", "01COMPONENTB", "01COMPONENTC"} {
		all = append(all, watch.Component{ID: id, Status: ourStatus(d.Component(id))})
	}
	return all
}

func (d pageDesk) Records() (all []incidenttest.Record) {
	for _, one := range d.Entries() {
		record := incidenttest.Record{
			ID: one.ID, Title: one.Name, Phase: one.Status, Open: one.Status != "resolved" && one.Status != "maintenance_complete", Key: one.Updates[0].Message,
		}
		if one.Maintenance {
			record.ID = "maintenance-" + one.ID
			record.Window = &watch.Window{From: one.StartAt, Until: one.EndAt}
		}
		for _, update := range one.Updates {
			record.Texts = append(record.Texts, update.Message)
			if update.Notify {
				record.Told++
			}
		}
		for _, component := range d.Components() {
			if status, tied := one.Components[component.ID]; tied {
				record.Components = append(record.Components, watch.Component{ID: component.ID, Status: ourStatus(status)})
			}
		}
		all = append(all, record)
	}
	return all
}

func (d pageDesk) Edit(id string) {
	d.ChangeEntry(strings.TrimPrefix(id, "maintenance-"), func(one *fakeincidentio.Entry) bool {
		one.Name = "Changed by a person"
		one.Updates[0].Message = "Changed by a person.\n\n" + one.Updates[0].Message
		return true
	})
}

func (d pageDesk) Delete(id string) {
	d.ChangeEntry(strings.TrimPrefix(id, "maintenance-"), func(*fakeincidentio.Entry) bool { return false })
}

func (d pageDesk) AddForeign(title, text string) string { return d.AddEntry(title, text) }

// staffDesk is an organisation with the hands of the people who work there.
type staffDesk struct{ *fakeincidentio.Cloud }

func (d staffDesk) Handler() http.Handler             { return d.Cloud }
func (d staffDesk) Writes(request *http.Request) bool { return request.Method != http.MethodGet }

func (d staffDesk) New(t *testing.T, env incidents.Env, url string) incidents.System {
	t.Helper()
	return build(t, env, options(url, incidentio.AsIncident))
}

func (d staffDesk) Components() []watch.Component { return nil }

// Records splits a summary at its rule: what is said comes before it.
func (d staffDesk) Records() (all []incidenttest.Record) {
	for _, one := range d.Incidents() {
		said, internal, _ := strings.Cut(one.Summary, "\n\n---\n\n")
		record := incidenttest.Record{
			ID: one.ID, Title: one.Name, Phase: one.Status.Name, Open: one.Status.Name != "Resolved", Told: one.Told,
			Texts: []string{said}, Internal: internal, Key: one.Summary,
		}
		if count := len(one.Documents); count > 0 {
			record.Draft = one.Documents[count-1].Content
		}
		all = append(all, record)
	}
	return all
}

func (d staffDesk) Edit(id string) {
	d.ChangeIncident(id, func(one *fakeincidentio.Incident) bool {
		one.Name, one.Summary = "Changed by a person", "Changed by a person.\n\n"+one.Summary
		return true
	})
}

func (d staffDesk) Delete(id string) {
	d.ChangeIncident(id, func(*fakeincidentio.Incident) bool { return false })
}

func (d staffDesk) AddForeign(title, text string) string { return d.AddIncident(title, text) }

func (d staffDesk) WriteDraft(id, text string) {
	d.ChangeIncident(id, func(one *fakeincidentio.Incident) bool {
		last := len(one.Documents) - 1
		one.Documents[last].Content, one.Documents[last].Editor = text, "Lisa"
		return true
	})
}

var forbidden = []string{"<script", "<img", "<iframe", "](", "http://", "https://evil", "`"}

func TestTheStatusPageKeepsTheContract(t *testing.T) {
	incidenttest.Run(t, incidenttest.Suite{
		Desk:      func(_ *testing.T, clock *tickettest.Clock) incidenttest.Desk { return pageDesk{newCloud(clock)} },
		Forbidden: forbidden,
	})
}

func TestTheOrganisationKeepsTheContract(t *testing.T) {
	incidenttest.Run(t, incidenttest.Suite{
		Desk:      func(_ *testing.T, clock *tickettest.Clock) incidenttest.Desk { return staffDesk{newCloud(clock)} },
		Forbidden: forbidden,
	})
}
