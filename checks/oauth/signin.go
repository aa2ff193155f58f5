package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/jose"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// signIn tries one sign-in.
func (p *pass) signIn(ctx context.Context, s SignIn) {
	with, err := s.read(p.env.Secrets)
	p.tellDates(ctx, s, with, err)
	if err != nil {
		p.withhold(ctx, s, err)
		return
	}
	at, err := p.tokenEndpoint(ctx, s.Client, s.TokenURL)
	if err != nil {
		p.withhold(ctx, s, err)
		return
	}
	if s.grant() == refreshToken {
		p.refresh(ctx, s, with, at)
		return
	}
	book := p.bookOf("sign-in:"+holdoff.Digest([]byte(s.Name)), s.Name, s.asked(at)...)
	request := &tokenRequest{signIn: s, with: with, at: at, form: s.form()}
	result := p.make(ctx, attempt{
		gate: p.gateOf(s.Client, at), own: &book, client: with.mark, mine: with.mark,
		send: func() verdict { return p.send(ctx, request, p.env.Timeout) },
	})
	p.tellResult(ctx, s, at, result, request)
}

// withhold tells of a sign-in for which nothing was sent.
func (p *pass) withhold(ctx context.Context, s SignIn, err error) {
	p.unread(ctx, s.subject(), err)
	if s.grant() == refreshToken {
		p.reckonStored(ctx, s)
	}
}

func (p *pass) tellResult(ctx context.Context, s SignIn, at endpoint, result told, request *tokenRequest) {
	switch {
	case result.granted():
		p.tellGranted(s, at, request)
	case result.hold != nil:
		p.tellSignIn(s, at, result)
	case ctx.Err() == nil:
		p.problem(s.subject(), result.Reason, errors.New(result.Text), "")
	}
}

// asked is what makes a request the same as that of an earlier pass.
func (s SignIn) asked(at endpoint) []string {
	asked := []string{at.url, s.ClientID, s.method(), s.KeyID, s.Algorithm, s.AssertionAudience}
	return append(asked, s.form().Encode())
}

// form is what is asked for, without what the client proves itself with.
func (s SignIn) form() url.Values {
	form := url.Values{"grant_type": {s.grant()}}
	for _, parameter := range s.Parameters {
		form.Add(parameter.Name, parameter.Value)
	}
	if len(s.Scopes) > 0 {
		form.Set("scope", strings.Join(s.Scopes, " "))
	}
	if len(s.Resources) > 0 {
		form["resource"] = s.Resources
	}
	if s.Audience != "" {
		form.Set("audience", s.Audience)
	}
	return form
}

// tokenRequest is one request of an access token, and what came of it.
type tokenRequest struct {
	signIn SignIn
	with   proof
	at     endpoint
	form   url.Values
	// secrets are those in form.
	secrets []watch.Secret

	got answer
	// came is when the answer began to come, by the time that is believed.
	came time.Time
}

// progress is how far a request got; the connection tells it from a goroutine of its own.
type progress struct {
	// reached: a connection was made, so that the server may have heard the request even if
	// nobody has heard the server.
	reached atomic.Bool
	began   atomic.Pointer[time.Time]
}

func (g *progress) trace(now func() time.Time) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { g.reached.Store(true) },
		GotFirstResponseByte: func() { at := now(); g.began.Store(&at) },
	}
}

// send asks once.
func (p *pass) send(ctx context.Context, r *tokenRequest, patience time.Duration) verdict {
	leave, err := p.visit(ctx, r.at.url)
	if err != nil {
		return verdict{Refusal: holdoff.Refusal{Reason: watch.TimedOut, Text: "the pass ended before its turn came"}}
	}
	defer leave()
	// A connection of its own, so that each time measured is that of a whole sign-in.
	web, err := p.client(r.with.certificate, patience)
	if err != nil {
		return verdict{Refusal: holdoff.Refusal{Reason: watch.Unreadable, Text: err.Error(), Lasting: true}}
	}
	defer web.Close()
	header := http.Header{"Accept": {"application/json"}}
	secrets, err := r.signIn.prove(r.with, r.at.url, r.at.issuer, p.present(), r.form, header)
	if err != nil {
		return verdict{Refusal: holdoff.Refusal{Reason: watch.Unparsable, Text: err.Error(), Lasting: true}}
	}
	request := webclient.Request{Method: http.MethodPost, URL: r.at.url, Header: header, Form: r.form, Secrets: append(secrets, r.secrets...)}
	var far progress
	got, err := web.Once(httptrace.WithClientTrace(ctx, far.trace(p.present)), request)
	if r.came = p.present(); far.began.Load() != nil {
		r.came = *far.began.Load()
	}
	r.got = readAnswer(got)
	if err != nil {
		failure := web.Explain("", err)
		if refused, over := refusedInTLS(failure); over && r.with.certificate != nil {
			return refused
		}
		lost := failed(failure)
		lost.lost = far.reached.Load()
		return lost
	}
	judged := judge(web, request, r.got, r.signIn.grant())
	// A gateway may answer for a server that has done what it was asked for.
	judged.lost = judged.Reason == watch.Unparsable && got.Status == http.StatusOK || got.Status >= 500 && got.Status != http.StatusServiceUnavailable
	return judged
}

// present is the time now, by the references if they are believed; --now has no say in it.
func (p *pass) present() time.Time { return p.reference().Time(time.Now()) }

