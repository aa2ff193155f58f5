package jwt

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

const (
	maxShown    = 300
	maxInName   = 80
	maxListed   = 20
	aheadRemedy = "Compare the clocks of its issuer and of this machine with references (a check of kind clock)."
)

// fact is what a token says, and what else was seen of it.
func (p *pass) fact(at *place, subject watch.Subject, read jose.Token, signed signature) watch.Fact {
	now := p.env.Now()
	observations := append(signed.observed, p.unexpected(read)...)
	observations = append(observations, malformed(read)...)
	if observation, ahead := p.issuedAhead(read, now); ahead {
		observations = append(observations, observation)
	}
	details := details(at, read, signed)
	if read.MalformedClaim("exp") != "" {
		return undated(subject, details, observations)
	}
	notBefore, life := p.span(read, now)
	return watch.Credential{
		Subject: subject, Form: watch.AccessToken, Identity: read.Fingerprint,
		NotBefore: notBefore, NotAfter: read.ExpiresAt, Life: life,
		Observations: observations, Details: details,
	}
}

// undated is a token with an exp that is no date. To say that it never expires would be
// wrong: most services refuse it, and the others take it in ways of their own.
func undated(subject watch.Subject, details map[string]any, observations []watch.Observation) watch.Condition {
	gravest := observations[slices.IndexFunc(observations, func(o watch.Observation) bool { return o.Reason == watch.ClaimsMalformed })]
	var clauses []string
	for _, observation := range observations {
		clauses = append(clauses, observation.Text)
	}
	text := fmt.Sprintf("%s %s; nobody can say when it lapses", watch.AccessToken, strings.Join(clauses, "; it "))
	return watch.Condition{Subject: subject, Reason: gravest.Reason, Text: text, Details: details}
}

// span is from when the token holds, and how long its whole life is. iat is no bound (RFC
// 7519, 4.1.6), and stands in for nbf only where it has passed and lies before the end. What
// lies ahead by no more than the tolerance counts as past, as it does for most services.
func (c *check) span(read jose.Token, now time.Time) (notBefore time.Time, life time.Duration) {
	notBefore = read.NotBefore
	if notBefore.IsZero() && !read.IssuedAt.After(now) && (read.ExpiresAt.IsZero() || read.IssuedAt.Before(read.ExpiresAt)) {
		notBefore = read.IssuedAt
	}
	if notBefore.After(now) && !c.ahead(notBefore, now) {
		notBefore = time.Time{}
	}
	from := read.IssuedAt
	if from.IsZero() {
		from = read.NotBefore
	}
	if !from.IsZero() && read.ExpiresAt.After(from) {
		life = read.ExpiresAt.Sub(from)
	}
	return notBefore, life
}

func (c *check) ahead(date, now time.Time) bool {
	return date.After(now.Add(time.Duration(c.options.ClockTolerance)))
}

// issuedAhead: nobody issues a token tomorrow, so that one of two clocks is wrong. A token
// whose nbf alone lies ahead was made for later, and policy says so.
func (c *check) issuedAhead(read jose.Token, now time.Time) (watch.Observation, bool) {
	if !c.ahead(read.IssuedAt, now) {
		return watch.Observation{}, false
	}
	return watch.Observation{
		Reason: watch.ClockDrift, Remedy: aheadRemedy,
		Text: fmt.Sprintf("was issued at %s, %s from now: the clock of its issuer is ahead, or that of this machine behind", stamp(read.IssuedAt), watch.Span(read.IssuedAt.Sub(now).Round(time.Second))),
	}, true
}

// unexpected compares the token with what the options expect.
func (c *check) unexpected(read jose.Token) []watch.Observation {
	var seen []watch.Observation
	tell := func(format string, of ...any) {
		seen = append(seen, watch.Observation{Reason: watch.ClaimsUnexpected, Text: fmt.Sprintf(format, of...)})
	}
	switch issuer := c.options.Issuer; {
	case issuer == "" || read.Issuer == issuer:
	case read.Issuer == "":
		tell("names no issuer, where %q is expected", issuer)
	default:
		tell("is of the issuer %q, where %q is expected", short(read.Issuer), issuer)
	}
	switch audience := c.options.Audience; {
	case audience == "" || slices.Contains(read.Audience, audience):
	case len(read.Audience) == 0:
		tell("names no audience, where %q is expected", audience)
	default:
		tell("is for the audience %q, where %q is expected", clean.Text(strings.Join(read.Audience, ", "), maxShown), audience)
	}
	return seen
}

func malformed(read jose.Token) []watch.Observation {
	var seen []watch.Observation
	for _, wrong := range read.Malformed[:min(len(read.Malformed), maxListed)] {
		seen = append(seen, watch.Observation{Reason: watch.ClaimsMalformed, Text: fmt.Sprintf("has a claim %s that %s", short(wrong.Claim), wrong.Text)})
	}
	return seen
}

// named is what people read of a token that has no name in the configuration. Tables cut
// the end.
func named(read jose.Token, where string) string {
	if read.Issuer == "" {
		return fmt.Sprintf("%s (%s)", where, read.Holder)
	}
	audience := clean.Text(strings.Join(read.Audience, ", "), maxInName)
	if audience == "" {
		audience = "any audience"
	}
	return fmt.Sprintf("%s (%s → %s, %s)", where, short(read.Issuer), audience, read.Holder)
}

// details never have sub and jti, nor anything of the signature.
func details(p *place, read jose.Token, signed signature) map[string]any {
	shown := map[string]any{"place": p.where(), "holder": read.Holder, "algorithm": short(read.Algorithm)}
	text := func(key, value string) {
		if value != "" {
			shown[key] = clean.Text(value, maxShown)
		}
	}
	text("issuer", read.Issuer)
	text("key_id", read.KeyID)
	text("type", read.Type)
	text("client_id", read.ClientID)
	text("signature", string(signed.state))
	if len(read.Audience) > 0 {
		shown["audience"] = shortened(read.Audience)
	}
	if len(read.Scopes) > 0 {
		shown["scopes"] = len(read.Scopes)
	}
	date := func(key string, at time.Time) {
		if !at.IsZero() {
			shown[key] = at.Format(time.RFC3339)
		}
	}
	date("issued_at", read.IssuedAt)
	date("not_before", read.NotBefore)
	return shown
}

func shortened(list []string) []string {
	var out []string
	for _, each := range list[:min(len(list), maxListed)] {
		out = append(out, short(each))
	}
	return out
}

func short(text string) string { return clean.Text(text, maxInName) }

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }
