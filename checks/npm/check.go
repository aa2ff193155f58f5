// Package npm watches access tokens of an npm registry: each listed token is tried, and with
// it all tokens of its account are listed with their dates. It makes, changes and revokes
// none, looks at no package, shows no part of a token, and judges nothing.
package npm

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"lapsewatch/checks"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("npm", defaults, New)

const (
	// mostAtOnce is how many tokens are tried at the same time.
	mostAtOnce = 8
	makeNew    = "Make a new granular access token (npmjs.com, Access Tokens) and give it to whoever uses the old one; for publishing from CI, trusted publishing needs none."
)

type check struct {
	options  Options
	env      checks.Env
	registry *url.URL
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	registry, err := url.Parse(strings.TrimRight(options.Registry, "/"))
	if err != nil {
		return nil, fmt.Errorf("read the URL of the registry: %w", err)
	}
	return &check{options: options, env: env, registry: registry}, nil
}

// Collect implements watch.Check. A token that cannot be tried is a problem of its own. One
// whose account's tokens cannot be listed hides what was known of listed tokens.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	return c.collect(ctx, sink, false)
}

// Try implements watch.Trier: it asks for each token at once, in spite of a hold.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, checks.Collecting(func(ctx context.Context, sink watch.Sink) error {
		return c.collect(ctx, listedtoken.StrictlyUndated(sink), true)
	}), "says whether the token works, or when the tokens of its account end")
}

func (c *check) collect(ctx context.Context, sink watch.Sink, atOnce bool) error {
	client, err := webclient.Open(webclient.Setup{CAFile: c.options.CAFile}, webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.env.Timeout})
	if err != nil {
		return fmt.Errorf("reach the registry %s: %w", c.registry.Host, err)
	}
	defer client.Close()
	c.env.Expect(len(c.options.Tokens))
	pass := &pass{check: c, client: client, service: listedtoken.Service{
		Kind: "npm", URL: c.registry.String(), Name: c.registry.Host, Remedy: makeNew,
		Now: c.env.Now, Log: c.env.Log, Secrets: c.env.Secrets, Memory: c.env.Memory, AtOnce: atOnce,
	}}
	results := make([]result, len(c.options.Tokens))
	checks.Each(min(c.env.Concurrency, mostAtOnce), indexes(len(results)), func(i int) {
		results[i] = pass.look(ctx, c.options.Tokens[i])
	}, func(i int, fault error) { results[i].fault = fault })
	var accounts []*account
	if c.options.List {
		accounts = accountsOf(results)
		checks.Each(min(c.env.Concurrency, mostAtOnce), slices.Values(accounts), func(a *account) {
			pass.listAccount(ctx, a, results)
		}, func(a *account, fault error) {
			for _, i := range a.tokens {
				results[i].fault = fault
			}
		})
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over tokens of %s was cut short: %w", c.registry.Host, context.Cause(ctx))
	}
	listed := c.listed(accounts)
	c.env.Expect(len(listed))
	for i, result := range results {
		for _, fact := range c.facts(c.options.Tokens[i], result) {
			sink(fact)
		}
	}
	for _, fact := range listed {
		sink(fact)
	}
	return nil
}

func indexes(count int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range count {
			if !yield(i) {
				return
			}
		}
	}
}

// subject keeps its ID when the token is renewed.
func subject(token Token) watch.Subject { return token.Subject("token/" + token.Name) }
