package httpsend_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

const canary = "canary-3f9a"

func env(client *http.Client) alerts.Env {
	return alerts.Env{
		Name: "operations", Now: time.Now, HTTP: client, Version: "1.2.3",
		Secrets: func(reference watch.SecretRef) (watch.Secret, error) {
			value, ok := os.LookupEnv(reference.Env)
			if !ok {
				return watch.Secret{}, fmt.Errorf("read secret from %s: it is not set", reference)
			}
			return watch.NewSecret(value), nil
		},
	}
}

func endpoint(url string) httpsend.Endpoint {
	return httpsend.Endpoint{URL: url, Timeout: httpsend.DefaultTimeout}
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestARequestArrivesAsItWasMade(t *testing.T) {
	var method, agent, kind, body string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		read, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		method, agent, kind, body = r.Method, r.UserAgent(), r.Header.Get("Content-Type"), string(read)
		_, _ = io.WriteString(w, "ok for "+canary)
	})
	request := httpsend.Request{
		Header:  http.Header{"Content-Type": {"text/plain"}, "User-Agent": {"another"}},
		Body:    []byte("hello"),
		Secrets: []watch.Secret{watch.NewSecret(canary)},
	}
	response, err := httpsend.New(env(server.Client()), endpoint(server.URL)).Send(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if method != "POST" || agent != "lapsewatch/1.2.3" || kind != "text/plain" || body != "hello" {
		t.Errorf("arrived: %s, %s, %s, %q", method, agent, kind, body)
	}
	if response.Status != 200 || string(response.Body) != "ok for <redacted>" {
		t.Errorf("response %d %q", response.Status, response.Body)
	}
}

func TestA11_AnAnswerIsReadUpToItsBound(t *testing.T) {
	server := serve(t, answer(200, "", strings.Repeat("on and on ", 1<<17)))
	response, err := httpsend.New(env(server.Client()), endpoint(server.URL)).Send(t.Context(), httpsend.Request{})
	if err != nil || len(response.Body) != 64<<10 {
		t.Errorf("read %d bytes: %v", len(response.Body), err)
	}
}

