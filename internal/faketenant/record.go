package faketenant

import (
	"compress/gzip"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Request is a request that was answered, for tests to look at.
type Request struct {
	Method string
	// Host is the host the client asked for, with the port.
	Host  string
	Path  string
	Query url.Values
	// Header is what was sent, without the Authorization header: Authorized says whether
	// there was one.
	Header     http.Header
	Authorized bool
	// Status is 0 where the connection ended before any.
	Status int
	// Misbehaved is the name of the manner that answered, or empty.
	Misbehaved string
}

// maxRequests bounds the record against a client that loops; later ones are not kept.
const maxRequests = 100_000

type record struct {
	mutex    sync.Mutex
	requests []Request
}

// Requests are the requests answered so far, in the order in which they arrived.
func (t *Tenant) Requests() []Request {
	t.record.mutex.Lock()
	defer t.record.mutex.Unlock()
	return slices.Clone(t.record.requests)
}

// To are the requests so far whose path ends in suffix, such as "/token" or "/owners".
func (t *Tenant) To(suffix string) []Request {
	return slices.DeleteFunc(t.Requests(), func(r Request) bool { return !strings.HasSuffix(r.Path, suffix) })
}

// ForgetRequests empties the record. Nothing may be under way.
func (t *Tenant) ForgetRequests() {
	t.record.mutex.Lock()
	defer t.record.mutex.Unlock()
	t.record.requests = nil
}

// begin adds a request and returns its place, or -1 where the record is full.
func (r *record) begin(request Request) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(r.requests) >= maxRequests {
		return -1
	}
	r.requests = append(r.requests, request)
	return len(r.requests) - 1
}

func (r *record) note(at int, edit func(*Request)) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if at >= 0 && at < len(r.requests) {
		edit(&r.requests[at])
	}
}

// answer is the response to one request: recorded, and compressed where the client takes
// gzip and the answer is JSON.
type answer struct {
	http.ResponseWriter
	tenant     *Tenant
	at         int
	takesGzip  bool
	begun      bool
	compressor *gzip.Writer
}

func (t *Tenant) recording(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := r.Header.Clone()
		header.Del("Authorization")
		at := t.record.begin(Request{
			Method: r.Method, Host: r.Host, Path: r.URL.Path, Query: r.URL.Query(),
			Header: header, Authorized: r.Header.Get("Authorization") != "",
		})
		answer := &answer{
			ResponseWriter: w, tenant: t, at: at,
			takesGzip: !t.options.Uncompressed && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"),
		}
		next.ServeHTTP(answer, r)
		if answer.compressor != nil {
			_ = answer.compressor.Close() // a client that left needs no answer
		}
	})
}

func (a *answer) WriteHeader(status int) {
	if !a.begun {
		a.begun = true
		a.tenant.record.note(a.at, func(r *Request) { r.Status = status })
		if a.takesGzip && status == http.StatusOK && strings.HasPrefix(a.Header().Get("Content-Type"), "application/json") {
			a.Header().Set("Content-Encoding", "gzip")
			a.compressor, _ = gzip.NewWriterLevel(a.ResponseWriter, gzip.BestSpeed) // the level exists
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(body []byte) (int, error) {
	if !a.begun {
		a.WriteHeader(http.StatusOK)
	}
	if a.compressor != nil {
		return a.compressor.Write(body)
	}
	return a.ResponseWriter.Write(body)
}

// FlushError sends what was written so far. http.ResponseController calls it.
func (a *answer) FlushError() error {
	if a.compressor != nil {
		if err := a.compressor.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// misbehaved notes which manner answered.
func (a *answer) misbehaved(name string) {
	a.tenant.record.note(a.at, func(r *Request) { r.Misbehaved = name })
}
