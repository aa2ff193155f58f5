package statuspage_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/incidents/statuspage"
	"lapsewatch/internal/fakestatuspage"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

// opened is a page with the system that works at it.
func opened(t *testing.T) (*incidenttest.Office, desk) {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	at := newDesk(t, clock)
	return incidenttest.Open(t, incidenttest.Suite{}, at, clock), at.(desk)
}

func TestALifeAsItStandsOnThePage(t *testing.T) {
	o, at := opened(t)
	o.TellALife(t)
	alerttest.Golden(t, "life.txt", incidenttest.Dump(at.Records()), *update)
}

func TestWhatIsSentOfAnIncidentAndOfAMaintenance(t *testing.T) {
	recorder := alerttest.NewRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			alerttest.Says(http.StatusOK, `[]`)(w, r)
			return
		}
		alerttest.Says(http.StatusCreated, `{"id":"p31zjtct2jer"}`)(w, r)
	})
	o, at := opened(t)
	env := o.Env(incidenttest.Source)
	env.HTTP = recorder.Client()
	system := at.New(t, env, recorder.URL)
	stub := o.Stub("orders")
	if _, err := system.Create(t.Context(), stub); err != nil {
		t.Fatal(err)
	}
	alerttest.GoldenJSON(t, "incident.json", recorder.Last(t).Content, *update)
	for _, header := range []string{"Authorization", "Accept", "Content-Type", "User-Agent"} {
		want := map[string]string{"Authorization": "OAuth canary-of-" + token, "Accept": "application/json", "Content-Type": "application/json", "User-Agent": "lapsewatch/1.2.3"}[header]
		if got := recorder.Last(t).Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	stub = o.Moved(stub, watch.Scheduled)
	stub.Window = &watch.Window{From: alerttest.Now().AddDate(0, 0, 2), Until: alerttest.Now().AddDate(0, 0, 2).Add(time.Hour)}
	if _, err := system.Create(t.Context(), stub); err != nil {
		t.Fatal(err)
	}
	alerttest.GoldenJSON(t, "maintenance.json", recorder.Last(t).Content, *update)
}

func TestAnUnplannedIncidentIsNeverScheduled(t *testing.T) {
	o, at := opened(t)
	current := o.Create(t, o.Stub("orders"))
	o.Update(t, current, o.Moved(o.Stub("orders"), watch.Over))
	if incident := at.Incidents()[0]; incident.ScheduledFor != nil || incident.Status != "resolved" {
		t.Errorf("status %s, scheduled for %v", incident.Status, incident.ScheduledFor)
	}
}

func TestAnIncidentWithAPublishedPostmortemIsOverAndGetsNoDraft(t *testing.T) {
	o, at := opened(t)
	current := o.Update(t, o.Create(t, o.Stub("orders")), o.Moved(o.Stub("orders"), watch.Over))
	at.Change(current.ID, func(incident *fakestatuspage.Incident) {
		body, now := "What happened.", alerttest.Now()
		incident.Status, incident.PostmortemBody, incident.PublishedAt = "postmortem", &body, &now
	})
	if read := o.Read(t, current.ID); read.Phase != watch.Over || read.Open {
		t.Errorf("phase %q, open %t", read.Phase, read.Open)
	}
	if err := o.System(t).Draft(t.Context(), current, o.Note("Ours")); err != nil {
		t.Fatal(err)
	}
	if draft := at.Incidents()[0].Draft; draft != "" {
		t.Errorf("draft %q", draft)
	}
}

func TestADraftWhoseReplyWasLostIsReplacedByTheNext(t *testing.T) {
	o, at := opened(t)
	current := o.Update(t, o.Create(t, o.Stub("orders")), o.Moved(o.Stub("orders"), watch.Over))
	for _, text := range []string{"first", "second", "third"} {
		o.Lose(2, tickettest.CutAfter)
		if err := o.System(t).Draft(t.Context(), current, o.Note(text)); err == nil {
			t.Fatal("the call succeeds")
		}
		if draft := at.Incidents()[0].Draft; draft != text {
			t.Fatalf("draft %q, want %q", draft, text)
		}
	}
}

