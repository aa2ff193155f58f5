package faketenant

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// MicrosoftGraph is the resource that clients ask access tokens for, beside the tenant's
// own GraphURL.
const MicrosoftGraph = "https://graph.microsoft.com"

func (t *Tenant) openIDConfiguration(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("tenant") != t.TenantID {
		t.refuse(w, r, unknownTenant, r.PathValue("tenant"))
		return
	}
	base := t.AuthorityURL + "/" + t.TenantID
	writeJSON(w, http.StatusOK, map[string]any{
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"issuer":                                base + "/v2.0",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"tenant_region_scope":                   "EU",
		"cloud_instance_name":                   "microsoftonline.com",
		"msgraph_host":                          strings.TrimPrefix(t.GraphURL, "https://"),
	})
}

// client is who signs in: an application, a service principal, or both by one appId.
type client struct {
	appID, name string
	disabled    bool
	passwords   []PasswordCredential
	keys        []KeyCredential
	federated   []FederatedIdentityCredential
}

func (d *Directory) client(appID string) (client, bool) {
	app, principal := d.applicationBy("", appID), d.servicePrincipalBy("", appID)
	if app == nil && principal == nil {
		return client{}, false
	}
	found := client{appID: appID}
	if app != nil {
		found.name, found.disabled = app.DisplayName, app.Disabled || app.DisabledByMicrosoftStatus != ""
		found.passwords, found.keys, found.federated = app.PasswordCredentials, app.KeyCredentials, app.FederatedIdentityCredentials
	}
	if principal != nil {
		found.name, found.disabled = principal.DisplayName, found.disabled || principal.AccountDisabled
		found.passwords = slices.Concat(found.passwords, principal.PasswordCredentials)
		found.keys = slices.Concat(found.keys, principal.KeyCredentials)
	}
	return found, true
}

// token answers the client credentials grant.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
func (t *Tenant) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		t.refuse(w, r, malformedRequest, "body")
		return
	}
	if tenant := r.PathValue("tenant"); tenant != t.TenantID {
		t.refuse(w, r, unknownTenant, tenant)
		return
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		t.refuse(w, r, unsupportedGrant, r.PostForm.Get("grant_type"))
		return
	}
	// MSAL appends scopes of its own, which this grant passes over.
	wanted, _, _ := strings.Cut(r.PostForm.Get("scope"), " ")
	resource, whole := strings.CutSuffix(wanted, "/.default")
	if !whole {
		t.refuse(w, r, scopeWithoutDefault, r.PostForm.Get("scope"))
		return
	}
	if resource != t.GraphURL && resource != MicrosoftGraph && resource != OutlookResource {
		t.refuse(w, r, unknownResource, resource)
		return
	}
	appID := r.PostForm.Get("client_id")
	who, known := t.directory.Load().client(appID)
	if !known {
		t.refuse(w, r, unknownApplication, appID)
		return
	}
	if who.disabled {
		t.refuse(w, r, disabledApplication, appID, who.name)
		return
	}
	if no := t.authenticate(who, r); no != nil {
		t.refuse(w, r, no.class, no.about...)
		return
	}
	t.grantToken(w, who.appID, resource)
}

// authenticate looks at a secret or at an assertion.
func (t *Tenant) authenticate(who client, r *http.Request) *refusal {
	if assertion := r.PostForm.Get("client_assertion"); assertion != "" {
		return t.checkAssertion(who, assertion)
	}
	secret := r.PostForm.Get("client_secret")
	if secret == "" {
		return no(withoutCredential)
	}
	at := slices.IndexFunc(who.passwords, func(has PasswordCredential) bool { return has.SecretText == secret })
	switch {
	case at < 0:
		return no(wrongSecret, who.appID)
	case who.passwords[at].EndDateTime.past(t.options.Now()):
		return no(expiredSecret, who.appID)
	}
	return nil
}

func (t *Tenant) grantToken(w http.ResponseWriter, appID, resource string) {
	writeJSON(w, http.StatusOK, map[string]any{
		"token_type":     "Bearer",
		"expires_in":     int(t.options.TokenLifetime.Seconds()),
		"ext_expires_in": int(t.options.TokenLifetime.Seconds()),
		"access_token":   t.issue(appID, resource),
	})
}

