package entra

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"lapsewatch/watch"
)

var (
	errNoID = errors.New("has no application ID and object ID that are GUIDs")
	// errNoLists: what was asked for is not there. That is not the same as none.
	errNoLists = errors.New("comes without the lists of its secrets and certificates, which were asked for")
)

// maxItems bounds what one holder can have; Entra allows far fewer.
const maxItems = 2000

// fromApplication copies what is needed out of the SDK's model, which is then free to go.
func fromApplication(model models.Applicationable) (*holder, error) {
	h := &holder{
		objectID: guid(deref(model.GetId())), appID: guid(deref(model.GetAppId())), name: deref(model.GetDisplayName()),
		tags: model.GetTags(), created: instant(model.GetCreatedDateTime()),
		notes: deref(model.GetNotes()), reference: deref(model.GetServiceManagementReference()),
		unusable:    disabledByMicrosoft(model.GetDisabledByMicrosoftStatus()),
		multiTenant: !strings.EqualFold(deref(model.GetSignInAudience()), "AzureADMyOrg"),
	}
	if disabled := model.GetIsDisabled(); disabled != nil && *disabled {
		h.unusable = textDeactivated
	}
	if h.appID == "" || h.objectID == "" {
		return h, errNoID
	}
	if model.GetPasswordCredentials() == nil || model.GetKeyCredentials() == nil {
		return h, errNoLists
	}
	h.addSecrets(model.GetPasswordCredentials())
	h.addKeys(model.GetKeyCredentials())
	for _, federated := range model.GetFederatedIdentityCredentials() {
		h.items = append(h.items, item{
			form: watch.FederatedCredential, keyID: guid(deref(federated.GetId())), name: deref(federated.GetName()),
			trust: &trust{issuer: deref(federated.GetIssuer()), subject: deref(federated.GetSubject()), audiences: federated.GetAudiences()},
		})
	}
	return h, h.tooMany()
}

// fromServicePrincipal is the same for a service principal; credentials says whether they
// were asked for.
func fromServicePrincipal(model models.ServicePrincipalable, credentials bool) (*holder, error) {
	h := &holder{
		principal: true,
		objectID:  guid(deref(model.GetId())), appID: guid(deref(model.GetAppId())), name: deref(model.GetDisplayName()),
		tags: model.GetTags(), notes: deref(model.GetNotes()), kind: deref(model.GetServicePrincipalType()),
		samlMode:         strings.EqualFold(deref(model.GetPreferredSingleSignOnMode()), "saml"),
		activeThumbprint: strings.ToLower(deref(model.GetPreferredTokenSigningKeyThumbprint())),
		notify:           model.GetNotificationEmailAddresses(),
	}
	if enabled := model.GetAccountEnabled(); enabled != nil && !*enabled {
		h.disabledHere = true
		h.unusable = textDisabled
	}
	if h.appID == "" || h.objectID == "" {
		return h, errNoID
	}
	if credentials && (model.GetPasswordCredentials() == nil || model.GetKeyCredentials() == nil) {
		return h, errNoLists
	}
	h.addSecrets(model.GetPasswordCredentials())
	h.addKeys(model.GetKeyCredentials())
	return h, h.tooMany()
}

const (
	textDisabled            = "its application is disabled in this tenant"
	textDeactivated         = "its application is deactivated"
	textDisabledByMicrosoft = "Microsoft has disabled its application"
)

// disabledByMicrosoft explains the states such as DisabledDueToViolationOfServicesAgreement.
func disabledByMicrosoft(status *string) string {
	if strings.HasPrefix(deref(status), "Disabled") {
		return textDisabledByMicrosoft
	}
	return ""
}

func (h *holder) tooMany() error {
	if len(h.items) > maxItems {
		h.items = nil
		return errors.New("has more than 2000 credentials")
	}
	return nil
}

func (h *holder) addSecrets(secrets []models.PasswordCredentialable) {
	h.items = slices.Grow(h.items, len(secrets))
	for _, secret := range secrets {
		h.items = append(h.items, item{
			form: watch.ClientSecret, keyID: keyID(secret.GetKeyId()),
			name: deref(secret.GetDisplayName()), hint: deref(secret.GetHint()),
			start: instant(secret.GetStartDateTime()), end: instant(secret.GetEndDateTime()),
			custom: string(secret.GetCustomKeyIdentifier()),
		})
	}
}

func (h *holder) addKeys(keys []models.KeyCredentialable) {
	h.items = slices.Grow(h.items, len(keys))
	for _, key := range keys {
		custom := key.GetCustomKeyIdentifier()
		h.items = append(h.items, item{
			form: watch.ClientCertificate, keyID: keyID(key.GetKeyId()),
			name: deref(key.GetDisplayName()), usage: deref(key.GetUsage()),
			start: instant(key.GetStartDateTime()), end: instant(key.GetEndDateTime()),
			custom: string(custom), thumbprint: thumbprint(custom),
		})
	}
}

const sha1Length = 20

// thumbprint reads a customKeyIdentifier: the SHA-1 of the certificate, either its bytes
// or, as older tools wrote it, its hexadecimal text. It is empty for anything else.
func thumbprint(custom []byte) string {
	switch {
	case len(custom) == sha1Length:
		return hex.EncodeToString(custom)
	case len(custom) == 2*sha1Length && !slices.ContainsFunc(custom, func(c byte) bool { return !isHex(c) }):
		return strings.ToLower(string(custom))
	default:
		return ""
	}
}

func keyID(id *uuid.UUID) string {
	if id == nil || *id == uuid.Nil {
		return ""
	}
	return id.String()
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func instant(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.UTC()
}
