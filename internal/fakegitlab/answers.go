package fakegitlab

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// body is an access token as each list describes it.
func (i *Instance) body(token AccessToken) map[string]any {
	body := map[string]any{
		"id": token.ID, "name": token.Name, "revoked": token.Revoked, "created_at": stamp(token.Created), "description": "",
		"scopes": append([]string{}, token.Scopes...), "user_id": token.UserID, "last_used_at": stamp(token.LastUsed),
		"active": !token.Revoked && !i.expired(token), "expires_at": nil,
	}
	if token.Expires != "" {
		body["expires_at"] = token.Expires
	}
	if token.RawExpires != nil {
		body["expires_at"] = token.RawExpires
	}
	if token.WithoutID {
		delete(body, "id")
	}
	return body
}

func (i *Instance) resourceBody(token AccessToken) any {
	body := i.body(token)
	body["access_level"] = token.Level
	return body
}

func (i *Instance) self(w http.ResponseWriter, token Token) {
	switch {
	case i.Old:
		refuse(w, http.StatusNotFound, "Not Found")
	case token.Other:
		refuse(w, http.StatusBadRequest, "Bad request - This endpoint requires token type to be a personal access token")
	default:
		answer(w, http.StatusOK, i.body(token.AccessToken))
	}
}

// personal lists those of all users to an administrator, and to others their own.
func (i *Instance) personal(w http.ResponseWriter, r *http.Request, token Token) {
	if !scoped(w, token, "read_api") {
		return
	}
	var found []AccessToken
	for _, one := range i.Personal {
		wanted := r.URL.Query().Get("revoked")
		if (token.Admin || one.UserID == token.UserID) && (wanted == "" || wanted == strconv.FormatBool(one.Revoked)) {
			found = append(found, one)
		}
	}
	page(w, r, found, func(one AccessToken) any { return i.body(one) })
}

func (i *Instance) user(w http.ResponseWriter, token Token, number string) {
	id, err := strconv.ParseInt(number, 10, 64)
	login, known := i.Users[id]
	if err != nil || !known {
		refuse(w, http.StatusNotFound, "User Not Found")
		return
	}
	if scoped(w, token, "read_api") {
		answer(w, http.StatusOK, map[string]any{"id": id, "username": login, "name": login, "state": "active", "web_url": "https://gitlab.example/" + login})
	}
}

// scoped: the token has the scope, or api, which includes it.
func scoped(w http.ResponseWriter, token Token, scope string) bool {
	for _, has := range token.Scopes {
		if has == scope || has == "api" {
			return true
		}
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="Protected by OAuth 2.0", error="insufficient_scope", scope="api %s"`, scope))
	answer(w, http.StatusForbidden, map[string]any{"error": "insufficient_scope", "error_description": "The request requires higher privileges than provided by the access token.", "scope": "api " + scope})
	return false
}

func (i *Instance) resource(w http.ResponseWriter, r *http.Request, token Token, parts []string) {
	if !scoped(w, token, "read_api") {
		return
	}
	path, err := url.PathUnescape(parts[1])
	resources, sort := i.Projects, "Project"
	if parts[0] == "groups" {
		resources, sort = i.Groups, "Group"
	}
	found, exists := resources[path]
	for name, one := range resources {
		if strconv.FormatInt(one.ID, 10) == path {
			found, path, exists = one, name, true
		}
	}
	role := token.Roles[path]
	if token.Admin {
		role = owner
	}
	if err != nil || !exists || role == 0 {
		refuse(w, http.StatusNotFound, sort+" Not Found")
		return
	}
	i.lists(w, r, parts, found, role)
}

func (i *Instance) lists(w http.ResponseWriter, r *http.Request, parts []string, found Resource, role int) {
	needed := maintainer
	if parts[0] == "groups" {
		needed = owner
	}
	switch what := strings.Join(parts[2:], "/"); {
	case what == "access_tokens" && role < needed:
		refuse(w, http.StatusUnauthorized, "Unauthorized") // not 403
	case what == "access_tokens":
		page(w, r, found.Access, i.resourceBody)
	case what == "deploy_tokens" && role < maintainer:
		refuse(w, http.StatusForbidden, "Forbidden")
	case what == "deploy_tokens":
		page(w, r, found.Deploy, i.deployBody)
	case parts[2] == "service_accounts" && parts[0] == "groups" && !found.Free && role < owner:
		refuse(w, http.StatusForbidden, "Forbidden")
	case parts[2] == "service_accounts" && parts[0] == "groups" && !found.Free:
		i.serviceAccounts(w, r, found, parts[3:])
	default:
		refuse(w, http.StatusNotFound, "Not Found")
	}
}

func (i *Instance) deployBody(token DeployToken) any {
	return map[string]any{
		"id": token.ID, "name": token.Name, "username": token.Username, "expires_at": stamp(token.Expires), "revoked": token.Revoked,
		"expired": !token.Expires.IsZero() && !i.now().Before(token.Expires), "scopes": []string{"read_repository", "read_registry"},
	}
}

func (i *Instance) serviceAccounts(w http.ResponseWriter, r *http.Request, found Resource, rest []string) {
	if len(rest) == 0 {
		page(w, r, found.ServiceAccounts, func(account ServiceAccount) any {
			return map[string]any{"id": account.ID, "username": account.Username, "name": "Service account user", "email": account.Username + "@noreply.gitlab.example"}
		})
		return
	}
	for _, account := range found.ServiceAccounts {
		if len(rest) == 2 && rest[0] == strconv.FormatInt(account.ID, 10) && rest[1] == "personal_access_tokens" {
			page(w, r, account.Tokens, func(one AccessToken) any { return i.body(one) })
			return
		}
	}
	refuse(w, http.StatusNotFound, "User Not Found")
}

// page answers with one page and the headers of offset-based pagination
// (https://docs.gitlab.com/api/rest/#offset-based-pagination).
func page[T any](w http.ResponseWriter, r *http.Request, all []T, body func(T) any) {
	query := r.URL.Query()
	number, size := positive(query.Get("page"), 1), min(positive(query.Get("per_page"), 20), 100)
	last := max((len(all)+size-1)/size, 1)
	header := w.Header()
	header.Set("X-Page", strconv.Itoa(number))
	header.Set("X-Per-Page", strconv.Itoa(size))
	header.Set("X-Total", strconv.Itoa(len(all)))
	header.Set("X-Total-Pages", strconv.Itoa(last))
	header.Set("X-Next-Page", "")
	if number < last {
		header.Set("X-Next-Page", strconv.Itoa(number+1))
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
