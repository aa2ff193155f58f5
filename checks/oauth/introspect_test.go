package oauth_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// about asks a fake about a token, as of 2026-11-22T06:00:00Z (1795327200).
func about(t *testing.T, answer http.HandlerFunc, edit func(*oauth.Introspection)) (watch.Fact, *vendortest.Server) {
	t.Helper()
	w := newWorld(t)
	w.secrets["SECRET"], w.secrets["TOKEN"] = "canary-secret-0123456789", "canary-token-0123456789"
	server := clean(t, answer)
	one := oauth.Introspection{Entry: named("batch"), Client: oauth.Client{ClientID: "watch", Secret: env("SECRET")}, IntrospectionURL: server.URL + "/introspect", Token: env("TOKEN")}
	if edit != nil {
		edit(&one)
	}
	got := w.collect(oauth.Options{Introspections: []oauth.Introspection{one}, CAFile: server.CAFile})
	w.nothingOf([]string{"canary-"})
	return got.byID["token/batch"], server
}

func TestTheDateOfATokenIsReadHoweverItIsWritten(t *testing.T) {
	end := time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		exp  string
		want time.Time
		// malformed is told where there is no date.
		malformed string
	}{
		{"1796083200", end, ""},
		{"1796083200.5", end.Add(500 * time.Millisecond), ""},
		{"1.7960832e9", end, ""},
		{"null", time.Time{}, ""},
		{`"1796083200"`, time.Time{}, `token is active, but nobody can tell until when: its exp is the string "1796083200" and no number of seconds since 1970`},
		{`"tomorrow"`, time.Time{}, `token is active, but nobody can tell until when: its exp is the string "tomorrow" and no number of seconds since 1970`},
		{"1e300", time.Time{}, "token is active, but nobody can tell until when: its exp is 1e300, which lies after the year 9999"},
		{"-5", time.Time{}, "token is active, but nobody can tell until when: its exp is -5, which lies before 1970"},
		{"[1796083200]", time.Time{}, "token is active, but nobody can tell until when: its exp is a list and no number of seconds since 1970"},
		{"1796083200000", time.Time{}, "token is active, but nobody can tell until when: its exp is 1796083200000, which lies after the year 9999; taken as milliseconds it is 2026-12-01 00:00 UTC"},
	} {
		t.Run(row.exp, func(t *testing.T) {
			fact, _ := about(t, saysJSON(200, fmt.Sprintf(`{"active":true,"iat":1795300000,"exp":%s}`, row.exp)), nil)
			if row.malformed != "" {
				got, _ := fact.(watch.Condition)
				checktest.Equal(t, "reason", got.Reason, watch.ClaimsMalformed)
				checktest.Equal(t, "text", got.Text, row.malformed)
				return
			}
			got, is := fact.(watch.Credential)
			if !is {
				t.Fatalf("it tells %+v", fact)
			}
			if d := got.NotAfter.Sub(row.want); d.Abs() > time.Microsecond {
				t.Errorf("the date is %s, want %s", got.NotAfter, row.want)
			}
			checktest.Equal(t, "since", got.NotBefore, time.Unix(1795300000, 0).UTC())
		})
	}
}

func TestATokenOfTheFutureIsTold(t *testing.T) {
	fact, _ := about(t, saysJSON(200, `{"active":true,"iat":1795334400,"exp":1796083200}`), nil) // two hours ahead
	got, _ := fact.(watch.Credential)
	want := watch.Observation{Reason: watch.ClockDrift, Text: "is dated 2 h 0 min ahead: the clock of whoever issued it is wrong, or it is not meant to be used yet"}
	if len(got.Observations) != 1 || got.Observations[0].Reason != want.Reason {
		t.Fatalf("it tells %+v, want %+v", got.Observations, want)
	}
	fact, _ = about(t, saysJSON(200, `{"active":true,"nbf":1795327230,"exp":1796083200}`), nil) // half a minute ahead
	got, _ = fact.(watch.Credential)
	checktest.Equal(t, "observations", len(got.Observations), 0)
	checktest.Equal(t, "since", got.NotBefore, asOf)
}

func TestWhatSaysNothingOfATokenIsAProblem(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		reason watch.Reason
		want   string
	}{
		{"an empty object", saysJSON(200, `{}`), watch.Unparsable, `it answered 200 OK without saying whether the token is "active" (RFC 7662, 2.2)`},
		{"a text in place of a boolean", saysJSON(200, `{"active":"true"}`), watch.Unparsable, `it answered 200 OK without saying whether the token is "active" (RFC 7662, 2.2)`},
		{"an error with the status 200", saysJSON(200, `{"error":"invalid_request"}`), watch.Unparsable, `it answered 200 OK without saying whether the token is "active" (RFC 7662, 2.2)`},
		{"a page", says(200, "text/html", vendortest.HostilePage), watch.Unparsable, "it answered 200 OK with a web page: a login page, a proxy, or something else stands at this address"},
		{"a client that is refused", saysJSON(401, `{"error":"invalid_client","error_description":"who?"}`), watch.AuthFailed, "the client that asks is refused (invalid_client: who?)"},
		{"a client that is refused without words", says(401, "text/plain", ""), watch.AuthFailed, "the client that asks is refused (401 Unauthorized)"},
		{"a right that is missing", saysJSON(403, `{"error":"access_denied"}`), watch.PermissionDenied, "it answered 403 Forbidden: access_denied"},
		{"no such path", says(404, "text/html", vendortest.HostilePage), watch.NotFound, "it answered 404 Not Found with a web page: a login page, a proxy, or something else stands at this address"},
		{"too many questions", says(429, "text/plain", ""), watch.Throttled, "it answered 429 Too Many Requests"},
	} {
		t.Run(row.name, func(t *testing.T) {
			fact, server := about(t, row.answer, nil)
			got, is := fact.(watch.Problem)
			if !is {
				t.Fatalf("it tells %+v", fact)
			}
			checktest.Equal(t, "reason", got.Reason, row.reason)
			checktest.Equal(t, "error", got.Err.Error(), "ask "+server.URL+" about the token: "+row.want)
			checktest.Equal(t, "confined", got.Confined, true)
		})
	}
}

func TestAMomentsOutageOfIntrospectionIsWaitedOut(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"], w.secrets["TOKEN"] = "canary-secret-0123456789", "canary-token-0123456789"
	server := vendortest.Start(t, saysJSON(200, `{"active":true,"exp":1796083200,"scope":["a","b"]}`)) // with its faults
	one := oauth.Introspection{Entry: named("batch"), Client: oauth.Client{ClientID: "watch", Secret: env("SECRET")}, IntrospectionURL: server.URL + "/introspect", Token: env("TOKEN"), TokenTypeHint: "access_token", ExpectScopes: []string{"b"}}
	got := w.collect(oauth.Options{Introspections: []oauth.Introspection{one}, CAFile: server.CAFile}).credential("token/batch")
	checktest.Equal(t, "observations", len(got.Observations), 0)
	sent := server.Requests()
	checktest.Equal(t, "body", string(sent[len(sent)-1].Body), "token=canary-token-0123456789&token_type_hint=access_token")
}
