package oauth

import (
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// ofEntra are the reasons of a service that is refused, by those that Microsoft Entra gives
// in its own numbers, with which it says more than with the codes of RFC 6749. It is
// read-only.
var ofEntra = map[watch.Reason]watch.Reason{
	watch.AuthSecretExpired: watch.SignInSecretExpired, watch.AuthCertificateExpired: watch.SignInSecretExpired,
	watch.AuthSecretWrong: watch.SignInClientRefused, watch.AuthCertificateUnknown: watch.SignInClientRefused,
	watch.AuthApplicationUnknown: watch.SignInClientRefused, watch.AuthFederationRefused: watch.SignInClientRefused,
	watch.AuthAssertionTime: watch.SignInClientRefused, watch.AuthApplicationDisabled: watch.SignInNotAllowed,
	watch.AuthConsentMissing: watch.SignInNotAllowed, watch.AuthConditionalAccess: watch.SignInNotAllowed,
	watch.AuthTenantUnknown: watch.SignInRefused, watch.Throttled: watch.Throttled, watch.AuthFailed: watch.Unreachable,
}

// saysEntra gives what a description means that holds one of Entra's numbers.
func saysEntra(description string) (reason watch.Reason, text string, lasting, ok bool) {
	meaning, ok := msgraph.MeaningOf(description)
	if !ok {
		return "", "", false, false
	}
	reason = ofEntra[meaning.Reason]
	code := meaning.Code
	if meaning.Said != "" {
		code += ": " + meaning.Said
	}
	return reason, meaning.Text + " (" + code + ")", !meaning.Passing, reason != ""
}
