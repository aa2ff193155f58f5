package alerttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"lapsewatch/alerts"
)

// canaryPath is the secret part of the URL that an HTTP channel is given.
const canaryPath = "canary-path-5d1f"

// HTTPSuite is a channel under test that speaks HTTP.
type HTTPSuite struct {
	// New builds the channel for an https URL that is itself a secret, named
	// ChannelName, with the secrets of Values where its options take any.
	New func(t *testing.T, env alerts.Env, url string) alerts.Channel
	// Values are the secrets by the name of their environment variable.
	Values map[string]string
	// Accept answers as the service does when it takes the message.
	Accept http.HandlerFunc
	// ID finds in a request what receivers tell duplicates by.
	ID func(request *http.Request, body []byte) string
	// Ignore passes over requests that bring no message, such as a search before it; it
	// may read the body. nil passes over none.
	Ignore    func(request *http.Request) bool
	Texts     func(t *testing.T, attempt Attempt) []string
	Forbidden []string
}

// RunHTTP holds an HTTP channel to the contract, and to what is special to HTTP.
func RunHTTP(t *testing.T, suite HTTPSuite) {
	Run(t, suite.general())
	t.Run("each status is classified", suite.statuses)
	t.Run("F5 Retry-After is read in both forms and capped", suite.retryAfter)
	t.Run("A12 a redirect is a failure and takes nothing along", suite.redirect)
	t.Run("every answer's body is closed", suite.bodies)
}

func (h HTTPSuite) general() Suite {
	secrets := []string{canaryPath}
	for _, value := range h.Values {
		// Of "Bearer TOKEN" the token is the secret.
		words := strings.Fields(value)
		secrets = append(secrets, words[len(words)-1])
	}
	return Suite{
		Start: func(t *testing.T, log *slog.Logger) (alerts.Channel, Service) {
			service := h.serve(t)
			return service.channel(t, log), service
		},
		Secrets: secrets, Texts: h.Texts, Forbidden: h.Forbidden,
	}
}

// httpService is an HTTPS server that answers as it is told.
type httpService struct {
	suite  HTTPSuite
	server *httptest.Server
	bodies *bodyCounter
	over   chan struct{}

	mu       sync.Mutex
	answer   http.HandlerFunc
	attempts []Attempt
}

func (h HTTPSuite) serve(t *testing.T) *httpService {
	service := &httpService{suite: h, answer: h.Accept, over: make(chan struct{})}
	service.server = httptest.NewUnstartedServer(http.HandlerFunc(service.handle))
	service.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	service.server.StartTLS()
	service.bodies = &bodyCounter{next: service.server.Client().Transport}
	t.Cleanup(func() {
		close(service.over)
		service.server.CloseClientConnections()
		service.server.Close()
	})
	return service
}

func (s *httpService) channel(t *testing.T, log *slog.Logger) alerts.Channel {
	// Like the product's client, it leaves redirects to the channel's own care.
	env := Env(&http.Client{Transport: s.bodies}, s.suite.Values)
	env.Log = log
	return s.suite.New(t, env, s.server.URL+"/hooks/"+canaryPath)
}

func (s *httpService) handle(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ignored := s.suite.Ignore != nil && s.suite.Ignore(r)
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	if !ignored {
		s.attempts = append(s.attempts, Attempt{ID: s.suite.ID(r, body), Content: body})
	}
	answer := s.answer
	s.mu.Unlock()
	answer(w, r)
}

func (s *httpService) Attempts() []Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Attempt(nil), s.attempts...)
}

func (s *httpService) answerWith(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// Behave lets the service answer in the words of HTTP.
func (s *httpService) Behave(behaviour Behaviour) {
	s.answerWith(map[Behaviour]http.HandlerFunc{
		Accepts:            s.suite.Accept,
		Throttles:          s.refuse(http.StatusTooManyRequests, "7"),
		Fails:              s.refuse(http.StatusServiceUnavailable, ""),
		Refuses:            s.refuse(http.StatusBadRequest, ""),
		RefusesCredentials: s.refuse(http.StatusUnauthorized, ""),
		HangsUp:            func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		Hangs:              s.hang,
		Babbles:            babble,
	}[behaviour])
}

// refuse repeats every secret that the request brought and that configuration holds.
func (s *httpService) refuse(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "cannot take %s", r.URL)
		for _, value := range s.suite.Values {
			_, _ = fmt.Fprintf(w, " with %s (%q)", value, strings.Fields(value))
		}
	}
}

func (s *httpService) hang(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.over:
	}
	// To return would be an answer, which may still arrive.
	panic(http.ErrAbortHandler)
}

// babble sends an answer that has no end, a little at a time.
func babble(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusInternalServerError)
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, strings.Repeat("on and on ", 1<<10)); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
	}
}

// bodyCounter counts the answers whose body has not been closed.
type bodyCounter struct {
	next http.RoundTripper
	seen atomic.Int64
	open atomic.Int64
}

func (b *bodyCounter) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(request)
	if err == nil {
		b.seen.Add(1)
		b.open.Add(1)
		response.Body = &countedBody{ReadCloser: response.Body, counter: b}
	}
	return response, err
}

type countedBody struct {
	io.ReadCloser
	counter *bodyCounter
	once    sync.Once
}

func (c *countedBody) Close() error {
	c.once.Do(func() { c.counter.open.Add(-1) })
	if err := c.ReadCloser.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
