package oauth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

const refusedBody = `{"error":"invalid_client"}`

func always(answer vendortest.Answer) vendortest.Manner {
	return vendortest.Manner{Times: vendortest.Always, Answer: answer}
}

func TestARefusedClientIsLeftAloneOverRuns(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"] = "canary-secret-0123456789"
	server := clean(t, saysJSON(http.StatusOK, grantedBody))
	server.Misbehave(always(vendortest.Reply(401, "application/json", refusedBody)))
	options := signInAt(server, nil)
	fresh := "cannot sign in at " + server.URL + " as client crm-client: its client is refused (invalid_client)"
	asked := 0
	for n, wait := range []time.Duration{1, 2, 4, 8, 16, 23, 23} {
		asked++
		checktest.Equal(t, "text", w.collect(options).condition("sign-in/crm").Text, fresh)
		checktest.Equal(t, "requests", len(server.Requests()), asked)
		w.pass(wait*time.Hour - time.Second)
		held := w.collect(options).condition("sign-in/crm")
		checktest.Equal(t, "reason", held.Reason, watch.SignInClientRefused)
		count := map[bool]string{true: "1 refusal", false: string(rune('1'+n)) + " refusals"}[n == 0]
		checktest.Equal(t, "text", held.Text, "cannot sign in at "+server.URL+" as client crm-client: not asked again before "+w.now().Add(time.Second).Format("2006-01-02 15:04 UTC")+", after "+count+": its client is refused (invalid_client)")
		checktest.Equal(t, "requests", len(server.Requests()), asked)
		w.pass(time.Second)
	}

	w.secrets["SECRET"] = "canary-secret-new-456789"
	w.collect(options)
	checktest.Equal(t, "requests with another secret", len(server.Requests()), asked+1)
	w.collect(options)
	checktest.Equal(t, "requests with that once more", len(server.Requests()), asked+1)
	options.SignIns[0].Method = "client_secret_post"
	w.collect(options)
	checktest.Equal(t, "requests in another way", len(server.Requests()), asked+2)
	server.Misbehave()
	options.SignIns[0].Method, w.secrets["SECRET"] = "", "canary-secret-right-6789"
	checktest.Equal(t, "reason once it is mended", w.collect(options).condition("sign-in/crm").Reason, "")
	server.Misbehave(always(vendortest.Reply(401, "application/json", refusedBody)))
	checktest.Equal(t, "next try", w.collect(options).condition("sign-in/crm").Details["next_try"], any(w.now().Add(time.Hour).Format(time.RFC3339)))
	w.nothingOf([]string{"canary-secret"})
}

func TestAnOutageIsNotHeldForLong(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"] = "x"
	server := clean(t, saysJSON(http.StatusOK, grantedBody))
	server.Misbehave(vendortest.Manner{Answer: vendortest.Status(502, "")}, vendortest.Manner{After: 1, Answer: vendortest.Status(503, "600")})
	options := signInAt(server, nil)
	checktest.Equal(t, "error", w.collect(options).problem("sign-in/crm").Err.Error(), "sign in at "+server.URL+" as client crm-client: it answered 502 Bad Gateway")
	w.pass(time.Second)
	checktest.Equal(t, "error while it is left alone", w.collect(options).problem("sign-in/crm").Err.Error(), "sign in at "+server.URL+" as client crm-client: not asked again before 2026-11-22 06:00 UTC, after 1 attempt: it answered 502 Bad Gateway")
	w.pass(time.Second)
	checktest.Equal(t, "error that asks for a wait", w.collect(options).problem("sign-in/crm").Err.Error(), "sign in at "+server.URL+" as client crm-client: it answered 503 Service Unavailable")
	w.pass(9 * time.Minute)
	w.collect(options)
	checktest.Equal(t, "requests", len(server.Requests()), 2)
	w.pass(time.Minute)
	checktest.Equal(t, "reason", w.collect(options).condition("sign-in/crm").Reason, "")
}

// many are sign-ins and introspections of one client.
func many(server *vendortest.Server) oauth.Options {
	options := signInAt(server, nil)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		one := options.SignIns[0]
		one.Entry = named(name)
		one.Scopes = []string{name}
		options.SignIns = append(options.SignIns, one)
		options.Introspections = append(options.Introspections, oauth.Introspection{
			Entry: named(name), Client: one.Client, IntrospectionURL: server.URL + "/introspect", Token: env("TOKEN"),
		})
	}
	return options
}

func TestOneWrongSecretIsRefusedOnceHoweverManyEntriesHaveIt(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"], w.secrets["TOKEN"] = "x", "token-token-token"
	server := clean(t, saysJSON(http.StatusUnauthorized, refusedBody))
	got := w.collect(many(server))
	checktest.Equal(t, "facts", len(got.byID), 11)
	for id, fact := range got.byID {
		if problem, is := fact.(watch.Problem); is {
			checktest.Equal(t, id, problem.Reason, watch.AuthFailed)
		} else {
			checktest.Equal(t, id, got.condition(id).Reason, watch.SignInClientRefused)
		}
	}
	checktest.Equal(t, "sign-ins", len(server.To("/token")), 1)
	checktest.Equal(t, "introspections", len(server.To("/introspect")), 1)

	for _, ability := range w.check(many(server)).(watch.Trier).Try(t.Context()) {
		if ability.Err == nil {
			t.Errorf("%s works", ability.Name)
		}
	}
	// A second entry shows that it is the client that is refused, and not what the first asks for.
	checktest.Equal(t, "sign-ins after a try", len(server.To("/token")), 3)
	checktest.Equal(t, "introspections after a try", len(server.To("/introspect")), 3)
}

func TestARefusalOfWhatIsAskedForHoldsNoOther(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"], w.secrets["TOKEN"] = "x", "token-token-token"
	server := clean(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.FormValue("scope"), "b") {
			saysJSON(http.StatusBadRequest, `{"error":"invalid_scope"}`)(w, r)
			return
		}
		saysJSON(http.StatusOK, `{"access_token":"x","active":true,"exp":1795000000}`)(w, r)
	})
	for range 2 {
		got := w.collect(many(server))
		checktest.Equal(t, "the refused one", got.condition("sign-in/b").Reason, watch.SignInRefused)
		checktest.Equal(t, "another one", got.condition("sign-in/c").Reason, "")
	}
	checktest.Equal(t, "sign-ins", len(server.To("/token")), 11)
}

func TestNoHostGetsMoreThanFourRequestsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"], w.secrets["TOKEN"] = "x", "token-token-token"
	busy := make(chan struct{}, 100)
	most := make(chan int, 100)
	server := clean(t, func(w http.ResponseWriter, r *http.Request) {
		busy <- struct{}{}
		most <- len(busy)
		time.Sleep(50 * time.Millisecond)
		<-busy
		saysJSON(http.StatusOK, `{"access_token":"x","active":true}`)(w, r)
	})
	w.collect(many(server))
	close(most)
	highest := 0
	for n := range most {
		highest = max(highest, n)
	}
	if highest > 4 {
		t.Errorf("it got %d at once", highest)
	}
	checktest.Equal(t, "requests", len(server.Requests()), 11)
}

func TestDamagedMemoryKeepsNobodyFromTrying(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"] = "x"
	server := clean(t, saysJSON(http.StatusUnauthorized, refusedBody))
	w.collect(signInAt(server, nil))
	w.memory.Damage(`{"count":`)
	w.collect(signInAt(server, nil))
	checktest.Equal(t, "requests", len(server.Requests()), 2)
}
