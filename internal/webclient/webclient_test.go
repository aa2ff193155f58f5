package webclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/vendortest"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const canary = "canary-5d1f7c"

func open(t *testing.T, setup webclient.Setup) *webclient.Client {
	t.Helper()
	client, err := webclient.Open(setup, webclient.Env{HTTP: http.DefaultClient, Now: time.Now, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

var hello http.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintf(w, "hello %s", r.Method)
}

func TestAReadIsSentAgainAfterAMomentsOutage(t *testing.T) {
	for _, row := range []struct {
		name    string
		manners []vendortest.Manner
		sent    int
		want    string
	}{
		{"a service on a bad day", nil, 3, ""},
		{"unavailable once", []vendortest.Manner{{Answer: vendortest.Status(503, "")}}, 2, ""},
		{"throttled for a second", []vendortest.Manner{{Answer: vendortest.Status(429, "1")}}, 2, ""},
		{"throttled for an hour", []vendortest.Manner{{Answer: vendortest.Status(429, "3600")}}, 1, "it answered 429 Too Many Requests"},
		{"unavailable for good", []vendortest.Manner{{Answer: vendortest.Status(503, ""), Times: vendortest.Always}}, 3, "it answered 503 Service Unavailable"},
		{"refused", []vendortest.Manner{{Answer: vendortest.Status(403, ""), Times: vendortest.Always}}, 1, "it answered 403 Forbidden"},
		{"a page of the web", []vendortest.Manner{{Answer: vendortest.Page(404)}}, 1, "it answered 404 Not Found with a web page: a login page, a proxy, or something else stands at this address"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := vendortest.Start(t, hello, row.manners...)
			client := open(t, webclient.Setup{CAFile: server.CAFile})
			request := webclient.Request{URL: server.URL + "/x"}
			answer, err := client.Get(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(server.Requests()); got != row.sent {
				t.Errorf("sent %d times, want %d", got, row.sent)
			}
			switch {
			case row.want == "" && string(answer.Body) != "hello GET":
				t.Errorf("got %d %q", answer.Status, answer.Body)
			case row.want != "":
				if got := client.Refusal(request, answer, "").Error(); got != "read "+server.URL+": "+row.want {
					t.Errorf("got  %s\nwant %s", got, row.want)
				}
			}
		})
	}
}

func TestASignInIsSentOnceWhateverBecomesOfIt(t *testing.T) {
	for _, answer := range []vendortest.Answer{vendortest.Status(503, "1"), vendortest.Status(429, "1"), vendortest.CutShort()} {
		server := vendortest.Start(t, hello, vendortest.Manner{Answer: answer, Times: vendortest.Always})
		client := open(t, webclient.Setup{CAFile: server.CAFile})
		_, _ = client.Once(t.Context(), webclient.Request{URL: server.URL + "/token", Form: url.Values{"grant_type": {"client_credentials"}}})
		if got := server.Requests(); len(got) != 1 || got[0].Method != http.MethodPost || string(got[0].Body) != "grant_type=client_credentials" {
			t.Errorf("sent %+v", got)
		}
	}
}

func TestF4_WhatNeverEndsIsCutOff(t *testing.T) {
	server := vendortest.Start(t, hello, vendortest.Manner{Answer: vendortest.Endless()}, vendortest.Manner{Answer: vendortest.Slow(time.Hour), Times: vendortest.Always})
	client := open(t, webclient.Setup{CAFile: server.CAFile, MaxBytes: 1000})
	_, err := client.Get(t.Context(), webclient.Request{URL: server.URL})
	want := "read " + server.URL + ": the answer is larger than 1000 bytes"
	if failure, ok := errors.AsType[*webclient.Failure](err); !ok || failure.Reason != watch.TooLarge || !failure.Lasting || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = client.Get(ctx, webclient.Request{URL: server.URL})
	want = "read " + server.URL + ": no answer in time"
	if failure, ok := errors.AsType[*webclient.Failure](err); !ok || failure.Reason != watch.TimedOut || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestAnAnswerAsLargeAsItsBoundIsWhole(t *testing.T) {
	server := vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 1000)) }), vendortest.Manner{On: "never"})
	client := open(t, webclient.Setup{CAFile: server.CAFile, MaxBytes: 1000})
	answer, err := client.Get(t.Context(), webclient.Request{URL: server.URL})
	if err != nil || len(answer.Body) != 1000 {
		t.Errorf("got %d bytes, %v", len(answer.Body), err)
	}
}

