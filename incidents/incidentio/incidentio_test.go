package incidentio_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/incidentio"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/fakeincidentio"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// place is an organisation that answers as told.
type place struct {
	cloud  *fakeincidentio.Cloud
	server *vendortest.Server
	clock  *tickettest.Clock
}

func start(t *testing.T, manners ...vendortest.Manner) place {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	cloud := newCloud(clock)
	cloud.APIKey = "secret"
	return place{cloud, vendortest.Start(t, cloud, manners...), clock}
}

func quiet() vendortest.Manner { return vendortest.Manner{On: "/nowhere"} }

func (p place) system(t *testing.T, as incidentio.As, change func(*incidentio.Options)) incidents.System {
	t.Helper()
	o := options(p.server.URL, as)
	o.CAFile = p.server.CAFile
	if change != nil {
		change(&o)
	}
	return build(t, incidents.Env{
		Env: alerts.Env{
			Name: "page", Now: p.clock.Now, HTTP: &http.Client{},
			Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("secret"), nil },
		},
		Source: incidenttest.Source,
	}, o)
}

func (p place) stub(phase watch.Phase, statuses ...watch.ComponentStatus) incidents.Stub {
	stub := incidents.Stub{
		Key: watch.NewIncidentKey(incidenttest.Source, "orders", alerttest.Now()).String(), Phase: phase,
		Title: "Sign-in may fail", Text: "It is " + string(phase) + ".", Internal: "Affected: order import.",
		StartedAt: p.clock.Now().Add(-time.Hour), At: p.clock.Now(),
	}
	for i, status := range statuses {
		stub.Components = append(stub.Components, watch.Component{ID: []string{"01COMPONENTA", "01COMPONENTB"}[i], Status: status})
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

func (p place) wantSent(t *testing.T, want ...string) {
	t.Helper()
	var sent []string
	for _, request := range p.server.Requests() {
		if request.Method == http.MethodPost {
			sent = append(sent, request.Path+" "+string(request.Body))
		}
	}
	if got := strings.Join(sent, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("sent\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestEveryWriteToTheStatusPageSaysWhoIsTold(t *testing.T) {
	p := start(t, quiet())
	system, key := p.system(t, incidentio.AsStatusPage, nil), p.stub(watch.Over).Key
	current := must(t)(system.Create(t.Context(), p.stub(watch.Investigating, watch.MajorOutage)))
	must(t)(system.Update(t.Context(), current, p.stub(watch.Over, watch.Operational)))
	planned := p.stub(watch.Scheduled, watch.UnderMaintenance)
	planned.Key = watch.NewIncidentKey(incidenttest.Source, "planned", alerttest.Now()).String()
	planned.Window = &watch.Window{From: p.clock.Now().Add(time.Hour), Until: p.clock.Now().Add(2 * time.Hour)}
	must(t)(system.Create(t.Context(), planned))
	p.wantSent(
		t,
		`/v2/status_page_incidents {"idempotency_key":"`+key+`","status_page_id":"01FCNDV6P870EA6S7TK1DSYDG0","name":"Sign-in may fail","message":"It is investigating.\n\nRef: `+key+`","incident_status":"investigating","notify_subscribers":false,"component_statuses":[{"component_id":"01COMPONENTA","component_status":"full_outage"}]}`,
		`/v2/status_page_incident_updates {"status_page_incident_id":"`+strings.TrimSpace(current.ID)+`","message":"It is resolved.","incident_status":"resolved","notify_subscribers":false}`,
		`/v2/status_page_maintenances {"idempotency_key":"`+planned.Key+`","status_page_id":"01FCNDV6P870EA6S7TK1DSYDG0","name":"Sign-in may fail","message":"It is scheduled.\n\nRef: `+planned.Key+`","maintenance_status":"maintenance_scheduled","notify_subscribers":false,"affected_component_ids":["01COMPONENTA"],"start_at":"2026-11-22T07:00:00Z","end_at":"2026-11-22T08:00:00Z","automate_maintenance_status":false}`,
	)
}

func TestARepeatedCreationIsAnsweredWithTheOneThatStandsThere(t *testing.T) {
	for _, as := range []incidentio.As{incidentio.AsStatusPage, incidentio.AsIncident} {
		p := start(t, quiet())
		system := p.system(t, as, nil)
		first := must(t)(system.Create(t.Context(), p.stub(watch.Investigating)))
		again := must(t)(system.Create(t.Context(), p.stub(watch.Investigating)))
		if first.ID != again.ID || len(p.cloud.Entries())+len(p.cloud.Incidents()) != 1 {
			t.Errorf("as %s: %s and %s", as, first.ID, again.ID)
		}
	}
}

func TestAStatusOfAnotherWordIsOpenAndStandsForNoPhase(t *testing.T) {
	p := start(t, quiet())
	staff := must(t)(p.system(t, incidentio.AsIncident, nil).Create(t.Context(), p.stub(watch.Investigating)))
	p.cloud.ChangeIncident(staff.ID, func(one *fakeincidentio.Incident) bool {
		one.Status = fakeincidentio.Status{ID: "01NEW", Name: "Dreaming", Category: "asleep"}
		return true
	})
	page := must(t)(p.system(t, incidentio.AsStatusPage, nil).Create(t.Context(), p.stub(watch.Investigating)))
	p.cloud.ChangeEntry(page.ID, func(one *fakeincidentio.Entry) bool {
		one.Status, one.Updates[0].Components = "dreaming", map[string]string{"01COMPONENTA": "on_fire"}
		return true
	})
	for as, id := range map[incidentio.As]string{incidentio.AsIncident: staff.ID, incidentio.AsStatusPage: page.ID} {
		read, _, err := p.system(t, as, nil).Read(t.Context(), id)
		if err != nil || !read.Open || read.Phase != "" {
			t.Errorf("as %s: %+v: %v", as, read, err)
		}
	}
}

func TestTheLastOfAHundredUpdatesIsKeptForTheEnd(t *testing.T) {
	p := start(t, quiet())
	system := p.system(t, incidentio.AsStatusPage, nil)
	current := must(t)(system.Create(t.Context(), p.stub(watch.Investigating)))
	for i := range 98 {
		stub := p.stub(watch.Identified)
		stub.Text = fmt.Sprintf("Update %d.", i)
		current = must(t)(system.Update(t.Context(), current, stub))
	}
	want := `deliver by page: "Sign-in may fail" has 99 updates, and incident.io takes 100: the last is kept for its end`
	if _, err := system.Update(t.Context(), current, p.stub(watch.Monitoring)); err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
	if current = must(t)(system.Update(t.Context(), current, p.stub(watch.Over))); current.Open || len(current.Texts) != 100 {
		t.Errorf("open %t after %d texts", current.Open, len(current.Texts))
	}
}

func TestALimitIsWaitedForAsTheBodySays(t *testing.T) {
	body := `{"type":"too_many_requests","status":429,"rate_limit":{"name":"api_key_name","limit":1200,"remaining":0,"retry_after":"Sun, 22 Nov 2026 06:00:42 UTC"},"errors":[{"code":"too_many_requests","message":"Too many requests. We recommend exponential backoff."}]}`
	p := start(t, vendortest.Manner{Times: vendortest.Always, Answer: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Date", "Sun, 22 Nov 2026 06:00:00 GMT")
		vendortest.Reply(http.StatusTooManyRequests, "application/json", body)(w, r, nil)
	}})
	_, err := p.system(t, incidentio.AsStatusPage, nil).List(t.Context(), p.clock.Now())
	failure, is := errors.AsType[*alerts.DeliveryError](err)
	if !is || !failure.Retryable || failure.RetryAfter != 42*time.Second || !strings.HasSuffix(err.Error(), "it answered 429 Too Many Requests: Too many requests. We recommend exponential backoff") {
		t.Errorf("failure %+v: %v", failure, err)
	}
}

func TestOnABadDayOfTheServiceThereIsOneStub(t *testing.T) {
	for _, as := range []incidentio.As{incidentio.AsStatusPage, incidentio.AsIncident} {
		p := start(t)
		p.server.Misbehave(append(vendortest.DefaultManners(), vendortest.Manner{On: "incidents", After: 5, Answer: vendortest.CutShort()})...)
		for range 20 {
			all, err := p.system(t, as, nil).List(t.Context(), p.clock.Now())
			if err == nil && len(all) == 1 {
				break
			}
			if err == nil {
				_, err = p.system(t, as, nil).Create(t.Context(), p.stub(watch.Investigating))
			}
			if failure, is := errors.AsType[*alerts.DeliveryError](err); err != nil && (!is || !failure.Retryable) {
				t.Fatal(err)
			}
		}
		if count := len(p.cloud.Entries()) + len(p.cloud.Incidents()); count != 1 {
			t.Errorf("as %s: %d incidents", as, count)
		}
	}
}

func TestAListThatLeadsBackIsAnError(t *testing.T) {
	p := start(t, vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Reply(http.StatusOK, "application/json", `{"status_page_incidents":[{"id":"1"}],"pagination_meta":{"after":"1"}}`)})
	if _, err := p.system(t, incidentio.AsStatusPage, nil).List(t.Context(), p.clock.Now()); err == nil || !strings.Contains(err.Error(), "with a next page that leads back") {
		t.Errorf("error %v", err)
	}
}

func TestASystemSaysWhatItCannotDo(t *testing.T) {
	p := start(t, quiet())
	page, staff := p.system(t, incidentio.AsStatusPage, nil), p.system(t, incidentio.AsIncident, nil)
	if traits := page.Traits(); traits.Hides || traits.Private || !traits.Plans || traits.Place != "incident.io status page "+pageID {
		t.Errorf("traits %+v", traits)
	}
	if traits := staff.Traits(); traits.Hides || !traits.Private || traits.Plans || traits.Place != "incident.io incidents" {
		t.Errorf("traits %+v", traits)
	}
	for _, system := range []incidents.System{page, staff} {
		if err := system.Annotate(t.Context(), incidents.Remote{}, incidents.Note{}); !errors.Is(err, incidents.ErrNoNotes) {
			t.Error(err)
		}
	}
	if err := page.Draft(t.Context(), incidents.Remote{}, incidents.Note{}); !errors.Is(err, incidents.ErrNoDrafts) {
		t.Error(err)
	}
}

func TestWrongOptionsAreNamedWithTheirPlace(t *testing.T) {
	key := watch.SecretRef{Env: "KEY"}
	tests := []struct {
		name   string
		change func(*incidentio.Options)
		want   []string
	}{
		{"nothing said", func(*incidentio.Options) {}, []string{
			"api_key: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}",
			"as: want status_page, which is public, or incident, which only the organisation sees",
		}},
		{"a page without its id", func(o *incidentio.Options) { o.APIKey, o.As, o.Severity = key, "status_page", "x" }, []string{
			"status_page: want the id of a status page, such as 01FCNDV6P870EA6S7TK1DSYDG0",
			"severity: leave it out with as: status_page, which has none",
		}},
		{"an incident with a page", func(o *incidentio.Options) {
			o.APIKey, o.As, o.StatusPage, o.Severity, o.Visibility, o.Statuses.Resolved = key, "incident", "x", "a b", "secret", " x"
		}, []string{
			"status_page: leave it out with as: incident",
			"severity: want an id, such as 01FCNDV6P870EA6S7TK1DSYDG0",
			"visibility: want private, for invited people only, or public, for the whole organisation",
			"statuses.resolved: want the name of a status, of at most 100 characters",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := incidentio.Kind.Build(func(into any) error {
				test.change(into.(*incidentio.Options))
				return nil
			}, incidents.Env{})
			if err == nil || err.Error() != strings.Join(test.want, "\n") {
				t.Errorf("error %v\nwant %s", err, strings.Join(test.want, "\n"))
			}
		})
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"id":"1","name":"a","summary":"b","incident_status":{"id":"2","category":"live"}}`))
	f.Add([]byte(`{"id":"1","name":"a","incident_status":"resolved","updates":[{"message":"x","published_at":"2021-08-17T13:28:57Z","component_statuses":[{"component_id":"c","component_status":"full_outage"}]}]}`))
	f.Add([]byte(`{"errors":[{"code":"x","source":null}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if json.Valid(body) {
			incidentio.ReadOne(body, incidenttest.Source)
		}
	})
}
