package oauth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

const grantedBody = `{"access_token":"canary-access-token","token_type":"Bearer","expires_in":3600}`

// probe tries one sign-in by the secret at a server that answers so.
func probe(t *testing.T, answer vendortest.Answer, edit func(*oauth.SignIn)) (*world, watch.Fact, string) {
	t.Helper()
	w := newWorld(t)
	w.secrets["SECRET"] = "canary-secret-0123456789"
	server := clean(t, saysJSON(http.StatusOK, grantedBody))
	if answer != nil {
		server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: answer})
	}
	fact := w.collect(signInAt(server, edit)).byID["sign-in/crm"]
	if sent := len(server.Requests()); sent > 1 {
		t.Errorf("%d requests were sent", sent)
	}
	w.nothingOf([]string{"canary-secret-0123456789", "canary-access-token", "Y3JtLWNsaWVudDpjYW5hcnk"})
	return w, fact, server.URL
}

func TestEachRefusalHasItsClass(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		body   string
		reason watch.Reason
		want   string
	}{
		{"an expired secret, as Entra says it", 401, `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app 'x' are expired. Visit the portal."}`,
			watch.SignInSecretExpired, "the client secret has expired (AADSTS7000222)"},
		{"a wrong secret, as Entra says it", 401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`,
			watch.SignInClientRefused, "the client secret is wrong; want its value, not its ID (AADSTS7000215)"},
		{"an application that is disabled, as Entra says it", 400, `{"error":"unauthorized_client","error_description":"AADSTS7000112: Application is disabled."}`,
			watch.SignInNotAllowed, "the application is disabled (AADSTS7000112)"},
		{"an application that is unknown, as Entra says it", 400, `{"error":"unauthorized_client","error_description":"AADSTS700016: not found in the directory"}`,
			watch.SignInClientRefused, "the tenant has no such application (AADSTS700016)"},
		{"Conditional Access, as Entra says it", 400, `{"error":"invalid_grant","error_description":"AADSTS53003: blocked"}`,
			watch.SignInNotAllowed, "Conditional Access blocks it (AADSTS53003)"},
		{"a number of Entra's that nobody knows", 400, `{"error":"invalid_scope","error_description":"AADSTS1002012: not valid"}`,
			watch.SignInRefused, "a scope that it asks for is refused (invalid_scope: AADSTS1002012: not valid)"},
		{"a client that is not accepted", 400, `{"error":"invalid_client"}`, watch.SignInClientRefused, "its client is refused (invalid_client)"},
		{"an error with the status 200", 200, `{"error":"incorrect_client_credentials","error_description":"The client_id and/or client_secret passed are incorrect."}`,
			watch.SignInClientRefused, "its client is refused (incorrect_client_credentials: The client_id and/or client_secret passed are incorrect)"},
		{"a client that is not allowed the grant", 400, `{"error":"unauthorized_client"}`, watch.SignInNotAllowed, "its client is not allowed to (unauthorized_client)"},
		{"a grant that the server does not know", 400, `{"error":"unsupported_grant_type"}`, watch.SignInNotAllowed, "its client is not allowed to (unsupported_grant_type)"},
		{"access that is denied", 403, `{"error":"access_denied"}`, watch.SignInNotAllowed, "its client is not allowed to (access_denied)"},
		{"a scope", 400, `{"error":"invalid_scope","error_description":"no api:admin"}`, watch.SignInRefused, "a scope that it asks for is refused (invalid_scope: no api:admin)"},
		{"a resource", 400, `{"error":"invalid_target"}`, watch.SignInRefused, "a resource that it asks for is refused (invalid_target)"},
		{"a request", 400, `{"error":"invalid_request"}`, watch.SignInRefused, "it is refused (invalid_request)"},
		{"a grant without a refresh token", 400, `{"error":"invalid_grant"}`, watch.SignInRefused, "it is refused (invalid_grant)"},
		{"a code of its own", 400, `{"error":"consent_required"}`, watch.SignInRefused, "it is refused (consent_required)"},
		{"an error that is an object", 401, `{"error":{"code":"invalid_client","message":"unknown"}}`, watch.SignInClientRefused, "its client is refused (invalid_client: unknown)"},
		{"nothing but the status 401", 401, ``, watch.SignInClientRefused, "its client is refused (401 Unauthorized)"},
		{"a page with the status 401", 401, vendortest.HostilePage, watch.SignInClientRefused, "its client is refused (401 Unauthorized)"},
		{"a token beside an error", 200, `{"error":"invalid_scope","error_description":"here is canary-access-token","access_token":"canary-access-token"}`,
			watch.SignInRefused, "a scope that it asks for is refused (invalid_scope: here is <redacted>)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, fact, at := probe(t, vendortest.Reply(row.status, "application/json", row.body), nil)
			got, is := fact.(watch.Condition)
			if !is {
				t.Fatalf("it is no condition: %+v", fact)
			}
			checktest.Equal(t, "reason", got.Reason, row.reason)
			checktest.Equal(t, "text", got.Text, "cannot sign in at "+at+" as client crm-client: "+row.want)
			checktest.Equal(t, "next try", got.Details["next_try"], any("2026-11-22T07:00:00Z"))
		})
	}
}

func TestAChallengeSaysWhyToo(t *testing.T) {
	_, fact, at := probe(t, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("WWW-Authenticate", `Basic realm="x", error="invalid_client", error_description="the secret of the client has expired"`)
		w.WriteHeader(http.StatusUnauthorized)
	}, nil)
	got, _ := fact.(watch.Condition)
	checktest.Equal(t, "reason", got.Reason, watch.SignInSecretExpired)
	checktest.Equal(t, "text", got.Text, "cannot sign in at "+at+" as client crm-client: its client secret has expired (invalid_client: the secret of the client has expired)")
}

func TestWhatSaysNothingOfTheClientIsNoRefusal(t *testing.T) {
	page := " with a web page: a login page, a proxy, or something else stands at this address"
	for _, row := range []struct {
		name   string
		answer vendortest.Answer
		reason watch.Reason
		want   string
	}{
		{"a server that is down", vendortest.Status(503, "120"), watch.Unreadable, "it answered 503 Service Unavailable"},
		{"a fault of the server", vendortest.Reply(500, "application/json", `{"error":"server_error","error_description":"oops"}`), watch.Unreadable, "it answered 500 Internal Server Error: server_error: oops"},
		{"a server that is not there for a while", vendortest.Reply(400, "application/json", `{"error":"temporarily_unavailable"}`), watch.Unreachable, "the server has a fault of its own (temporarily_unavailable)"},
		{"a server that is asked too often", vendortest.Status(429, "60"), watch.Throttled, "it answered 429 Too Many Requests"},
		{"a server that says so in its own words", vendortest.Reply(400, "application/json", `{"error":"slow_down"}`), watch.Throttled, "the server is asked too often (slow_down)"},
		{"a login page", vendortest.Page(200), watch.Unparsable, "it answered 200 OK" + page},
		{"a page that says no", vendortest.Page(403), watch.PermissionDenied, "it answered 403 Forbidden" + page},
		{"no such path", vendortest.Page(404), watch.NotFound, "it answered 404 Not Found" + page},
		{"a bad request in plain words", vendortest.Reply(400, "text/plain", "no"), watch.Unreadable, `it answered 400 Bad Request`},
		{"text", vendortest.Reply(200, "text/plain", "hello"), watch.Unparsable, "it answered 200 OK with what is no JSON object"},
		{"nothing", vendortest.Reply(200, "application/json", ""), watch.Unparsable, "it answered 200 OK with what is no JSON object"},
		{"no token", vendortest.Reply(200, "application/json", `{"token_type":"Bearer"}`), watch.Unparsable, "it answered 200 OK without an access token"},
		{"a token that is a list", vendortest.Reply(200, "application/json", `{"access_token":["a"]}`), watch.Unparsable, "it answered 200 OK without an access token"},
		{"what is nested without end", vendortest.Reply(200, "application/json", strings.Repeat(`{"a":`, 20_000)), watch.Unparsable, "it answered 200 OK with what is no JSON object"},
		{"an answer without end", vendortest.Endless(), watch.TooLarge, "the answer is larger than 1048576 bytes"},
		{"an answer that is cut off", vendortest.CutShort(), watch.Unreadable, "the server closed the connection"},
		{"a way elsewhere", vendortest.Redirect("https://127.0.0.1:1"), watch.Unreadable, "it answered 307 Temporary Redirect, which leads elsewhere and is not followed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, fact, at := probe(t, row.answer, nil)
			got, is := fact.(watch.Problem)
			if !is {
				t.Fatalf("it is no problem: %+v", fact)
			}
			checktest.Equal(t, "reason", got.Reason, row.reason)
			checktest.Equal(t, "error", got.Err.Error(), "sign in at "+at+" as client crm-client: "+row.want)
			checktest.Equal(t, "confined", got.Confined, true)
		})
	}
}

func TestAServerThatRepeatsWhatItWasSentGivesNothingAway(t *testing.T) {
	_, fact, _ := probe(t, vendortest.Echo(401), nil)
	if got, is := fact.(watch.Condition); !is || !strings.Contains(got.Text, "<redacted>") {
		t.Errorf("it tells %+v", fact)
	}
}

func TestAServerThatCannotBeReachedIsNoRefusal(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"] = "canary-secret-0123456789"
	server := clean(t, saysJSON(200, grantedBody))
	options := signInAt(server, func(s *oauth.SignIn) { s.TokenURL = "https://127.0.0.1:1/token" })
	got := w.collect(options).problem("sign-in/crm")
	checktest.Equal(t, "reason", got.Reason, watch.Refused)
	options.CAFile = ""
	options.SignIns[0].TokenURL = server.URL + "/token"
	got = w.collect(options).problem("sign-in/crm")
	checktest.Equal(t, "reason", got.Reason, watch.UntrustedIssuer)
	checktest.Equal(t, "requests", len(server.Requests()), 0)
}

func TestLivesThatCannotBeAreTold(t *testing.T) {
	for _, row := range []struct{ life, want string }{
		{`3600`, "signs in: answered in N ms, token of 60 min"},
		{`3599.9`, "signs in: answered in N ms, token of 59 min"},
		{`"3600"`, "signs in: answered in N ms, token of 60 min"},
		{`null`, "signs in: answered in N ms, token of a life that is not said"},
		{`0`, "signs in: answered in N ms, token of a life that is not said"},
		{`-1`, "signs in, but its answer's expires_in is -1 and no number of seconds to believe"},
		{`1e300`, "signs in, but its answer's expires_in is 1e300 and no number of seconds to believe"},
		{`"NaN"`, `signs in, but its answer's expires_in is "NaN" and no number of seconds to believe`},
		{`"soon"`, `signs in, but its answer's expires_in is "soon" and no number of seconds to believe`},
		{`true`, "signs in, but its answer's expires_in is true and no number of seconds to believe"},
		{`{"seconds":5}`, `signs in, but its answer's expires_in is {"seconds":5} and no number of seconds to believe`},
		{`[[[[3600]]]]`, "signs in, but its answer's expires_in is [[[[3600]]]] and no number of seconds to believe"},
		{`99999999999999999999999999`, "signs in, but its answer's expires_in is 99999999999999999999999999 and no number of seconds to believe"},
	} {
		t.Run(row.life, func(t *testing.T) {
			_, fact, _ := probe(t, vendortest.Reply(200, "application/json", fmt.Sprintf(`{"access_token":"canary-access-token","expires_in":%s}`, row.life)), nil)
			got, _ := fact.(watch.Condition)
			matches(t, "text", got.Text, row.want)
			want := watch.Reason("")
			if strings.Contains(row.want, "believe") {
				want = watch.ClaimsMalformed
			}
			checktest.Equal(t, "reason", got.Reason, want)
		})
	}
}

func TestASlowServerIsTold(t *testing.T) {
	_, fact, _ := probe(t, vendortest.Slow(150*time.Millisecond), func(s *oauth.SignIn) { s.LatencyLimit = watch.Duration(100 * time.Millisecond) })
	got, _ := fact.(watch.Condition)
	checktest.Equal(t, "reason", got.Reason, watch.SignInSlow)
	matches(t, "text", got.Text, "signs in, but it took N ms, longer than the 100ms of latency_limit")
}

func TestTheClockOfTheServerIsCompared(t *testing.T) {
	for _, row := range []struct {
		name   string
		off    time.Duration
		reason watch.Reason
		want   string
	}{
		{"right", 0, "", "signs in: answered in N ms, token of 60 min"},
		{"half a minute ahead", 30 * time.Second, "", "signs in: answered in N ms, token of 60 min"},
		{"an hour ahead", time.Hour + 5*time.Minute, watch.ClockDrift, "ahead: whoever verifies its tokens refuses them until then"},
		{"an hour behind", -time.Hour - 5*time.Minute, watch.ClockDrift, "behind"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, fact, _ := probe(t, func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
				w.Header().Set("Date", time.Now().Add(row.off).UTC().Format(http.TimeFormat))
				usual.ServeHTTP(w, r)
			}, nil)
			got, _ := fact.(watch.Condition)
			checktest.Equal(t, "reason", got.Reason, row.reason)
			if row.reason == "" {
				matches(t, "text", got.Text, row.want)
			} else if !strings.HasPrefix(got.Text, "signs in, but the server's clock is 1 h") || !strings.HasSuffix(got.Text, row.want) {
				t.Errorf("the text is %q", got.Text)
			}
		})
	}
}

func TestTheRequestIsThatOfTheStandard(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"] = "s:e c%ret"
	server := clean(t, saysJSON(200, grantedBody))
	w.collect(signInAt(server, func(s *oauth.SignIn) {
		s.ClientID, s.Scopes, s.Resources, s.Audience = "id with:colon", []string{"a", "b"}, []string{"https://one.example", "https://two.example"}, "api"
		s.Parameters = []oauth.Parameter{{Name: "tenant", Value: "x"}}
	}))
	sent := server.To("/token")[0]
	checktest.Equal(t, "method", sent.Method, http.MethodPost)
	checktest.Equal(t, "type", sent.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	checktest.Equal(t, "authorization", sent.Header.Get("Authorization"), "Basic aWQrd2l0aCUzQWNvbG9uOnMlM0FlK2MlMjVyZXQ=") // id+with%3Acolon:s%3Ae+c%25ret
	checktest.Equal(t, "body", string(sent.Body), "audience=api&grant_type=client_credentials&resource=https%3A%2F%2Fone.example&resource=https%3A%2F%2Ftwo.example&scope=a+b&tenant=x")
}
