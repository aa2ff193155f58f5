package oauth

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// signIn tries one sign-in.
func (p *pass) signIn(ctx context.Context, s SignIn) {
	works := false
	defer func() { p.tellSecret(s, works) }()
	with, err := s.read(p.env.Secrets)
	p.tellCertificate(ctx, s, with, err)
	if err != nil {
		p.withhold(ctx, s, err)
		return
	}
	if s.grant() == refreshToken {
		works = p.refresh(ctx, s, with)
		return
	}
	book := p.bookOf("sign-in:"+holdoff.Digest([]byte(s.Name)), s.Name, s.asked()...)
	request := &tokenRequest{signIn: s, with: with, form: s.form()}
	result := p.make(ctx, attempt{
		gate: p.gateOf(s.Client, s.TokenURL), own: &book, client: with.mark, mine: with.mark,
		send: func() verdict { return p.send(ctx, request) },
	})
	p.tellResult(ctx, s, result, request)
	works = result.granted()
}

// withhold tells of a sign-in for which nothing was sent.
func (p *pass) withhold(ctx context.Context, s SignIn, err error) {
	p.unread(ctx, s.subject(), err)
	if s.grant() == refreshToken {
		p.reckonStored(ctx, s)
	}
}

func (p *pass) tellResult(ctx context.Context, s SignIn, result told, request *tokenRequest) {
	switch {
	case result.unsent != nil:
		p.unread(ctx, s.subject(), result.unsent)
	case result.granted():
		p.tellGranted(s, request)
	case result.hold != nil:
		p.tellSignIn(s, result)
	case ctx.Err() == nil:
		p.problem(s.subject(), result.Reason, errors.New(result.Text), "")
	}
}

// asked is what makes a request the same as that of an earlier pass. Where the issuer's
// document leads is no part of it: it need not be read where nothing is asked.
func (s SignIn) asked() []string {
	asked := []string{s.Issuer, s.TokenURL, s.ClientID, s.method(), s.KeyID, s.Algorithm, s.AssertionAudience}
	return append(asked, s.form().Encode())
}

// server is where the client signs in, as it is shown.
func (s SignIn) server() string { return where(cmp.Or(s.TokenURL, s.Issuer)) }

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

// send asks once, when its turn at the host has come.
func (p *pass) send(ctx context.Context, r *tokenRequest) verdict {
	at, err := p.tokenEndpoint(ctx, r.signIn.Client, r.signIn.TokenURL)
	if err != nil {
		return verdict{unsent: err}
	}
	leave, err := p.visit(ctx, at.url)
	if err != nil {
		return verdict{unsent: err}
	}
	defer leave()
	return p.transmit(ctx, r, at, p.env.Timeout)
}

// transmit sends the request. Its verdict has unsent where that could not begin.
func (p *pass) transmit(ctx context.Context, r *tokenRequest, at endpoint, patience time.Duration) verdict {
	// A connection of its own, so that each time measured is that of a whole sign-in.
	certificate := r.signIn.forTLS(r.with)
	web, err := p.client(certificate, patience)
	if err != nil {
		return verdict{unsent: err}
	}
	defer web.Close()
	header := http.Header{"Accept": {"application/json"}}
	secrets, err := r.signIn.prove(r.with, at.url, at.issuer, p.present(), r.form, header)
	if err != nil {
		return verdict{unsent: err}
	}
	request := webclient.Request{Method: http.MethodPost, URL: at.url, Header: header, Form: r.form, Secrets: append(secrets, r.secrets...), Private: true}
	var far progress
	got, err := web.Once(httptrace.WithClientTrace(ctx, far.trace(p.present)), request)
	if r.came = p.present(); far.began.Load() != nil {
		r.came = *far.began.Load()
	}
	r.got = readAnswer(got)
	if err != nil {
		failure := web.Explain("", err)
		if refused, over := refusedInTLS(failure); over && certificate != nil {
			return refused
		}
		lost := failed(failure)
		lost.lost = far.reached.Load()
		return lost
	}
	judged := r.signIn.judge(web, request, r.got)
	if date := r.got.Date; judged.ofClient && r.signIn.method() == privateKeyJWT && !date.IsZero() && p.reference().Doubt() == "" {
		if off := date.Sub(r.came); off.Abs() > assertionLife {
			judged = skewed(judged, off)
		}
	}
	// A gateway may answer for a server that has done what it was asked for.
	judged.lost = judged.Reason == watch.Unparsable && got.Status == http.StatusOK || got.Status >= 500 && got.Status != http.StatusServiceUnavailable
	return judged
}

// present is the time now, by the references if they are believed; --now has no say in it.
func (p *pass) present() time.Time { return p.reference().Time(time.Now()) }