// managedIdentityToken is the endpoint that App Service gives its applications.
// https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
func (t *Tenant) managedIdentityToken(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	principal := t.directory.Load().managedIdentity(query.Get("client_id"))
	if r.Header.Get("X-IDENTITY-HEADER") != t.ManagedIdentityHeader() || principal == nil {
		writeJSON(w, http.StatusBadRequest, map[string]any{"statusCode": 400, "message": "No Managed Identity found for specified ClientId/ResourceId/PrincipalId."})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": t.issue(principal.AppID, query.Get("resource")),
		"expires_on":   fmt.Sprint(t.options.Now().Add(t.options.TokenLifetime).Unix()),
		"resource":     query.Get("resource"),
		"token_type":   "Bearer",
		"client_id":    principal.AppID,
	})
}

// ManagedIdentityURL is what IDENTITY_ENDPOINT is set to where an application has a managed
// identity: the directory's service principal of type ManagedIdentity, by client_id where
// there are several.
func (t *Tenant) ManagedIdentityURL() string { return t.AuthorityURL + "/msi/token" }

// ManagedIdentityHeader is what IDENTITY_HEADER is set to.
func (t *Tenant) ManagedIdentityHeader() string { return "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a" }

func (d *Directory) managedIdentity(appID string) *ServicePrincipal {
	for i := range d.ServicePrincipals {
		if has := &d.ServicePrincipals[i]; has.ServicePrincipalType == "ManagedIdentity" && (appID == "" || appID == has.AppID) {
			return has
		}
	}
	return nil
}

// tokens are the access tokens that Graph recognises.
type tokens struct {
	mutex  sync.Mutex
	issued map[string]accessToken
}

type accessToken struct {
	appID, resource string
	expires         time.Time
}

// maxTokens is more than any test asks for. Beyond it all are forgotten, which clients see
// as tokens that expired early.
const maxTokens = 10_000

func (t *Tenant) issue(appID, resource string) string {
	now := t.options.Now()
	expires := now.Add(t.options.TokenLifetime)
	claims, _ := json.Marshal(map[string]any{ // strings and numbers always encode
		"aud": resource, "iss": "https://sts.windows.net/" + t.TenantID + "/", "tid": t.TenantID,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": expires.Unix(),
		"appid": appID, "roles": t.directory.Load().Grants[appID], "ver": "1.0", "uti": randomHex(16),
	})
	part := base64.RawURLEncoding.EncodeToString
	token := part([]byte(`{"typ":"JWT","alg":"RS256","kid":"fake"}`)) + "." + part(claims) + "." + part([]byte(randomHex(32)))
	t.tokens.mutex.Lock()
	defer t.tokens.mutex.Unlock()
	if t.tokens.issued == nil || len(t.tokens.issued) >= maxTokens {
		t.tokens.issued = map[string]accessToken{}
	}
	t.tokens.issued[token] = accessToken{appID, resource, expires}
	return token
}

// ExpireTokens makes Graph refuse every access token issued so far, before its time.
func (t *Tenant) ExpireTokens() {
	t.tokens.mutex.Lock()
	defer t.tokens.mutex.Unlock()
	t.tokens.issued = nil
}

// caller is the appId that the request's access token was issued to.
func (t *Tenant) caller(r *http.Request) (appID string, ok bool) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	appID, resource, known := t.Issued(token)
	if !bearer || !known || resource == OutlookResource {
		return "", false
	}
	return appID, true
}

// Issued says whom a valid access token was issued to, and what for.
func (t *Tenant) Issued(token string) (appID, resource string, valid bool) {
	t.tokens.mutex.Lock()
	defer t.tokens.mutex.Unlock()
	issued, known := t.tokens.issued[token]
	if !known || !t.options.Now().Before(issued.expires) {
		return "", "", false
	}
	return issued.appID, issued.resource, true
}

func randomHex(bytes int) string {
	random := make([]byte, bytes)
	_, _ = rand.Read(random) // it never fails
	return hex.EncodeToString(random)
}
