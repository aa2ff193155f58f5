// Package fakegitlab speaks the part of GitLab's REST API that lists tokens: what a token
// is that asks about itself, access tokens and deploy tokens of projects and groups, service
// accounts and theirs, the personal access tokens of all users. It checks tokens and roles
// as GitLab does, and splits lists into pages. It keeps no repositories and makes no tokens.
package fakegitlab

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Instance is a GitLab. Whoever changes it while it serves holds it with Change.
type Instance struct {
	// Tokens are what GitLab knows, by their text.
	Tokens map[string]Token
	// Projects and Groups are kept by their paths.
	Projects, Groups map[string]Resource
	// Users are login names by number.
	Users map[int64]string
	// Personal are the personal access tokens of all users but those in Tokens.
	Personal []AccessToken
	// Now is GitLab's clock; nil is the real one.
	Now func() time.Time
	// Old: it is of before 15.5, and says of no token what it is.
	Old bool
	// Prefix stands before each path of an instance below a folder: "/gitlab".
	Prefix string

	mu sync.Mutex
}

// Token is one that somebody signs in with.
type Token struct {
	AccessToken
	// Admin tokens may list everything; Blocked ones nothing.
	Admin, Blocked bool
	// Roles are by path; 40 is a Maintainer, 50 an Owner.
	Roles map[string]int
	// Other: it is no access token, such as an OAuth token.
	Other bool
}

// AccessToken is a personal, project or group access token.
type AccessToken struct {
	ID, UserID int64
	Name       string
	Scopes     []string
	Created    time.Time
	LastUsed   time.Time
	// Expires is a date, empty if there is none; RawExpires takes its place, if it is not nil.
	Expires    string
	RawExpires any
	Revoked    bool
	// Level is the role of a project's or group's token.
	Level     int
	WithoutID bool
}

// DeployToken is one of a project or group.
type DeployToken struct {
	ID             int64
	Name, Username string
	Expires        time.Time
	Revoked        bool
}

// Resource is a project or a group.
type Resource struct {
	ID              int64
	Access          []AccessToken
	Deploy          []DeployToken
	ServiceAccounts []ServiceAccount
	// Free: it has no service accounts, which need Premium.
	Free bool
}

// ServiceAccount is one of a group.
type ServiceAccount struct {
	ID       int64
	Username string
	Tokens   []AccessToken
}

const (
	maintainer = 40
	owner      = 50
)

// Change changes the instance while it serves.
func (i *Instance) Change(change func(*Instance)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

func (i *Instance) now() time.Time {
	if i.Now != nil {
		return i.Now()
	}
	return time.Now()
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left needs no answer
}

func refuse(w http.ResponseWriter, status int, words string) {
	answer(w, status, map[string]any{"message": strconv.Itoa(status) + " " + words})
}

func refuseOAuth(w http.ResponseWriter, status int, code, words string) {
	answer(w, status, map[string]any{"error": code, "error_description": words})
}

// ServeHTTP implements http.Handler.
func (i *Instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), i.Prefix+"/api/v4/")
	if !ok {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	token, ok := i.authenticate(w, r)
	if !ok {
		return
	}
	parts := strings.Split(path, "/")
	switch {
	case path == "personal_access_tokens/self":
		i.self(w, token)
	case path == "personal_access_tokens":
		i.personal(w, r, token)
	case len(parts) == 2 && parts[0] == "users":
		i.user(w, token, parts[1])
	case len(parts) >= 3 && (parts[0] == "projects" || parts[0] == "groups"):
		i.resource(w, r, token, parts)
	default:
		refuse(w, http.StatusNotFound, "Not Found")
	}
}

func (i *Instance) authenticate(w http.ResponseWriter, r *http.Request) (Token, bool) {
	token, known := i.Tokens[r.Header.Get("PRIVATE-TOKEN")]
	switch {
	case !known:
		refuse(w, http.StatusUnauthorized, "Unauthorized")
	case token.Revoked:
		refuseOAuth(w, http.StatusUnauthorized, "invalid_token", "Token was revoked. You have to re-authorize from the user.")
	case i.expired(token.AccessToken):
		refuseOAuth(w, http.StatusUnauthorized, "invalid_token", "Token is expired. You can either do re-authorization or token refresh.")
	case token.Blocked:
		refuse(w, http.StatusForbidden, "Forbidden - Your account has been blocked.")
	default:
		return token, true
	}
	return Token{}, false
}

// expired: a token ends as its date begins, in UTC.
func (i *Instance) expired(token AccessToken) bool {
	return token.Expires != "" && token.Expires <= i.now().UTC().Format(time.DateOnly)
}
