package fakestatuspage

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func page() *Page {
	p := &Page{ID: "p", Token: "key", Now: func() time.Time { return time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC) }}
	p.AddComponent("c1", "Order service")
	return p
}

func ask(p *Page, method, path, credential, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, "/v1/pages/"+path, strings.NewReader(body))
	request.Header.Set("Authorization", credential)
	request.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.ServeHTTP(w, request)
	return w
}

func TestWhatTheContractDoesNotAllowIsRefused(t *testing.T) {
	long := strings.Repeat("a", maxBody+1)
	tests := map[string]struct {
		method, path, body string
		status             int
	}{
		"a field that is not published":        {http.MethodPost, "p/incidents", `{"incident":{"name":"a","visible":true}}`, 400},
		"no JSON":                              {http.MethodPost, "p/incidents", `incident[name]=a`, 400},
		"no name":                              {http.MethodPost, "p/incidents", `{"incident":{"status":"investigating"}}`, 422},
		"a name that is too long":              {http.MethodPost, "p/incidents", `{"incident":{"name":"` + long[:256] + `"}}`, 422},
		"a body that is too long":              {http.MethodPost, "p/incidents", `{"incident":{"name":"a","body":"` + long + `"}}`, 422},
		"a status of maintenances":             {http.MethodPost, "p/incidents", `{"incident":{"name":"a","status":"scheduled"}}`, 422},
		"a status of incidents":                {http.MethodPost, "p/incidents", `{"incident":{"name":"a","status":"resolved","scheduled_for":"2026-11-23T06:00:00Z","scheduled_until":"2026-11-23T07:00:00Z"}}`, 422},
		"a window without an end":              {http.MethodPost, "p/incidents", `{"incident":{"name":"a","scheduled_for":"2026-11-23T06:00:00Z"}}`, 422},
		"an impact that is not known":          {http.MethodPost, "p/incidents", `{"incident":{"name":"a","impact_override":"huge"}}`, 422},
		"reminders that are no list":           {http.MethodPost, "p/incidents", `{"incident":{"name":"a","reminder_intervals":"none"}}`, 422},
		"a component of another page":          {http.MethodPost, "p/incidents", `{"incident":{"name":"a","component_ids":["c2"]}}`, 422},
		"a state that is not known":            {http.MethodPost, "p/incidents", `{"incident":{"name":"a","components":{"c1":"broken"}}}`, 422},
		"metadata that is no object":           {http.MethodPost, "p/incidents", `{"incident":{"name":"a","metadata":{"key":"value"}}}`, 422},
		"components of a backfilled incident":  {http.MethodPost, "p/incidents", `{"incident":{"name":"a","backfilled":true,"component_ids":["c1"]}}`, 422},
		"an incident that is not there":        {http.MethodPatch, "p/incidents/none", `{"incident":{}}`, 404},
		"a post-mortem that is not there":      {http.MethodGet, "p/incidents/none/postmortem", "", 404},
		"another page":                         {http.MethodGet, "q/incidents", "", 404},
		"a parameter that is not published":    {http.MethodGet, "p/incidents?status=resolved", "", 400},
		"a page that is no number":             {http.MethodGet, "p/incidents?page=last", "", 400},
		"a method that is not published":       {http.MethodPost, "p/incidents/none", "", 404},
		"a path that is not published, either": {http.MethodGet, "p/incidents/none/updates", "", 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := page()
			if w := ask(p, test.method, test.path, "OAuth key", test.body); w.Code != test.status || w.Body.Len() == 0 {
				t.Errorf("answered %d %s, want %d and why", w.Code, w.Body, test.status)
			}
			if made := p.Incidents(); len(made) != 0 {
				t.Errorf("%d incidents were made", len(made))
			}
		})
	}
}

func TestAKeyThatIsWrongIsRefused(t *testing.T) {
	for _, credential := range []string{"", "Bearer key", "OAuth other"} {
		if w := ask(page(), http.MethodGet, "p/incidents", credential, ""); w.Code != http.StatusUnauthorized {
			t.Errorf("%q is answered %d", credential, w.Code)
		}
	}
}

func TestTheSixtyFirstRequestOfAMinuteIsRefused(t *testing.T) {
	p := page()
	p.Limited = true
	for n := range 61 {
		want := http.StatusOK
		if n == 60 {
			want = 420
		}
		if w := ask(p, http.MethodGet, "p/incidents", "OAuth key", ""); w.Code != want {
			t.Errorf("request %d is answered %d, want %d", n+1, w.Code, want)
		}
	}
}

func TestSubscribersAreToldUnlessTheServiceIsToldOtherwise(t *testing.T) {
	p := page()
	ask(p, http.MethodPost, "p/incidents", "OAuth key", `{"incident":{"name":"loud","body":"a"}}`)
	ask(p, http.MethodPost, "p/incidents", "OAuth key", `{"incident":{"name":"quiet","body":"a","deliver_notifications":false}}`)
	if all := p.Incidents(); all[0].Told != 1 || all[1].Told != 0 {
		t.Errorf("subscribers were told %d and %d times, want 1 and 0", all[0].Told, all[1].Told)
	}
}
