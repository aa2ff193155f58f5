package watch

import (
	"fmt"
	"slices"
)

// Reason says why a finding has its severity. The list is closed: reports, alerts and
// configuration match on these words, so they are added and never renamed.
type Reason string

// Reasons that come from a date.
const (
	ExpiresSoon    Reason = "expires_soon"
	Expired        Reason = "expired"
	NotYetValid    Reason = "not_yet_valid"
	NeverExpires   Reason = "never_expires"
	RenewalOverdue Reason = "renewal_overdue"
	// InvalidDates: notAfter lies before notBefore.
	InvalidDates Reason = "invalid_dates"
)

// Reasons that come from what else was seen of a certificate.
const (
	ChainBroken     Reason = "chain_broken"
	UntrustedIssuer Reason = "untrusted_issuer"
	SelfSigned      Reason = "self_signed"
	NameMismatch    Reason = "name_mismatch"
	// DivergentNode: one address of a name serves another certificate than the rest.
	DivergentNode Reason = "divergent_node"
	// KeyNotProven: the certificate was presented, but the handshake ended before the
	// server had proved that it holds the private key.
	KeyNotProven Reason = "key_not_proven"
	// UnneededExpiring: a presented certificate that the best chain does not need is
	// about to expire; clients that cannot build another path will fail.
	UnneededExpiring Reason = "unneeded_certificate_expiring"
)

// Reasons that come from how a credential stands among others of its holder.
const (
	// Superseded: a newer one can take over, and this one is known to be unused.
	Superseded Reason = "superseded"
	// OutOfService: nothing can use it as things stand, so that its date hurts nobody.
	OutOfService Reason = "out_of_service"
	// LeftOver: it expired long ago and was never removed.
	LeftOver Reason = "left_over"
	// RolloverPending: a newer signing certificate waits, and becomes the active one by
	// itself when this one expires, whether the other side trusts it or not.
	RolloverPending Reason = "rollover_pending"
	LifetimeTooLong Reason = "lifetime_too_long"
	// NoOwner: its source names nobody to tell.
	NoOwner Reason = "no_owner"
)

// Reasons why a sign-in failed, by what has to be done about it.
const (
	AuthSecretExpired       Reason = "auth_secret_expired"
	AuthSecretWrong         Reason = "auth_secret_wrong"
	AuthCertificateExpired  Reason = "auth_certificate_expired"
	AuthCertificateUnknown  Reason = "auth_certificate_unknown"
	AuthApplicationUnknown  Reason = "auth_application_unknown"
	AuthApplicationDisabled Reason = "auth_application_disabled"
	AuthTenantUnknown       Reason = "auth_tenant_unknown"
	AuthConsentMissing      Reason = "auth_consent_missing"
	AuthConditionalAccess   Reason = "auth_conditional_access"
	// AuthFederationRefused: the token of the other issuer is not trusted.
	AuthFederationRefused Reason = "auth_federation_refused"
	// AuthAssertionTime: the signed assertion is outside its time, or a clock is wrong.
	AuthAssertionTime Reason = "auth_assertion_time"
	// AuthUnavailable: this machine has nothing to sign in with in the way configured.
	AuthUnavailable Reason = "auth_unavailable"
	AuthFailed      Reason = "auth_failed"
)

// Reasons why others cannot sign in, which is what a probe found and not why it failed.
const (
	// SignInSecretExpired: the authorization server says that the client's secret is over.
	SignInSecretExpired Reason = "sign_in_secret_expired"
	// SignInClientRefused: it does not accept who the client says it is (invalid_client).
	SignInClientRefused Reason = "sign_in_client_refused"
	// SignInNotAllowed: the client is not allowed to do so (unauthorized_client,
	// unsupported_grant_type, access_denied).
	SignInNotAllowed Reason = "sign_in_not_allowed"
	// SignInGrantRefused: the refresh token has expired, was revoked, or was used before
	// (invalid_grant).
	SignInGrantRefused Reason = "sign_in_grant_refused"
	// SignInRefused: it refuses for another reason.
	SignInRefused Reason = "sign_in_refused"
	// SignInSlow: it takes longer than its limit.
	SignInSlow Reason = "sign_in_slow"
	// TokenRefused: the service that the token is for does not accept it.
	TokenRefused Reason = "token_refused"
	// TokenInactive: the authorization server says that it is not active (RFC 7662, 2.2).
	TokenInactive Reason = "token_inactive"
	// TokenNotStored: a refresh token was replaced, and the new one could not be kept.
	TokenNotStored Reason = "token_not_stored"
	// StoreUnusable: a new refresh token could not be kept, so that none was asked for.
	StoreUnusable Reason = "store_unusable"
)

