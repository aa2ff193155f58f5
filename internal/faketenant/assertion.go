package faketenant

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // x5t is a SHA-1 thumbprint, RFC 7515, section 4.1.7
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// FederationAudience is the audience that Entra recommends for federated tokens.
const FederationAudience = "api://AzureADTokenExchange"

// FederatedIssuer is the issuer of FederatedToken, such as a Kubernetes cluster is.
func (t *Tenant) FederatedIssuer() string { return t.AuthorityURL + "/federated" }

// FederatedToken issues a token as a cluster gives it to a workload, for the file that
// AZURE_FEDERATED_TOKEN_FILE names. It is valid until expires, by the machine's clock.
func (t *Tenant) FederatedToken(subject string, expires time.Time) (string, error) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": t.FederatedIssuer(), "sub": subject, "aud": []string{FederationAudience},
		"iat": time.Now().Unix(), "nbf": expires.Add(-24 * time.Hour).Unix(), "exp": expires.Unix(),
	}).SignedString(t.issuerKey)
	if err != nil {
		return "", fmt.Errorf("issue a federated token: %w", err)
	}
	return token, nil
}

// checkAssertion looks at a signed assertion: one that the application signed with a
// registered certificate, or a token of an issuer that it federates with.
func (t *Tenant) checkAssertion(who client, assertion string) *refusal {
	claims := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(assertion, claims)
	if err != nil {
		return no(malformedAssertion, "It could not be read.")
	}
	issuer, _ := claims.GetIssuer()
	if issuer == who.appID {
		return t.checkCertificate(who, token, claims, assertion)
	}
	return t.checkFederated(who, claims, assertion)
}

func (t *Tenant) checkCertificate(who client, token *jwt.Token, claims jwt.MapClaims, assertion string) *refusal {
	key, used, found := registered(who.keys, token.Header)
	if !found {
		return no(assertionSignature, fmt.Sprintf("The key was not found., Thumbprint of key used by client: '%s'", used))
	}
	verifying := jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "PS256"}), jwt.WithoutClaimsValidation())
	if _, err := verifying.Parse(assertion, func(*jwt.Token) (any, error) { return key.Certificate.PublicKey, nil }); err != nil {
		return no(assertionSignature, fmt.Sprintf("The key was found, but use of the key to verify the signature failed., Thumbprint of key used by client: '%s'", used))
	}
	if key.EndDateTime.past(t.options.Now()) {
		return no(assertionSignature, fmt.Sprintf("The key used is expired., Thumbprint of key used by client: '%s', Found key 'Start=%s, End=%s'", used, key.StartDateTime, key.EndDateTime))
	}
	if late := outOfTime(claims); late != nil {
		return late
	}
	audience, _ := claims.GetAudience()
	if !slices.Contains(audience, t.AuthorityURL+"/"+t.TenantID+"/oauth2/v2.0/token") {
		return no(assertionAudience, strings.Join(audience, " "))
	}
	return nil
}

// registered finds the certificate that the header names by thumbprint, and the thumbprint
// as it is printed.
func registered(keys []KeyCredential, header map[string]any) (key KeyCredential, used string, found bool) {
	byThumbprint := func(name string, thumbprint func(KeyCredential) []byte) bool {
		wanted := decodeThumbprint(header[name])
		if len(wanted) == 0 {
			return false
		}
		used = fmt.Sprintf("%X", wanted)
		at := slices.IndexFunc(keys, func(has KeyCredential) bool {
			return has.Certificate != nil && bytes.Equal(wanted, thumbprint(has))
		})
		if at >= 0 {
			key, found = keys[at], true
		}
		return found
	}
	_ = byThumbprint("x5t#S256", func(has KeyCredential) []byte { sum := sha256.Sum256(has.Certificate.Raw); return sum[:] }) ||
		byThumbprint("x5t", func(has KeyCredential) []byte { sum := sha1.Sum(has.Certificate.Raw); return sum[:] }) //nolint:gosec // see the import
	return key, used, found
}

// decodeThumbprint reads base64 of either alphabet: MSAL writes the standard one.
func decodeThumbprint(value any) []byte {
	text, _ := value.(string)
	text = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(text), "=")
	thumbprint, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return thumbprint
}

func (t *Tenant) checkFederated(who client, claims jwt.MapClaims, assertion string) *refusal {
	issuer, _ := claims.GetIssuer()
	subject, _ := claims.GetSubject()
	audience, _ := claims.GetAudience()
	var issuerFits, subjectFits, audienceFits bool
	for _, has := range who.federated {
		if has.Issuer != issuer {
			continue
		}
		issuerFits = true
		audienceHere := slices.ContainsFunc(audience, func(named string) bool { return slices.Contains(has.Audiences, named) })
		subjectHere := has.Subject == subject
		if subjectHere && audienceHere {
			return t.checkFederatedSignature(claims, assertion)
		}
		subjectFits, audienceFits = subjectFits || subjectHere, audienceFits || audienceHere
	}
	switch {
	case len(who.federated) == 0:
		return no(noFederatedIdentity, issuer, subject, strings.Join(audience, " "))
	case !issuerFits:
		return no(noFederatedIssuer, issuer)
	case !subjectFits:
		return no(noFederatedSubject, subject)
	case !audienceFits:
		return no(noFederatedAudience, strings.Join(audience, " "))
	}
	return no(noFederatedIdentity, issuer, subject, strings.Join(audience, " "))
}

func (t *Tenant) checkFederatedSignature(claims jwt.MapClaims, assertion string) *refusal {
	verifying := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithoutClaimsValidation())
	if _, err := verifying.Parse(assertion, func(*jwt.Token) (any, error) { return &t.issuerKey.PublicKey, nil }); err != nil {
		return no(assertionSignature, "The key was not found.")
	}
	return outOfTime(claims)
}

func outOfTime(claims jwt.MapClaims) *refusal {
	now := time.Now()
	expires, err := claims.GetExpirationTime()
	if err != nil || expires == nil {
		return no(malformedAssertion, "It has no exp.")
	}
	from, err := claims.GetNotBefore()
	if err != nil || from == nil {
		return no(malformedAssertion, "It has no nbf.")
	}
	const skew = 5 * time.Minute
	if now.After(expires.Add(skew)) || now.Before(from.Add(-skew)) {
		return no(assertionTime, clock(now), clock(from.Time), clock(expires.Time))
	}
	return nil
}
