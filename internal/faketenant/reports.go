package faketenant

import (
	"encoding/base64"
	"net/http"
)

// signInProperties are those of appCredentialSignInActivity.
// https://learn.microsoft.com/graph/api/resources/appcredentialsigninactivity
var signInProperties = []property[CredentialSignIn]{
	text("id", func(s *CredentialSignIn) string {
		return base64.StdEncoding.EncodeToString([]byte(s.KeyID + "|" + s.CredentialOrigin))
	}),
	text("appId", func(s *CredentialSignIn) string { return s.AppID }),
	text("appObjectId", func(s *CredentialSignIn) string { return s.AppObjectID }),
	text("credentialOrigin", func(s *CredentialSignIn) string { return s.CredentialOrigin }),
	text("expirationDateTime", func(s *CredentialSignIn) string { return string(s.ExpirationDateTime) }),
	text("keyId", func(s *CredentialSignIn) string { return s.KeyID }),
	text("keyType", func(s *CredentialSignIn) string { return s.KeyType }),
	text("keyUsage", func(s *CredentialSignIn) string { return s.KeyUsage }),
	text("resourceId", func(s *CredentialSignIn) string { return s.ResourceID }),
	text("servicePrincipalObjectId", func(s *CredentialSignIn) string { return s.ServicePrincipalObjectID }),
	{"signInActivity", func(b []byte, s *CredentialSignIn) []byte {
		if s.LastSignInDateTime == "" {
			return append(b, "null"...)
		}
		b = appendText(append(b, `{"lastSignInDateTime":`...), string(s.LastSignInDateTime))
		b = appendText(append(b, `,"lastSignInRequestId":`...), s.LastSignInRequestID)
		return append(b, '}')
	}},
}

// signIns answers the beta report of credentials' sign-ins. It exists in the global cloud
// only, and for tenants with a premium licence.
func (t *Tenant) signIns(w http.ResponseWriter, r *http.Request, d *Directory, caller string) {
	switch {
	case t.options.NationalCloud:
		t.unknownSegment(w, r, d, caller)
		return
	case !d.granted(caller, []string{"AuditLog.Read.All", "Directory.Read.All"}):
		t.refuseGraph(w, r, http.StatusForbidden, "Authentication_MSGraphPermissionMissing", "The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All to call this API. For more information about Microsoft Graph permissions, please visit https://learn.microsoft.com/graph/permissions-overview.")
		return
	case d.WithoutPremium:
		t.refuseGraph(w, r, http.StatusForbidden, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "Neither tenant is B2C or tenant doesn't have premium license")
		return
	}
	serveList(t, w, r, listing[CredentialSignIn]{
		context: "reports/appCredentialSignInActivities",
		count:   len(d.SignIns),
		at:      func(i int) *CredentialSignIn { return &d.SignIns[i] },
		writer: objects[CredentialSignIn]{
			typeName:   "microsoft.graph.appCredentialSignInActivity",
			odataType:  untyped[CredentialSignIn],
			properties: signInProperties,
		}.writer,
		filters: []string{"keyId", "appId"},
		fits: func(s *CredentialSignIn, c condition) bool {
			if c.property == "keyId" {
				return s.KeyID == c.value
			}
			return s.AppID == c.value
		},
	})
}

// managementPolicy answers with the tenant's default app management policy.
// https://learn.microsoft.com/graph/api/tenantappmanagementpolicy-get
func (t *Tenant) managementPolicy(w http.ResponseWriter, _ *http.Request, d *Directory, _ string) {
	policy := d.Policy
	if policy == nil {
		policy = &ManagementPolicy{}
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"@odata.context":               t.GraphURL + "/v1.0/$metadata#policies/defaultAppManagementPolicy/$entity",
		"id":                           "00000000-0000-0000-0000-000000000000",
		"displayName":                  "Default app management tenant policy",
		"description":                  "Default tenant policy that enforces app management restrictions on applications and service principals.",
		"isEnabled":                    policy.Enabled,
		"applicationRestrictions":      policy.Applications.body(),
		"servicePrincipalRestrictions": policy.ServicePrincipals.body(),
	})
}

func (r Restrictions) body() map[string]any {
	all := func(restrictions []Restriction) []map[string]any {
		bodies := []map[string]any{}
		for _, restriction := range restrictions {
			bodies = append(bodies, restriction.body())
		}
		return bodies
	}
	return map[string]any{"passwordCredentials": all(r.PasswordCredentials), "keyCredentials": all(r.KeyCredentials)}
}

func (r Restriction) body() map[string]any {
	state := r.State
	if state == "" {
		state = "enabled"
	}
	return map[string]any{
		"restrictionType":                     r.RestrictionType,
		"state":                               state,
		"maxLifetime":                         orNull(r.MaxLifetime),
		"restrictForAppsCreatedAfterDateTime": orNull(string(r.RestrictForAppsCreatedAfterDateTime)),
		"excludeActors":                       nil,
	}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// The service plans that make a tenant a premium one and one that is not.
// https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
const (
	premiumPlan = "41781fb2-bc02-4b7c-bd55-b576c07bb09d" // AAD_PREMIUM
	basicPlan   = "113feb6c-3fe4-4440-bddc-54d774bf0318" // EXCHANGE_S_FOUNDATION
)

func (t *Tenant) organization(w http.ResponseWriter, _ *http.Request, d *Directory, _ string) {
	plans := []map[string]any{{"service": "exchange", "servicePlanId": basicPlan, "capabilityStatus": "Enabled", "assignedDateTime": "2020-01-01T00:00:00Z"}}
	if !d.WithoutPremium {
		plans = append(plans, map[string]any{"service": "AADPremiumService", "servicePlanId": premiumPlan, "capabilityStatus": "Enabled", "assignedDateTime": "2020-01-01T00:00:00Z"})
	}
	name := d.DisplayName
	if name == "" {
		name = "Example"
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"@odata.context": t.GraphURL + "/v1.0/$metadata#organization",
		"value":          []map[string]any{{"id": t.TenantID, "displayName": name, "tenantType": "AAD", "assignedPlans": plans}},
	})
}