func TestA13_NoRedirectTakesACredentialAlong(t *testing.T) {
	other := vendortest.Start(t, hello, vendortest.Manner{On: "never"})
	server := vendortest.Start(t, hello, vendortest.Manner{Answer: vendortest.Redirect(other.URL), Times: vendortest.Always})
	both := func(redirects int) *webclient.Client {
		// One file with both authorities.
		file := t.TempDir() + "/both.pem"
		write(t, file, append(server.Root.ChainPEM(), other.Root.ChainPEM()...))
		return open(t, webclient.Setup{CAFile: file, Redirects: redirects})
	}
	request := webclient.Request{URL: server.URL + "/x", Header: http.Header{"Authorization": {"Bearer " + canary}, "PRIVATE-TOKEN": {canary}}}
	answer, err := both(0).Get(t.Context(), request)
	if err != nil || answer.Status != http.StatusTemporaryRedirect || len(other.Requests()) != 0 {
		t.Errorf("%+v, %v, %d requests elsewhere", answer.Status, err, len(other.Requests()))
	}
	answer, err = both(2).Get(t.Context(), request)
	if err != nil || answer.Status != http.StatusOK {
		t.Fatalf("%+v, %v", answer.Status, err)
	}
	for _, came := range other.Requests() {
		if strings.Contains(fmt.Sprint(came.Header), canary) {
			t.Errorf("the redirect took along %v", came.Header)
		}
	}
	request.Form = url.Values{"refresh_token": {canary}}
	before := len(other.Requests())
	if answer, err = both(2).Once(t.Context(), request); err != nil || answer.Status != http.StatusTemporaryRedirect || len(other.Requests()) != before {
		t.Errorf("what is sent was redirected: %+v, %v", answer.Status, err)
	}
}

func TestNothingIsReadInTheClear(t *testing.T) {
	client := open(t, webclient.Setup{})
	_, err := client.Get(t.Context(), webclient.Request{URL: "http://127.0.0.1:9/"})
	if want := "read http://127.0.0.1:9: want https: over http anybody on the way can read and change it"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestA14_NothingThatAServiceRepeatsIsShown(t *testing.T) {
	token := "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ." + canary
	for _, status := range []int{400, 401, 500} {
		server := vendortest.Start(t, hello, vendortest.Manner{Answer: vendortest.Echo(status), Times: vendortest.Always})
		client := open(t, webclient.Setup{CAFile: server.CAFile})
		request := webclient.Request{
			URL: server.URL + "/" + canary, Header: http.Header{"Authorization": {"Bearer " + token}}, Form: url.Values{"client_secret": {canary}},
			Secrets: []watch.Secret{watch.NewSecret(canary)},
		}
		answer, err := client.Once(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		failure := client.Refusal(request, answer, "")
		if shown := fmt.Sprintf("%v %+v", failure, failure); strings.Contains(shown, canary) || strings.Contains(shown, "eyJ") {
			t.Errorf("shown: %s", shown)
		}
	}
}

func TestAServerOfAnotherAuthorityIsNotAsked(t *testing.T) {
	server, other := vendortest.Start(t, hello), vendortest.Start(t, hello)
	client := open(t, webclient.Setup{CAFile: other.CAFile})
	_, err := client.Get(t.Context(), webclient.Request{URL: server.URL})
	failure, ok := errors.AsType[*webclient.Failure](err)
	if !ok || failure.Reason != watch.UntrustedIssuer || len(server.Requests()) != 0 {
		t.Errorf("got %v after %d requests", err, len(server.Requests()))
	}
}
