// Package fakedevops is an organization of Azure DevOps as far as personal access tokens go,
// for tests: a handler for package vendortest that answers connectionData, the PAT Lifecycle
// Management API, the token administration API and the list of users in the published forms
// (github.com/MicrosoftDocs/vsts-rest-api-specs, specification/tokens, tokenAdmin and graph,
// 7.1). It issues no tokens of Entra: Accepts says which it takes. It knows nothing of how
// Lapsewatch works.
package fakedevops

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// PAT is a personal access token.
type PAT struct {
	AuthorizationID, DisplayName, Scope string
	Secret                              string
	From, To                            time.Time
	Revoked                             bool
	// Raw stands in lists in place of what is made of the other fields.
	Raw string
}

// User is one of the organization.
type User struct {
	Descriptor, DisplayName, Mail string
	PATs                          []PAT
	// Gone: the list of users still has who is no longer there.
	Gone bool
}

// Organization is the fake.
type Organization struct {
	Name  string
	Users []User
	// SignedIn is the index of the user whose tokens the PAT Lifecycle Management API lists;
	// -1 is a service principal, whom it does not serve.
	SignedIn int
	// Accepts says whether it takes an access token of Entra.
	Accepts func(token string) bool
	// Administrates: whoever signs in may list everybody's tokens.
	Administrates bool
	// Public: it has public projects, so that it answers anonymous visitors.
	Public bool
	// PageSize of lists; 0 is 100.
	PageSize int
	// Now is its clock; nil is time.Now.
	Now func() time.Time

	mu sync.Mutex
}

// Change edits the organization while it runs.
func (o *Organization) Change(edit func(*Organization)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	edit(o)
}

func (o *Organization) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// ServeHTTP implements http.Handler.
func (o *Organization) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	path, ours := strings.CutPrefix(r.URL.Path, "/"+o.Name+"/_apis/")
	switch {
	case !ours:
		write(w, http.StatusNotFound, map[string]any{"message": "The resource cannot be found."})
	case path == "connectionData":
		o.connectionData(w, r)
	case !o.signedIn(r):
		signIn(w, r)
	case r.URL.Query().Get("api-version") != "7.1-preview.1":
		write(w, http.StatusBadRequest, map[string]any{"message": "No api-version was supplied for the request, or it is not known."})
	case path == "tokens/pats":
		o.own(w, r)
	case path == "graph/users":
		o.users(w, r)
	default:
		o.administrate(w, r, path)
	}
}

func (o *Organization) signedIn(r *http.Request) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return bearer && o.Accepts != nil && o.Accepts(token)
}

// signIn is what it answers whom it does not know: the page where people sign in, or 401 if
// the client asks for no page.
func signIn(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-TFS-FedAuthRedirect") == "Suppress" {
		w.Header().Set("WWW-Authenticate", `Basic realm="https://dev.azure.com/"`)
		write(w, http.StatusUnauthorized, map[string]any{
			"$id": "1", "message": "TF400813: The user '' is not authorized to access this resource.", "typeKey": "UnauthorizedRequestException", "errorCode": 0, "eventId": 3000,
		})
		return
	}
	w.Header().Set("Location", "https://spsprodeus23.vssps.visualstudio.com/_signin?realm=dev.azure.com")
	w.WriteHeader(http.StatusFound)
}

func (o *Organization) connectionData(w http.ResponseWriter, r *http.Request) {
	name, secret, basic := r.BasicAuth()
	for i, user := range o.Users {
		for _, pat := range user.PATs {
			if basic && name == "" && secret != "" && pat.Secret == secret && !pat.Revoked && o.now().Before(pat.To) {
				o.connected(w, "00000000-0000-4000-8000-00000000000"+strconv.Itoa(i), user.DisplayName, user.Mail)
				return
			}
		}
	}
	if o.Public {
		o.connected(w, "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", "Anonymous", "")
		return
	}
	signIn(w, r)
}

func (o *Organization) connected(w http.ResponseWriter, id, name, account string) {
	who := map[string]any{
		"id": id, "providerDisplayName": name, "isActive": true,
		"properties": map[string]any{"Account": map[string]any{"$type": "System.String", "$value": account}},
	}
	write(w, http.StatusOK, map[string]any{
		"authenticatedUser": who, "authorizedUser": who, "instanceId": "38aaa865-2c70-4bf7-a308-0c6539c38c1a", "deploymentType": "hosted",
	})
}

