package fakecachet

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func site(version int) *Site {
	s := &Site{Version: version, Token: "key", Now: func() time.Time { return time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC) }}
	s.AddComponent(7, "Order service")
	return s
}

func ask(s *Site, method, path, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	if s.Version == 2 {
		request.Header.Set("X-Cachet-Token", "key")
	} else {
		request.Header.Set("Authorization", "Bearer key")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, request)
	return w
}

func TestWhatTheSourceDoesNotKnowIsRefused(t *testing.T) {
	tests := map[string]struct {
		version            int
		method, path, body string
		status             int
	}{
		"2: a field":                           {2, http.MethodPost, "/api/v1/incidents", `{"name":"a","status":1,"message":"b","components":[]}`, 400},
		"2: no message":                        {2, http.MethodPost, "/api/v1/incidents", `{"name":"a","status":1}`, 400},
		"2: a status":                          {2, http.MethodPost, "/api/v1/incidents", `{"name":"a","status":5,"message":"b"}`, 400},
		"2: a component without its state":     {2, http.MethodPost, "/api/v1/incidents", `{"name":"a","status":1,"message":"b","component_id":7}`, 400},
		"2: a component that is not there":     {2, http.MethodPost, "/api/v1/incidents", `{"name":"a","status":1,"message":"b","component_id":8,"component_status":1}`, 400},
		"2: a parameter":                       {2, http.MethodGet, "/api/v1/incidents?filter=a", "", 400},
		"2: an incident that is not there":     {2, http.MethodPut, "/api/v1/incidents/1", `{}`, 404},
		"2: an update of none":                 {2, http.MethodPost, "/api/v1/incidents/1/updates", `{"status":1,"message":"a"}`, 404},
		"2: a component, asked for":            {2, http.MethodGet, "/api/v1/components/8", "", 404},
		"2: a state of version 3":              {2, http.MethodPut, "/api/v1/components/7", `{"status":6}`, 400},
		"3: a field":                           {3, http.MethodPost, "/api/incidents", `{"name":"a","status":1,"message":"b","notify":true}`, 422},
		"3: no message":                        {3, http.MethodPost, "/api/incidents", `{"name":"a","status":1}`, 422},
		"3: a name that is too long":           {3, http.MethodPost, "/api/incidents", `{"name":"` + strings.Repeat("a", 256) + `","status":1,"message":"b"}`, 422},
		"3: a component that is not there":     {3, http.MethodPost, "/api/incidents", `{"name":"a","status":1,"message":"b","components":[{"id":8,"status":1}]}`, 422},
		"3: a filter":                          {3, http.MethodGet, "/api/incidents?filter[guid]=a", "", 400},
		"3: an include":                        {3, http.MethodGet, "/api/incidents?include=notes", "", 400},
		"3: an incident that is not there":     {3, http.MethodGet, "/api/incidents/1", "", 404},
		"3: an update of none":                 {3, http.MethodPost, "/api/incidents/1/updates", `{"status":1,"message":"a"}`, 404},
		"3: a path of version 2":               {3, http.MethodGet, "/api/v1/incidents", "", 404},
		"2: a path of version 3, on the whole": {2, http.MethodGet, "/api/incidents", "", 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(test.version)
			if w := ask(s, test.method, test.path, test.body); w.Code != test.status || w.Body.Len() == 0 {
				t.Errorf("answered %d %s, want %d and why", w.Code, w.Body, test.status)
			}
			if made := s.Incidents(); len(made) != 0 {
				t.Errorf("%d incidents were made", len(made))
			}
		})
	}
}

func TestWithoutAKeyNothingIsWritten(t *testing.T) {
	for _, version := range []int{2, 3} {
		s := site(version)
		w := httptest.NewRecorder()
		path := map[int]string{2: "/api/v1/incidents", 3: "/api/incidents"}[version]
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(`{"name":"a","status":1,"message":"b"}`)))
		if w.Code != http.StatusUnauthorized || len(s.Incidents()) != 0 {
			t.Errorf("version %d answers %d", version, w.Code)
		}
	}
}

func TestVersion2TellsSubscribersAndShowsWhatIsNotSaidOtherwise(t *testing.T) {
	s := site(2)
	ask(s, http.MethodPost, "/api/v1/incidents", `{"name":"a","status":1,"message":"b","visible":0,"notify":false}`)
	ask(s, http.MethodPut, "/api/v1/incidents/1", `{"name":"c"}`)
	if incident := s.Incidents()[0]; incident.Visible != 1 || incident.Told != 1 {
		t.Errorf("visible %d, subscribers told %d times; want 1 and 1", incident.Visible, incident.Told)
	}
	ask(s, http.MethodPut, "/api/v1/incidents/1", `{"name":"c","notify":false,"component_id":7,"component_status":4}`)
	if s.Mails() != 1 {
		t.Errorf("subscribers of components were told %d times, want 1", s.Mails())
	}
	ask(s, http.MethodPut, "/api/v1/components/7", `{"status":1,"silent":true}`)
	if s.Mails() != 1 || s.Components()[0].Enabled {
		t.Error("a silent change is told, or shows a component whose enabled is left out")
	}
}

func TestVersion3HidesWhatNobodyIsSignedInFor(t *testing.T) {
	s := site(3)
	ask(s, http.MethodPost, "/api/incidents", `{"name":"a","status":1,"message":"b","visible":0,"notifications":true}`)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/incidents/1", nil))
	if w.Code != http.StatusNotFound || s.Incidents()[0].Told != 0 {
		t.Errorf("answered %d, subscribers told %d times", w.Code, s.Incidents()[0].Told)
	}
}
