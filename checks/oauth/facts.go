package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

func (s SignIn) subject() watch.Subject            { return s.Subject("sign-in/" + s.Name) }
func (s SignIn) refreshSubject() watch.Subject     { return s.Subject("refresh-token/" + s.Name) }
func (i Introspection) subject() watch.Subject     { return i.Subject("token/" + i.Name) }
func (r RefreshToken) subject() watch.Subject      { return r.Subject("refresh-token/" + r.Name) }
func (s SignIn) secretSubject() watch.Subject      { return s.Subject("secret/" + s.Name) }
func (s SignIn) certificateSubject() watch.Subject { return s.Subject("certificate/" + s.Name) }

// fingerprint names a token without giving it away: 48 bits of a hash of what has 128 or
// more.
func fingerprint(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "sha256:" + hex.EncodeToString(sum[:])[:12]
}

func (p *pass) problem(subject watch.Subject, reason watch.Reason, err error, remedy string) {
	p.sink(watch.Problem{Subject: subject, Reason: reason, Err: err, Confined: true, Remedy: remedy})
}

// unread tells why something could not be looked at.
func (p *pass) unread(ctx context.Context, subject watch.Subject, err error) {
	if ctx.Err() != nil {
		return // the pass tells
	}
	reason, remedy := watch.Unreadable, ""
	if wrong, ok := errors.AsType[*unreadable](err); ok {
		reason, remedy = wrong.reason, wrong.remedy
	} else if failure, ok := errors.AsType[*webclient.Failure](err); ok {
		reason = failure.Reason
	}
	if remedy == "" && reason == watch.NotFound {
		remedy = "Check the issuer, or give the URL of the endpoint in the options."
	}
	p.problem(subject, reason, err, remedy)
}

// tellDates tells of what the client of a sign-in proves itself with, where its date is
// known. unread is why it could not be read; nil if it could.
func (p *pass) tellDates(ctx context.Context, s SignIn, with proof, unread error) {
	if expires := s.SecretExpires.Time(); !expires.IsZero() {
		p.sink(watch.Credential{
			Subject: s.secretSubject(), Form: watch.ClientSecret, Identity: "expires " + expires.Format(time.RFC3339), NotAfter: expires,
			Details: map[string]any{"client_id": clean.Text(s.ClientID, maxText)},
		})
	}
	leaf := with.leaf()
	if leaf == nil {
		if !s.Certificate.IsZero() {
			p.unread(ctx, s.certificateSubject(), unread)
		}
		return
	}
	sum := sha256.Sum256(leaf.Raw)
	p.sink(watch.Credential{
		Subject: s.certificateSubject(), Form: watch.ClientCertificate, Identity: "sha256:" + hex.EncodeToString(sum[:]),
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		Details: map[string]any{
			"client_id": s.ClientID, "subject": clean.Text(leaf.Subject.String(), shownWords), "issuer": clean.Text(leaf.Issuer.String(), shownWords), "serial": leaf.SerialNumber.Text(16),
		},
	})
}

// where is an endpoint as it may be shown: paths may hold a secret.
func where(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return "a URL"
	}
	return parsed.Scheme + "://" + parsed.Host
}

// tellSignIn tells of a sign-in that was not granted, at once or when it was last tried.
func (p *pass) tellSignIn(s SignIn, at endpoint, result told) {
	details := p.details(s, at)
	details["refusals"] = result.hold.Count
	details["next_try"] = result.hold.RetryAt.UTC().Format(time.RFC3339)
	if result.Code != "" {
		details["error"] = result.Code
	}
	if !refusedSignIn(result.Reason) {
		p.sink(watch.Problem{
			Subject: s.subject(), Reason: result.Reason, Confined: true, Details: details, Remedy: remedyOf(s, result.verdict),
			Err: fmt.Errorf("sign in at %s: %s", where(at.url), result.words()),
		})
		return
	}
	p.sink(watch.Condition{
		Subject: s.subject(), Reason: result.Reason, Text: "cannot sign in at " + where(at.url) + ": " + result.words(), Details: details,
		Remedy: remedyOf(s, result.verdict),
	})
}

func (p *pass) details(s SignIn, at endpoint) map[string]any {
	return map[string]any{"grant": s.grant(), "client_id": s.ClientID, "client_auth": s.method(), "server": where(at.url)}
}

// remedyOf is the next step where this check knows a better one than policy.
func remedyOf(s SignIn, v verdict) string {
	switch {
	case v.lost:
		return "Nothing has to be done yet: the next run tries the old token once more. If that is refused, let a person sign in again."
	case v.Reason == watch.SignInClientRefused && s.byTLS():
		return "Check the client's certificate and its authority against what is registered at the authorization server."
	case v.Reason == watch.PermissionDenied:
		return "Look at what stands before the authorization server (gateway, firewall): it lets this machine not ask it."
	}
	return ""
}
