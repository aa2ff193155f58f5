package faketenant

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// class is a kind of refusal of the token endpoint, as Entra words it.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
type class struct {
	code   int // of AADSTS
	status int
	oauth  string // RFC 6749, section 5.2
	words  string
}

var (
	unknownTenant       = class{90002, http.StatusBadRequest, "invalid_request", "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."}
	malformedRequest    = class{900144, http.StatusBadRequest, "invalid_request", "The request body must contain the following parameter: '%s'."}
	unsupportedGrant    = class{70003, http.StatusBadRequest, "unsupported_grant_type", "The app requested an unsupported grant type '%s'."}
	scopeWithoutDefault = class{1002012, http.StatusBadRequest, "invalid_scope", "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."}
	unknownResource     = class{500011, http.StatusBadRequest, "invalid_resource", "The resource principal named %s was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."}
	unknownApplication  = class{700016, http.StatusBadRequest, "unauthorized_client", "Application with identifier '%s' was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."}
	disabledApplication = class{7000112, http.StatusBadRequest, "unauthorized_client", "Application '%s'(%s) is disabled."}
	withoutCredential   = class{7000218, http.StatusUnauthorized, "invalid_client", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	wrongSecret         = class{7000215, http.StatusUnauthorized, "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'."}
	expiredSecret       = class{7000222, http.StatusUnauthorized, "invalid_client", "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."}
	malformedAssertion  = class{50027, http.StatusBadRequest, "invalid_request", "JWT token is invalid or malformed. %s"}
	assertionSignature  = class{700027, http.StatusUnauthorized, "invalid_client", "Client assertion contains an invalid signature. [Reason - %s]"}
	assertionTime       = class{700024, http.StatusUnauthorized, "invalid_client", "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s."}
	assertionAudience   = class{700023, http.StatusUnauthorized, "invalid_client", "Client assertion audience claim does not match Realm issuer. %s"}
	noFederatedIdentity = class{70021, http.StatusBadRequest, "invalid_request", "No matching federated identity record found for presented assertion. Assertion Issuer: '%s'. Assertion Subject: '%s'. Assertion Audience: '%s'."}
	noFederatedIssuer   = class{700211, http.StatusBadRequest, "invalid_request", "No matching federated identity record found for presented assertion issuer '%s'."}
	noFederatedAudience = class{700212, http.StatusBadRequest, "invalid_request", "No matching federated identity record found for presented assertion audience '%s'."}
	noFederatedSubject  = class{700213, http.StatusBadRequest, "invalid_request", "No matching federated identity record found for presented assertion subject '%s'."}
	consentMissing      = class{65001, http.StatusBadRequest, "invalid_grant", "The user or administrator has not consented to use the application with ID '%s'. Send an interactive authorization request for this user and resource."}
	conditionalAccess   = class{53003, http.StatusBadRequest, "invalid_grant", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."}
)

// refusal is a class and what its words are about.
type refusal struct {
	class class
	about []any
}

func no(why class, about ...any) *refusal { return &refusal{why, about} }

// refuse answers with an error of the token endpoint.
func (t *Tenant) refuse(w http.ResponseWriter, r *http.Request, why class, about ...any) {
	now := t.options.Now().UTC().Format("2006-01-02 15:04:05Z")
	trace, correlation := newID(), r.Header.Get("client-request-id")
	if correlation == "" {
		correlation = newID()
	}
	words := fmt.Sprintf(why.words, about...)
	w.Header().Set("x-ms-request-id", trace)
	writeJSON(w, why.status, map[string]any{
		"error":             why.oauth,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", why.code, words, trace, correlation, now),
		"error_codes":       []int{why.code},
		"timestamp":         now,
		"trace_id":          trace,
		"correlation_id":    correlation,
		"error_uri":         fmt.Sprintf("%s/error?code=%d", t.AuthorityURL, why.code),
	})
}

// refuseGraph answers with an error in Graph's shape.
// https://learn.microsoft.com/graph/errors
func (t *Tenant) refuseGraph(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	identify(w, r)
	writeJSON(w, status, map[string]any{"error": map[string]any{
		"code": code, "message": message,
		"innerError": map[string]any{
			"date":              t.options.Now().UTC().Format("2006-01-02T15:04:05"),
			"request-id":        w.Header().Get("request-id"),
			"client-request-id": w.Header().Get("client-request-id"),
		},
	}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, _ := json.Marshal(body) // maps of strings and numbers always encode
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // a client that left needs no answer
}

// newID is a random UUID.
func newID() string {
	random := randomHex(16)
	return strings.Join([]string{random[:8], random[8:12], "4" + random[13:16], "8" + random[17:20], random[20:]}, "-")
}

func clock(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.0000000Z") }
