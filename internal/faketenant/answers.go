package faketenant

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// DefaultManners are those of a tenant on a bad day. Whoever retries gets everything.
func DefaultManners() []Manner {
	return []Manner{
		{Name: "first page cut short", On: "/applications", Answer: CutShort()},
		{Name: "second page throttled", On: "/applications", Page: 2, Answer: Throttled("1")},
		{Name: "third page slow", On: "/applications", Page: 3, Answer: Slow(200 * time.Millisecond)},
		{Name: "service principals unavailable", On: "/servicePrincipals", Answer: Unavailable("")},
	}
}

// Throttled answers 429 with that Retry-After, or none where it is empty.
// https://learn.microsoft.com/graph/throttling
func Throttled(retryAfter string) Answer {
	return func(t *Tenant, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		setRetryAfter(w, retryAfter)
		t.refuseGraph(w, r, http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
	}
}

// Unavailable answers 503 with that Retry-After, or none where it is empty.
func Unavailable(retryAfter string) Answer {
	return func(t *Tenant, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		setRetryAfter(w, retryAfter)
		t.refuseGraph(w, r, http.StatusServiceUnavailable, "ServiceUnavailable", "The service is temporarily unavailable.")
	}
}

func setRetryAfter(w http.ResponseWriter, value string) {
	if value != "" {
		w.Header().Set("Retry-After", value)
	}
}

// CutShort sends half of the usual answer and ends the connection.
func CutShort() Answer {
	return func(_ *Tenant, w http.ResponseWriter, r *http.Request, usual http.Handler) {
		whole := gather(usual, r)
		whole.body.Truncate(whole.body.Len() / 2)
		whole.ServeHTTP(w, r)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// Slow waits before the usual answer, or until the client leaves.
func Slow(wait time.Duration) Answer {
	return func(_ *Tenant, w http.ResponseWriter, r *http.Request, usual http.Handler) {
		select {
		case <-time.After(wait):
			usual.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Reply answers with just this. An empty contentType sends none.
func Reply(status int, contentType, body string) Answer {
	return func(_ *Tenant, w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header()["Content-Type"] = nil
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		if body != "" {
			_, _ = io.WriteString(w, body) // a client that left needs no answer
		}
	}
}

// HostilePage is what a proxy or a captive portal says instead of JSON, with what must not
// reach a terminal, a log line or a page.
const HostilePage = "<!DOCTYPE html><html><title>Sign in \x1b[31mto Wi-Fi</title><script>alert(1)</script>\r\nSet-Cookie: x=1\u202e</html>"

// HTML answers with HostilePage.
func HTML(status int) Answer { return Reply(status, "text/html; charset=utf-8", HostilePage) }

// ClaimsChallenge answers 401 and asks for claims in a malformed header.
func ClaimsChallenge() Answer {
	return func(t *Tenant, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("WWW-Authenticate", "Bearer claims=abc")
		t.refuseGraph(w, r, http.StatusUnauthorized, "InvalidAuthenticationToken", "Continuous access evaluation resulted in challenge.")
	}
}

// TokenExpired lets every access token expire just before the request.
func TokenExpired() Answer { return Before((*Tenant).ExpireTokens) }

// Before does something to the tenant, such as Change, just before the usual answer.
func Before(do func(*Tenant)) Answer {
	return func(t *Tenant, w http.ResponseWriter, r *http.Request, usual http.Handler) {
		do(t)
		usual.ServeHTTP(w, r)
	}
}

// Redirect answers 307 to the same path and query of another server.
func Redirect(base string) Answer {
	return func(_ *Tenant, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, base+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}
}

// Edited changes the body of the usual answer.
func Edited(edit func(body []byte) []byte) Answer {
	return func(_ *Tenant, w http.ResponseWriter, r *http.Request, usual http.Handler) {
		whole := gather(usual, r)
		edited := edit(whole.body.Bytes())
		whole.body = *bytes.NewBuffer(edited)
		whole.ServeHTTP(w, r)
	}
}

// NextLink sends the usual page with that next link, or the request's own address where it
// is empty.
func NextLink(link string) Answer {
	return func(t *Tenant, w http.ResponseWriter, r *http.Request, usual http.Handler) {
		link := link
		if link == "" {
			link = t.GraphURL + r.URL.RequestURI()
		}
		Edited(func(body []byte) []byte {
			before, _, _ := bytes.Cut(body, []byte(","+nextLinkName))
			encoded, _ := json.Marshal(link) // a string always encodes
			return append(append(append(bytes.TrimSuffix(before, []byte("}")), ","+nextLinkName...), encoded...), '}')
		})(t, w, r, usual)
	}
}

// Endless sends a page that never ends, until the client leaves.
func Endless() Answer {
	return func(_ *Tenant, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, `{"value":[`)
		filler := bytes.Repeat([]byte(`{"id":"00000000-0000-4000-8000-000000000000","notes":"endless"},`), 1000)
		for err == nil && r.Context().Err() == nil {
			_, err = w.Write(filler)
		}
	}
}

// Padded sends the usual answer after so many bytes of white space.
func Padded(size int) Answer {
	return Edited(func(body []byte) []byte { return append(bytes.Repeat([]byte{' '}, size), body...) })
}

// ConsentMissing is the token endpoint's refusal of an application that nobody consented to.
func ConsentMissing() Answer {
	return func(t *Tenant, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		t.refuse(w, r, consentMissing, r.PostFormValue("client_id"))
	}
}

// ConditionalAccess is the token endpoint's refusal by the tenant's own policy.
func ConditionalAccess() Answer {
	return func(t *Tenant, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		t.refuse(w, r, conditionalAccess)
	}
}
