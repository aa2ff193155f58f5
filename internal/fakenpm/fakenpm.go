// Package fakenpm is the part of an npm registry that deals with access tokens, for tests: a
// handler for package vendortest that answers /-/whoami and /-/npm/v1/tokens as
// registry.npmjs.org does for npm's own client (npm-profile, npm-registry-fetch; the fields
// are those of github.com/npm/cli/issues/9443). It knows no package, and nothing of how
// Lapsewatch works.
package fakenpm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Token is one of an account.
type Token struct {
	Account, Key, Name, Description string
	// Secret is the token itself.
	Secret            string
	Created, Accessed time.Time
	// Expiry is zero for one that has none.
	Expiry  time.Time
	Revoked time.Time
	// Challenge is what WWW-Authenticate says of it: "otp", "ipaddress".
	Challenge string
	// ListDenied keeps it from listing.
	ListDenied bool
	// Raw stands in the list in place of what is made of the other fields.
	Raw string
}

// Registry is the fake.
type Registry struct {
	// Now is its clock; nil is time.Now.
	Now func() time.Time
	// PageSize is how many tokens a page of the list holds; 0 is 10.
	PageSize int
	// Next makes the address of a page; nil is a path and a query.
	Next func(page int) string

	mu     sync.Mutex
	tokens []Token
}

// New makes a registry with these tokens.
func New(now func() time.Time, tokens ...Token) *Registry { return &Registry{Now: now, tokens: tokens} }

// Set replaces the tokens.
func (g *Registry) Set(tokens ...Token) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tokens = tokens
}

func (g *Registry) now() time.Time {
	if g.Now == nil {
		return time.Now()
	}
	return g.Now()
}

// ServeHTTP implements http.Handler.
func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	caller, known := g.caller(r)
	switch {
	case !known:
		w.Header().Set("npm-notice", "Access token expired or revoked. Please try logging in again.")
		write(w, http.StatusUnauthorized, map[string]any{"message": "Unauthorized"})
	case caller.Challenge != "":
		w.Header().Set("WWW-Authenticate", caller.Challenge)
		write(w, http.StatusUnauthorized, map[string]any{"message": "You must provide a one-time pass."})
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/-/whoami"):
		write(w, http.StatusOK, map[string]any{"username": caller.Account})
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/-/npm/v1/tokens"):
		if caller.ListDenied {
			write(w, http.StatusForbidden, map[string]any{"error": "Forbidden"})
			return
		}
		write(w, http.StatusOK, g.list(caller.Account, r))
	default:
		write(w, http.StatusNotFound, map[string]any{"error": "Not found"})
	}
}

func (g *Registry) caller(r *http.Request) (Token, bool) {
	secret, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	for _, token := range g.tokens {
		live := token.Revoked.IsZero() && (token.Expiry.IsZero() || g.now().Before(token.Expiry))
		if bearer && live && token.Secret != "" && token.Secret == secret {
			return token, true
		}
	}
	return Token{}, false
}

func (g *Registry) list(account string, r *http.Request) map[string]any {
	size, page := g.PageSize, 0
	if size == 0 {
		size = 10
	}
	if asked, err := strconv.Atoi(r.URL.Query().Get("page")); err == nil {
		page = max(asked, 0)
	}
	objects := []any{}
	total := 0
	for _, token := range g.tokens {
		if token.Account != account {
			continue
		}
		if total/size == page {
			objects = append(objects, token.sent())
		}
		total++
	}
	urls := map[string]any{}
	if (page+1)*size < total {
		urls["next"] = fmt.Sprintf("/-/npm/v1/tokens?page=%d&perPage=%d", page+1, size)
		if g.Next != nil {
			urls["next"] = g.Next(page + 1)
		}
	}
	return map[string]any{"objects": objects, "total": total, "urls": urls}
}

func (t Token) sent() any {
	if t.Raw != "" {
		return json.RawMessage(t.Raw)
	}
	sent := map[string]any{
		"key": t.Key, "name": t.Name, "description": t.Description, "token": abbreviated(t.Secret), "cidr": []string{}, "bypass_2fa": true,
		"created": at(t.Created), "updated": at(t.Created), "accessed": at(t.Accessed), "expiry": at(t.Expiry), "revoked": at(t.Revoked),
		"permissions": []any{map[string]any{"name": "package", "action": "write"}},
		"scopes":      []any{map[string]any{"name": "a_test_package", "type": "package"}},
	}
	return sent
}

// at is a time as JavaScript writes it, or null.
func at(instant time.Time) any {
	if instant.IsZero() {
		return nil
	}
	return instant.UTC().Format("2006-01-02T15:04:05.000Z")
}

func abbreviated(secret string) string {
	if len(secret) < 16 {
		return ""
	}
	return secret[:8] + "..." + secret[len(secret)-4:]
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a client that left needs no answer
}
