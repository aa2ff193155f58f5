package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	// repeating is the service that gives all that is asked for, and repeats in it what it was
	// sent; minted is a token that it makes.
	repeating = "a success that repeats"
	minted    = "cAnArYofATokenThatWasMintedMeanwhile"
)

// repeat answers in the form of whatever is asked for.
func repeat(w http.ResponseWriter, r *http.Request, said string) {
	host, status := "https://"+r.Host, http.StatusOK
	var body string
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/v2.0/.well-known/openid-configuration"):
		tenant := host + strings.TrimSuffix(path, "/v2.0/.well-known/openid-configuration")
		body = fmt.Sprintf(`{"issuer":"%[1]s/v2.0","authorization_endpoint":"%[1]s/oauth2/v2.0/authorize","token_endpoint":"%[1]s/oauth2/v2.0/token"}`, tenant)
	case strings.HasSuffix(path, "/oauth2/v2.0/token"):
		body = fmt.Sprintf(`{"token_type":"Bearer","expires_in":3600,"access_token":%q}`, minted)
	case strings.HasSuffix(path, "/access_tokens") && r.Method == http.MethodPost:
		status, body = http.StatusCreated, fmt.Sprintf(`{"token":"ghs_%s","expires_at":"2030-01-31T00:00:00Z"}`, minted)
	case strings.HasSuffix(path, "/personal-access-tokens"), strings.HasSuffix(path, "/credential-authorizations"),
		strings.HasSuffix(path, "/access_tokens"), strings.HasSuffix(path, "/deploy_tokens"):
		body = fmt.Sprintf(`[{"id":7,"token_id":7,"credential_id":7,"credential_type":"personal access token","name":"%[1]s","token_name":"%[1]s","login":"%[1]s","owner":{"login":"%[1]s"}}]`, said)
	case strings.HasSuffix(path, "/graph/users"):
		body = fmt.Sprintf(`{"value":[{"descriptor":"aad.user","displayName":"%s"}]}`, said)
	case strings.Contains(path, "/tokenadmin/"):
		body = fmt.Sprintf(`{"value":[{"authorizationId":"4c60c9ed-a378-4883-af16-d655ca025b11","displayName":"%[1]s","scope":"%[1]s","validTo":"2030-01-31T00:00:00Z"}]}`, said)
	case strings.HasSuffix(path, "/connectionData"):
		body = fmt.Sprintf(`{"authenticatedUser":{"id":"7","providerDisplayName":"%s"}}`, said)
	default:
		body = fmt.Sprintf(`{"ok":true,"active":true,"exp":4000000000,"access_token":"%[1]s","token_type":"%[1]s","expires_in":3600,"scope":"%[1]s","iss":"%[1]s","issuer":"%[1]s","username":"%[1]s",
			"name":"%[1]s","login":"%[1]s","team":"%[1]s","id":7,"slug":"%[1]s","total_count":0,"keys":[],"objects":[{"key":"abcdef12","name":"%[1]s","token":"%[1]s"}],"value":[]}`, said)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// paths are those that were asked for.
type paths struct {
	mu    sync.Mutex
	asked map[string]bool
}

func (p *paths) add(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == nil {
		p.asked = map[string]bool{}
	}
	p.asked[path] = true
}

// want says whether each kind asked what it has to ask: a check that stops before it sends its
// tokens shows none of them.
func (p *paths) want(t *testing.T, obliging bool) {
	t.Helper()
	wanted := map[string][]string{
		"github": {"/user", "/installation/repositories", "/app", "/orgs/acme/installation", "/orgs/acme/credential-authorizations"},
		"gitlab": {"/api/v4/personal_access_tokens/self"}, "azuredevops": {"/_apis/connectionData", "/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration"},
		"npm": {"/-/whoami"}, "slack": {"/api/auth.test"}, "oauth": {"/token", "/introspect"}, "oidc": {"/.well-known/openid-configuration"}, "jwt": {"/keys"},
	}
	if obliging {
		wanted["github"] = append(wanted["github"], "/app/installations/7/access_tokens", "/orgs/acme/personal-access-tokens")
		wanted["gitlab"] = append(wanted["gitlab"], "/api/v4/projects/platform/shop/access_tokens", "/api/v4/projects/platform/shop/deploy_tokens")
		wanted["azuredevops"] = append(wanted["azuredevops"], "/contoso.onmicrosoft.com/oauth2/v2.0/token", "/_apis/graph/users", "/_apis/tokenadmin/personalaccesstokens/aad.user")
		wanted["npm"] = append(wanted["npm"], "/-/npm/v1/tokens")
		wanted["entra"] = []string{"/v1.0/applications"}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		if t.Failed() {
			t.Logf("asked were %v", slices.Sorted(maps.Keys(p.asked)))
		}
	}()
	for kind, each := range wanted {
		for _, path := range each {
			if !p.asked[path] {
				t.Errorf("%s never asked for %s, so that nothing is proven of what it sends there", kind, path)
			}
		}
	}
}
