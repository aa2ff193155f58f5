// Package fakeslack answers auth.test as Slack does (docs.slack.dev/reference/methods/auth.test),
// for tests: a handler for package vendortest. It knows no other method, and nothing of how
// Lapsewatch works.
package fakeslack

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Token is one that the fake knows.
type Token struct {
	Secret string
	// Error is what auth.test answers in place of an identity: "token_revoked".
	Error string
	User  string
	Bot   bool
	// App is set for an app-level token, which has no user.
	App string
	// Expires is when a rotating token ends; zero means that it does not rotate.
	Expires time.Time
}

// Slack is the fake.
type Slack struct {
	// Now is its clock; nil is time.Now.
	Now func() time.Time

	mu     sync.Mutex
	tokens []Token
}

// New makes a Slack that knows these tokens.
func New(now func() time.Time, tokens ...Token) *Slack { return &Slack{Now: now, tokens: tokens} }

// Set replaces the tokens that it knows.
func (s *Slack) Set(tokens ...Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = tokens
}

func (s *Slack) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// ServeHTTP implements http.Handler.
func (s *Slack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	if !strings.HasSuffix(r.URL.Path, "/api/auth.test") {
		write(w, map[string]any{"ok": false, "error": "unknown_method"})
		return
	}
	secret, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		secret = r.PostFormValue("token")
	}
	if secret == "" {
		write(w, map[string]any{"ok": false, "error": "not_authed"})
		return
	}
	write(w, s.answer(secret))
}

func (s *Slack) answer(secret string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, token := range s.tokens {
		switch {
		case token.Secret != secret:
			continue
		case token.Error != "":
			return map[string]any{"ok": false, "error": token.Error}
		case !token.Expires.IsZero() && !s.now().Before(token.Expires):
			return map[string]any{"ok": false, "error": "token_expired"}
		}
		return s.identity(token)
	}
	return map[string]any{"ok": false, "error": "invalid_auth"}
}

func (s *Slack) identity(token Token) map[string]any {
	if token.App != "" {
		return map[string]any{"ok": true, "app_name": token.App, "app_id": "A0123ABCD"}
	}
	found := map[string]any{
		"ok": true, "url": "https://subarachnoid.slack.com/", "team": "Subarachnoid Workspace", "team_id": "T12345678",
		"user": token.User, "user_id": "W12345678", "is_enterprise_install": false,
	}
	if token.Bot {
		found["bot_id"] = "BZYBOTHED"
	}
	if !token.Expires.IsZero() {
		found["expires_in"] = int(token.Expires.Sub(s.now()).Seconds())
	}
	return found
}

func write(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(answer) // a client that left needs no answer
}
