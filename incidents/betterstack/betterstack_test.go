package betterstack_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/betterstack"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/fakebetterstack"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// place is a page that answers as told, and a system that works there.
type place struct {
	page   *fakebetterstack.Page
	server *vendortest.Server
	system incidents.System
	clock  *tickettest.Clock
}

func start(t *testing.T, manners ...vendortest.Manner) place {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	page := fakebetterstack.New("123456", "secret", clock.Now, "8001", "8002")
	server := vendortest.Start(t, page, manners...)
	system, err := betterstack.New(betterstack.Options{
		Endpoint: httpsend.Endpoint{URL: server.URL, CAFile: server.CAFile, Timeout: httpsend.DefaultTimeout},
		Page:     "123456", Token: watch.SecretRef{Env: "TOKEN"},
	}, incidents.Env{
		Env: alerts.Env{
			Name: "page", Now: clock.Now, HTTP: &http.Client{},
			Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("secret"), nil },
		},
		Source: incidenttest.Source,
	})
	if err != nil {
		t.Fatal(err)
	}
	return place{page, server, system, clock}
}

func quiet() vendortest.Manner { return vendortest.Manner{On: "/nowhere"} }

func (p place) stub(phase watch.Phase, statuses ...watch.ComponentStatus) incidents.Stub {
	stub := incidents.Stub{
		Key: watch.NewIncidentKey(incidenttest.Source, "orders", alerttest.Now()).String(), Phase: phase,
		Title: "Sign-in may fail", Text: "It is " + string(phase) + ".", StartedAt: p.clock.Now().Add(-time.Hour), At: p.clock.Now(),
	}
	for i, status := range statuses {
		stub.Components = append(stub.Components, watch.Component{ID: []string{"8001", "8002"}[i], Status: status})
	}
	return stub
}

func must(t *testing.T) func(incidents.Remote, error) incidents.Remote {
	return func(remote incidents.Remote, err error) incidents.Remote {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return remote
	}
}

func (p place) sent(method string) string {
	var sent []string
	for _, request := range p.server.Requests() {
		if request.Method == method {
			sent = append(sent, string(request.Body))
		}
	}
	return strings.Join(sent, "\n")
}

func TestEveryWriteSaysWhoIsTold(t *testing.T) {
	p := start(t, quiet())
	current := must(t)(p.system.Create(t.Context(), p.stub(watch.Investigating, watch.MajorOutage, watch.PartialOutage)))
	must(t)(p.system.Update(t.Context(), current, p.stub(watch.Over, watch.Operational, watch.Operational)))
	key := p.stub(watch.Over).Key
	want := `{"title":"Sign-in may fail","message":"It is investigating.\n\nRef: ` + key + ` (investigating)","report_type":"manual","notify_subscribers":false,"affected_resources":[{"status_page_resource_id":"8001","status":"downtime"},{"status_page_resource_id":"8002","status":"degraded"}],"starts_at":"2026-11-22T05:00:00.000Z"}
{"message":"It is resolved.\n\nRef: ` + key + ` (resolved)","notify_subscribers":false,"affected_resources":[{"status_page_resource_id":"8001","status":"resolved"},{"status_page_resource_id":"8002","status":"resolved"}]}`
	if got := p.sent(http.MethodPost); got != want {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
}

func TestWhatEndedLongAgoIsNotAskedAbout(t *testing.T) {
	p := start(t, quiet())
	at := p.clock.Now()
	for i, one := range []fakebetterstack.Report{
		{Type: "maintenance", EndsAt: at.AddDate(0, 0, -8)},
		{Type: "manual", EndsAt: at.AddDate(0, 0, -8), Affected: map[string]string{"8001": "resolved"}},
		// Of these it is not known that they are over.
		{Type: "manual", EndsAt: at.AddDate(0, 0, -8), Affected: map[string]string{"8001": "degraded"}},
		{Type: "manual", Affected: map[string]string{"8001": "resolved"}},
		{Type: "maintenance", EndsAt: at.AddDate(0, 0, -6)},
	} {
		id := p.page.Add(one.Type, "Theirs", "Theirs")
		p.page.Change(id, func(made *fakebetterstack.Report) bool {
			made.StartsAt, made.EndsAt, made.Affected = at.AddDate(0, 0, -9+i/3), one.EndsAt, one.Affected
			return true
		})
	}
	before := len(p.server.Requests())
	if all, err := p.system.List(t.Context(), at.AddDate(0, 0, -7)); err != nil || len(all) != 0 {
		t.Errorf("listed %v: %v", all, err)
	}
	if asked := len(p.server.Requests()) - before; asked != 4 {
		t.Errorf("%d requests: want one for the list and three for reports", asked)
	}
	if query := p.server.Requests()[before].Query; !strings.Contains(query, "per_page=250") {
		t.Errorf("asked for %s", query)
	}
}

func TestAReportIsOverWhenItsResourcesAreWell(t *testing.T) {
	p := start(t, quiet())
	written := must(t)(p.system.Create(t.Context(), p.stub(watch.Identified, watch.MajorOutage)))
	p.page.Change(written.ID, func(one *fakebetterstack.Report) bool {
		one.Affected["8001"] = "resolved"
		return true
	})
	read, _, err := p.system.Read(t.Context(), written.ID)
	if err != nil || read.Open || read.Phase != watch.Over {
		t.Errorf("read %+v: %v", read, err)
	}
	p.page.Change(written.ID, func(one *fakebetterstack.Report) bool {
		one.Affected["8001"] = "exploded"
		one.Updates = append(one.Updates, fakebetterstack.Update{ID: "99999", Message: "A person said this.", At: p.clock.Now()})
		return true
	})
	read, _, err = p.system.Read(t.Context(), written.ID)
	if err != nil || !read.Open || read.Phase != "" || read.Components[0].Status != "" {
		t.Errorf("read %+v: %v", read, err)
	}
}

func TestAListIsReadFromItsEndAndNotIntoWhatBeganLongAgo(t *testing.T) {
	p := start(t, quiet())
	p.page.PageSize = 2
	for i := range 20 {
		id := p.page.Add([]string{"manual", "automatic"}[i%2], "Old", "Old")
		p.page.Change(id, func(one *fakebetterstack.Report) bool {
			one.StartsAt = p.clock.Now().AddDate(-1, 0, 0)
			return true
		})
	}
	for range 3 {
		p.page.Add("automatic", "A monitor is down", "The service says so.")
	}
	made := must(t)(p.system.Create(t.Context(), p.stub(watch.Investigating)))
	before := len(p.server.Requests())
	all, err := p.system.List(t.Context(), p.clock.Now().AddDate(0, 0, -7))
	if err != nil || len(all) != 1 || all[0].ID != made.ID {
		t.Errorf("listed %v: %v", all, err)
	}
	if asked := len(p.server.Requests()) - before; asked != 5 {
		t.Errorf("%d requests: want four for pages, and one for the only report that is not the service's own", asked)
	}
}

func TestOnABadDayOfTheServiceThereIsOneStub(t *testing.T) {
	p := start(t)
	p.server.Misbehave(append(vendortest.DefaultManners(), vendortest.Manner{On: "/status-reports", After: 5, Answer: vendortest.CutShort()})...)
	for range 20 {
		all, err := p.system.List(t.Context(), p.clock.Now())
		if err == nil && len(all) == 1 {
			break
		}
		if err == nil {
			_, err = p.system.Create(t.Context(), p.stub(watch.Investigating))
		}
		if failure, is := errors.AsType[*alerts.DeliveryError](err); err != nil && (!is || !failure.Retryable) {
			t.Fatal(err)
		}
	}
	if all := p.page.Reports(); len(all) != 1 {
		t.Errorf("%d reports", len(all))
	}
}

func TestARefusalIsToldInItsOwnWordsWithWhatToDo(t *testing.T) {
	for body, want := range map[string]string{
		`{"errors":"Invalid Team API token."}`:              "Invalid Team API token: the token is wrong or was deleted: it is that of the Uptime API of the page's team",
		`{"errors":{"base":["No."],"title":["is", "bad"]}}`: "No; title is, bad: the token is wrong or was deleted: it is that of the Uptime API of the page's team",
	} {
		p := start(t, vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Reply(http.StatusUnauthorized, "application/json", body)})
		_, err := p.system.List(t.Context(), p.clock.Now())
		if want := "deliver by page: ask " + p.server.URL + ": it answered 401 Unauthorized: " + want; err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	}
}

