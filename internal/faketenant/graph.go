package faketenant

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// graphHandler answers a request of Graph for the application of appID.
type graphHandler func(w http.ResponseWriter, r *http.Request, d *Directory, appID string)

// graph lets a caller through who has a token and any of the permissions.
func (t *Tenant) graph(next graphHandler, permissions []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		identify(w, r)
		w.Header().Set("OData-Version", "4.0")
		appID, ok := t.caller(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q, authorization_uri=%q, client_id=%q", "", t.AuthorityURL+"/common/oauth2/authorize", "00000003-0000-0000-c000-000000000000"))
			words := "Lifetime validation failed, the token is expired."
			if r.Header.Get("Authorization") == "" {
				words = "Access token is empty."
			}
			t.refuseGraph(w, r, http.StatusUnauthorized, "InvalidAuthenticationToken", words)
			return
		}
		d := t.directory.Load()
		if !d.granted(appID, permissions) {
			t.refuseGraph(w, r, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
			return
		}
		next(w, r, d, appID)
	})
}

// identify gives the answer Graph's id of the request and the client's, once.
func identify(w http.ResponseWriter, r *http.Request) {
	if w.Header().Get("request-id") != "" {
		return
	}
	w.Header().Set("request-id", newID())
	clientRequestID := r.Header.Get("client-request-id")
	if clientRequestID == "" {
		clientRequestID = w.Header().Get("request-id")
	}
	w.Header().Set("client-request-id", clientRequestID)
}

func (t *Tenant) unknownSegment(w http.ResponseWriter, r *http.Request, _ *Directory, _ string) {
	_, segment, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	segment, _, _ = strings.Cut(segment, "/")
	t.refuseGraph(w, r, http.StatusBadRequest, "BadRequest", fmt.Sprintf("Resource not found for the segment '%s'.", segment))
}

func (t *Tenant) notFound(w http.ResponseWriter, r *http.Request, id string) {
	t.refuseGraph(w, r, http.StatusNotFound, "Request_ResourceNotFound", fmt.Sprintf("Resource '%s' does not exist or one of its queried reference-property objects are not present.", id))
}

// keyCredentialReadsPerMinute is what Graph serves a tenant of lists that select
// keyCredentials. https://learn.microsoft.com/graph/api/application-list
const keyCredentialReadsPerMinute = 150

// window counts what happens in a sliding stretch of the machine's time.
type window struct {
	mutex  sync.Mutex
	limit  int
	length time.Duration
	times  []time.Time
}

// admit counts one more, or says how long there is no room for it.
func (w *window) admit() (wait time.Duration, ok bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	now := time.Now()
	for len(w.times) > 0 && now.Sub(w.times[0]) >= w.length {
		w.times = w.times[1:]
	}
	if len(w.times) >= w.limit {
		return w.length - now.Sub(w.times[0]), false
	}
	w.times = append(w.times, now)
	return 0, true
}

// throttled answers 429 where a list that selects keyCredentials comes too soon.
func (t *Tenant) throttled(w http.ResponseWriter, r *http.Request) bool {
	wait, ok := t.keyReads.admit()
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		t.refuseGraph(w, r, http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
	}
	return !ok
}

// alternateKey is a segment such as applications(appId='…').
var alternateKey = regexp.MustCompile(`^(/[^/]+/[A-Za-z]+)\(appId='([^/']*)'\)`)

// byAlternateKey turns objects that are named by appId into a form that routes know.
func byAlternateKey(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := alternateKey.ReplaceAllString(r.URL.Path, "$1/"+appIDPrefix+"$2"); path != r.URL.Path {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = path, ""
		}
		next.ServeHTTP(w, r)
	})
}

const appIDPrefix = "appId="

// pathKey is the object that the path names, by one of its two ids.
func pathKey(r *http.Request) (id, appID string) {
	named := r.PathValue("id")
	if appID, ok := strings.CutPrefix(named, appIDPrefix); ok {
		return "", appID
	}
	return named, ""
}