func TestAWordThatIsNotKnownIsNoPhase(t *testing.T) {
	o, at := opened(t)
	current := o.Create(t, o.Stub("orders"))
	at.Change(current.ID, func(incident *fakestatuspage.Incident) { incident.Status = "mitigated" })
	if read := o.Read(t, current.ID); read.Phase != "" || !read.Open {
		t.Errorf("phase %q, open %t; want none and open", read.Phase, read.Open)
	}
}

func TestARefusalIsToldInTheServicesWords(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   string
	}{
		"the published form": {422, `{"message":"Status is not included in the list."}`, "it answered 422 Unprocessable Entity: Status is not included in the list: look at the ids of the components: each must be one of this page"},
		"a text":             {401, `{"error":"Could not authenticate"}`, "it answered 401 Unauthorized: Could not authenticate: the API key is wrong or was revoked, or is of another organisation than the page: make a new one under Manage account, API info"},
		"several texts":      {400, `{"error":["Name can't be blank","Body is too long"]}`, "it answered 400 Bad Request: Name can't be blank; Body is too long"},
		"neither":            {400, `{"error":{"code":7}}`, `it answered 400 Bad Request: "{\"error\":{\"code\":7}}"`},
		"too many":           {420, `{}`, `it answered 420: "{}"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			recorder := alerttest.NewRecorder(t, alerttest.Says(test.status, test.body))
			o, at := opened(t)
			env := o.Env(incidenttest.Source)
			env.HTTP = recorder.Client()
			stub := o.Stub("orders")
			stub.Components = nil
			_, err := at.New(t, env, recorder.URL).Create(t.Context(), stub)
			want := "deliver by status-page: post to " + recorder.URL + ": " + test.want
			if err == nil || err.Error() != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}

func TestWrongOptionsAreNamed(t *testing.T) {
	_, err := statuspage.Kind.Build(func(into any) error {
		options := into.(*statuspage.Options)
		options.Page, options.URL = "../other", "http://api.example"
		return nil
	}, incidents.Env{Env: alerts.Env{}})
	for _, want := range []string{
		"url: want https; allow_insecure_http accepts http", "page: want the id of the page: letters and digits, such as kctbh9vrtdwd",
		"token: a secret is given by reference",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	}
}

func TestTheServiceIsAskedAtItsOwnAddressUnlessAnotherIsGiven(t *testing.T) {
	o, _ := opened(t)
	var asked string
	env := o.Env(incidenttest.Source)
	env.HTTP = &http.Client{Transport: alerttest.RoundTrip(func(request *http.Request) (*http.Response, error) {
		asked = request.URL.String()
		return nil, http.ErrServerClosed
	})}
	system, err := statuspage.Kind.Build(func(into any) error {
		options := into.(*statuspage.Options)
		options.Page, options.Token = "kctbh9vrtdwd", watch.SecretRef{Env: token}
		return nil
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = system.Read(t.Context(), "p31/../zjtct2jer"); err == nil {
		t.Fatal("the call succeeds")
	}
	if want := "https://api.statuspage.io/v1/pages/kctbh9vrtdwd/incidents/p31%2F..%2Fzjtct2jer"; asked != want {
		t.Errorf("asked %s, want %s", asked, want)
	}
	if place := system.Traits().Place; place != "statuspage page kctbh9vrtdwd" {
		t.Errorf("place %q", place)
	}
}

func FuzzAnIncidentOfAnyFormIsReadWithoutHarm(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","name":"b","status":"investigating","incident_updates":[{"body":"c","created_at":"2026-11-22T06:00:00.000Z","affected_components":[{"code":"d","new_status":"operational"}]}]}`,
		`{"id":"a","metadata":{"lapsewatch":{"key":"lwkz3q-d4kq37vnzpm3-hgy2c"}},"resolved_at":false,"postmortem_published_at":true}`,
		`{"id":"a","metadata":null,"components":null,"incident_updates":null}`, `{"id":"a","metadata":{"lapsewatch":[]}}`, `[]`, `null`, "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		remote, read := statuspage.Decode([]byte(body), "example")
		if !read {
			return
		}
		if remote.Key != "" && !strings.Contains(body, remote.Key) && json.Valid([]byte(body)) {
			// It may stand there escaped.
			if unescaped, err := json.Marshal(json.RawMessage(body)); err == nil && !strings.Contains(string(unescaped), `\u`) {
				t.Errorf("the key %q does not stand in %s", remote.Key, body)
			}
		}
	})
}
