package fakegithub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const web = "https://github.example"

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left needs no answer
}

func refuse(w http.ResponseWriter, status int, words string) {
	answer(w, status, map[string]any{"message": words, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status)})
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// account is a simple-user.
func account(login, sort string) map[string]any {
	api := web + "/api/v3/users/" + login
	body := map[string]any{
		"login": login, "id": 1, "node_id": "MDQ6VXNlcjE=", "avatar_url": web + "/images/" + login + ".gif", "gravatar_id": "",
		"url": api, "html_url": web + "/" + login, "type": sort, "site_admin": false,
	}
	for _, name := range []string{"followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events"} {
		body[name+"_url"] = api + "/" + name
	}
	return body
}

func (c *Cloud) user(w http.ResponseWriter, who caller) {
	if who.app != nil || who.token.Installation {
		refuse(w, http.StatusForbidden, "Resource not accessible by integration")
		return
	}
	body := account(who.token.Login, "User")
	for _, name := range []string{"name", "company", "location", "email", "hireable", "bio", "twitter_username"} {
		body[name] = nil
	}
	for _, name := range []string{"public_repos", "public_gists", "followers", "following", "private_gists", "total_private_repos", "owned_private_repos", "disk_usage", "collaborators"} {
		body[name] = 0
	}
	body["blog"], body["two_factor_authentication"] = "", true
	body["created_at"], body["updated_at"] = "2008-01-14T04:33:35Z", "2008-01-14T04:33:35Z"
	answer(w, http.StatusOK, body)
}

func (c *Cloud) repositories(w http.ResponseWriter, who caller) {
	if !who.token.Installation {
		refuse(w, http.StatusForbidden, "You must authenticate with an installation access token in order to list repositories for an installation.")
		return
	}
	answer(w, http.StatusOK, map[string]any{"total_count": 0, "repository_selection": "all", "repositories": []any{}})
}

func permissions(names []string) map[string]any {
	all := map[string]any{"metadata": "read"}
	for _, name := range names {
		all[name] = "read"
	}
	return all
}

func (c *Cloud) app(w http.ResponseWriter, who caller) {
	if who.app == nil {
		refuse(w, http.StatusUnauthorized, "A JSON web token could not be decoded")
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"id": who.app.ID, "client_id": who.app.ClientID, "slug": who.app.Slug, "node_id": "MDExOkludGVncmF0aW9uMQ==",
		"owner": account(who.app.Owner, "Organization"), "name": who.app.Slug, "description": "", "external_url": "https://app.example",
		"html_url": web + "/apps/" + who.app.Slug, "created_at": "2017-07-08T16:18:44-04:00", "updated_at": "2017-07-08T16:18:44-04:00",
		"permissions": permissions(who.app.Permissions), "events": []string{},
	})
}