// tellGranted tells of a sign-in that worked.
func (p *pass) tellGranted(s SignIn, at endpoint, r *tokenRequest) {
	details := p.details(s, at)
	took := r.got.Took
	details["latency_ms"] = took.Milliseconds()
	life, malformed := r.got.span("expires_in")
	issued, isJWT := r.read()
	if life == 0 && isJWT && !issued.ExpiresAt.IsZero() {
		life = issued.ExpiresAt.Sub(r.came)
	}
	text := fmt.Sprintf("signs in: answered in %d ms, token of %s", took.Milliseconds(), spanText(life))
	if life > 0 {
		details["expires_in_seconds"] = int64(life.Seconds())
	}
	if kind := r.got.text("token_type"); kind != "" {
		details["token_type"] = r.got.said(kind, shownCode)
	}
	told := watch.Condition{Subject: s.subject(), Text: text, Details: details}
	for _, wrong := range []observed{p.scopes(s, r, issued, details), p.clock(r, issued, details), malformedLife(malformed), slow(s, took)} {
		if wrong.reason == "" {
			continue
		}
		if told.Reason == "" {
			told.Reason, told.Text = wrong.reason, "signs in, but "+wrong.text
		} else {
			told.Text += "; " + wrong.text
		}
	}
	p.sink(told)
}

// observed is what is wrong with an answer that granted a token.
type observed struct {
	reason watch.Reason
	text   string
}

func malformedLife(clause string) observed {
	if clause == "" {
		return observed{}
	}
	return observed{watch.ClaimsMalformed, "its answer's " + clause}
}

func slow(s SignIn, took time.Duration) observed {
	limit := time.Duration(s.LatencyLimit)
	if limit == 0 || took <= limit {
		return observed{}
	}
	return observed{watch.SignInSlow, fmt.Sprintf("it took %d ms, longer than the %s of latency_limit", took.Milliseconds(), limit)}
}

// read reads the dates of the access token, if it is a JSON Web Token. Nothing else is done
// with it.
func (r *tokenRequest) read() (jose.Token, bool) {
	token, err := jose.Read([]byte(r.got.text("access_token")))
	return token, err == nil
}

// scopes compares what was granted to what must be. A server that says nothing granted what
// it was asked for (RFC 6749, section 5.1), unless its token says otherwise: one by RFC 9068
// names its scopes.
func (p *pass) scopes(s SignIn, r *tokenRequest, issued jose.Token, details map[string]any) observed {
	granted, given := r.got.scopes()
	if !given {
		granted = issued.Scopes
		if kind := strings.TrimPrefix(strings.ToLower(issued.Type), "application/"); len(granted) == 0 && kind != "at+jwt" {
			granted = s.Scopes
		}
	}
	return compareScopes(s.ExpectScopes, granted, r.got, details)
}

func compareScopes(expected, granted []string, said answer, details map[string]any) observed {
	shown := make([]string, 0, min(len(granted), maxScopes))
	for _, scope := range granted[:min(len(granted), maxScopes)] {
		shown = append(shown, said.said(scope, shownCode))
	}
	if len(shown) > 0 {
		details["scopes"] = shown
	}
	var missing []string
	for _, scope := range expected {
		if !slices.Contains(granted, scope) {
			missing = append(missing, scope)
		}
	}
	if len(missing) == 0 {
		return observed{}
	}
	return observed{watch.ClaimsUnexpected, "lacks the scope " + strings.Join(missing, ", ")}
}

// clock compares the server's clock to the own one: by its Date, whose fraction of a second
// is cut off, and by when it says that it issued the token. Whoever verifies a token of the
// future refuses it.
func (p *pass) clock(r *tokenRequest, issued jose.Token, details map[string]any) observed {
	tolerance := time.Duration(p.options.ClockTolerance)
	doubt := p.reference().Doubt()
	ahead, behind := time.Duration(0), time.Duration(0)
	if date := r.got.Date; !date.IsZero() {
		details["clock_offset_seconds"] = date.Sub(r.came).Round(time.Second).Seconds()
		ahead, behind = date.Sub(r.came), r.came.Sub(date.Add(time.Second))
	}
	for _, at := range []time.Time{issued.IssuedAt, issued.NotBefore} {
		if !at.IsZero() {
			ahead = max(ahead, at.Sub(r.came))
		}
	}
	over := issued.ExpiresAt
	switch {
	case doubt != "":
		details["clock_verified"] = false
		return observed{}
	case ahead > tolerance:
		return observed{watch.ClockDrift, fmt.Sprintf("the server's clock is %s ahead: whoever verifies its tokens refuses them until then", watch.Span(ahead))}
	case !over.IsZero() && !over.After(r.came):
		return observed{watch.ClockDrift, fmt.Sprintf("its token had expired %s before it came: the server's clock is behind", watch.Span(r.came.Sub(over)))}
	case behind > tolerance:
		return observed{watch.ClockDrift, fmt.Sprintf("the server's clock is %s behind", watch.Span(behind))}
	}
	return observed{}
}

// spanText is a token's life for people.
func spanText(life time.Duration) string {
	switch {
	case life <= 0:
		return "a life that is not said"
	case life < 2*time.Minute:
		return fmt.Sprintf("%d s", int64(life/time.Second))
	case life < 2*time.Hour:
		return fmt.Sprintf("%d min", int64(life/time.Minute))
	case life < 48*time.Hour:
		return fmt.Sprintf("%d h", int64(life/time.Hour))
	}
	return fmt.Sprintf("%d days", int64(life/(24*time.Hour)))
}