func TestAListThatLeadsBackIsAnError(t *testing.T) {
	p := start(t, quiet())
	made := must(t)(p.system.Create(t.Context(), p.stub(watch.Investigating)))
	p.server.Misbehave(vendortest.Manner{On: "/status-updates", Times: vendortest.Always, Answer: vendortest.Reply(http.StatusOK, "application/json", `{"data":[],"pagination":{"next":"https://uptime.betterstack.com/x?page=1"}}`)})
	if _, _, err := p.system.Read(t.Context(), made.ID); err == nil || !strings.Contains(err.Error(), "with a next page that leads back") {
		t.Errorf("error %v", err)
	}
	p.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Reply(http.StatusOK, "application/json", `{"data":[],"pagination":{"last":"https://uptime.betterstack.com/x?page=999999"}}`)})
	if _, err := p.system.List(t.Context(), p.clock.Now()); err == nil || !strings.Contains(err.Error(), "it has more than 500 pages") {
		t.Errorf("error %v", err)
	}
}

func TestASystemSaysWhatItCannotDo(t *testing.T) {
	p := start(t, quiet())
	traits := p.system.Traits()
	if traits.Hides || traits.Private || !traits.Plans || traits.Place != "betterstack status page 123456" {
		t.Errorf("traits %+v", traits)
	}
	if err := p.system.Annotate(t.Context(), incidents.Remote{}, incidents.Note{}); !errors.Is(err, incidents.ErrNoNotes) {
		t.Error(err)
	}
	if err := p.system.Draft(t.Context(), incidents.Remote{}, incidents.Note{}); !errors.Is(err, incidents.ErrNoDrafts) {
		t.Error(err)
	}
}

func TestWrongOptionsAreNamedWithTheirPlace(t *testing.T) {
	_, err := betterstack.Kind.Build(func(into any) error {
		options := into.(*betterstack.Options)
		options.URL, options.Page = "ftp://uptime.betterstack.com", "my page"
		return nil
	}, incidents.Env{})
	want := []string{
		"url: want https://…",
		"page: want the id of a status page, such as \"123456\"",
		"token: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}",
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("error %v", err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"1","attributes":{"title":"a","affected_resources":[{"status_page_resource_id":"2","status":"new"}],"message":"b","published_at":7}}],"pagination":{"next":"x?page=9"}}`))
	f.Add([]byte(`{"errors":{"base":["x"]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if json.Valid(body) {
			betterstack.ReadList(body, incidenttest.Source)
		}
	})
}