func (c *Cloud) installation(w http.ResponseWriter, who caller, organization string) {
	if who.app == nil {
		refuse(w, http.StatusUnauthorized, "A JSON web token could not be decoded")
		return
	}
	id, installed := who.app.Installations[organization]
	if !installed {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	api := fmt.Sprintf("%s/api/v3/installations/%d", web, id)
	answer(w, http.StatusOK, map[string]any{
		"id": id, "account": account(organization, "Organization"), "repository_selection": "all", "access_tokens_url": api + "/access_tokens",
		"repositories_url": web + "/api/v3/installation/repositories", "html_url": fmt.Sprintf("%s/organizations/%s/settings/installations/%d", web, organization, id),
		"app_id": who.app.ID, "target_id": 1, "target_type": "Organization", "permissions": permissions(who.app.Permissions), "events": []string{},
		"created_at": "2018-02-09T20:51:14Z", "updated_at": "2018-02-09T20:51:14Z", "single_file_name": nil, "app_slug": who.app.Slug,
		"suspended_at": nil, "suspended_by": nil,
	})
}

// mint makes an installation token, which is a secret of the cloud's own.
func (c *Cloud) mint(w http.ResponseWriter, r *http.Request, who caller, id string) {
	if who.app == nil {
		refuse(w, http.StatusUnauthorized, "A JSON web token could not be decoded")
		return
	}
	for _, known := range who.app.Installations {
		if strconv.FormatInt(known, 10) != id {
			continue
		}
		wanted, ok := wantedOf(r, who.app.Permissions)
		if !ok {
			refuse(w, http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
			return
		}
		c.minted++
		text := fmt.Sprintf("ghs_minted%026d", c.minted)
		if c.Tokens == nil {
			c.Tokens = map[string]Token{}
		}
		c.Tokens[text] = Token{Installation: true, Permissions: wanted}
		answer(w, http.StatusCreated, map[string]any{"token": text, "expires_at": stamp(c.now().Add(time.Hour)), "permissions": permissions(wanted), "repository_selection": "all"})
		return
	}
	refuse(w, http.StatusNotFound, "Not Found")
}

// wantedOf are the permissions that a token is asked for with: all that the App has, or some
// of them.
func wantedOf(r *http.Request, has []string) ([]string, bool) {
	var body struct {
		Permissions map[string]string `json:"permissions"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Permissions == nil {
		return has, err == nil || errors.Is(err, io.EOF)
	}
	var wanted []string
	for name, level := range body.Permissions {
		if level != "read" || !slices.Contains(has, name) {
			return nil, false
		}
		wanted = append(wanted, name)
	}
	return wanted, true
}

// mayList: with the permission, or as a classic token of an owner with the scope that includes
// reading the organization.
func (t Token) mayList(permission string) bool {
	if permission == ListsTokens && !t.Installation {
		return false // "Only GitHub Apps can use this endpoint."
	}
	for scope := range strings.SplitSeq(t.Scopes, ", ") {
		if permission == ListsAuthorizations && slices.Contains([]string{"read:org", "write:org", "admin:org"}, scope) {
			return true
		}
	}
	return slices.Contains(t.Permissions, permission)
}

// allowed finds the organization, if the caller may list what needs the permission.
func (c *Cloud) allowed(w http.ResponseWriter, who caller, name, permission string) (Organization, bool) {
	organization, ok := c.Organizations[name]
	if !ok {
		refuse(w, http.StatusNotFound, "Not Found")
		return organization, false
	}
	if !who.token.mayList(permission) {
		w.Header().Set("X-Accepted-GitHub-Permissions", permission+"=read")
		words := "Resource not accessible by personal access token"
		if who.token.Installation {
			words = "Resource not accessible by integration"
		}
		refuse(w, http.StatusForbidden, words)
		return organization, false
	}
	return organization, true
}

func (c *Cloud) fineGrained(w http.ResponseWriter, r *http.Request, who caller, name string) {
	organization, ok := c.allowed(w, who, name, ListsTokens)
	if !ok {
		return
	}
	page(w, r, organization.FineGrained, func(token FineGrained) any {
		body := map[string]any{
			"id": token.ID + 10_000, "owner": account(token.Login, "User"), "repository_selection": "all",
			"repositories_url":  fmt.Sprintf("%s/api/v3/organizations/1/personal-access-tokens/%d/repositories", web, token.ID),
			"permissions":       map[string]any{"organization": map[string]any{"members": "read"}, "repository": map[string]any{"metadata": "read"}},
			"access_granted_at": stamp(token.Granted), "token_expired": !token.Expires.IsZero() && !c.now().Before(token.Expires),
			"token_expires_at": stamp(token.Expires), "token_last_used_at": stamp(token.Used), "token_id": token.ID, "token_name": token.Name,
		}
		if token.RawExpires != nil {
			body["token_expires_at"] = token.RawExpires
		}
		if token.WithoutTokenID {
			delete(body, "token_id")
			delete(body, "id")
		}
		return body
	})
}

func (c *Cloud) authorizations(w http.ResponseWriter, r *http.Request, who caller, name string) {
	organization, ok := c.allowed(w, who, name, ListsAuthorizations)
	if !ok {
		return
	}
	if !organization.SSO {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	page(w, r, organization.Authorizations, func(found Authorization) any {
		body := map[string]any{
			"login": found.Login, "credential_id": found.ID, "credential_type": found.Type,
			"credential_authorized_at": stamp(found.Authorized), "credential_accessed_at": stamp(found.Used), "authorized_credential_id": found.ID + 10_000,
		}
		if found.Type == "personal access token" {
			body["token_last_eight"], body["scopes"] = "71c3fc11", []string{"repo"}
			body["authorized_credential_note"], body["authorized_credential_expires_at"] = found.Note, stamp(found.Expires)
		} else {
			body["fingerprint"], body["authorized_credential_title"] = "jklmnop12345678", found.Note
		}
		return body
	})
}

// page answers with one page, and names the others in Link (RFC 8288).
func page[T any](w http.ResponseWriter, r *http.Request, all []T, body func(T) any) {
	query := r.URL.Query()
	number, size := positive(query.Get("page"), 1), min(positive(query.Get("per_page"), 30), 100)
	last := max((len(all)+size-1)/size, 1)
	var links []string
	link := func(to int, relation string) {
		next := query
		next.Set("page", strconv.Itoa(to))
		links = append(links, fmt.Sprintf("<https://%s%s?%s>; rel=%q", r.Host, r.URL.Path, next.Encode(), relation))
	}
	if number > 1 {
		link(number-1, "prev")
	}
	if number < last {
		link(number+1, "next")
		link(last, "last")
	}
	if len(links) > 0 {
		w.Header().Set("Link", strings.Join(links, ", "))
	}
	elements := []any{}
	for _, one := range all[min((number-1)*size, len(all)):min(number*size, len(all))] {
		elements = append(elements, body(one))
	}
	answer(w, http.StatusOK, elements)
}

func positive(text string, otherwise int) int {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return otherwise
	}
	return number
}
