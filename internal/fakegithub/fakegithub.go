// Package fakegithub speaks the part of GitHub's REST API that says who somebody is and
// which tokens there are: users, Apps and their installations, fine-grained personal access
// tokens and single sign-on authorizations of organizations. It checks what it is sent with
// as GitHub does, splits lists into pages and limits rates. It keeps no repositories, and a
// token's rights are only those that this API asks for.
package fakegithub

import (
	"crypto/rsa"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Cloud is a GitHub. Whoever changes it while it serves holds it with Change.
type Cloud struct {
	// Tokens are what GitHub accepts, by their text.
	Tokens map[string]Token
	Apps   []App
	// Organizations are kept by their login names in lower case.
	Organizations map[string]Organization
	// Now is GitHub's clock; nil is the real one.
	Now func() time.Time
	// Limit is how many more requests are answered before the primary rate limit; 0 is no
	// limit.
	Limit int
	// Prefix stands before each path: "/api/v3" of an Enterprise Server.
	Prefix string

	mu     sync.Mutex
	minted int
}

// Token is one that GitHub accepts.
type Token struct {
	// Login is whose it is; empty for an installation.
	Login string
	// Expiration is the text of the header, which is left out if it is empty.
	Expiration string
	Scopes     string
	// Permissions are those of organizations: "organization_personal_access_tokens".
	Permissions []string
	// Installation tokens belong to no user.
	Installation bool
	// Suspended: the account may do nothing.
	Suspended bool
}

// App is a GitHub App.
type App struct {
	ID                    int64
	ClientID, Slug, Owner string
	Keys                  []*rsa.PublicKey
	// Installations are by login name in lower case.
	Installations map[string]int64
	Permissions   []string
}

// Organization is one with tokens.
type Organization struct {
	FineGrained []FineGrained
	// SSO is whether it has SAML single sign-on, without which Authorizations are not found.
	SSO            bool
	Authorizations []Authorization
}

// FineGrained is a fine-grained personal access token that may reach the organization.
type FineGrained struct {
	ID             int64
	Name, Login    string
	Expires, Used  time.Time
	Granted        time.Time
	RawExpires     any // in place of Expires, if it is not nil
	WithoutTokenID bool
}

// Authorization is a credential that is authorized for single sign-on.
type Authorization struct {
	ID                        int64
	Type, Login, Note         string
	Authorized, Used, Expires time.Time
}

// The permissions that the lists need.
const (
	ListsTokens         = "organization_personal_access_tokens"
	ListsAuthorizations = "organization_administration"
)

// Change changes the cloud while it serves.
func (c *Cloud) Change(change func(*Cloud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *Cloud) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// ServeHTTP implements http.Handler.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path, ok := strings.CutPrefix(r.URL.Path, c.Prefix)
	if !ok {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	if c.limited(w) {
		return
	}
	who, ok := c.authenticate(w, r)
	if !ok {
		return
	}
	if who.token.Suspended {
		refuse(w, http.StatusForbidden, "Sorry. Your account was suspended.")
		return
	}
	if who.token.Expiration != "" {
		w.Header().Set("GitHub-Authentication-Token-Expiration", who.token.Expiration)
	}
	if who.token.Scopes != "" {
		w.Header().Set("X-OAuth-Scopes", who.token.Scopes)
	}
	c.serve(w, r, path, who)
}

// limited counts requests towards the primary rate limit.
func (c *Cloud) limited(w http.ResponseWriter) bool {
	if c.Limit == 0 {
		return false
	}
	header := w.Header()
	header.Set("X-RateLimit-Limit", "5000")
	header.Set("X-RateLimit-Reset", "4070908800")
	if c.Limit < 0 {
		header.Set("X-RateLimit-Remaining", "0")
		refuse(w, http.StatusForbidden, "API rate limit exceeded for user ID 1.")
		return true
	}
	if c.Limit--; c.Limit == 0 {
		c.Limit = -1
	}
	header.Set("X-RateLimit-Remaining", "17")
	return false
}

func (c *Cloud) serve(w http.ResponseWriter, r *http.Request, path string, who caller) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case path == "/user" && r.Method == http.MethodGet:
		c.user(w, who)
	case path == "/installation/repositories":
		c.repositories(w, who)
	case path == "/app":
		c.app(w, who)
	case len(parts) == 3 && parts[0] == "orgs" && parts[2] == "installation":
		c.installation(w, who, strings.ToLower(parts[1]))
	case len(parts) == 4 && parts[0] == "app" && parts[1] == "installations" && parts[3] == "access_tokens" && r.Method == http.MethodPost:
		c.mint(w, r, who, parts[2])
	case len(parts) == 3 && parts[0] == "orgs" && parts[2] == "personal-access-tokens":
		c.fineGrained(w, r, who, strings.ToLower(parts[1]))
	case len(parts) == 3 && parts[0] == "orgs" && parts[2] == "credential-authorizations":
		c.authorizations(w, r, who, strings.ToLower(parts[1]))
	default:
		refuse(w, http.StatusNotFound, "Not Found")
	}
}
