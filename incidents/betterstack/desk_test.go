package betterstack_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"lapsewatch/incidents"
	"lapsewatch/incidents/betterstack"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/fakebetterstack"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

const website = "8001"

// desk is a page with the hands of the people who work there. Its one component is what the
// suite ties stubs to: Better Stack knows no partial outage, which a second would have.
type desk struct{ *fakebetterstack.Page }

func newDesk(_ *testing.T, clock *tickettest.Clock) incidenttest.Desk {
	page := fakebetterstack.New("123456", "canary-of-BETTERSTACK_TOKEN", clock.Now, website, "8002")
	page.PageSize = 3
	return desk{page}
}

func (d desk) Handler() http.Handler             { return d.Page }
func (d desk) Writes(request *http.Request) bool { return request.Method != http.MethodGet }

func (d desk) New(t *testing.T, env incidents.Env, url string) incidents.System {
	t.Helper()
	system, err := betterstack.New(betterstack.Options{
		Endpoint: httpsend.Endpoint{URL: url, Timeout: httpsend.DefaultTimeout},
		Page:     "123456", Token: watch.SecretRef{Env: "BETTERSTACK_TOKEN"},
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	return system
}

func ourStatus(word string) watch.ComponentStatus {
	return map[string]watch.ComponentStatus{
		"resolved": watch.Operational, "maintenance": watch.UnderMaintenance, "degraded": watch.Degraded, "downtime": watch.MajorOutage,
	}[word]
}

func (d desk) Components() []watch.Component {
	return []watch.Component{{ID: website, Name: "Website", Status: ourStatus(d.Resource(website))}}
}

func (d desk) over(report fakebetterstack.Report) bool {
	said := strings.HasSuffix(report.Updates[len(report.Updates)-1].Message, " (resolved)")
	if report.Type == "maintenance" {
		return said && !report.EndsAt.After(d.Now())
	}
	if len(report.Affected) == 0 {
		return said
	}
	for _, status := range report.Affected {
		if status != "resolved" {
			return false
		}
	}
	return true
}

func (d desk) Records() (all []incidenttest.Record) {
	for _, one := range d.Reports() {
		record := incidenttest.Record{ID: one.ID, Title: one.Title, Phase: one.Type, Open: !d.over(one), Key: one.Updates[0].Message}
		for _, update := range one.Updates {
			record.Texts = append(record.Texts, update.Message)
			if update.Notify {
				record.Told++
			}
		}
		for id, status := range one.Affected {
			record.Components = append(record.Components, watch.Component{ID: id, Status: ourStatus(status)})
		}
		slices.SortFunc(record.Components, func(a, b watch.Component) int { return len(a.ID) - len(b.ID) })
		if one.Type == "maintenance" {
			record.Window = &watch.Window{From: one.StartsAt, Until: one.EndsAt}
		}
		all = append(all, record)
	}
	return all
}

func (d desk) Edit(id string) {
	d.Change(id, func(one *fakebetterstack.Report) bool {
		one.Title = "Changed by a person"
		one.Updates[0].Message = "Changed by a person.\n\n" + one.Updates[0].Message
		return true
	})
}

func (d desk) Delete(id string) { d.Change(id, func(*fakebetterstack.Report) bool { return false }) }

func (d desk) AddForeign(title, text string) string { return d.Add("manual", title, text) }

func TestBetterStackKeepsTheContract(t *testing.T) {
	incidenttest.Run(t, incidenttest.Suite{
		Desk: newDesk, HurtsUntilOver: true, MovesWindows: true,
		Forbidden: []string{"<script", "<img", "<iframe", "](", "http://", "https://evil", "`"},
	})
}