func TestARefusalIsToldInWordsThatHelp(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"with the service's own words", answer(400, "", "no such field: \x1b[31mseverty\r\n"), `it answered 400 Bad Request: "no such field: �[31mseverty"`},
		{"without words", answer(503, "", ""), "it answered 503 Service Unavailable"},
		{"with an unknown status", answer(599, "", ""), "it answered 599"},
		{"gone for good", answer(410, "", "bye"), "it answered 410 Gone: the endpoint is gone for good: remove it from the configuration, or give its new URL"},
		{"a redirect shows no more than the host", answer(302, "https://login.example.org/"+canary+"?t="+canary, ""), "it answered 302 Found to https://login.example.org: redirects are not followed"},
		{"a redirect on the same host", answer(307, "/elsewhere", ""), "it answered 307 Temporary Redirect to another path: redirects are not followed"},
		{"a long answer is cut", answer(500, "", strings.Repeat("na", 1<<20)), `it answered 500 Internal Server Error: "` + strings.Repeat("na", 99) + `n…"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := serve(t, test.answer)
			_, err := httpsend.New(env(server.Client()), endpoint(server.URL+"/"+canary)).Send(t.Context(), httpsend.Request{})
			if want := "deliver by operations: post to " + server.URL + ": " + test.want; err == nil || err.Error() != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}

func answer(status int, location, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if location != "" {
			w.Header().Set("Location", location)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestA14_ASecretURLIsInNoError(t *testing.T) {
	echo := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no route "+r.URL.String()+", part "+canary, http.StatusNotFound)
	})
	dead := serve(t, nil)
	dead.Close()
	plain := httptest.NewServer(nil)
	t.Cleanup(plain.Close)
	for name, url := range map[string]string{
		"a service that repeats it":    echo.URL,
		"a service that is not there":  dead.URL,
		"a service that speaks no TLS": strings.Replace(plain.URL, "http:", "https:", 1),
		"a URL that cannot be parsed":  "https://[::1",
		"a URL without TLS":            plain.URL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOOK", url+"/services/"+canary+"?token="+canary)
			target := httpsend.Endpoint{URLFrom: watch.SecretRef{Env: "HOOK"}, Timeout: httpsend.DefaultTimeout}
			_, err := httpsend.New(env(echo.Client()), target).Send(t.Context(), httpsend.Request{})
			if err == nil {
				t.Fatal("no error")
			}
			for cause := err; cause != nil; cause = errors.Unwrap(cause) {
				if strings.Contains(cause.Error(), canary) {
					t.Errorf("%T holds the secret: %v", cause, cause)
				}
			}
		})
	}
}

func TestASecretURLIsReadAtEachUse(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	sender := httpsend.New(env(server.Client()), httpsend.Endpoint{URLFrom: watch.SecretRef{Env: "HOOK"}, Timeout: httpsend.DefaultTimeout})
	_, err := sender.Send(t.Context(), httpsend.Request{})
	if want := "deliver by operations: read the URL: read secret from environment variable HOOK: it is not set"; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	t.Setenv("HOOK", "http://hooks.example.com/")
	_, err = sender.Send(t.Context(), httpsend.Request{})
	if want := "deliver by operations: the URL in environment variable HOOK: want https; allow_insecure_http accepts http"; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	t.Setenv("HOOK", server.URL)
	if _, err := sender.Send(t.Context(), httpsend.Request{}); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheCAFileIsTrusted(t *testing.T) {
	root, err := pki.NewRoot("private authority")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	target := endpoint(server.URL)
	target.CAFile = path
	// The sender's own client knows nothing of the test server's certificate.
	sender := httpsend.New(env(&http.Client{}), target)
	send := func() error {
		_, err := sender.Send(t.Context(), httpsend.Request{})
		return err
	}
	if err := send(); err == nil || !strings.Contains(err.Error(), "read CA file: open "+path) {
		t.Errorf("without the file: %v", err)
	}
	write(t, path, root.ChainPEM())
	if err := send(); err == nil || !strings.Contains(err.Error(), "tls: failed to verify certificate: x509: certificate signed by unknown authority") {
		t.Errorf("with another authority: %v", err)
	}
	write(t, path, pki.Pair{Chain: []*x509.Certificate{server.Certificate()}}.ChainPEM())
	if err := send(); err != nil {
		t.Errorf("with the right authority: %v", err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestF4_ADeadServiceIsLeftInTime(t *testing.T) {
	drip := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
			for {
				if _, err := io.WriteString(conn, "x"); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
	tests := map[string]func(net.Conn){
		"it accepts and never answers":     func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
		"it answers a byte at a time":      drip("HTTP/1.1 50"),
		"it sends a header without end":    func(conn net.Conn) { _, _ = io.Copy(conn, endless("HTTP/1.1 200 OK\r\nX: ")) },
		"it sends a refusal without end":   func(conn net.Conn) { _, _ = io.Copy(conn, endless("HTTP/1.1 500 No\r\n\r\n")) },
		"it refuses a byte at a time":      drip("HTTP/1.1 500 No\r\nContent-Length: 99999\r\n\r\n"),
		"it resets":                        func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) },
		"it says something else than HTTP": func(conn net.Conn) { _, _ = io.WriteString(conn, "220 smtp\r\n") },
	}
	for name, serve := range tests {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			serving.Go(func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				serve(conn)
				_ = conn.Close()
			})
			target := httpsend.Endpoint{URL: "http://" + listener.Addr().String(), AllowInsecureHTTP: true, Timeout: watch.Duration(300 * time.Millisecond)}
			_, err = httpsend.New(env(&http.Client{Transport: &http.Transport{}}), target).Send(t.Context(), httpsend.Request{Body: []byte("{}")})
			failure, ok := errors.AsType[*alerts.DeliveryError](err)
			if !ok || !failure.Retryable {
				t.Errorf("want a retryable failure, got %v", err)
			}
			_ = listener.Close()
			// Ends only if the sender has let go of the connection.
			serving.Wait()
		})
	}
}

// endless yields its text again and again.
type endless string

func (e endless) Read(buffer []byte) (int, error) {
	return copy(buffer, strings.Repeat(string(e), 100)), nil
}

func TestTheTimeoutBoundsAnAttemptWithoutDeadline(t *testing.T) {
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // to return would be to answer 200
	})
	target := endpoint(server.URL)
	target.Timeout = watch.Duration(100 * time.Millisecond)
	_, err := httpsend.New(env(server.Client()), target).Send(t.Context(), httpsend.Request{})
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || !failure.Retryable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("want a retryable failure that wraps context.DeadlineExceeded, got %v", err)
	}
}

func TestA12_NoDateInRetryAfterDependsOnTheOwnClock(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Sun, 22 Nov 2026 06:00:00 GMT")
		w.Header().Set("Retry-After", "Sun, 22 Nov 2026 06:20:00 GMT")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	wrong := env(server.Client())
	wrong.Now = func() time.Time { return time.Date(2025, time.November, 22, 6, 0, 0, 0, time.UTC) }
	_, err := httpsend.New(wrong, endpoint(server.URL)).Send(t.Context(), httpsend.Request{})
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); !ok || failure.RetryAfter != 20*time.Minute {
		t.Errorf("want a wait of 20m, got %+v", failure)
	}
}
