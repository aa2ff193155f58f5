package msgraph

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/microsoftgraph/msgraph-sdk-go/applications"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

func TestAWalkSeesEveryApplicationWithTheHeadersOnEachPage(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(250))
	got := walk(t, newWorld().open(t, at(t, server)))
	if got.err != nil || len(got.appIDs) != 251 || len(got.broken) > 0 {
		t.Fatalf("%d applications, %d broken, %v", len(got.appIDs), len(got.broken), got.err)
	}
	pages := server.To("/applications")
	if len(pages) != 3 || len(server.To("/token")) != 1 {
		t.Errorf("%d pages and %d sign-ins, want 3 and 1", len(pages), len(server.To("/token")))
	}
	for _, page := range pages {
		if page.Header.Get("ConsistencyLevel") != "eventual" || page.Header.Get("User-Agent") != "lapsewatch" || !page.Authorized {
			t.Errorf("a page was asked for with %v", page.Header)
		}
	}
}

func TestF10_WhatHealsIsRetriedUntilTheListIsComplete(t *testing.T) {
	t.Parallel()
	reply := func(status int) faketenant.Answer {
		return faketenant.Reply(status, "application/json", `{"error":{"code":"serviceError","message":"an accident"}}`)
	}
	for name, manners := range map[string][]faketenant.Manner{
		"429 on the second page":            {{On: "/applications", Page: 2, Times: 4, Answer: faketenant.Throttled("1")}},
		"429 without a Retry-After":         {{On: "/applications", Page: 1, Answer: faketenant.Throttled("")}},
		"503 on the last page":              {{On: "/applications", Page: faketenant.LastPage, Times: 2, Answer: faketenant.Unavailable("2")}},
		"500, 502, 504 and 408 in a row":    {{On: "/applications", Answer: reply(500)}, {On: "/applications", Answer: reply(502)}, {On: "/applications", Answer: reply(504)}, {On: "/applications", Answer: reply(408)}},
		"a page cut short":                  {{On: "/applications", Page: 2, Times: 3, Answer: faketenant.CutShort()}},
		"a token that expires mid-list":     {{On: "/applications", Page: 2, Answer: faketenant.TokenExpired()}},
		"a token revoked mid-list, twice":   {{On: "/applications", Page: 2, Answer: faketenant.TokenExpired()}, {On: "/applications", Page: 3, Answer: faketenant.TokenExpired()}},
		"an unquoted claims challenge once": {{On: "/applications", Page: 3, Answer: faketenant.ClaimsChallenge()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := many(250)
			options.Manners = manners
			server := tenant(t, options)
			if got := walk(t, newWorld().open(t, at(t, server))); got.err != nil || len(got.appIDs) != 251 {
				t.Errorf("%d applications, %v", len(got.appIDs), got.err)
			}
		})
	}
}

