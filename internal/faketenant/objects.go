package faketenant

import (
	"crypto/sha1" //nolint:gosec // Graph names certificates by their SHA-1 thumbprint
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
)

// DateTime is a date as Graph writes it. Empty is null; any other text is written as it
// stands, be it a date or not.
type DateTime string

// At is t in Graph's form: UTC, RFC 3339, whole seconds.
func At(t time.Time) DateTime { return DateTime(t.UTC().Format(time.RFC3339)) }

// past says that the date is one, and not after now.
func (d DateTime) past(now time.Time) bool {
	at, err := time.Parse(time.RFC3339, string(d))
	return err == nil && !at.After(now)
}

// The types below have Graph's properties of the same names; an empty string or nil slice
// is written as Graph writes what is unset: null or [].

// Application is an app registration.
type Application struct {
	// ODataType is empty but for derived types such as #microsoft.graph.agentIdentityBlueprint.
	ODataType                    string
	ID, AppID, DisplayName       string
	CreatedDateTime              DateTime
	SignInAudience               string
	Notes                        string
	ServiceManagementReference   string
	DisabledByMicrosoftStatus    string
	Tags                         []string
	PasswordCredentials          []PasswordCredential
	KeyCredentials               []KeyCredential
	FederatedIdentityCredentials []FederatedIdentityCredential
	// OwnerIDs are ids of users and service principals of the directory.
	OwnerIDs []string
	// Disabled bars it from signing in (isDisabled).
	Disabled bool
}

// ServicePrincipal is an enterprise application or a managed identity.
type ServicePrincipal struct {
	ID, AppID, DisplayName             string
	AccountDisabled                    bool
	AppOwnerOrganizationID             string
	ServicePrincipalType               string // Application where empty
	PreferredSingleSignOnMode          string
	PreferredTokenSigningKeyThumbprint string
	NotificationEmailAddresses         []string
	Notes                              string
	Tags                               []string
	AlternativeNames                   []string
	PasswordCredentials                []PasswordCredential
	KeyCredentials                     []KeyCredential
	OwnerIDs                           []string
}

// PasswordCredential is a client secret.
type PasswordCredential struct {
	KeyID, DisplayName, Hint   string
	StartDateTime, EndDateTime DateTime
	CustomKeyIdentifier        string // base64
	// SecretText opens the token endpoint. Graph never returns it.
	SecretText string
}

// KeyCredential is a certificate.
type KeyCredential struct {
	KeyID, DisplayName         string
	Type, Usage                string // such as AsymmetricX509Cert and Verify
	StartDateTime, EndDateTime DateTime
	CustomKeyIdentifier        string // base64
	// Certificate opens the token endpoint to who signs with its key. Graph never returns it.
	Certificate *x509.Certificate
}

// FederatedIdentityCredential lets tokens of another issuer stand for the application.
type FederatedIdentityCredential struct {
	ID, Name, Issuer, Subject string
	Audiences                 []string
}

// User is a person.
type User struct {
	ID, DisplayName, UserPrincipalName, Mail string
	OtherMails                               []string
}

// CredentialSignIn is one row of the beta report appCredentialSignInActivities.
type CredentialSignIn struct {
	KeyID, KeyType, KeyUsage string
	AppID, AppObjectID       string
	ServicePrincipalObjectID string
	CredentialOrigin         string // application or servicePrincipal
	ExpirationDateTime       DateTime
	LastSignInDateTime       DateTime
	LastSignInRequestID      string
	ResourceID               string
}

// ManagementPolicy is the tenant's default app management policy.
type ManagementPolicy struct {
	Enabled                         bool
	Applications, ServicePrincipals Restrictions
}

// Restrictions of one kind of object.
type Restrictions struct {
	PasswordCredentials, KeyCredentials []Restriction
}

// Restriction is a passwordCredentialConfiguration or a keyCredentialConfiguration.
type Restriction struct {
	RestrictionType                     string // such as passwordLifetime
	State                               string // enabled where empty
	MaxLifetime                         string // ISO 8601 duration, empty where it does not apply
	RestrictForAppsCreatedAfterDateTime DateTime
}

// Certificate is cert as a credential that verifies signatures, named as Entra names it.
func Certificate(keyID string, cert *x509.Certificate) KeyCredential {
	thumbprint := sha1.Sum(cert.Raw) //nolint:gosec // see the import
	return KeyCredential{
		KeyID: keyID, DisplayName: "CN=" + cert.Subject.CommonName, Type: "AsymmetricX509Cert", Usage: "Verify",
		StartDateTime: At(cert.NotBefore), EndDateTime: At(cert.NotAfter),
		CustomKeyIdentifier: base64.StdEncoding.EncodeToString(thumbprint[:]),
		Certificate:         cert,
	}
}

// SAMLSigning is what addTokenSigningCertificate makes of one certificate: a Sign key, a
// Verify key and a password, with one customKeyIdentifier, of which the password has the
// Sign key's keyId. The thumbprint is in the form of preferredTokenSigningKeyThumbprint.
// signKeyID and verifyKeyID are theirs to be.
func SAMLSigning(signKeyID, verifyKeyID, name string, thumbprint [sha1.Size]byte, start, end time.Time) (keys []KeyCredential, password PasswordCredential, preferred string) {
	custom := base64.StdEncoding.EncodeToString(thumbprint[:])
	sign := KeyCredential{
		KeyID: signKeyID, DisplayName: "CN=" + name, Type: "X509CertAndPassword", Usage: "Sign",
		StartDateTime: At(start), EndDateTime: At(end), CustomKeyIdentifier: custom,
	}
	verify := sign
	verify.KeyID, verify.Type, verify.Usage = verifyKeyID, "AsymmetricX509Cert", "Verify"
	password = PasswordCredential{
		KeyID: signKeyID, DisplayName: "CN=" + name, StartDateTime: At(start), EndDateTime: At(end), CustomKeyIdentifier: custom,
	}
	return []KeyCredential{sign, verify}, password, strings.ToUpper(hex.EncodeToString(thumbprint[:]))
}
