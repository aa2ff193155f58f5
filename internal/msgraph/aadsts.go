package msgraph

import (
	"regexp"
	"strconv"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// verdict is what an AADSTS number means for an application that signs in by itself.
type verdict struct {
	reason watch.Reason
	text   string
	// passing: it heals by itself.
	passing bool
}

// verdicts by number, from Microsoft's list of error codes (learn.microsoft.com/entra/
// identity-platform/reference-error-codes) and, for certificates, the codes after which
// Microsoft.Identity.Web reads them anew. Microsoft may change them: what is not listed is
// told in the service's own words.
var verdicts = map[int]verdict{
	7000222: {reason: watch.AuthSecretExpired, text: "the client secret has expired"},

	7000215: {reason: watch.AuthSecretWrong, text: "the client secret is wrong; want its value, not its ID"},
	70002:   {reason: watch.AuthSecretWrong, text: "the client secret is wrong"},

	1000502: {reason: watch.AuthCertificateExpired, text: "the client certificate is outside its validity period"},

	700027:  {reason: watch.AuthCertificateUnknown, text: "the client certificate is not registered with the application"},
	700030:  {reason: watch.AuthCertificateUnknown, text: "the client certificate's name is not authorised"},
	7000214: {reason: watch.AuthCertificateUnknown, text: "the client certificate has been revoked"},
	7000277: {reason: watch.AuthCertificateUnknown, text: "the client certificate has been revoked"},

	700016: {reason: watch.AuthApplicationUnknown, text: "the tenant has no such application"},
	700011: {reason: watch.AuthApplicationUnknown, text: "the tenant has no such application"},

	7000112: {reason: watch.AuthApplicationDisabled, text: "the application is disabled"},
	70001:   {reason: watch.AuthApplicationDisabled, text: "the application is disabled or not in the tenant"},
	1000031: {reason: watch.AuthApplicationDisabled, text: "the application cannot be accessed at this time"},

	90002:  {reason: watch.AuthTenantUnknown, text: "there is no such tenant in this cloud"},
	900023: {reason: watch.AuthTenantUnknown, text: "the tenant is neither a valid domain nor a valid ID"},
	90019:  {reason: watch.AuthTenantUnknown, text: "the tenant cannot be told from the request"},
	50059:  {reason: watch.AuthTenantUnknown, text: "the tenant cannot be told from the request"},
	50128:  {reason: watch.AuthTenantUnknown, text: "the tenant's domain name is invalid"},
	90038:  {reason: watch.AuthTenantUnknown, text: "the tenant belongs to another cloud"},

	65001:  {reason: watch.AuthConsentMissing, text: "nobody has consented to the application in this tenant"},
	65005:  {reason: watch.AuthConsentMissing, text: "the application does not ask for any permission of Microsoft Graph"},
	650056: {reason: watch.AuthConsentMissing, text: "the application has no permission of Microsoft Graph, or no administrator has consented"},
	650057: {reason: watch.AuthConsentMissing, text: "the application does not ask for any permission of Microsoft Graph"},
	90008:  {reason: watch.AuthConsentMissing, text: "nobody has consented to the application in this tenant"},
	90094:  {reason: watch.AuthConsentMissing, text: "an administrator has to consent"},
	90099:  {reason: watch.AuthConsentMissing, text: "the application has not been authorised in the tenant"},
	500011: {reason: watch.AuthConsentMissing, text: "Microsoft Graph is not known to the tenant under this name"},

	53000:  {reason: watch.AuthConditionalAccess, text: "Conditional Access wants a compliant device"},
	53001:  {reason: watch.AuthConditionalAccess, text: "Conditional Access wants a device of the domain"},
	53003:  {reason: watch.AuthConditionalAccess, text: "Conditional Access blocks it"},
	530032: {reason: watch.AuthConditionalAccess, text: "a security policy of the tenant blocks it"},
	530035: {reason: watch.AuthConditionalAccess, text: "the tenant's security defaults block it"},
	500021: {reason: watch.AuthConditionalAccess, text: "tenant restrictions of this network block it"},
	500022: {reason: watch.AuthConditionalAccess, text: "tenant restrictions of this network block it"},
	50131:  {reason: watch.AuthConditionalAccess, text: "Conditional Access blocks it"},

	700222: {reason: watch.AuthFederationRefused, text: "tokens that Entra issued cannot be used for federation here"},
	700223: {reason: watch.AuthFederationRefused, text: "the tenant does not allow workload identity federation"},
	700238: {reason: watch.AuthFederationRefused, text: "the tenant does not allow workload identity federation"},
	700229: {reason: watch.AuthFederationRefused, text: "the federated token is not one of an application"},
	50027:  {reason: watch.AuthFederationRefused, text: "the federated token is no valid JSON Web Token"},
	50013:  {reason: watch.AuthFederationRefused, text: "the federated token is not valid"},

	700024: {reason: watch.AuthAssertionTime, text: "the signed assertion is outside its time: it was read too long ago, or a clock is wrong", passing: true},
	500133: {reason: watch.AuthAssertionTime, text: "the signed assertion is outside its time: it was read too long ago, or a clock is wrong", passing: true},

	50196: {reason: watch.Throttled, text: "it was asked too often for the same", passing: true},
	90055: {reason: watch.Throttled, text: "the tenant gets too many requests", passing: true},
	90006: {reason: watch.AuthFailed, text: "Entra is unavailable for a moment", passing: true},
	90012: {reason: watch.AuthFailed, text: "Entra took too long", passing: true},
	90024: {reason: watch.AuthFailed, text: "Entra is unavailable for a moment", passing: true},
	90033: {reason: watch.AuthFailed, text: "Entra's directory is unavailable for a moment", passing: true},
	90090: {reason: watch.AuthFailed, text: "Entra is unavailable for a moment", passing: true},
	50033: {reason: watch.AuthFailed, text: "Entra is unavailable for a moment", passing: true},
}

// Meaning is what Entra means by a refusal of its token endpoint.
type Meaning struct {
	// Code is "AADSTS7000222" and the like.
	Code   string
	Reason watch.Reason
	// Text is a clause.
	Text string
	// Said are Entra's own words in one line, where Text alone does not say of what.
	Said string
	// Passing: it heals by itself.
	Passing bool
}

// ofResources are the numbers that tell of a resource, in words for whichever that is: an
// application that signs in by itself may ask for others than Microsoft Graph.
var ofResources = map[int]string{
	65005:  "the application does not ask for a permission of this resource",
	650056: "the application has no permission of this resource, or no administrator has consented",
	650057: "the application does not ask for a permission of this resource",
	500011: "the resource is not known to the tenant under this name",
}

// trailer is what Entra's support asks for, behind the words for people.
var trailer = regexp.MustCompile(`(?is)\s*\b(trace id|correlation id|timestamp):.*$`)

const shownOfDescription = 200

// MeaningOf reads the number out of the description of a refusal, whoever signed in and for
// what; false where there is none or its meaning is not known.
func MeaningOf(description string) (Meaning, bool) {
	found := aadsts.FindStringSubmatch(description)
	if found == nil {
		return Meaning{}, false
	}
	number, _ := strconv.Atoi(found[1]) // up to nine digits
	known, ok := verdictOf(number, description)
	meaning := Meaning{Code: found[0], Reason: known.reason, Text: known.text, Passing: known.passing}
	if neutral, of := ofResources[number]; of {
		_, said, _ := strings.Cut(description, found[0])
		said = strings.TrimLeft(trailer.ReplaceAllString(said, ""), ": ")
		meaning.Text, meaning.Said = neutral, strings.TrimRight(clean.Text(said, shownOfDescription), ". ")
	}
	return meaning, ok
}

// noFederation is the family of "no matching federated identity record found", whose
// further digits say which claim did not match.
const noFederation = "70021"

const (
	// badAssertion is said of every client certificate that does not fit, and expiredKey is
	// in its description when the fault is the date.
	badAssertion = 700027
	expiredKey   = "key used is expired"
)

// verdictOf finds what a number means, with the words that came with it.
func verdictOf(number int, description string) (verdict, bool) {
	if number == badAssertion && strings.Contains(description, expiredKey) {
		return verdict{reason: watch.AuthCertificateExpired, text: "the client certificate has expired"}, true
	}
	if known, ok := verdicts[number]; ok {
		return known, true
	}
	if strings.HasPrefix(strconv.Itoa(number), noFederation) {
		return verdict{reason: watch.AuthFederationRefused, text: "the application has no federated credential for the token's issuer, subject and audience"}, true
	}
	return verdict{}, false
}
