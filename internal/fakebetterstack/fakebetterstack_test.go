package fakebetterstack

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func page() *Page {
	return New("1", "token", func() time.Time { return time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC) }, "8001", "8002")
}

func ask(p *Page, method, path, credential, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, "/api/v2/status-pages/"+path, strings.NewReader(body))
	request.Header.Set("Authorization", credential)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, request)
	return w
}

func TestWhatTheContractDoesNotAllowIsRefused(t *testing.T) {
	const planned = `"report_type":"maintenance","starts_at":"2026-11-23T06:00:00Z","ends_at":"2026-11-23T07:00:00Z"`
	tests := map[string]struct {
		method, path, body string
		status             int
	}{
		"a field that is not published":           {http.MethodPost, "1/status-reports", `{"title":"a","draft":true}`, 400},
		"no JSON":                                 {http.MethodPost, "1/status-reports", `title=a`, 400},
		"no title":                                {http.MethodPost, "1/status-reports", `{"message":"a"}`, 422},
		"a type that only the service makes":      {http.MethodPost, "1/status-reports", `{"title":"a","report_type":"automatic"}`, 422},
		"a maintenance without an end":            {http.MethodPost, "1/status-reports", `{"title":"a","report_type":"maintenance"}`, 422},
		"an end before the start":                 {http.MethodPost, "1/status-reports", `{"title":"a","starts_at":"2026-11-23T06:00:00Z","ends_at":"2026-11-23T06:00:00Z"}`, 422},
		"a resource of another page":              {http.MethodPost, "1/status-reports", `{"title":"a","affected_resources":[{"status_page_resource_id":"9","status":"degraded"}]}`, 422},
		"a maintenance's word in a manual report": {http.MethodPost, "1/status-reports", `{"title":"a","affected_resources":[{"status_page_resource_id":"8001","status":"maintenance"}]}`, 422},
		"another word in that of a maintenance":   {http.MethodPost, "1/status-reports", `{"title":"a",` + planned + `,"affected_resources":[{"status_page_resource_id":"8001","status":"resolved"}]}`, 422},
		"a report that is not there":              {http.MethodPatch, "1/status-reports/7", `{"title":"a"}`, 404},
		"an update of none":                       {http.MethodPost, "1/status-reports/7/status-updates", `{"message":"a","affected_resources":[]}`, 404},
		"another page":                            {http.MethodGet, "2/status-reports", "", 404},
		"a method that is not published":          {http.MethodPut, "1/status-reports", `{}`, 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := page()
			if w := ask(p, test.method, test.path, "Bearer token", test.body); w.Code != test.status || w.Body.Len() == 0 {
				t.Errorf("answered %d %s, want %d and why", w.Code, w.Body, test.status)
			}
			if made := p.Reports(); len(made) != 0 {
				t.Errorf("%d reports were made", len(made))
			}
		})
	}
}

func TestATokenThatIsWrongIsRefused(t *testing.T) {
	for _, credential := range []string{"", "token", "Bearer other"} {
		if w := ask(page(), http.MethodGet, "1/status-reports", credential, ""); w.Code != http.StatusUnauthorized {
			t.Errorf("%q is answered %d", credential, w.Code)
		}
	}
}

func TestSubscribersAreToldOfANewReportUnlessTheServiceIsToldOtherwise(t *testing.T) {
	p := page()
	ask(p, http.MethodPost, "1/status-reports", "Bearer token", `{"title":"loud"}`)
	ask(p, http.MethodPost, "1/status-reports", "Bearer token", `{"title":"quiet","notify_subscribers":false}`)
	ask(p, http.MethodPost, "1/status-reports/"+p.Reports()[1].ID+"/status-updates", "Bearer token", `{"message":"b","affected_resources":[]}`)
	all := p.Reports()
	if !all[0].Updates[0].Notify || all[1].Updates[0].Notify || all[1].Updates[1].Notify {
		t.Errorf("told %t, %t and %t; want true, false and false", all[0].Updates[0].Notify, all[1].Updates[0].Notify, all[1].Updates[1].Notify)
	}
}

func TestAnUpdateChangesTheResourcesThatItNamesAndNoOthers(t *testing.T) {
	p := page()
	ask(p, http.MethodPost, "1/status-reports", "Bearer token", `{"title":"a","affected_resources":[{"status_page_resource_id":"8001","status":"downtime"},{"status_page_resource_id":"8002","status":"degraded"}]}`)
	path := "1/status-reports/" + p.Reports()[0].ID + "/status-updates"
	ask(p, http.MethodPost, path, "Bearer token", `{"message":"b","affected_resources":[]}`)
	ask(p, http.MethodPost, path, "Bearer token", `{"message":"c","affected_resources":[{"status_page_resource_id":"8002","status":"resolved"}]}`)
	if p.Resource("8001") != "downtime" || p.Resource("8002") != "resolved" {
		t.Errorf("they stand as %s and %s, want downtime and resolved", p.Resource("8001"), p.Resource("8002"))
	}
}

func TestAMaintenanceTouchesItsResourcesWhileItTakesPlace(t *testing.T) {
	p := page()
	ask(p, http.MethodPost, "1/status-reports", "Bearer token",
		`{"title":"a","report_type":"maintenance","starts_at":"2026-11-22T05:00:00Z","ends_at":"2026-11-22T07:00:00Z","affected_resources":[{"status_page_resource_id":"8001","status":"maintenance"}]}`)
	if got := p.Resource("8001"); got != "maintenance" {
		t.Errorf("under way it is %s", got)
	}
	ask(p, http.MethodPatch, "1/status-reports/"+p.Reports()[0].ID, "Bearer token", `{"ends_at":"2026-11-22T06:00:00Z"}`)
	if got := p.Resource("8001"); got != "resolved" {
		t.Errorf("when it is over it is %s", got)
	}
}
