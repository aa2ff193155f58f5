package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// The subjects of an entry. A sign-in by refresh token has a prefix of its own, so that those
// that are not tried can be hidden together.
func (s SignIn) subject() watch.Subject {
	if s.grant() == refreshToken {
		return s.Subject(refreshing + "/" + s.Name)
	}
	return s.Subject("sign-in/" + s.Name)
}

func (s SignIn) refreshSubject() watch.Subject { return s.part("refresh-token/", "refresh token") }
func (s SignIn) secretSubject() watch.Subject  { return s.part("secret/", "client secret") }
func (s SignIn) certificateSubject() watch.Subject {
	return s.part("certificate/", "client certificate")
}
func (i Introspection) subject() watch.Subject { return i.Subject("token/" + i.Name) }
func (r RefreshToken) subject() watch.Subject  { return r.Subject("refresh-token/" + r.Name) }

const refreshing = "refresh"

// part is the subject of what a sign-in is made with.
func (s SignIn) part(prefix, what string) watch.Subject {
	subject := s.Subject(prefix + s.Name)
	subject.Name += ": " + what
	return subject
}

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
	p.sink(unread(subject, err))
}

func unread(subject watch.Subject, err error) watch.Problem {
	reason, remedy := watch.Unreadable, ""
	if wrong, ok := errors.AsType[*unreadable](err); ok {
		reason, remedy = wrong.reason, wrong.remedy
	} else if failure, ok := errors.AsType[*webclient.Failure](err); ok {
		reason = failure.Reason
	}
	if remedy == "" && reason == watch.NotFound {
		remedy = "Check the issuer, or give the URL of the endpoint in the options."
	}
	return watch.Problem{Subject: subject, Reason: reason, Err: err, Confined: true, Remedy: remedy}
}

// tellSecret tells until when the client's secret works, as far as options say. works: the
// server has just taken it.
func (p *pass) tellSecret(s SignIn, works bool) {
	expires := s.SecretExpires.Time()
	if expires.IsZero() {
		return
	}
	told := watch.Credential{
		Subject: s.secretSubject(), Form: watch.ClientSecret, Identity: "expires " + expires.Format(time.RFC3339), NotAfter: expires,
		Decides: "by secret_expires in the configuration", Details: map[string]any{"client_id": clean.Text(s.ClientID, maxText)},
	}
	if works && !expires.After(p.env.Now()) {
		told.Decides += ", but the authorization server still takes the secret"
		told.Remedy = "Correct secret_expires in the configuration to the date that the authorization server shows."
	}
	p.sink(told)
}

// tellCertificate tells of the certificate of a sign-in's client. unread is why it could not
// be read; nil if it could.
func (p *pass) tellCertificate(ctx context.Context, s SignIn, with proof, unread error) {
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

// stamp is an instant for people.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// where is an endpoint as it may be shown: paths may hold a secret.
func where(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return "a URL"
	}
	return parsed.Scheme + "://" + parsed.Host
}

// tellSignIn tells of a sign-in that was not granted, at once or when it was last tried.
func (p *pass) tellSignIn(s SignIn, result told) {
	details := s.details()
	details["refusals"] = result.hold.Count
	details["next_try"] = result.hold.RetryAt.UTC().Format(time.RFC3339)
	if result.Code != "" {
		details["error"] = result.Code
	}
	who := s.server() + " as client " + clean.Text(s.ClientID, shownCode)
	if !refusedSignIn(result.Reason) {
		p.sink(watch.Problem{
			Subject: s.subject(), Reason: result.Reason, Confined: true, Details: details, Remedy: s.remedy(result.verdict),
			Err: fmt.Errorf("sign in at %s: %s", who, result.words()),
		})
		return
	}
	p.sink(watch.Condition{
		Subject: s.subject(), Reason: result.Reason, Text: "cannot sign in at " + who + ": " + result.words(), Details: details,
		Remedy: s.remedy(result.verdict),
	})
}

func (s SignIn) details() map[string]any {
	return map[string]any{"grant": s.grant(), "client_id": s.ClientID, "client_auth": s.method(), "server": s.server()}
}

// remedy is the next step where this check knows a better one than policy.
func (s SignIn) remedy(v verdict) string {
	switch {
	case strings.Contains(v.Text, clockClause):
		return serverClock
	case v.lost && s.grant() == refreshToken:
		return "Nothing has to be done yet: the next run tries the old token once more. If that is refused, let a person sign in again."
	case v.Reason == watch.SignInSecretExpired && !s.Certificate.IsZero():
		return "Make a new client certificate, register it at the authorization server, and give it to whoever signs in with the old one."
	case v.Reason == watch.SignInClientRefused && s.byTLS():
		return "Check the client's certificate and its authority against what is registered at the authorization server."
	case v.Reason == watch.PermissionDenied:
		return "Look at what stands before the authorization server (gateway, firewall): it lets this machine not ask it."
	}
	return ""
}