// own is Pats - List.
func (o *Organization) own(w http.ResponseWriter, r *http.Request) {
	if o.SignedIn < 0 || o.SignedIn >= len(o.Users) {
		signIn(w, r)
		return
	}
	all := []any{}
	for _, pat := range o.Users[o.SignedIn].PATs {
		status := "active"
		if pat.Revoked {
			status = "revoked"
		} else if !o.now().Before(pat.To) {
			status = "expired"
		}
		if asked := r.URL.Query().Get("displayFilterOption"); asked == "" && status == "active" || asked == status || asked == "all" {
			all = append(all, pat.sent(false, o.now()))
		}
	}
	page, next := o.page(all, r)
	write(w, http.StatusOK, map[string]any{"continuationToken": next, "patTokens": page})
}

// users is Users - List of the Graph API.
func (o *Organization) users(w http.ResponseWriter, r *http.Request) {
	all := []any{}
	for _, user := range o.Users {
		kind, _, _ := strings.Cut(user.Descriptor, ".")
		if types := r.URL.Query().Get("subjectTypes"); types != "" && !strings.Contains(","+types+",", ","+kind+",") {
			continue
		}
		all = append(all, map[string]any{
			"subjectKind": "user", "metaType": "member", "domain": "7e4a0000-0000-4000-8000-000000000001", "origin": kind, "originId": "b",
			"principalName": user.Mail, "mailAddress": user.Mail, "displayName": user.DisplayName, "descriptor": user.Descriptor,
		})
	}
	page, next := o.page(all, r)
	if next != "" {
		w.Header().Set("X-MS-ContinuationToken", next)
	}
	write(w, http.StatusOK, map[string]any{"count": len(page), "value": page})
}

// administrate is Personal Access Tokens - List of the token administration API.
func (o *Organization) administrate(w http.ResponseWriter, r *http.Request, path string) {
	descriptor, ours := strings.CutPrefix(path, "tokenadmin/personalaccesstokens/")
	switch {
	case !ours:
		write(w, http.StatusNotFound, map[string]any{"message": "The controller for this path was not found."})
		return
	case !o.Administrates:
		write(w, http.StatusUnauthorized, map[string]any{"message": "Access Denied: needs permission to administrate tokens."})
		return
	}
	for _, user := range o.Users {
		if user.Descriptor != descriptor || user.Gone {
			continue
		}
		all := []any{}
		for _, pat := range user.PATs {
			all = append(all, pat.sent(true, o.now()))
		}
		page, next := o.page(all, r)
		answer := map[string]any{"value": page, "continuationToken": nil}
		if next != "" {
			answer["continuationToken"] = next
		}
		write(w, http.StatusOK, answer)
		return
	}
	write(w, http.StatusNotFound, map[string]any{"message": "The user cannot be found."})
}

// page cuts a list. Tokens of pages are opaque to clients.
func (o *Organization) page(all []any, r *http.Request) (page []any, next string) {
	size, from := o.PageSize, 0
	if size == 0 {
		size = 100
	}
	if token, ok := strings.CutPrefix(r.URL.Query().Get("continuationToken"), "at+/="); ok {
		from, _ = strconv.Atoi(token) // one that is none is the beginning
	}
	from = min(max(from, 0), len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		next = "at+/=" + strconv.Itoa(to)
	}
	return all[from:to], next
}

func (p PAT) sent(administration bool, now time.Time) any {
	if p.Raw != "" {
		return json.RawMessage(p.Raw)
	}
	const layout = "2006-01-02T15:04:05.9999999"
	sent := map[string]any{
		"displayName": p.DisplayName, "scope": p.Scope, "authorizationId": p.AuthorizationID, "token": nil, "targetAccounts": []string{"38aaa865-2c70-4bf7-a308-0c6539c38c1a"},
		"validFrom": p.From.UTC().Format(layout) + "Z", "validTo": p.To.UTC().Format(layout) + "Z",
	}
	if administration {
		// The published example has no zone.
		sent["validFrom"], sent["validTo"] = p.From.UTC().Format(layout), p.To.UTC().Format(layout)
		sent["isValid"], sent["isPublic"], sent["userId"] = !p.Revoked && now.Before(p.To), false, "bb5bb6c8-ef0a-400f-8987-92b3674d2043"
	}
	return sent
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a client that left needs no answer
}
