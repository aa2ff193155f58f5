package webclient_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"lapsewatch/internal/vendortest"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

func TestF9_NoHopOfARedirectTakesACredentialAlong(t *testing.T) {
	var home string
	other := vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{"/one": "/two", "/back": home + "/three"}[r.URL.Path]
		if to == "" {
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	}), vendortest.Manner{On: "never"})
	server := vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" || r.URL.Path == "/returns" {
			to := map[string]string{"/first": "/one", "/returns": "/back"}[r.URL.Path]
			http.Redirect(w, r, other.URL+to, http.StatusFound)
		}
	}), vendortest.Manner{On: "never"})
	home = server.URL
	file := t.TempDir() + "/both.pem"
	write(t, file, append(server.Root.ChainPEM(), other.Root.ChainPEM()...))
	client := open(t, webclient.Setup{CAFile: file, Redirects: 3})
	header := http.Header{"Authorization": {"Bearer " + canary}, "Private-Token": {canary}, "X-Api-Key": {canary}}
	for _, path := range []string{"/first", "/returns"} {
		for name, send := range map[string]func() (int, error){
			"Get": func() (int, error) {
				answer, err := client.Get(t.Context(), webclient.Request{URL: server.URL + path, Header: header})
				return answer.Status, err
			},
			"Once": func() (int, error) {
				answer, err := client.Once(t.Context(), webclient.Request{URL: server.URL + path, Header: header})
				return answer.Status, err
			},
		} {
			if status, err := send(); err != nil || status != http.StatusOK {
				t.Errorf("%s of %s: %d, %v", name, path, status, err)
			}
		}
	}
	came := other.Requests()
	for _, back := range server.Requests() {
		if back.Path == "/three" {
			came = append(came, back)
		}
	}
	if len(came) != 8 {
		t.Fatalf("%d requests came elsewhere: %+v", len(came), came)
	}
	for _, one := range came {
		if strings.Contains(fmt.Sprint(one.Header), canary) {
			t.Errorf("%s got %v", one.Path, one.Header)
		}
	}
}

func TestACircleOfRedirectsIsFollowedAsOftenAsWasSaid(t *testing.T) {
	server := vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/again", http.StatusFound)
	}), vendortest.Manner{On: "never"})
	client := open(t, webclient.Setup{CAFile: server.CAFile, Redirects: 3})
	request := webclient.Request{URL: server.URL}
	for n, send := range []func() (webclient.Answer, error){
		func() (webclient.Answer, error) { return client.Get(t.Context(), request) },
		func() (webclient.Answer, error) { return client.Once(t.Context(), request) },
		func() (webclient.Answer, error) {
			response, err := client.Reader().Get(server.URL)
			if err != nil {
				return webclient.Answer{}, err
			}
			return webclient.Answer{Status: response.StatusCode}, response.Body.Close()
		},
	} {
		answer, err := send()
		if sent := len(server.Requests()); err != nil || answer.Status != http.StatusFound || sent != 4*(n+1) {
			t.Errorf("%d, %v after %d requests, want 302 after %d", answer.Status, err, sent, 4*(n+1))
		}
	}
}

// What the service says of its own accord may be made of the same words as the secret.
func TestAPrivateAnswerIsReadAsItCameAndItsBodyShownNowhere(t *testing.T) {
	const body = `{"access_token":"canary-of-the-answer","token_type":"access"}`
	server := vendortest.Start(t, hello, vendortest.Manner{Answer: vendortest.Reply(http.StatusCreated, "application/json", body), Times: vendortest.Always})
	client := open(t, webclient.Setup{CAFile: server.CAFile})
	request := webclient.Request{Method: http.MethodPost, URL: server.URL, Header: http.Header{}, Form: url.Values{"a": {"b"}}, Private: true, Secrets: []watch.Secret{watch.NewSecret("token_type")}}
	request.Header.Set("Authorization", "Bearer access_token")
	answer, err := client.Once(t.Context(), request)
	if err != nil || string(answer.Body) != body {
		t.Fatalf("it reads %s, %v", answer.Body, err)
	}
	if got := client.Refusal(request, answer, "").Error(); got != "post to "+server.URL+": it answered 201 Created" {
		t.Errorf("it says %q", got)
	}
	// What is shown on purpose holds nothing that was sent, in the header or elsewhere.
	if got := answer.Said(body, 100); got != `{"<redacted>":"canary-of-the-answer","<redacted>":"access"}` {
		t.Errorf("it shows %q", got)
	}
	request.Private = false
	if answer, err = client.Once(t.Context(), request); err != nil || strings.Contains(string(answer.Body), "access_token") {
		t.Errorf("of a request that is none it reads %s, %v", answer.Body, err)
	}
}

func TestWhatIsNoHTTPIsNotRepeatedWhereItIsPrivate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = fmt.Fprintf(connection, "HTTP/1.1 %s\r\n\r\n", canary)
			_ = connection.Close()
		}
	}))
	server.Start()
	defer server.Close()
	client := open(t, webclient.Setup{AllowHTTP: true})
	_, err := client.Once(t.Context(), webclient.Request{URL: server.URL, Private: true})
	if err == nil || err.Error() != "read "+server.URL+": it answered with what is no HTTP" || strings.Contains(fmt.Sprintf("%+v", err), canary) {
		t.Errorf("it says %+v", err)
	}
}
