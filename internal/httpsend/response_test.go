package httpsend_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// breakOff answers with less than it says.
func breakOff(t *testing.T, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"+body)
		_ = conn.(*tls.Conn).NetConn().(*net.TCPConn).CloseWrite()
		_ = conn.Close()
	}
}

func TestASuccessWhoseBodyBreaksOffSaysSo(t *testing.T) {
	server := serve(t, breakOff(t, `{"id":"123`))
	response, err := httpsend.New(env(server.Client()), endpoint(server.URL)).Send(t.Context(), httpsend.Request{})
	if err != nil || response.Status != 200 || string(response.Body) != `{"id":"123` || !errors.Is(response.Broken, io.ErrUnexpectedEOF) {
		t.Errorf("response %+v, error %v", response, err)
	}
}

func TestWhatProvesNothingIsTriedAgainWhereThatMayHelp(t *testing.T) {
	tests := []struct {
		name     string
		response httpsend.Response
		retry    bool
		want     string
		wantsTo  bool
	}{
		{"an answer that may pass", httpsend.Response{Status: 200, Body: []byte("{}")}, true, "deliver by operations: no id", true},
		{"an answer that will not", httpsend.Response{Status: 200, Body: []byte("{}")}, false, "deliver by operations: no id", false},
		{"an answer that broke off", httpsend.Response{Status: 200, Broken: io.ErrUnexpectedEOF}, false, "deliver by operations: it answered 200, and the answer broke off: unexpected EOF", true},
		{"a web page", httpsend.Response{Status: 200, Body: []byte(" \n<html>")}, true, "deliver by operations: no id: this is a web page: a login page, a proxy, or something else stands at this address", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.response.Unproven("operations", test.retry, errors.New("no id"))
			failure, ok := errors.AsType[*alerts.DeliveryError](err)
			if !ok || err.Error() != test.want || failure.Retryable != test.wantsTo || failure.Status != 200 {
				t.Errorf("failure %+v: %v\nwant %s", failure, err, test.want)
			}
		})
	}
}

func TestAnAnswerBehindItsBoundIsCut(t *testing.T) {
	for length, cut := range map[int]bool{99: false, 100: false, 101: true} {
		server := serve(t, answer(200, "", strings.Repeat("x", length)))
		response, err := httpsend.New(env(server.Client()), endpoint(server.URL)).Send(t.Context(), httpsend.Request{MaxResponse: 100})
		if err != nil || response.Cut != cut || len(response.Body) != min(length, 100) {
			t.Errorf("of %d bytes %d are read, cut %t: %v", length, len(response.Body), response.Cut, err)
		}
	}
}

func TestA14_AHeaderRepeatsNoSecret(t *testing.T) {
	var status int
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Request-Id", "of "+r.Header.Get("Authorization")+" at "+r.URL.Path)
		w.Header().Set("Link", "</services/"+canary+"?page=2>")
		w.WriteHeader(status)
	})
	for _, status = range []int{200, 400} {
		var seen http.Header
		request := httpsend.Request{
			Header: http.Header{"Authorization": {"Bearer " + canary + "-token"}}, Secrets: []watch.Secret{watch.NewSecret(canary + "-token")},
			Verdict: func(_ int, header http.Header, _ []byte) (bool, time.Duration, bool) {
				seen = header
				return false, 0, false
			},
		}
		response, err := httpsend.New(env(server.Client()), endpoint(server.URL+"/services/"+canary)).Send(t.Context(), request)
		if err == nil {
			seen = response.Header
		}
		if got := seen.Get("Request-Id"); got != "of Bearer <redacted> at <redacted>" {
			t.Errorf("status %d: header %q", status, got)
		}
		if got := seen.Get("Link"); got != "</services/"+canary+"?page=2>" {
			t.Errorf("status %d: a link leads elsewhere: %s", status, got)
		}
	}
}

func TestWhatNothingMendsWithinARunIsPermanent(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/empty.pem", []byte("no certificate"))
	t.Setenv("PLAIN", "http://hooks.example.com/")
	for name, target := range map[string]httpsend.Endpoint{
		"a secret URL that is not there":    {URLFrom: watch.SecretRef{Env: "NOT_SET"}},
		"a secret URL that is none":         {URLFrom: watch.SecretRef{Env: "PLAIN"}},
		"a CA file that is not there":       {URL: "https://hooks.example.com", CAFile: dir + "/none.pem"},
		"a CA file that holds no authority": {URL: "https://hooks.example.com", CAFile: dir + "/empty.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			target.Timeout = httpsend.DefaultTimeout
			_, err := httpsend.New(env(&http.Client{}), target).Send(t.Context(), httpsend.Request{})
			if failure, ok := errors.AsType[*alerts.DeliveryError](err); !ok || failure.Retryable {
				t.Errorf("want a permanent failure, got %v", err)
			}
		})
	}
}
