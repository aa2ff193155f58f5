// Package jwt reads the dates of JSON Web Tokens that lie in files, mounted folders and
// environment variables (RFC 7519), and verifies their signatures where it is told by which
// keys. It judges nothing, decrypts no token, shows and keeps none, asks no URL that a token
// names, and looks at no claims but those that say of whom and for whom a token is and when
// it holds.
package jwt

import (
	"context"
	"fmt"
	"strings"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("jwt", defaults, New, checks.Targets(takes, fill), checks.ThisMachine(usualPlaces))

type check struct {
	options Options
	env     checks.Env
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	return &check{options: options, env: env}, nil
}

// Collect implements watch.Check. It finds the files first, so that one that is reached in
// two ways is reported once, and holds no more tokens at a time than it looks at.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	p := &pass{check: c, sink: sink}
	p.doubts = recallDoubts(ctx, p)
	p.sink = func(fact watch.Fact) {
		p.doubts.note(fact)
		sink(fact)
	}
	p.held = recallHeld(ctx, p)
	found := c.find(ctx, p.sink)
	c.env.Expect(len(found.places))
	p.keys = c.readKeys(ctx, p.sink)
	checks.Each(c.env.Concurrency, found.each(ctx), func(at *place) { p.look(at) },
		func(at *place, err error) { p.sink(at.problem(watch.InternalError, err)) })
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over tokens was cut short: %w", context.Cause(ctx))
	}
	p.learn(ctx)
	for _, folder := range found.folders {
		if !folder.used.Load() {
			p.sink(folder.problem(errNoneBelow))
		}
	}
	p.doubts.settle(ctx, p)
	p.held.remember(ctx, p, found)
	return nil
}

// pass is one pass over the tokens.
type pass struct {
	*check
	sink   watch.Sink
	keys   keys
	held   *held
	doubts *doubts
	lives  lives
}

// Try reads each token once, and the keys.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, readings{c}, "reads the dates of the token, and the keys that signatures are verified with")
}

// readings collects what concerns the reading of tokens and keys, and no signature.
type readings struct{ *check }

func (r readings) Collect(ctx context.Context, sink watch.Sink) error {
	return r.check.Collect(ctx, func(fact watch.Fact) {
		if !strings.HasPrefix(fact.About().ID, signaturePrefix) {
			sink(fact)
		}
	})
}