func TestF10_AListThatCannotBeCompletedSaysSo(t *testing.T) {
	t.Parallel()
	replied := func(body string) faketenant.Answer { return faketenant.Reply(200, "application/json", body) }
	for name, row := range map[string]struct {
		page   int
		answer faketenant.Answer
		reason watch.Reason
		want   string
	}{
		"503 on the last page for ever": {faketenant.LastPage, faketenant.Unavailable(""), watch.Unreadable, "list applications, page 3: The service is temporarily unavailable.; tried 5 times (ServiceUnavailable, request id "},
		"throttled for ever":            {2, faketenant.Throttled(""), watch.Throttled, "list applications, page 2: Too many requests.; tried 5 times (TooManyRequests, request id "},
		"a link to the same page":       {1, faketenant.NextLink(""), watch.Incomplete, "list applications, page 2: the list leads back to a page that was read already"},
		"a link to another version":     {1, faketenant.NextLink("SELF/beta/applications"), watch.Incomplete, "list applications, page 1: the link to the next page leads away from /v1.0, to /beta"},
		"a link that is none":           {1, faketenant.NextLink("https://%zz"), watch.Incomplete, "list applications, page 1: the link to the next page cannot be parsed"},
		"a relative link":               {1, faketenant.NextLink("/v1.0/applications?$skiptoken=x"), watch.Incomplete, "list applications, page 1: the link to the next page leads away from "},
		"an object without a list":      {1, replied(`{}`), watch.Incomplete, "list applications, page 1: the answer holds no list, not even an empty one (status 200)"},
		"a list that is null":           {2, replied(`{"value":null}`), watch.Incomplete, "list applications, page 2: the answer holds no list, not even an empty one (status 200)"},
		"a bare array":                  {1, replied(`[]`), watch.Unparsable, "list applications, page 1: the answer is no page of a list: "},
		"no JSON":                       {1, replied(`{"value":[`), watch.Unparsable, "list applications, page 1: the answer is no page of a list: "},
		"nothing at all":                {1, replied(``), watch.Unparsable, "list applications, page 1: it answers without content (status 200)"},
		"204":                           {1, faketenant.Reply(204, "", ""), watch.Unparsable, "list applications, page 1: it answers without content (status 204)"},
		"a captive portal":              {1, faketenant.HTML(200), watch.Unparsable, "list applications, page 1: it answers with text/html where JSON belongs; a proxy or a sign-in page may stand in between (status 200)"},
		"a proxy's page of errors":      {1, faketenant.HTML(403), watch.PermissionDenied, "list applications, page 1: it answers with text/html where JSON belongs; a proxy or a sign-in page may stand in between (status 403)"},
		"400 without a message":         {1, faketenant.Reply(400, "application/json", `{"error":{"code":"Request_BadRequest"}}`), watch.Unreadable, "list applications, page 1: it answers bad request (Request_BadRequest)"},
		"404":                           {1, faketenant.Reply(404, "application/json", `{"error":{"code":"Request_ResourceNotFound","message":"gone"}}`), watch.NotFound, "list applications, page 1: gone (Request_ResourceNotFound)"},
		"an error that is a string":     {1, faketenant.Reply(400, "application/json", `{"error":"no"}`), watch.Unreadable, "list applications, page 1: it answers bad request (status 400)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := tenant(t, many(250))
			answer := row.answer
			if name == "a link to another version" {
				answer = faketenant.NextLink(server.GraphURL + "/beta/applications")
			}
			server.Misbehave(faketenant.Manner{On: "/applications", Page: row.page, Times: faketenant.Always, Answer: answer})
			got := walk(t, newWorld().open(t, at(t, server)))
			failure, ok := errors.AsType[*Failure](got.err)
			if !ok || failure.Reason != row.reason || !strings.HasPrefix(failure.Error(), row.want) {
				t.Errorf("got  %v\nwant %s…, reason %s", got.err, row.want, row.reason)
			}
		})
	}
}

func TestAnEmptyListIsNoFailure(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(0))
	server.Misbehave(faketenant.Manner{On: "/applications", Answer: faketenant.Reply(200, "application/json", `{"value":[]}`)})
	if got := walk(t, newWorld().open(t, at(t, server))); got.err != nil || len(got.appIDs) != 0 {
		t.Errorf("%d applications, %v", len(got.appIDs), got.err)
	}
}

func TestF10_ANextLinkToAnotherHostGetsNeitherRequestNorToken(t *testing.T) {
	t.Parallel()
	server, elsewhere := tenant(t, many(250)), tenant(t, many(1))
	for name, link := range map[string]string{
		"another server":           elsewhere.GraphURL + "/v1.0/applications",
		"another name of the same": server.OtherHostURL + "/v1.0/applications?$skiptoken=x",
		"http":                     strings.Replace(server.GraphURL, "https", "http", 1) + "/v1.0/applications",
		"a user in front of @":     strings.Replace(server.GraphURL, "https://", "https://graph@", 1) + "/v1.0/applications",
	} {
		server.Misbehave(faketenant.Manner{On: "/applications", Page: 1, Answer: faketenant.NextLink(link)})
		server.ForgetRequests()
		got := walk(t, newWorld().open(t, at(t, server)))
		failure, _ := errors.AsType[*Failure](got.err)
		if failure == nil || failure.Reason != watch.Incomplete || !strings.Contains(got.err.Error(), "list applications, page 1: the link to the next page leads away from ") {
			t.Errorf("%s: %v", name, got.err)
		}
		if pages := server.To("/applications"); len(pages) != 1 || len(elsewhere.Requests()) != 0 {
			t.Errorf("%s: %d pages, and %d requests elsewhere", name, len(pages), len(elsewhere.Requests()))
		}
	}
}

