// Package jwt reads the dates of JSON Web Tokens that lie in files, mounted folders and
// environment variables (RFC 7519), and verifies their signatures where it is told by which
// keys. It judges nothing, decrypts no token, shows and keeps none, asks no URL that a token
// names, and looks at no claims but those that say of whom and for whom a token is and when
// it holds.
package jwt

import (
	"context"
	"fmt"

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
	found := c.find(ctx, sink)
	c.env.Expect(len(found.places))
	keys := c.readKeys(ctx)
	checks.Each(c.env.Concurrency, found.each(ctx), func(p *place) { c.look(p, keys, sink) },
		func(p *place, err error) { sink(p.problem(watch.InternalError, err)) })
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over tokens was cut short: %w", context.Cause(ctx))
	}
	for _, folder := range found.folders {
		if !folder.used.Load() {
			sink(folder.problem(errNoneBelow))
		}
	}
	return nil
}

// Try reads each token once.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, c, "reads the dates of the token")
}
