package fakeinstatus

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func page() *Page {
	return New("p", "key", func() time.Time { return time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC) }, "Website")
}

func ask(p *Page, method, path, credential, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, "/v1/"+path, strings.NewReader(body))
	request.Header.Set("Authorization", credential)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, request)
	return w
}

const (
	incident    = `"name":"a","message":"b","status":"INVESTIGATING","started":"2026-11-22T05:00:00Z"`
	maintenance = `"name":"a","message":"b","status":"NOTSTARTEDYET","start":"2026-11-23T05:00:00Z","duration":60,"notify":false,"notifyStart":false,"notifyEnd":false,"notifyEarly":false`
)

func TestWhatTheContractDoesNotAllowIsRefused(t *testing.T) {
	tests := map[string]struct {
		method, path, body string
		status             int
	}{
		"a field that is not published":       {http.MethodPost, "p/incidents", `{` + incident + `,"draft":true}`, 400},
		"no JSON":                             {http.MethodPost, "p/incidents", `name=a`, 400},
		"no name":                             {http.MethodPost, "p/incidents", `{"message":"b","status":"INVESTIGATING","started":"2026-11-22T05:00:00Z"}`, 422},
		"no start":                            {http.MethodPost, "p/incidents", `{"name":"a","message":"b","status":"INVESTIGATING"}`, 422},
		"a status of maintenances":            {http.MethodPost, "p/incidents", `{"name":"a","message":"b","status":"COMPLETED","started":"2026-11-22T05:00:00Z"}`, 422},
		"a status of incidents":               {http.MethodPost, "p/maintenances", `{` + strings.Replace(maintenance, "NOTSTARTEDYET", "RESOLVED", 1) + `}`, 422},
		"a maintenance that takes no time":    {http.MethodPost, "p/maintenances", `{` + strings.Replace(maintenance, "60", "0", 1) + `}`, 422},
		"a component that is not there":       {http.MethodPost, "p/incidents", `{` + incident + `,"components":["c"]}`, 422},
		"a status of a component":             {http.MethodPost, "p/incidents", `{` + incident + `,"statuses":[{"id":"ckf01component0001","status":"broken"}]}`, 422},
		"a maintenance that is not there":     {http.MethodPut, "p/maintenances/m", `{}`, 404},
		"an update of an incident that is no": {http.MethodPost, "p/incidents/i/incident-updates", `{"message":"a","status":"RESOLVED"}`, 404},
		"another page":                        {http.MethodGet, "q/incidents", "", 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := page()
			if w := ask(p, test.method, test.path, "Bearer key", test.body); w.Code != test.status || w.Body.Len() == 0 {
				t.Errorf("answered %d %s, want %d and why", w.Code, w.Body, test.status)
			}
			if made := p.Entries(); len(made) != 0 {
				t.Errorf("%d entries were made", len(made))
			}
		})
	}
}

func TestAKeyThatIsWrongIsRefused(t *testing.T) {
	for _, credential := range []string{"", "key", "Bearer other"} {
		if w := ask(page(), http.MethodGet, "p/incidents", credential, ""); w.Code != http.StatusUnauthorized {
			t.Errorf("%q is answered %d", credential, w.Code)
		}
	}
}

func TestEverybodySeesAndHearsOfItUnlessTheServiceIsToldOtherwise(t *testing.T) {
	p := page()
	ask(p, http.MethodPost, "p/incidents", "Bearer key", `{`+incident+`}`)
	ask(p, http.MethodPost, "p/incidents", "Bearer key", `{`+incident+`,"notify":false,"shouldPublish":false}`)
	if all := p.Entries(); !all[0].Published || !all[0].Updates[0].Notify || all[1].Published || all[1].Updates[0].Notify {
		t.Errorf("stands as %+v", all)
	}
}

func TestAMaintenanceThatIsMovedKeepsWhatIsLeftOut(t *testing.T) {
	p := page()
	ask(p, http.MethodPost, "p/maintenances", "Bearer key", `{`+maintenance+`}`)
	path := "p/maintenances/" + p.Entries()[0].ID
	if w := ask(p, http.MethodPut, path, "Bearer key", `{"start":"2026-11-24T05:00:00Z","notify":false,"notifyStart":false,"notifyEnd":false,"notifyEarly":false}`); w.Code != http.StatusOK {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	one := p.Entries()[0]
	if one.Start.Day() != 24 || one.Duration != 60 || one.Name != "a" || one.Status != "NOTSTARTEDYET" || one.Updates[0].Notify {
		t.Errorf("stands as %+v", one)
	}
	ask(p, http.MethodPut, path, "Bearer key", `{"duration":30}`)
	if one := p.Entries()[0]; one.Duration != 30 || !one.Updates[0].Notify {
		t.Errorf("moved aloud it stands as %+v", one)
	}
}
