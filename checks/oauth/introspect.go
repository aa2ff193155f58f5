package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/jose"
	"lapsewatch/internal/retryafter"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// question is what one introspection asks, and what came of it.
type question struct {
	Introspection
	token watch.Secret
	with  proof
	got   answer
}

// server is where the question goes, as it is shown.
func (i Introspection) server() string { return where(cmp.Or(i.IntrospectionURL, i.Issuer)) }

// introspect asks the authorization server of a token what that is worth.
func (p *pass) introspect(ctx context.Context, i Introspection) {
	token, err := p.env.Secrets(i.Token)
	if err != nil {
		p.unread(ctx, i.subject(), notRead(err))
		return
	}
	token = watch.NewSecret(string(jose.Bare([]byte(token.Reveal()))))
	with, err := i.read(p.env.Secrets)
	if err != nil {
		p.unread(ctx, i.subject(), err)
		return
	}
	book := p.bookOf("token:"+holdoff.Digest([]byte(i.Name)), i.Name, i.Issuer, i.IntrospectionURL, i.ClientID, i.method(), i.TokenTypeHint)
	q := &question{Introspection: i, token: token, with: with}
	result := p.make(ctx, attempt{
		gate: p.gateOf(i.Client, "introspection "+i.IntrospectionURL), own: &book, client: with.mark, mine: []byte(holdoff.Digest(with.mark, []byte(token.Reveal()))),
		send: func() verdict { return p.ask(ctx, q) },
	})
	switch {
	case result.unsent != nil:
		p.unread(ctx, i.subject(), result.unsent)
	case result.granted():
		p.tellToken(q)
	case ctx.Err() == nil:
		p.sink(watch.Problem{
			Subject: i.subject(), Reason: result.Reason, Err: fmt.Errorf("ask %s about the token: %s", i.server(), result.words()), Confined: true, Remedy: askingRemedy(result.Reason),
		})
	}
}

func askingRemedy(reason watch.Reason) string {
	switch reason {
	case watch.AuthFailed:
		return "Check the client that asks, its secret, key or certificate, against what is registered at the authorization server: the token itself was not looked at."
	case watch.PermissionDenied:
		return "Allow the client that asks to introspect tokens at the authorization server."
	default:
		return ""
	}
}

// ask asks once; where that can do no harm, again after a moment's outage.
func (p *pass) ask(ctx context.Context, q *question) verdict {
	at, err := p.introspectionEndpoint(ctx, q.Client, q.IntrospectionURL)
	if err != nil {
		return verdict{unsent: err}
	}
	leave, err := p.visit(ctx, at.url)
	if err != nil {
		return verdict{unsent: err}
	}
	defer leave()
	web, certificate := p.plain, q.forTLS(q.with)
	if certificate != nil {
		if web, err = p.client(certificate, p.env.Timeout); err != nil {
			return verdict{unsent: err}
		}
		defer web.Close()
	}
	form, header := url.Values{"token": {q.token.Reveal()}}, http.Header{"Accept": {"application/json"}}
	if q.TokenTypeHint != "" {
		form.Set("token_type_hint", q.TokenTypeHint)
	}
	secrets, err := q.prove(q.with, at.url, at.issuer, p.present(), form, header)
	if err != nil {
		return verdict{unsent: err}
	}
	request := webclient.Request{Method: http.MethodPost, URL: at.url, Header: header, Form: form, Secrets: append(secrets, q.token), Private: true}
	send := web.Get
	if q.method() == privateKeyJWT {
		send = web.Once // its assertion counts once
	}
	got, err := send(ctx, request)
	if err != nil {
		failure := web.Explain("", err)
		if refused, over := refusedInTLS(failure); over && certificate != nil {
			refused.Reason = watch.AuthFailed
			return refused
		}
		return failed(failure)
	}
	q.got = readAnswer(got)
	return q.judge(web, request)
}

// judge says whether the answer is one about the token.
func (q *question) judge(web *webclient.Client, request webclient.Request) verdict {
	said := q.got.refused()
	var active bool
	raw, there := q.got.members["active"]
	if q.got.Status == http.StatusOK && there && json.Unmarshal(raw, &active) == nil {
		return verdict{}
	}
	reason, _ := known(said.code)
	if said.code == "" {
		reason = watch.SignInRefused
	}
	refused := q.got.Status == http.StatusUnauthorized || said.code != "" && reason == watch.SignInClientRefused
	switch {
	case refused && !webclient.Passing(q.got.Status):
		return verdict{ofClient: true, retryAfter: retryafter.Of(q.got.Header, time.Now(), longestAsked), Refusal: holdoff.Refusal{
			Reason: watch.AuthFailed, Code: said.shownCode, Status: q.got.Status, Lasting: true, Text: "the client that asks is refused (" + said.words(q.got.Status) + ")",
		}}
	case q.got.Status == http.StatusOK && q.got.isObject():
		text := `it answered 200 OK without saying whether the token is "active" (RFC 7662, 2.2)`
		return verdict{Refusal: holdoff.Refusal{Reason: watch.Unparsable, Text: text, Status: q.got.Status}}
	case q.got.Status == http.StatusForbidden && said.code != "":
		return failed(web.Refusal(request, q.got.Answer, said.words(q.got.Status))) // it heals when somebody grants the right
	}
	return unanswered(web, request, q.got, said)
}

