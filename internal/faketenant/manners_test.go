package faketenant

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestByDefaultTheTenantMisbehavesOnceEachWayAndThenAnswers(t *testing.T) {
	tenant := start(t, Options{Manners: DefaultManners(), Directory: Directory{Applications: fill(9), ServicePrincipals: []ServicePrincipal{{ID: "p"}}}})
	v := visit(t, tenant)
	if response, body, err := v.ask("/v1.0/applications?$top=4"); err == nil || response.StatusCode != 200 || body == "" {
		t.Errorf("the first page came whole: %q %v", body, err)
	}
	first, status := v.page("/v1.0/applications?$top=4")
	if status != 200 || len(first.Value) != 4 {
		t.Errorf("the first page again: %d with %d applications", status, len(first.Value))
	}
	response, _, err := v.ask(first.Next)
	if err != nil || response.StatusCode != 429 || response.Header.Get("Retry-After") != "1" {
		t.Errorf("the second page: %v %v, want 429 with Retry-After", response.Status, err)
	}
	second, _ := v.page(first.Next)
	before := time.Now()
	if third, _ := v.page(second.Next); !slices.Equal(names(third), []string{"app-7", "app-8"}) || time.Since(before) < 200*time.Millisecond {
		t.Errorf("the third page came in %v with %v", time.Since(before), names(third))
	}
	if response, _, err = v.ask("/v1.0/servicePrincipals"); err != nil || response.StatusCode != 503 {
		t.Errorf("the service principals: %v %v, want 503", response.Status, err)
	}
	if _, status := v.page("/v1.0/servicePrincipals"); status != 200 {
		t.Errorf("the service principals again: %d", status)
	}
	var misbehaved []string
	for _, request := range tenant.Requests() {
		if request.Misbehaved != "" {
			misbehaved = append(misbehaved, request.Misbehaved)
		}
	}
	if want := []string{"first page cut short", "second page throttled", "third page slow", "service principals unavailable"}; !slices.Equal(misbehaved, want) {
		t.Errorf("the record names %q, want %q", misbehaved, want)
	}
}

func TestWhatATenantCanBeToldToAnswer(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer Answer
		want   func(*Tenant, *http.Response, string) bool
	}{
		{"any Retry-After", Throttled("-7"), func(_ *Tenant, r *http.Response, _ string) bool {
			return r.StatusCode == 429 && r.Header.Get("Retry-After") == "-7"
		}},
		{"no Retry-After", Throttled(""), func(_ *Tenant, r *http.Response, body string) bool {
			return r.StatusCode == 429 && r.Header["Retry-After"] == nil && strings.Contains(body, `"request-id":"`+r.Header.Get("request-id"))
		}},
		{"a body of the test's own", Reply(200, "application/json", "[]"), func(_ *Tenant, r *http.Response, body string) bool {
			return r.StatusCode == 200 && body == "[]" && r.Header.Get("Content-Type") == "application/json"
		}},
		{"nothing at all", Reply(204, "", ""), func(_ *Tenant, r *http.Response, body string) bool {
			return r.StatusCode == 204 && body == "" && r.Header["Content-Type"] == nil
		}},
		{"a hostile page", HTML(200), func(_ *Tenant, r *http.Response, body string) bool {
			return r.StatusCode == 200 && body == HostilePage && strings.HasPrefix(r.Header.Get("Content-Type"), "text/html")
		}},
		{"a challenge without quotes", ClaimsChallenge(), func(_ *Tenant, r *http.Response, _ string) bool {
			return r.StatusCode == 401 && r.Header.Get("WWW-Authenticate") == "Bearer claims=abc"
		}},
		{"an expired token", TokenExpired(), func(_ *Tenant, r *http.Response, body string) bool {
			return r.StatusCode == 401 && strings.Contains(body, "InvalidAuthenticationToken")
		}},
		{"a next link to itself", NextLink(""), func(tenant *Tenant, r *http.Response, body string) bool {
			return r.StatusCode == 200 && strings.HasSuffix(body, `,"@odata.nextLink":"`+tenant.GraphURL+`/v1.0/applications?$top=1"}`)
		}},
		{"a next link elsewhere", NextLink("https://elsewhere.example/v1.0"), func(_ *Tenant, _ *http.Response, body string) bool {
			return strings.HasSuffix(body, `}],"@odata.nextLink":"https://elsewhere.example/v1.0"}`)
		}},
		{"a redirect", Redirect("https://elsewhere.example"), func(_ *Tenant, r *http.Response, _ string) bool {
			return r.StatusCode == 307 && r.Header.Get("Location") == "https://elsewhere.example/v1.0/applications?$top=1"
		}},
		{"an edited page", Edited(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("Lapsewatch"), []byte("Else")) }), func(_ *Tenant, _ *http.Response, body string) bool {
			return strings.Contains(body, `"displayName":"Else"`)
		}},
		{"a huge page", Padded(5 << 20), func(_ *Tenant, _ *http.Response, body string) bool {
			return len(body) > 5<<20 && strings.HasSuffix(body, "}")
		}},
		{"an application deleted just before", Before(func(tenant *Tenant) {
			tenant.Change(func(d *Directory) { d.Applications = d.Applications[:1] })
		}), func(_ *Tenant, _ *http.Response, body string) bool { return !strings.Contains(body, "nextLink") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			tenant := start(t, Options{Directory: Directory{Applications: fill(1)}})
			v := visit(t, tenant)
			tenant.Misbehave(Manner{On: "/applications", Answer: test.answer})
			response, body, err := v.ask("/v1.0/applications?$top=1")
			if err != nil {
				t.Fatal(err)
			}
			if !test.want(tenant, response, body) {
				t.Errorf("the answer is %s %v %.300q", response.Status, response.Header, body)
			}
		})
	}
}

