package msgraph

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

// sentBy is what a request proves an identity with.
func sentBy(r *http.Request) []string {
	_ = r.ParseForm()
	var sent []string
	for _, text := range []string{r.PostForm.Get("client_secret"), r.PostForm.Get("client_assertion"), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")} {
		if text != "" {
			sent = append(sent, text)
		}
	}
	return sent
}

// echo answers with what was sent.
type echo func(w http.ResponseWriter, sent string)

// echoed walks over the applications of a tenant that echoes, and checks that no secret,
// nor the beginning of one, is told or remembered.
func echoed(t *testing.T, on string, cert bool, answer echo) {
	t.Helper()
	server, where := tenant(t, many(0)), newWorld()
	options := at(t, server)
	if cert {
		options = certificate(options)
		withCertificate(server, rsaPair())
		where.secrets.set("OWN_CERT", pemOf(t, rsaPair()))
	}
	var mu sync.Mutex
	var secrets []string
	server.Misbehave(faketenant.Manner{On: on, Times: faketenant.Always, Answer: func(_ *faketenant.Tenant, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		sent := sentBy(r)
		mu.Lock()
		secrets = append(secrets, sent...)
		mu.Unlock()
		answer(w, strings.Join(sent, " "))
	}})
	got := walk(t, where.open(t, options))
	if got.err == nil || len(secrets) == 0 {
		t.Fatalf("%v, %d secrets sent", got.err, len(secrets))
	}
	failure, _ := errors.AsType[*Failure](got.err)
	where.env().Log.Error("list", "error", got.err, "failure", slog.AnyValue(failure))
	told := strings.ToLower(fmt.Sprintf("%v %+v %+v %s %s", got.err, failure, failure.Err, where.log, where.memory.all()))
	for _, secret := range secrets {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if beginning := strings.ToLower(form[:12]); strings.Contains(told, beginning) {
				t.Errorf("%s… is told in %s", beginning, told)
			}
		}
	}
}

func reply(w http.ResponseWriter, status int, media string, body any) {
	encoded, _ := json.Marshal(body)
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}

// refusedBy is a token endpoint that says what it was sent.
func refusedBy(status int, media, before string) echo {
	return func(w http.ResponseWriter, sent string) {
		reply(w, status, media, map[string]any{"error": sent, "error_description": before + sent, "correlation_id": sent, "error_codes": []int{}})
	}
}

// graphSays is Graph saying what it was sent.
func graphSays(code, message string, form func(string) string) echo {
	return func(w http.ResponseWriter, sent string) {
		w.Header().Set("request-id", sent)
		reply(w, http.StatusBadRequest, "application/json", map[string]any{"error": map[string]any{"code": code + form(sent), "message": message + form(sent)}})
	}
}

func asItIs(text string) string { return text }

func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestA14_NoSecretTokenOrAssertionIsToldOrRemembered(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		on     string
		cert   bool
		answer echo
	}{
		"the token endpoint echoes a secret":        {"/token", false, refusedBy(400, "application/json", "you sent ")},
		"the token endpoint echoes an assertion":    {"/token", true, refusedBy(401, "application/json", "you sent ")},
		"the token endpoint fails with the secret":  {"/token", false, refusedBy(503, "application/json", "you sent ")},
		"a portal echoes the secret with status OK": {"/token", false, refusedBy(200, "text/html", "you sent ")},
		"the answer holds the secret and no token":  {"/token", false, refusedBy(200, "application/json", "you sent ")},
		"Graph echoes the token":                    {"/applications", false, graphSays("", "", asItIs)},
		"Graph echoes the token in Base64":          {"/applications", false, graphSays("", "", inBase64)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			echoed(t, row.on, row.cert, row.answer)
		})
	}
}

// An echo that is cut where the text ends, or where an id does, leaves half a secret, which
// nothing recognises.
func TestA14_AnEchoThatIsCutShowsNoBeginningOfASecret(t *testing.T) {
	t.Parallel()
	before := strings.Repeat("x", shownRunes-25) + " "
	for name, row := range map[string]struct {
		on     string
		cert   bool
		answer echo
	}{
		"a description":                {"/token", false, refusedBy(400, "application/json", before)},
		"a description of an outage":   {"/token", false, refusedBy(503, "application/json", before)},
		"a description, cert":          {"/token", true, refusedBy(400, "application/json", before)},
		"an answer without a token":    {"/token", false, refusedBy(200, "application/json", before)},
		"a message of Graph":           {"/applications", false, graphSays("", before, asItIs)},
		"a message of Graph in Base64": {"/applications", false, graphSays("", before, inBase64)},
		"a code of Graph in Base64":    {"/applications", false, graphSays(strings.Repeat("c", shownID-20), "", inBase64)},
		"a type of content": {"/token", false, func(w http.ResponseWriter, sent string) {
			w.Header().Set("Content-Type", "text/"+strings.Repeat("x", shownRunes-25)+sent)
			w.WriteHeader(http.StatusForbidden)
		}},
		"the target of a redirect": {"/token", false, func(w http.ResponseWriter, sent string) {
			w.Header().Set("Location", "https://"+strings.Repeat("x", shownRunes-30)+sent+"/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}},
		"escapes that JSON needs not": {"/token", false, func(w http.ResponseWriter, sent string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"error_description":"%s%s"}`, before, escaped(sent))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			echoed(t, row.on, row.cert, row.answer)
		})
	}
}

// escaped writes each character of text by its number.
func escaped(text string) string {
	var all strings.Builder
	for _, char := range text {
		fmt.Fprintf(&all, `\u%04x`, char)
	}
	return all.String()
}

func TestA14_ARefusalThatIsCutOffSaysNothing(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(0))
	client := newWorld().open(t, at(t, server))
	for body, want := range map[string]int{
		strings.Repeat(" ", maxRefusal-12) + ownSecret: 0,
		strings.Repeat("x", maxRefusal):                maxRefusal,
	} {
		server.Misbehave(faketenant.Manner{Answer: faketenant.Reply(http.StatusBadRequest, "application/json", body)})
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.GraphURL+"/v1.0/organization", nil)
		got, err := client.wire.roundTrip(request, maxPage)
		if err != nil || got.status != http.StatusBadRequest || len(got.body) != want {
			t.Errorf("status %d with %d bytes, want %d; %v", got.status, len(got.body), want, err)
		}
	}
}

func TestA14_TheSecretsOfTheEnvironmentAreNotToldEither(t *testing.T) {
	server, where := tenant(t, many(0)), newWorld()
	options := at(t, server)
	options.Method, options.Secret, options.ClientID = DefaultChain, watch.SecretRef{}, ""
	t.Setenv("AZURE_TENANT_ID", server.TenantID)
	t.Setenv("AZURE_CLIENT_ID", ownApp)
	t.Setenv("AZURE_CLIENT_SECRET", "canary-of-the-environment")
	for _, status := range []int{200, 400} {
		server.Misbehave(faketenant.Manner{On: "/token", Times: faketenant.Always, Answer: func(_ *faketenant.Tenant, w http.ResponseWriter, r *http.Request, _ http.Handler) {
			refusedBy(status, "application/json", strings.Repeat("x", shownRunes-25)+" ")(w, strings.Join(sentBy(r), " "))
		}})
		where.memory = &notebook{kept: map[string][]byte{}}
		failure := where.try(t, options)
		if failure == nil || strings.Contains(fmt.Sprintf("%v %+v %s", failure, failure, where.memory.all()), "canary") {
			t.Errorf("status %d: %v", status, failure)
		}
	}
}
