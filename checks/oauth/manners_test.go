package oauth_test

import (
	"net/http"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// one and other are two sign-ins of one client, of which the server refuses what other asks
// for in the words in which it would refuse the client.
func oneAndOther(t *testing.T) (*world, *vendortest.Server, oauth.Options) {
	t.Helper()
	w := newWorld(t)
	w.secrets["SECRET"] = "canary-secret-0123456789"
	w.env.Concurrency = 1
	server := clean(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("scope") == "other" {
			saysJSON(http.StatusUnauthorized, refusedBody)(w, r)
			return
		}
		saysJSON(http.StatusOK, grantedBody)(w, r)
	})
	options := signInAt(server, nil)
	other := options.SignIns[0]
	other.Name, other.Scopes = "other", []string{"other"}
	options.SignIns = append(options.SignIns, other)
	return w, server, options
}

func TestARefusedEntryLeavesItsSiblingsAlone(t *testing.T) {
	w, server, options := oneAndOther(t)
	for _, wait := range []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour} {
		got := w.collect(options)
		checktest.Equal(t, "reason of the one", got.condition("sign-in/crm").Reason, "")
		refused := got.condition("sign-in/other")
		checktest.Equal(t, "reason of the other", refused.Reason, watch.SignInClientRefused)
		checktest.Equal(t, "its next try", refused.Details["next_try"], any(w.now().Add(wait).Format(time.RFC3339)))
		w.pass(wait / 2)
		checktest.Equal(t, "reason of the one meanwhile", w.collect(options).condition("sign-in/crm").Reason, "")
		w.pass(wait / 2)
	}
	checktest.Equal(t, "requests", len(server.Requests()), 9)

	// Whichever comes first: the next run knows that the client was accepted.
	options.SignIns[0], options.SignIns[1] = options.SignIns[1], options.SignIns[0]
	w.pass(24 * time.Hour)
	got := w.collect(options)
	checktest.Equal(t, "reason of the one behind it", got.condition("sign-in/crm").Reason, "")
	checktest.Equal(t, "reason of the other before it", got.condition("sign-in/other").Reason, watch.SignInClientRefused)
}

func TestAClientThatWasAcceptedIsNotRefusedHoweverManyEntriesAre(t *testing.T) {
	w, _, options := oneAndOther(t)
	for _, name := range []string{"another", "last"} {
		one := options.SignIns[map[string]int{"another": 1, "last": 0}[name]]
		one.Name = name
		options.SignIns = append(options.SignIns, one)
	}
	got := w.collect(options)
	for name, want := range map[string]watch.Reason{"crm": "", "other": watch.SignInClientRefused, "another": watch.SignInClientRefused, "last": ""} {
		checktest.Equal(t, name, got.condition("sign-in/"+name).Reason, want)
	}
}

func TestARefusedEntryThatCameFirstHoldsItsSiblingsForOneStepOnly(t *testing.T) {
	w, _, options := oneAndOther(t)
	options.SignIns[0], options.SignIns[1] = options.SignIns[1], options.SignIns[0]
	checktest.Equal(t, "reason at first", w.collect(options).condition("sign-in/crm").Reason, watch.SignInClientRefused)
	for range 3 {
		w.pass(24 * time.Hour)
		got := w.collect(options)
		checktest.Equal(t, "reason of the one", got.condition("sign-in/crm").Reason, "")
		checktest.Equal(t, "reason of the other", got.condition("sign-in/other").Reason, watch.SignInClientRefused)
	}
}

func TestAClientThatIsNoLongerAcceptedIsAskedForTwice(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"], w.secrets["TOKEN"] = "x", "token-token-token"
	server := clean(t, saysJSON(http.StatusOK, `{"access_token":"x","active":true}`))
	w.collect(many(server))
	server.Misbehave(always(vendortest.Reply(http.StatusUnauthorized, "application/json", refusedBody)))
	before := len(server.To("/token"))
	for id, fact := range w.collect(many(server)).byID {
		if told, is := fact.(watch.Condition); is && told.Reason != watch.SignInClientRefused {
			t.Errorf("%s tells %q", id, told.Text)
		}
	}
	checktest.Equal(t, "sign-ins", len(server.To("/token"))-before, 2)
}

func TestTwoWaysToProveOneClientAreTwoClients(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"] = "canary-secret-0123456789"
	w.env.Concurrency = 1
	server := clean(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			saysJSON(http.StatusUnauthorized, refusedBody)(w, r)
			return
		}
		saysJSON(http.StatusOK, grantedBody)(w, r)
	})
	options := signInAt(server, func(s *oauth.SignIn) { s.Method = "client_secret_post" })
	basic := options.SignIns[0]
	basic.Name, basic.Method = "basic", "client_secret_basic"
	options.SignIns = append(options.SignIns, basic)
	for range 3 {
		got := w.collect(options)
		checktest.Equal(t, "reason in the form", got.condition("sign-in/crm").Reason, watch.SignInClientRefused)
		checktest.Equal(t, "reason in the header", got.condition("sign-in/basic").Reason, "")
	}
}

func TestAStandingRefusalIsToldThoughTheServerIsDown(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"] = "canary-secret-0123456789"
	var server *vendortest.Server
	server = clean(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			saysJSON(http.StatusUnauthorized, refusedBody)(w, r)
			return
		}
		saysJSON(http.StatusOK, `{"issuer":"`+server.URL+`","token_endpoint":"`+server.URL+`/token"}`)(w, r)
	})
	options := signInAt(server, func(s *oauth.SignIn) { s.TokenURL, s.Issuer = "", server.URL })
	want := w.collect(options).condition("sign-in/crm")
	server.Misbehave(always(vendortest.Status(http.StatusBadGateway, "")))
	asked := len(server.Requests())
	got := w.collect(options).condition("sign-in/crm")
	checktest.Equal(t, "reason", got.Reason, want.Reason)
	checktest.Equal(t, "text", got.Text, "cannot sign in at "+server.URL+" as client crm-client: not asked again before 2026-11-22 07:00 UTC, after 1 refusal: its client is refused (invalid_client)")
	checktest.Equal(t, "requests", len(server.Requests()), asked)
}

func TestWhatStandsBeforeAServerIsWaitedForAsForAnOutage(t *testing.T) {
	for name, answer := range map[string]vendortest.Answer{
		"a page that says 400": vendortest.Page(400), "a page that says 403": vendortest.Page(403), "no such path": vendortest.Page(404),
		"a way elsewhere": vendortest.Redirect("https://127.0.0.1:1"), "a bad request in plain words": vendortest.Reply(400, "text/plain", "no"),
	} {
		t.Run(name, func(t *testing.T) {
			_, fact, _ := probe(t, answer, nil)
			got, _ := fact.(watch.Problem)
			checktest.Equal(t, "next try", got.Details["next_try"], any("2026-11-22T06:00:02Z"))
		})
	}
}
