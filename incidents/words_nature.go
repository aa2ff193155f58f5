package incidents

import (
	"slices"

	"lapsewatch/watch"
)

// The natures of incidents: what the public is told is the matter. Own templates may ask
// for them, so they are added and never renamed.
const (
	natureExpired        = "expired"
	natureSignIn         = "sign_in"
	natureCertificate    = "certificate"
	natureDomain         = "domain"
	natureNumbering      = "numbering"
	natureMailFailed     = "mail_failed"
	natureResponseFailed = "response_failed"
	natureMailSlow       = "mail_slow"
	natureResponseSlow   = "response_slow"
	natureClock          = "clock"
	natureRecords        = "records"
	natureProvider       = "provider"
	natureMaintenance    = "provider_maintenance"
	natureExpiring       = "expiring"
	natureUnseen         = "unseen"
	natureOther          = "other"
)

// natures lists the natures and the reasons that they stand for, the one that says most
// about what customers see first. A reason that is in no row is of the last one. It is
// read-only.
var natures = []struct {
	nature  string
	reasons []watch.Reason
}{
	{natureExpired, []watch.Reason{watch.Expired, watch.SignInSecretExpired}},
	{natureSignIn, []watch.Reason{watch.SignInClientRefused, watch.SignInNotAllowed, watch.SignInGrantRefused, watch.SignInRefused, watch.TokenRefused, watch.TokenInactive}},
	{natureCertificate, []watch.Reason{watch.NotYetValid, watch.InvalidDates, watch.ChainBroken, watch.UntrustedIssuer, watch.SelfSigned, watch.NameMismatch, watch.DivergentNode, watch.KeyNotProven}},
	{natureDomain, []watch.Reason{watch.DomainSuspended}},
	{natureNumbering, []watch.Reason{watch.NumberingLost, watch.NumberingChanged, watch.NumbersUsedUp}},
	{natureMailFailed, []watch.Reason{watch.MailLost, watch.MailRefused}},
	{natureResponseFailed, []watch.Reason{watch.ResponseFailed, watch.ResponseTimedOut}},
	{natureMailSlow, []watch.Reason{watch.MailSlow, watch.MailStuck}},
	{natureResponseSlow, []watch.Reason{watch.ResponseSlow, watch.DivergentMember, watch.SignInSlow}},
	{natureClock, []watch.Reason{watch.ClockDrift, watch.ClockJump, watch.ClockUnsynchronised, watch.FleetDisagrees, watch.Falseticker}},
	{natureRecords, []watch.Reason{watch.FutureRecords}},
	{natureProvider, []watch.Reason{watch.UpstreamDown, watch.UpstreamDegraded}},
	{natureMaintenance, []watch.Reason{watch.UpstreamMaintenance}},
	{natureExpiring, []watch.Reason{watch.ExpiresSoon, watch.RenewalOverdue, watch.UnneededExpiring, watch.RolloverPending}},
	{natureUnseen, []watch.Reason{
		watch.NameNotFound, watch.Unreachable, watch.Refused, watch.TimedOut, watch.NotTLS, watch.StartTLSRefused, watch.HandshakeFailed,
		watch.Unparsable, watch.NotFound, watch.Unreadable, watch.PermissionDenied, watch.PassphraseMissing, watch.PassphraseWrong, watch.TooLarge,
		watch.NoCertificate, watch.Throttled, watch.Incomplete, watch.InternalError, watch.SignatureUnchecked, watch.NoMajority, watch.NoReference,
		// What Lapsewatch itself signs in with is refused, which says nothing of the service.
		watch.AuthSecretExpired, watch.AuthSecretWrong, watch.AuthCertificateExpired, watch.AuthCertificateUnknown, watch.AuthApplicationUnknown,
		watch.AuthApplicationDisabled, watch.AuthTenantUnknown, watch.AuthConsentMissing, watch.AuthConditionalAccess, watch.AuthFederationRefused,
		watch.AuthAssertionTime, watch.AuthUnavailable, watch.AuthFailed,
	}},
}

// present are the causes that the public is told of now: while some are bad still, those
// that are well again are no part of it.
func present(story Story) []Cause {
	bad := slices.DeleteFunc(slices.Clone(story.Causes), func(cause Cause) bool { return cause.Good })
	if len(bad) == 0 {
		return story.Causes
	}
	return bad
}

// natureOf is the first nature in the list that a cause has. A story without causes hangs
// on its providers, if it has any.
func natureOf(story Story) string {
	causes := present(story)
	for _, row := range natures {
		if slices.ContainsFunc(causes, func(cause Cause) bool { return slices.Contains(row.reasons, cause.Reason) }) {
			return row.nature
		}
	}
	if len(story.Causes) == 0 && len(story.Upstreams) > 0 {
		return natureProvider
	}
	return natureOther
}
