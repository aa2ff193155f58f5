// Package oauth finds out whether what services sign in with at OAuth 2.0 authorization
// servers works today, and until when: it signs in as they do (RFC 6749, client_credentials
// and refresh_token), asks what a token is worth (RFC 7662), and reckons the dates of refresh
// tokens that have none.
//
// It asks once a pass, never twice for the same, and leaves a server that refuses alone over
// runs. The tokens that it is given are read for their dates and dropped, but for a new
// refresh token: that is stored before the old one counts as gone. It uses no access token
// for anything, and judges nothing. It does not sign persons in, and speaks neither DPoP nor
// PAR.
package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"lapsewatch/checks"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("oauth", defaults, New)

type check struct {
	options Options
	env     checks.Env
	// unfinished is how many refresh tokens are sent, and their successors not yet stored.
	unfinished atomic.Int32
}

// Unfinished implements watch.Unfinished.
func (c *check) Unfinished() bool { return c.unfinished.Load() > 0 }

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	return &check{options: options, env: env}, nil
}

// pass is one run over all entries.
type pass struct {
	*check
	sink watch.Sink
	// atOnce: what was held back before this pass is asked all the same.
	atOnce bool
	// plain is for clients without a certificate.
	plain     *webclient.Client
	reference func() watch.Reference

	mu      sync.Mutex
	servers map[string]*server
	hosts   map[string]chan struct{}
	gates   map[string]*gate
}

// look is one thing to do in a pass.
type look struct {
	subject watch.Subject
	do      func(context.Context)
}

// Collect implements watch.Check.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	return c.collect(ctx, sink, false)
}

func (c *check) collect(ctx context.Context, sink watch.Sink, atOnce bool) error {
	p := &pass{
		check: c, sink: sink, atOnce: atOnce,
		servers: map[string]*server{}, hosts: map[string]chan struct{}{}, gates: map[string]*gate{},
	}
	p.reference = sync.OnceValue(func() watch.Reference { return c.env.Reference(ctx) })
	plain, err := p.client(nil, c.env.Timeout)
	if err != nil {
		return fmt.Errorf("reach authorization servers: %w", err)
	}
	defer plain.Close()
	p.plain = plain
	looks := p.looks()
	c.env.Expect(len(looks))
	checks.Each(c.env.Concurrency, slices.Values(looks), func(one look) {
		if ctx.Err() == nil {
			one.do(ctx)
		}
	}, func(one look, err error) { p.problem(one.subject, watch.InternalError, err, "") })
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over authorization servers was cut short: %w", context.Cause(ctx))
	}
	return nil
}

// looks are what there is to do, each for one entry.
func (p *pass) looks() []look {
	var looks []look
	untried := 0
	for _, s := range p.options.SignIns {
		do := func(ctx context.Context) { p.signIn(ctx, s) }
		if s.grant() == refreshToken && !p.env.Keeps {
			untried++
			do = func(ctx context.Context) { p.leaveUntried(ctx, s) }
		}
		looks = append(looks, look{s.subject(), do})
	}
	if untried > 0 {
		looks = append(looks, look{untriedSubject, func(context.Context) { p.tellUntried() }})
	}
	for _, i := range p.options.Introspections {
		looks = append(looks, look{i.subject(), func(ctx context.Context) { p.introspect(ctx, i) }})
	}
	for _, r := range p.options.RefreshTokens {
		looks = append(looks, look{r.subject(), func(ctx context.Context) { p.reckon(ctx, r) }})
	}
	return looks
}

// untriedSubject stands for all sign-ins by refresh token.
var untriedSubject = watch.Subject{ID: refreshing, Name: "sign-ins by refresh token"}

// leaveUntried tells the dates of a sign-in that may use up its token, which must not be
// where nobody remembers what became of that.
func (p *pass) leaveUntried(ctx context.Context, s SignIn) {
	with, err := s.read(p.env.Secrets)
	p.tellSecret(s, false)
	p.tellCertificate(ctx, s, with, err)
	p.reckonStored(ctx, s)
}

func (p *pass) tellUntried() {
	p.sink(watch.Problem{
		Subject: untriedSubject, Reason: watch.Unreadable, Confined: true, HidesPrefix: refreshing + "/",
		Err:    errors.New("they are not tried here: each may use up its refresh token, and nothing that is learnt here is remembered"),
		Remedy: "`lapsewatch run` tries them.",
	})
}

// Try implements watch.Trier. It signs in as a pass does, in spite of earlier refusals, and
// stores what a refresh brings.
func (c *check) Try(ctx context.Context) []watch.Ability {
	abilities := checks.TryByCollecting(ctx, tried{c}, "signs in, or says until when")
	for i, ability := range abilities {
		if ability.Name == untriedSubject.Name {
			abilities[i].Required = false // it is nothing that anybody lacks
		}
	}
	return abilities
}

// tried tells of a refusal as of what could not be read: either way it does not work.
type tried struct{ check *check }

func (t tried) Collect(ctx context.Context, sink watch.Sink) error {
	return t.check.collect(ctx, func(fact watch.Fact) {
		if said, is := fact.(watch.Condition); is && refuses(said) {
			fact = watch.Problem{Subject: said.Subject, Reason: said.Reason, Err: errors.New(said.Text), Remedy: said.Remedy, Confined: true}
		}
		sink(fact)
	}, true)
}

func refuses(said watch.Condition) bool {
	_, waits := said.Details["next_try"]
	return waits || refusedSignIn(said.Reason) || said.Reason == watch.TokenInactive || said.Reason == watch.TokenNotStored
}