// Reasons that come from what else was seen of a token or of who issues it.
const (
	// SignatureInvalid: the key that the token names did not sign it.
	SignatureInvalid Reason = "signature_invalid"
	// SignatureUnchecked: the keys of its issuer could not be read.
	SignatureUnchecked Reason = "signature_unchecked"
	// KeyVanished: its issuer no longer publishes the key that signed it.
	KeyVanished Reason = "key_vanished"
	// PrivateKeyPublished: a key set shows what tokens are signed with.
	PrivateKeyPublished Reason = "private_key_published"
	// KeyMismatch: a certificate or thumbprint beside a key is not the key's own.
	KeyMismatch Reason = "key_mismatch"
	// UnsignedToken: anybody could have written it (RFC 7518, 3.6).
	UnsignedToken Reason = "unsigned_token"
	// ClaimsMalformed: a date is not the number that RFC 7519 wants, which each service
	// takes in a way of its own.
	ClaimsMalformed Reason = "claims_malformed"
	// ClaimsUnexpected: it is of another issuer, for another audience, or lacks a scope.
	ClaimsUnexpected Reason = "claims_unexpected"
	// IssuerMismatch: a discovery document names another issuer than it was asked for.
	IssuerMismatch Reason = "issuer_mismatch"
	// IssuerChanged: what an issuer publishes about itself changed.
	IssuerChanged Reason = "issuer_changed"
	// DomainSuspended: the registry does not delegate the domain, or is about to let it go.
	DomainSuspended Reason = "domain_suspended"
)

// Reasons that Lapsewatch finds in itself.
const (
	// DeliveryFailing: messages for a channel wait or were lost.
	DeliveryFailing Reason = "delivery_failing"
	// StatusSystemFailing: incident stubs on a status system are not as they should be.
	StatusSystemFailing Reason = "status_system_failing"
	// RunOverdue: the run before was killed, or none was complete for too long.
	RunOverdue Reason = "run_overdue"
	// RecordUnusable: what was seen and said before could not be used.
	RecordUnusable Reason = "record_unusable"
)

// Reasons for clocks.
const (
	// ClockDrift: a clock is further from the references than its limit.
	ClockDrift Reason = "clock_drift"
	// ClockJump: a clock was set, or set itself, since it was read last. Found on
	// Lapsewatch itself it means that the own clock is not to be believed.
	ClockJump Reason = "clock_jump"
	// NoMajority: the references do not agree, or too few of them answer, so that no clock
	// can be judged by them.
	NoMajority Reason = "no_majority"
	// NoReference: no references are given, so that no clock can be judged.
	NoReference Reason = "no_reference"
	// SelfReported: the offset is known by the host's own account only.
	SelfReported Reason = "self_reported"
	// ClockUncertain: the clock was read less exactly than its limit asks for.
	ClockUncertain Reason = "clock_uncertain"
	// ClockUnsynchronised: the host answers, and says that its clock follows no source.
	ClockUnsynchronised Reason = "clock_unsynchronised"
	// FleetDisagrees: many hosts agree with each other and not with the references.
	FleetDisagrees Reason = "fleet_disagrees"
	// Falseticker: a reference that most of the others contradict (RFC 5905, 11.2.1).
	Falseticker Reason = "falseticker"
	// ReferenceUnusable: a reference does not answer, or is not synchronised itself.
	ReferenceUnusable Reason = "reference_unusable"
	// LeapSecond: a leap second is announced for the end of the day.
	LeapSecond Reason = "leap_second"
	// LeapSmear: a server spreads leap seconds, which those that step them contradict.
	LeapSmear Reason = "leap_smear"
	// KissOfDeath: an NTP server asked to be left alone (RFC 5905, 7.4).
	KissOfDeath Reason = "kiss_of_death"
)

// FutureRecords: rows of a table carry dates that lie ahead.
const FutureRecords Reason = "future_records"

