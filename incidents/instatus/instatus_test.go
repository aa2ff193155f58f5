package instatus_test

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
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/incidents/instatus"
	"lapsewatch/internal/fakeinstatus"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// place is a page that answers as told, and a system that works there.
type place struct {
	page   *fakeinstatus.Page
	server *vendortest.Server
	system incidents.System
	clock  *tickettest.Clock
}

func start(t *testing.T, manners ...vendortest.Manner) place {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	page := fakeinstatus.New(pageID, "secret", clock.Now, "Website", "Order import")
	server := vendortest.Start(t, page, manners...)
	system, err := instatus.New(instatus.Options{
		Endpoint: httpsend.Endpoint{URL: server.URL, CAFile: server.CAFile, Timeout: httpsend.DefaultTimeout},
		Page:     pageID, APIKey: watch.SecretRef{Env: "KEY"},
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
		stub.Components = append(stub.Components, watch.Component{ID: p.page.Components()[i].ID, Status: status})
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

func TestEveryWriteSaysWhoSeesItAndWhoIsTold(t *testing.T) {
	p := start(t, quiet())
	current := must(t)(p.system.Create(t.Context(), p.stub(watch.Investigating, watch.MajorOutage)))
	p.clock.Advance(time.Hour)
	must(t)(p.system.Update(t.Context(), current, p.stub(watch.Over, watch.Operational)))
	planned := p.stub(watch.Scheduled, watch.UnderMaintenance)
	planned.Key = watch.NewIncidentKey(incidenttest.Source, "planned", alerttest.Now()).String()
	planned.Window = &watch.Window{From: p.clock.Now().Add(time.Hour), Until: p.clock.Now().Add(90 * time.Minute)}
	must(t)(p.system.Create(t.Context(), planned))
	key := p.stub(watch.Over).Key
	want := []string{
		`{"name":"Sign-in may fail","message":"It is investigating.\n\nRef: ` + key + `","components":["ckf01component0001"],"statuses":[{"id":"ckf01component0001","status":"MAJOROUTAGE"}],"status":"INVESTIGATING","notify":false,"started":"2026-11-22T05:00:00.000Z","shouldPublish":true}`,
		`{"message":"It is resolved.","components":["ckf01component0001"],"statuses":[{"id":"ckf01component0001","status":"OPERATIONAL"}],"status":"RESOLVED","started":"2026-11-22T07:00:00.000Z","notify":false}`,
		`{"name":"Sign-in may fail","message":"It is scheduled.\n\nRef: ` + planned.Key + `","components":["ckf01component0001"],"status":"NOTSTARTEDYET","notify":false,"start":"2026-11-22T08:00:00.000Z","duration":30,"notifyStart":false,"notifyEnd":false,"notifyEarly":false,"autoStart":false,"autoEnd":false}`,
	}
	var sent []string
	for _, request := range p.server.Requests() {
		if request.Method == http.MethodPost {
			sent = append(sent, string(request.Body))
		}
	}
	if got := strings.Join(sent, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("sent\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestTheEndOfAStubLeavesAComponentThatAnotherIncidentHolds(t *testing.T) {
	p := start(t, quiet())
	current := must(t)(p.system.Create(t.Context(), p.stub(watch.Identified, watch.MajorOutage, watch.Degraded)))
	p.page.Add("The website is down", "We are looking into it.", p.page.Components()[0].ID)
	must(t)(p.system.Update(t.Context(), current, p.stub(watch.Over, watch.Operational, watch.Operational)))
	if all := p.page.Components(); all[0].Status != "MAJOROUTAGE" || all[1].Status != "OPERATIONAL" {
		t.Errorf("components %v", all)
	}
}

func TestAComponentIsNotMadeWellWhileAnotherHoldsIt(t *testing.T) {
	p := start(t, quiet())
	current := must(t)(p.system.Create(t.Context(), p.stub(watch.Identified, watch.MajorOutage, watch.Degraded)))
	other := p.page.Add("The website is down", "We are looking into it.", p.page.Components()[0].ID)
	want := func(step string, statuses ...string) {
		t.Helper()
		for i, one := range p.page.Components() {
			if one.Status != statuses[i] {
				t.Errorf("%s: component %d is %s, want %s", step, i, one.Status, statuses[i])
			}
		}
	}
	current = must(t)(p.system.Update(t.Context(), current, p.stub(watch.Monitoring, watch.Operational, watch.Operational)))
	want("while another incident is open", "MAJOROUTAGE", "OPERATIONAL")
	p.page.Change(other, func(one *fakeinstatus.Entry) bool {
		one.Maintenance, one.Status = true, "INPROGRESS"
		return true
	})
	current = must(t)(p.system.Update(t.Context(), current, p.stub(watch.Over, watch.Operational, watch.Operational)))
	want("while a maintenance is under way", "MAJOROUTAGE", "OPERATIONAL")
	p.page.Change(other, func(one *fakeinstatus.Entry) bool {
		one.Status = "NOTSTARTEDYET"
		return true
	})
	must(t)(p.system.Update(t.Context(), current, p.stub(watch.Over, watch.Operational, watch.Operational)))
	want("while one is only announced", "OPERATIONAL", "OPERATIONAL")
}

func TestAMaintenanceThatWasPutOffIsMovedAndTellsNobody(t *testing.T) {
	p := start(t, quiet())
	stub := p.stub(watch.Scheduled, watch.Operational)
	stub.Window = &watch.Window{From: p.clock.Now().Add(24 * time.Hour), Until: p.clock.Now().Add(25 * time.Hour)}
	current := must(t)(p.system.Create(t.Context(), stub))
	sent := func() (all []string) {
		for _, request := range p.server.Requests() {
			if request.Method == http.MethodPut {
				all = append(all, string(request.Body))
			}
		}
		return all
	}
	current = must(t)(p.system.Update(t.Context(), current, stub))
	if all := sent(); len(all) != 0 {
		t.Errorf("the same window is sent again: %s", all)
	}
	stub.Window = &watch.Window{From: p.clock.Now().Add(48 * time.Hour), Until: p.clock.Now().Add(49 * time.Hour)}
	must(t)(p.system.Update(t.Context(), current, stub))
	want := `{"notify":false,"start":"2026-11-24T06:00:00.000Z","duration":60,"notifyStart":false,"notifyEnd":false,"notifyEarly":false,"autoStart":false,"autoEnd":false}`
	if all := sent(); len(all) != 1 || all[0] != want {
		t.Errorf("sent %s\nwant %s", all, want)
	}
	if one := p.page.Entries()[0]; len(one.Updates) != 1 || one.Updates[0].Notify || one.Status != "NOTSTARTEDYET" {
		t.Errorf("it stands as %+v", one)
	}
}

func TestAListDoesNotGoOnIntoWhatWasOverLongAgo(t *testing.T) {
	p := start(t, quiet())
	p.page.PageSize = 2
	for range 10 {
		old := p.page.Add("Old", "Old")
		p.page.Change(old, func(one *fakeinstatus.Entry) bool {
			one.Status, one.Updates[0].Status, one.Updates[0].At = "RESOLVED", "RESOLVED", p.clock.Now().AddDate(-1, 0, 0)
			return true
		})
	}
	made := must(t)(p.system.Create(t.Context(), p.stub(watch.Investigating)))
	before := len(p.server.Requests())
	all, err := p.system.List(t.Context(), p.clock.Now().AddDate(0, 0, -7))
	if err != nil || len(all) != 1 || all[0].ID != made.ID {
		t.Errorf("listed %v: %v", all, err)
	}
	if asked := len(p.server.Requests()) - before; asked != 4 {
		t.Errorf("%d requests: want two for what is open, one for what is over, one for maintenances", asked)
	}
}

// TestOnABadDay does what the runner does: it looks again after every failure.
func TestOnABadDayOfTheServiceThereIsOneStub(t *testing.T) {
	p := start(t)
	p.server.Misbehave(append(vendortest.DefaultManners(), vendortest.Manner{On: "/incidents", After: 5, Answer: vendortest.CutShort()})...)
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
	if all := p.page.Entries(); len(all) != 1 {
		t.Errorf("%d incidents", len(all))
	}
}

func TestARefusalIsToldInItsOwnWordsWithWhatToDo(t *testing.T) {
	p := start(t, vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Reply(http.StatusForbidden, "application/json", `{"error":{"code":"forbidden","message":"Not authorized"}}`)})
	_, err := p.system.List(t.Context(), p.clock.Now())
	want := "deliver by page: ask " + p.server.URL + ": it answered 403 Forbidden: Not authorized: the API key may not do this: its user must be a member of the page's team who may edit incidents"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestASystemSaysWhatItCannotDo(t *testing.T) {
	p := start(t, quiet())
	traits := p.system.Traits()
	if traits.Hides || traits.Private || !traits.Plans || traits.Place != "instatus page "+pageID {
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
	_, err := instatus.Kind.Build(func(into any) error {
		options := into.(*instatus.Options)
		options.URL, options.Page = "http://api.instatus.com", "my page"
		return nil
	}, incidents.Env{})
	want := []string{
		"url: want https; allow_insecure_http accepts http",
		"page: want the id of a status page, such as ckf01fonve9i40a32oas5b0uw",
		"api_key: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}",
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("error %v", err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`[{"id":"a","name":"b","status":"RESOLVED","resolved":"2020-09-12T19:09:04.498Z","updates":[{"message":"c","status":"NEW","createdAt":7}]}]`))
	f.Add([]byte(`[{"id":"a","start":"2020-09-12T19:09:04.498Z","duration":1e300,"status":"COMPLETED","updates":null}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(body) {
			return
		}
		instatus.ReadList(body, incidenttest.Source)
	})
}