func TestF10_OneBrokenDateHidesNoOtherApplication(t *testing.T) {
	t.Parallel()
	options := many(150)
	options.Directory.Applications = []faketenant.Application{
		{ID: "1", AppID: "broken-date", PasswordCredentials: []faketenant.PasswordCredential{{KeyID: "77777777-2222-4333-8444-555555555555", EndDateTime: "soon"}}},
		{ID: "2", AppID: "broken-key-id", PasswordCredentials: []faketenant.PasswordCredential{{KeyID: "one", EndDateTime: "2027-01-01T00:00:00Z"}}},
		{ID: "3", AppID: "no-date", PasswordCredentials: []faketenant.PasswordCredential{{KeyID: "77777777-2222-4333-8444-555555555556"}}},
		{ID: "4", AppID: "last-date", PasswordCredentials: []faketenant.PasswordCredential{{KeyID: "77777777-2222-4333-8444-555555555557", EndDateTime: "9999-12-31T23:59:59Z"}}},
	}
	server := tenant(t, options)
	got := walk(t, newWorld().open(t, at(t, server)))
	if got.err != nil || len(got.appIDs) != 153 || !got.appIDs["no-date"] || !got.appIDs["last-date"] {
		t.Errorf("%d applications, %v", len(got.appIDs), got.err)
	}
	if len(got.broken) != 2 || !strings.Contains(got.broken[0], `"appId":"broken-date"`) || !strings.Contains(got.broken[1], `"appId":"broken-key-id"`) {
		t.Errorf("broken: %q", got.broken)
	}
	if pages := len(server.To("/applications")); pages != 2 {
		t.Errorf("%d requests for 2 pages", pages)
	}
}

func TestItemsThatAreNoObjectsAreBroken(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(0))
	server.Misbehave(faketenant.Manner{On: "/applications", Answer: faketenant.Reply(200, "application/json", `{"value":[null,7,"x",[],{"appId":"good"},{"appId":{"a":1}}]}`)})
	client := newWorld().open(t, at(t, server))
	var good []string
	broken := 0
	err := apps(t, client).Each(t.Context(), client, func(app models.Applicationable) error {
		if id := app.GetAppId(); id != nil {
			good = append(good, *id)
		}
		return nil
	}, func([]byte, error) { broken++ })
	if err != nil || !slices.Equal(good, []string{"good"}) || broken == 0 {
		t.Errorf("%v good, %d broken, %v", good, broken, err)
	}
}

func TestAnErrorOfTheCallerEndsTheWalk(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(250))
	client, enough := newWorld().open(t, at(t, server)), errors.New("enough")
	err := apps(t, client).Each(t.Context(), client, func(models.Applicationable) error { return enough }, func([]byte, error) {})
	if !errors.Is(err, enough) || len(server.To("/applications")) != 1 {
		t.Errorf("%v after %d pages", err, len(server.To("/applications")))
	}
}

func TestTheEndOfTheContextIsNoFailureOfGraph(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(250))
	ctx, cancel := context.WithCancel(t.Context())
	server.Misbehave(faketenant.Manner{On: "/applications", Page: 2, Answer: faketenant.Before(func(*faketenant.Tenant) { cancel() })})
	got := walkWith(t, ctx, newWorld().open(t, at(t, server)))
	if _, is := errors.AsType[*Failure](got.err); is || !errors.Is(got.err, context.Canceled) || !strings.HasPrefix(got.err.Error(), "list applications, page 2: ") {
		t.Errorf("got %v", got.err)
	}
}