// Reasons for what services do, whatever their credentials say.
const (
	// UpstreamDegraded: a provider says that part of its service is not well.
	UpstreamDegraded Reason = "upstream_degraded"
	// UpstreamDown: a provider says that its service, or part of it, does not work.
	UpstreamDown Reason = "upstream_down"
	// UpstreamMaintenance: a provider is at work on its service, as it announced.
	UpstreamMaintenance Reason = "upstream_maintenance"
	// ResponseSlow: a service answers later than its limit.
	ResponseSlow Reason = "response_slow"
	// ResponseTimedOut: a service did not answer within its time.
	ResponseTimedOut Reason = "response_timed_out"
	// ResponseFailed: a service refused, broke off, or answered that it failed.
	ResponseFailed Reason = "response_failed"
	// DivergentMember: one member of a group is much slower than its peers, or fails while
	// they do not.
	DivergentMember Reason = "divergent_member"
	// MailSlow: mail arrives later than its limit.
	MailSlow Reason = "mail_slow"
	// MailStuck: mail was taken and has not arrived within its limit; it may still.
	MailStuck Reason = "mail_stuck"
	// MailLost: mail was taken and did not arrive for so long that it will not.
	MailLost Reason = "mail_lost"
	// MailRefused: the way out takes no mail, or not from this sender.
	MailRefused Reason = "mail_refused"
	// NumberingLost: a column no longer numbers its rows by itself.
	NumberingLost Reason = "numbering_lost"
	// NumberingChanged: a column numbers its rows otherwise than it did.
	NumberingChanged Reason = "numbering_changed"
	// NumbersUsedUp: no number is left, or the next one is taken already.
	NumbersUsedUp Reason = "numbers_used_up"
)

// Reasons why something could not be read.
const (
	NameNotFound      Reason = "name_not_found"
	Unreachable       Reason = "unreachable"
	Refused           Reason = "refused"
	TimedOut          Reason = "timed_out"
	NotTLS            Reason = "not_tls"
	StartTLSRefused   Reason = "starttls_refused"
	HandshakeFailed   Reason = "handshake_failed"
	Unparsable        Reason = "unparsable"
	NotFound          Reason = "not_found"
	Unreadable        Reason = "unreadable"
	PermissionDenied  Reason = "permission_denied"
	PassphraseMissing Reason = "passphrase_missing"
	PassphraseWrong   Reason = "passphrase_wrong"
	TooLarge          Reason = "too_large"
	NoCertificate     Reason = "no_certificate"
	// Throttled: the service asked for a longer wait than the pass has.
	Throttled Reason = "throttled"
	// Incomplete: a list broke off, or did not add up.
	Incomplete Reason = "incomplete"
	// InternalError: the check itself failed; a fault of Lapsewatch to report.
	InternalError Reason = "internal_error"
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{
		ExpiresSoon, Expired, NotYetValid, NeverExpires,
		RenewalOverdue, InvalidDates, ChainBroken, UntrustedIssuer,
		SelfSigned, NameMismatch, DivergentNode, KeyNotProven, UnneededExpiring,
		NameNotFound, Unreachable, Refused, TimedOut,
		NotTLS, StartTLSRefused, HandshakeFailed, Unparsable,
		NotFound, Unreadable, PermissionDenied, PassphraseMissing,
		PassphraseWrong, TooLarge, NoCertificate, Throttled, Incomplete, InternalError,
		Superseded, OutOfService, LeftOver, RolloverPending, LifetimeTooLong, NoOwner,
		AuthSecretExpired, AuthSecretWrong, AuthCertificateExpired, AuthCertificateUnknown,
		AuthApplicationUnknown, AuthApplicationDisabled, AuthTenantUnknown, AuthConsentMissing,
		AuthConditionalAccess, AuthFederationRefused, AuthAssertionTime, AuthUnavailable, AuthFailed,
		SignInSecretExpired, SignInClientRefused, SignInNotAllowed, SignInGrantRefused, SignInRefused, SignInSlow,
		TokenRefused, TokenInactive, TokenNotStored, StoreUnusable,
		SignatureInvalid, SignatureUnchecked, KeyVanished, PrivateKeyPublished, KeyMismatch, UnsignedToken, ClaimsMalformed, ClaimsUnexpected,
		IssuerMismatch, IssuerChanged, DomainSuspended,
		UpstreamDegraded, UpstreamDown, UpstreamMaintenance, ResponseSlow, ResponseTimedOut, ResponseFailed, DivergentMember,
		MailSlow, MailStuck, MailLost, MailRefused, NumberingLost, NumberingChanged, NumbersUsedUp,
		DeliveryFailing, StatusSystemFailing, RunOverdue, RecordUnusable,
		ClockDrift, ClockJump, NoMajority, NoReference, SelfReported, ClockUncertain, ClockUnsynchronised, FleetDisagrees,
		Falseticker, ReferenceUnusable, LeapSecond, LeapSmear, KissOfDeath, FutureRecords,
	}
}

// UnmarshalText accepts the listed reasons and nothing else.
func (r *Reason) UnmarshalText(text []byte) error {
	if !slices.Contains(Reasons(), Reason(text)) {
		return fmt.Errorf("reason %q is not known; the known ones are %v", text, Reasons())
	}
	*r = Reason(text)
	return nil
}
