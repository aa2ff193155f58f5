package instatus_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/incidents/instatus"
	"lapsewatch/internal/fakeinstatus"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

const pageID = "ckf01fonve9i40a32oas5b0uw"

// desk is a page with the hands of the people who work there.
type desk struct{ *fakeinstatus.Page }

func newDesk(_ *testing.T, clock *tickettest.Clock) incidenttest.Desk {
	page := fakeinstatus.New(pageID, "canary-of-INSTATUS_KEY", clock.Now, "Website", "Order import", "Mail")
	page.PageSize = 3
	return desk{page}
}

func (d desk) Handler() http.Handler             { return d.Page }
func (d desk) Writes(request *http.Request) bool { return request.Method != http.MethodGet }

func (d desk) New(t *testing.T, env incidents.Env, url string) incidents.System {
	t.Helper()
	system, err := instatus.New(instatus.Options{
		Endpoint: httpsend.Endpoint{URL: url, Timeout: httpsend.DefaultTimeout},
		Page:     pageID, APIKey: watch.SecretRef{Env: "INSTATUS_KEY"},
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	return system
}

func ourWord(word string) watch.ComponentStatus {
	for _, status := range watch.ComponentStatuses() {
		if strings.ToUpper(strings.ReplaceAll(string(status), "_", "")) == word {
			return status
		}
	}
	return ""
}

func (d desk) Components() (all []watch.Component) {
	for _, one := range d.Page.Components() {
		all = append(all, watch.Component{ID: one.ID, Name: one.Name, Status: ourWord(one.Status)})
	}
	return all
}

func ourID(one fakeinstatus.Entry) string {
	if one.Maintenance {
		return "maintenance-" + one.ID
	}
	return one.ID
}

func (d desk) Records() (all []incidenttest.Record) {
	for _, one := range d.Entries() {
		record := incidenttest.Record{
			ID: ourID(one), Title: one.Name, Phase: one.Status, Open: one.Resolved().IsZero(), Hidden: !one.Published, Key: one.Updates[0].Message,
		}
		for _, update := range one.Updates {
			record.Texts = append(record.Texts, update.Message)
			if update.Notify {
				record.Told++
			}
		}
		for _, component := range d.Components() {
			for _, tied := range one.Tied {
				if tied == component.ID {
					record.Components = append(record.Components, component)
				}
			}
		}
		if one.Maintenance {
			record.Window = &watch.Window{From: one.Start, Until: one.Start.Add(time.Duration(one.Duration) * time.Minute)}
		}
		all = append(all, record)
	}
	return all
}

func (d desk) Edit(id string) {
	d.Change(strings.TrimPrefix(id, "maintenance-"), func(one *fakeinstatus.Entry) bool {
		one.Name = "Changed by a person"
		one.Updates[0].Message = "Changed by a person.\n\n" + one.Updates[0].Message
		return true
	})
}

func (d desk) Delete(id string) {
	d.Change(strings.TrimPrefix(id, "maintenance-"), func(*fakeinstatus.Entry) bool { return false })
}

func (d desk) AddForeign(title, text string) string { return d.Add(title, text) }

func TestInstatusKeepsTheContract(t *testing.T) {
	incidenttest.Run(t, incidenttest.Suite{
		Desk: newDesk, MovesWindows: true,
		Forbidden: []string{"<script", "<img", "<iframe", "](", "http://", "https://evil", "`"},
	})
}
