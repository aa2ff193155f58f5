package alerttest

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// Recorder is an HTTPS service that keeps what it was sent, and answers as its test says.
type Recorder struct {
	*httptest.Server

	mu       sync.Mutex
	answer   http.HandlerFunc
	requests []Recorded
}

// Recorded is a request with all of its body.
type Recorded struct {
	*http.Request
	Content []byte
}

// NewRecorder starts a service that ends with the test.
func NewRecorder(t *testing.T, answer http.HandlerFunc) *Recorder {
	r := &Recorder{answer: answer}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	r.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

func (r *Recorder) serve(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	r.mu.Lock()
	r.requests = append(r.requests, Recorded{Request: request, Content: body})
	answer := r.answer
	r.mu.Unlock()
	answer(w, request)
}

// AnswerWith changes how the service answers.
func (r *Recorder) AnswerWith(answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// Requests are those that came so far, oldest first.
func (r *Recorder) Requests() []Recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Recorded(nil), r.requests...)
}

// Last is the latest request; it is there.
func (r *Recorder) Last(t *testing.T) Recorded {
	t.Helper()
	all := r.Requests()
	if len(all) == 0 {
		t.Fatal("nothing was sent")
	}
	return all[len(all)-1]
}

// Says answers every request alike.
func Says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// BreaksOff answers 200 and the beginning of a body, and then no more.
func BreaksOff(beginning string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(beginning)+1))
		_, _ = io.WriteString(w, beginning)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// RoundTrip is a transport of HTTP that is one function, for what must not leave a test.
type RoundTrip func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f RoundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
