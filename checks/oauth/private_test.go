package oauth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestNoTokenOfAnAnswerIsShownWhateverItsStatus(t *testing.T) {
	const body = `{"access_token":"canary-access-0123456789","refresh_token":"canary-refresh-0001","data":{"deviceToken":"canary-device-0123"},
		"message":"here is canary-refresh-0001"%s}`
	for _, status := range []int{200, 201, 202, 301, 400, 401, 403, 404, 409, 429, 500, 503} {
		for _, also := range []string{"", `,"error":"odd","error_description":"have canary-access-0123456789 and canary-device-0123"`, `,"error":{"code":"odd","message":"canary-access-0123456789"}`} {
			t.Run(fmt.Sprint(status, also), func(t *testing.T) {
				t.Parallel() // some are asked again after a pause
				r := newRefreshing(t)
				r.current = "somebody-else's" // the answers are those below
				r.secrets["TOKEN"] = "canary-token-0123456789"
				r.server.Misbehave(always(vendortest.Reply(status, "application/json", fmt.Sprintf(body, also))))
				options := r.options(nil)
				plain := signInAt(r.server, nil).SignIns[0]
				plain.Name = "plain"
				options.SignIns = append(options.SignIns, plain)
				options.Introspections = []oauth.Introspection{{Entry: named("asked"), Client: plain.Client, IntrospectionURL: r.server.URL + "/introspect", Token: env("TOKEN")}}
				r.collect(options)
				r.collect(options)
				r.end()
			})
		}
	}
}

func TestAnAnswerWithoutWordsIsToldByItsStatus(t *testing.T) {
	for status, want := range map[int]string{201: "it answered 201 Created", 400: "it answered 400 Bad Request", 500: "it answered 500 Internal Server Error"} {
		_, fact, at := probe(t, vendortest.Reply(status, "application/json", grantedBody), nil)
		got, _ := fact.(watch.Problem)
		checktest.Equal(t, "error", got.Err.Error(), "sign in at "+at+" as client crm-client: "+want)
	}
}

// Of what a server sends, nothing is taken for a secret before it is read.
func TestASecretThatIsAWordOfTheAnswerGarblesNothing(t *testing.T) {
	for _, secret := range []string{"refresh", "access", "canary-refresh", "refresh_token", "expires_in"} {
		r := newRefreshing(t)
		r.secrets["SECRET"] = secret
		reason, text := r.told(nil)
		checktest.Equal(t, text, reason, "")
		checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0001")
		checktest.Equal(t, "store", content(t, r.store), r.current)
	}
	w := newWorld(t)
	w.secrets["SECRET"] = "invalid_client"
	server := clean(t, saysJSON(http.StatusUnauthorized, refusedBody))
	got := w.collect(signInAt(server, nil)).condition("sign-in/crm")
	checktest.Equal(t, "reason", got.Reason, watch.SignInClientRefused)
	if !strings.HasSuffix(got.Text, ": its client is refused (<redacted>)") {
		t.Errorf("it tells %q", got.Text)
	}
}

func TestATextWithoutEndIsNeitherShownNorSearched(t *testing.T) {
	long := strings.Repeat("canary-secret-0123456789 ", 40_000)
	_, fact, at := probe(t, vendortest.Reply(400, "application/json", object(t, map[string]string{"error": "invalid_client", "error_description": long})), nil)
	got, _ := fact.(watch.Condition)
	checktest.Equal(t, "text", got.Text, "cannot sign in at "+at+" as client crm-client: its client is refused (invalid_client: a text of 976 KiB)")
}