func TestBetaEndpointsAreReadAsJSON(t *testing.T) {
	t.Parallel()
	type row struct {
		KeyID string `json:"keyId"`
	}
	server := tenant(t, many(0))
	server.Grant(ownApp, "AuditLog.Read.All")
	server.Change(func(d *faketenant.Directory) {
		for i := range 3 {
			d.SignIns = append(d.SignIns, faketenant.CredentialSignIn{KeyID: fmt.Sprint("key-", i)})
		}
	})
	client := newWorld().open(t, at(t, server))
	var keys []string
	err := Listing[row]{Of: "sign-ins", First: client.Get("beta", "/reports/appCredentialSignInActivities", url.Values{"$top": {"2"}}), Read: Document[row]}.
		Each(t.Context(), client, func(r row) error { keys = append(keys, r.KeyID); return nil }, func([]byte, error) {})
	if err != nil || !slices.Equal(keys, []string{"key-0", "key-1", "key-2"}) {
		t.Errorf("%v, %v", keys, err)
	}
	var one struct{ DisplayName string }
	if err := client.GetJSON(t.Context(), "read the own application", client.Get("v1.0", "/applications/99999999-2222-4333-8444-555555555555", nil), &one); err != nil || one.DisplayName != "lapsewatch" {
		t.Errorf("%q, %v", one.DisplayName, err)
	}
	err = client.GetJSON(t.Context(), "read the policy", client.Get("v1.0", "/policies/defaultAppManagementPolicy", nil), &one)
	failure, _ := errors.AsType[*Failure](err)
	if failure == nil || failure.Reason != watch.PermissionDenied || failure.Status != 403 || failure.Code != "Authorization_RequestDenied" || failure.RequestID == "" || !strings.HasPrefix(err.Error(), "read the policy: Insufficient privileges to complete the operation. (Authorization_RequestDenied, request id ") {
		t.Errorf("%v", err)
	}
}

func TestTheSDKsOwnCallsGetFailuresAndNeverPanic(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(3))
	client := newWorld().open(t, at(t, server))
	builder := applications.NewApplicationsRequestBuilderInternal(map[string]string{"baseurl": client.BaseURL("v1.0")}, client.Adapter())
	page, err := builder.Get(t.Context(), nil)
	if err != nil || len(page.GetValue()) != 4 {
		t.Fatalf("%v, %v", page, err)
	}
	for name, answer := range map[string]faketenant.Answer{
		"an error without a message":       faketenant.Reply(400, "application/json", `{"error":{"code":"x"}}`),
		"an empty error":                   faketenant.Reply(400, "application/json", `{}`),
		"a claims challenge without quote": faketenant.ClaimsChallenge(),
		"204":                              faketenant.Reply(204, "", ""),
		"HTML":                             faketenant.HTML(200),
	} {
		server.Misbehave(faketenant.Manner{On: "/applications", Times: faketenant.Always, Answer: answer})
		_, err := builder.Get(t.Context(), nil)
		if failure, ok := errors.AsType[*Failure](err); !ok || failure.Doing == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRetriesUseOneConnection(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"over HTTP/1.1": false, "over HTTP/2": true} {
		t.Run(name, func(t *testing.T) { testConnections(t, http2) })
	}
}

func testConnections(t *testing.T, http2 bool) {
	options := many(450)
	options.Manners = []faketenant.Manner{
		{On: "/applications", Page: 1, Times: 4, Answer: faketenant.Throttled("1")},
		{On: "/applications", Page: 3, Times: 4, Answer: faketenant.Unavailable("1")},
		{On: "/applications", Page: 5, Times: 4, Answer: faketenant.Throttled("1")},
	}
	server := tenant(t, options)
	var dials int
	var mu sync.Mutex
	client := newWorld().open(t, at(t, server), func(env *Env) {
		transport := countingTransport(&dials, &mu)
		transport.TLSClientConfig = &tls.Config{} // the shared one offers HTTP/2 by now
		transport.Protocols = &http.Protocols{}
		transport.Protocols.SetHTTP1(!http2)
		transport.Protocols.SetHTTP2(http2)
		env.HTTP = httpClient(transport)
	})
	if got := walk(t, client); got.err != nil || len(got.appIDs) != 451 {
		t.Fatalf("%d applications, %v", len(got.appIDs), got.err)
	}
	if requests := len(server.To("/applications")); requests != 17 || dials != 1 {
		t.Errorf("%d requests over %d connections, want 17 over 1", requests, dials)
	}
}
