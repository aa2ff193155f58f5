// Package vendortest serves the fakes of vendors' clouds to tests: one TLS server on
// 127.0.0.1 for each, which misbehaves as such services do unless it is told not to. It
// knows no vendor's contract; each fake brings its own handler.
package vendortest

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/internal/pki"
)

// Always is for Manner.Times.
const Always = -1

// Manner is one way to misbehave, on some of the requests.
type Manner struct {
	// On is how the request's path ends; empty is any path.
	On string
	// After is how many of the requests that fit it lets pass first.
	After int
	// Times is how often it misbehaves, Always for ever; 0 is once.
	Times  int
	Answer Answer
}

// Answer answers a request in place of usual, which it may call.
type Answer func(w http.ResponseWriter, r *http.Request, usual http.Handler)

// Request is one that came, misbehaved upon or not.
type Request struct {
	Method, Path, Query string
	Header              http.Header
	Body                []byte
}

// Server is a running fake.
type Server struct {
	// URL has no path: "https://127.0.0.1:40001".
	URL string
	// CAFile is the PEM file of the only authority that its certificate is of.
	CAFile string
	// Root is that authority.
	Root pki.Pair

	usual http.Handler
	mu    sync.Mutex
	all   []counted
	came  []Request
}

type counted struct {
	Manner
	seen, done int
}

// DefaultManners are those of a service on a bad day: a reader that tries again gets all
// that it asked for.
func DefaultManners() []Manner {
	return []Manner{
		{Answer: Status(http.StatusServiceUnavailable, "1")},
		{After: 1, Answer: CutShort()},
		{After: 3, Answer: Slow(100 * time.Millisecond)},
	}
}

// Start serves the fake until the test ends; without manners, with DefaultManners.
func Start(t testing.TB, fake http.Handler, manners ...Manner) *Server {
	t.Helper()
	root, err := pki.NewRoot("Fake vendor CA")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := root.Issue(pki.Spec{CommonName: "Fake vendor", Names: []string{"127.0.0.1", "localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{usual: fake, Root: root, CAFile: filepath.Join(t.TempDir(), "vendor-ca.pem")}
	if err := os.WriteFile(s.CAFile, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(manners) == 0 {
		manners = DefaultManners()
	}
	s.Misbehave(manners...)
	server := httptest.NewUnstartedServer(s)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair.TLS()}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.URL = server.URL
	return s
}

// Misbehave replaces the manners; none is a server without faults.
func (s *Server) Misbehave(manners ...Manner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = nil
	for _, manner := range manners {
		s.all = append(s.all, counted{Manner: manner})
	}
}

// Requests are those that came so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.came...)
}

// To are those whose path ends so.
func (s *Server) To(path string) []Request {
	var found []Request
	for _, request := range s.Requests() {
		if strings.HasSuffix(request.Path, path) {
			found = append(found, request)
		}
	}
	return found
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20)) // of a client that left, what came
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	answer := s.take(r, body)
	if answer == nil {
		s.usual.ServeHTTP(w, r)
		return
	}
	answer(w, r, s.usual)
}

func (s *Server) take(r *http.Request, body []byte) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.came = append(s.came, Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body})
	var chosen Answer
	for i := range s.all {
		manner := &s.all[i]
		if spent := manner.Times != Always && manner.done >= max(manner.Times, 1); spent || !strings.HasSuffix(r.URL.Path, manner.On) {
			continue
		}
		manner.seen++
		if chosen == nil && manner.seen > manner.After {
			manner.done++
			chosen = manner.Answer
		}
	}
	return chosen
}

// Status answers with an empty body and that Retry-After, or none where it is empty.
func Status(status int, retryAfter string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
	}
}

// Reply answers with just this.
func Reply(status int, contentType, body string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // a client that left needs no answer
	}
}

// HostilePage is what a proxy or a captive portal says instead of JSON, with what must not
// reach a terminal, a log line or a page.
const HostilePage = "<!DOCTYPE html><html><title>Sign in \x1b[31mto Wi-Fi</title><script>alert(1)</script>\r\nSet-Cookie: x=1\u202e</html>"

// Page answers with HostilePage.
func Page(status int) Answer { return Reply(status, "text/html; charset=utf-8", HostilePage) }

// CutShort sends half of the usual answer and ends the connection: the request had its
// effect, and its reply is lost.
func CutShort() Answer {
	return func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
		whole := httptest.NewRecorder()
		usual.ServeHTTP(whole, r)
		for name, values := range whole.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(whole.Code)
		_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// Slow waits before the usual answer, or until the client leaves.
func Slow(wait time.Duration) Answer {
	return func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
		select {
		case <-time.After(wait):
			usual.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Endless sends an answer without end, until the client leaves.
func Endless() Answer {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, "[")
		for filler := strings.Repeat(`"endless",`, 1000); err == nil && r.Context().Err() == nil; {
			_, err = io.WriteString(w, filler)
		}
	}
}

// Redirect leads to the same path and query of another server.
func Redirect(base string) Answer {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, base+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}
}

// Echo refuses with all that it was sent, in the header and in the body: what it repeats
// must be shown nowhere.
func Echo(status int) Answer {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		body, _ := io.ReadAll(r.Body)
		words := strings.Join(r.Header.Values("Authorization"), " ") + " " + r.Header.Get("PRIVATE-TOKEN") + " " + r.URL.RequestURI() + " " + string(body)
		w.Header().Set("X-You-Sent", strings.Join(strings.Fields(words), " "))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":"`+words+`","error_description":"`+words+`","message":"`+words+`"}`)
	}
}