// tellToken tells what the server said of the token.
func (p *pass) tellToken(q *question) {
	var active bool
	if json.Unmarshal(q.got.members["active"], &active) != nil || !active {
		p.sink(watch.Condition{
			Subject: q.subject(), Reason: watch.TokenInactive, Identity: fingerprint(q.token.Reveal()),
			Text: q.inactive(p.env.Now()), Details: map[string]any{"server": q.server()},
		})
		return
	}
	dates, malformed := q.dates()
	details := q.details()
	if slices.ContainsFunc(malformed, func(clause string) bool { return strings.HasPrefix(clause, "exp ") }) {
		p.sink(watch.Condition{
			Subject: q.subject(), Reason: watch.ClaimsMalformed, Identity: fingerprint(q.token.Reveal()), Details: details,
			Text: "token is active, but nobody can tell until when: its " + strings.Join(malformed, "; its "),
		})
		return
	}
	told := watch.Credential{
		Subject: q.subject(), Form: watch.AccessToken, Identity: fingerprint(q.token.Reveal()), NotBefore: dates["iat"], NotAfter: dates["exp"], Details: details,
	}
	if q.TokenTypeHint == refreshToken {
		told.Form = watch.RefreshToken
	}
	if begins := dates["nbf"]; !begins.IsZero() {
		told.NotBefore = begins
	}
	if len(malformed) > 0 {
		told.Observations = append(told.Observations, watch.Observation{Reason: watch.ClaimsMalformed, Text: "has claims that services take in ways of their own: its " + strings.Join(malformed, "; its ")})
	}
	granted, _ := q.got.scopes()
	if wrong := compareScopes(q.ExpectScopes, granted, q.got, details); wrong.reason != "" {
		told.Observations = append(told.Observations, watch.Observation{Reason: wrong.reason, Text: wrong.text, Remedy: wrong.remedy})
	}
	p.ahead(&told)
	p.sink(told)
}

// inactive says what it can mean that a token is not active: the server does not tell (RFC
// 7662, section 2.2).
func (q *question) inactive(now time.Time) string {
	text := "token is not active: it has expired, was revoked, or is not one that this client may ask about"
	read, err := jose.Read([]byte(q.token.Reveal()))
	if err == nil && read.ExpiresAt.After(now) {
		text += fmt.Sprintf("; it is a JWT that runs until %s, and some servers know no JWTs here: the kind jwt reads it without asking", stamp(read.ExpiresAt))
	}
	return text
}

// ahead tells of a token that was issued in the future. What lies within the tolerance is
// nobody's concern.
func (p *pass) ahead(told *watch.Credential) {
	now := p.env.Now()
	switch early := told.NotBefore.Sub(now); {
	case early <= 0:
	case early <= time.Duration(p.options.ClockTolerance):
		told.NotBefore = now.UTC()
	case p.reference().Doubt() == "":
		told.Observations = append(told.Observations, watch.Observation{
			Reason: watch.ClockDrift, Text: fmt.Sprintf("is dated %s ahead: the clock of whoever issued it is wrong, or it is not meant to be used yet", watch.Span(early)),
		})
	}
}

// dates are exp, iat and nbf, and clauses about those that are none.
func (q *question) dates() (dates map[string]time.Time, malformed []string) {
	dates = map[string]time.Time{}
	for _, claim := range []string{"exp", "nbf", "iat"} {
		at, wrong := jose.NumericDate(q.got.members[claim])
		if wrong != "" {
			malformed = append(malformed, claim+" "+q.got.said(wrong, shownWords))
			continue
		}
		dates[claim] = at
	}
	return dates, malformed
}

func (q *question) details() map[string]any {
	details := map[string]any{"server": q.server()}
	for claim, key := range map[string]string{"client_id": "client_id", "token_type": "token_type", "iss": "issuer"} {
		if text := q.got.text(claim); text != "" {
			details[key] = q.got.said(text, shownWords)
		}
	}
	return details
}