func TestAnEndlessPageGoesOn(t *testing.T) {
	tenant := start(t, Options{Manners: []Manner{{On: "/applications", Answer: Endless()}}})
	v := visit(t, tenant)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tenant.GraphURL+"/v1.0/applications", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := v.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.CopyN(io.Discard, response.Body, 20<<20); err != nil {
		t.Errorf("the page ended after %d bytes: %v", n, err)
	}
}

func TestTheLastPageFailsForEver(t *testing.T) {
	tenant := start(t, Options{Directory: Directory{Applications: fill(9)}, Manners: []Manner{
		{Name: "last page", On: "/applications", Page: LastPage, Times: Always, Answer: Unavailable("1")},
	}})
	v := visit(t, tenant)
	for range 2 {
		address, statuses := "/v1.0/applications?$top=4", []int{}
		for address != "" {
			got, status := v.page(address)
			statuses, address = append(statuses, status), got.Next
		}
		if !slices.Equal(statuses, []int{200, 200, 503}) {
			t.Errorf("the pages gave %v", statuses)
		}
	}
}

func TestMannersWaitForTheirTurn(t *testing.T) {
	tenant := start(t, Options{Manners: []Manner{
		{Name: "later", On: "/applications", After: 1, Times: 2, Answer: Unavailable("")},
		{Name: "elsewhere", On: "/owners", Answer: Unavailable("")},
	}})
	v := visit(t, tenant)
	var statuses []int
	for range 5 {
		_, status := v.page("/v1.0/applications")
		statuses = append(statuses, status)
	}
	if !slices.Equal(statuses, []int{200, 503, 503, 200, 200}) {
		t.Errorf("five requests gave %v", statuses)
	}
	tenant.ForgetRequests()
	if left := tenant.Requests(); len(left) != 0 {
		t.Errorf("the record still holds %v", left)
	}
}

func TestAnotherHostNameReachesTheSameTenant(t *testing.T) {
	tenant := start(t, Options{})
	v := visit(t, tenant)
	if _, status := v.page(tenant.OtherHostURL + "/v1.0/applications"); status != 200 {
		t.Errorf("by its other name: %d", status)
	}
	last := tenant.To("/applications")[0]
	if !strings.HasPrefix(last.Host, "localhost:") || !last.Authorized {
		t.Errorf("the record says host %s, authorized %v", last.Host, last.Authorized)
	}
}
