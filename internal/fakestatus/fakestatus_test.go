package fakestatus_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/fakestatus"
)

var at = time.Date(2026, time.November, 22, 8, 30, 0, 0, time.UTC)

// get asks a fake, and gives what it says.
func get(t *testing.T, fake http.Handler, url, token string) (status int, body string) {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, url, nil)
	request.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	fake.ServeHTTP(answer, request)
	if !json.Valid(answer.Body.Bytes()) && answer.Code != http.StatusNotFound {
		t.Errorf("%s answers with no JSON: %s", url, answer.Body)
	}
	return answer.Code, answer.Body.String()
}

func want(t *testing.T, body string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(body, part) {
			t.Errorf("%s lacks %s", body, part)
		}
	}
}

func TestOnePageIsServedInTheWordsOfEachSystem(t *testing.T) {
	t.Parallel()
	provider := fakestatus.New(fakestatus.Page{Name: "Rings", Updated: at, Indicator: "none", Components: []fakestatus.Component{{ID: "a", Name: "API", Status: "operational"}}})
	_, body := get(t, provider, "https://rings.example/api/v2/summary.json", "")
	want(t, body, `"description":"All Systems Operational"`, `"indicator":"none"`, `"updated_at":"2026-11-22T08:30:00.000Z"`, `"incidents":[]`)
	provider.Change(func(p *fakestatus.Page) {
		p.Indicator = "critical"
		p.Components[0].Status = "major_outage"
		p.Incidents = []fakestatus.Incident{{ID: "i", Name: "No power", Status: "investigating", Impact: "critical", Started: at, Components: []string{"a"}}}
	})
	for path, parts := range map[string][]string{
		"/api/v2/summary.json": {`"description":"Major Service Outage"`, `"status":"major_outage"`, `"shortlink":"https://rings.example/incidents/i"`},
		"/summary.json":        {`"status":"HASISSUES"`, `"impact":"MAJOROUTAGE"`, `"started":"Sun Nov 22 2026 08:30:00 GMT+0000 (Coordinated Universal Time)"`},
		"/api/v1/summary":      {`"current_worst_impact":"full_outage"`, `"affected_components":[{"group_name":null,"id":"a","name":"API"}]`},
	} {
		_, body := get(t, provider, "https://rings.example"+path, "")
		want(t, body, parts...)
	}
	if status, _ := get(t, provider, "https://rings.example/", ""); status != http.StatusNotFound {
		t.Errorf("another path answers %d", status)
	}
}

func TestAzureListsEventsPageByPageToWhoMayReadThem(t *testing.T) {
	t.Parallel()
	azure := &fakestatus.Azure{Subscription: "s", PageSize: 1, Accepts: func(token string) bool { return token == "right" }}
	azure.Set(fakestatus.Event{ID: "1", Status: "Active", Level: "Error", Service: "Storage", Region: "West US", RegionStatus: "Resolved", Others: []string{"East US"}}, fakestatus.Event{ID: "2", Level: "Informational"})
	const list = "https://management.example/subscriptions/s/providers/Microsoft.ResourceHealth/events?api-version=2022-10-01&queryStartTime=10/23/2026"
	for _, c := range []struct {
		token, url string
		reads      bool
		status     int
		says       string
	}{
		{"wrong", list, true, 401, "InvalidAuthenticationToken"},
		{"right", list, false, 403, "AuthorizationFailed"},
		{"right", strings.Replace(list, "/s/", "/t/", 1), true, 404, "SubscriptionNotFound"},
		{"right", strings.Replace(list, "2022", "2021", 1), true, 400, "InvalidApiVersionParameter"},
		{"right", strings.Replace(list, "10/23/2026", "2026-10-23", 1), true, 400, "InvalidQueryStartTime"},
	} {
		azure.Reads = c.reads
		status, body := get(t, azure, c.url, c.token)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s answers %d %s", c.url, status, body)
		}
	}
	azure.Reads = true
	var page struct {
		Value []struct{ Name string }
		Next  string `json:"nextLink"`
	}
	var names []string
	for url := list; url != ""; url = page.Next {
		_, body := get(t, azure, url, "right")
		page.Next = ""
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		names = append(names, page.Value[0].Name)
		if len(names) == 1 {
			want(t, body, `"eventLevel":"Error"`, `"level":"Critical"`, `"impactedRegions":[{"impactedRegion":"West US","status":"Resolved"},{"impactedRegion":"East US","status":"Active"}]`)
		}
	}
	if fmt.Sprint(names) != "[1 2]" {
		t.Errorf("listed %v", names)
	}
}
