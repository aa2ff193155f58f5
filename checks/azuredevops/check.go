// Package azuredevops watches personal access tokens of Azure DevOps: those that are listed
// in the options are tried, and those of a user, or of all users of an organization, are
// listed with their dates by Microsoft's own API. It makes, extends and revokes none, and
// judges nothing. Signing in to Microsoft Entra is package msgraph's.
package azuredevops

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"lapsewatch/checks"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("azuredevops", defaults, New)

const (
	// mostAtOnce is how many tokens are tried, and users looked at, at the same time.
	mostAtOnce = 4
	// triedPrefix begins the IDs of the options' tokens, and datedPrefix those of their dates:
	// what is known of one says nothing of the other.
	triedPrefix = "token/"
	datedPrefix = "date/"
	makeNew     = "Make a new personal access token, or extend this one, and give it to whoever uses it; a service principal or managed identity needs none."
)

type check struct {
	options Options
	env     checks.Env
	host    string
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	address, err := url.Parse(options.address())
	if err != nil {
		return nil, fmt.Errorf("read the URL of Azure DevOps: %w", err)
	}
	return &check{options: options, env: env, host: address.Host}, nil
}

// Collect implements watch.Check. Each token that cannot be tried, the whole list, and each
// user whose tokens cannot be listed, are problems of their own, which hide nothing else.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	return c.collect(ctx, sink, false)
}

// Try implements watch.Trier: it signs in and asks for each token at once, in spite of a hold.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, checks.Collecting(func(ctx context.Context, sink watch.Sink) error {
		return c.collect(ctx, listedtoken.StrictlyUndated(sink), true)
	}), "says whether the personal access token works, or when those of the organization end")
}

func (c *check) collect(ctx context.Context, sink watch.Sink, atOnce bool) error {
	if err := c.tryTokens(ctx, sink, atOnce); err != nil {
		return err
	}
	if c.options.List != nil && ctx.Err() == nil {
		if err := c.listTokens(ctx, sink, atOnce); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over tokens of Azure DevOps was cut short: %w", context.Cause(ctx))
	}
	return nil
}

func (c *check) tryTokens(ctx context.Context, sink watch.Sink, atOnce bool) error {
	if len(c.options.Tokens) == 0 {
		return nil
	}
	client, err := webclient.Open(webclient.Setup{CAFile: c.options.CAFile}, c.webEnv())
	if err != nil {
		return fmt.Errorf("reach Azure DevOps at %s: %w", c.host, err)
	}
	defer client.Close()
	c.tellDates(sink)
	c.env.Expect(len(c.options.Tokens))
	service := listedtoken.Service{
		Kind: "azuredevops", URL: c.options.address(), Name: c.host, Remedy: makeNew,
		Now: c.env.Now, Log: c.env.Log, Secrets: c.env.Secrets, Memory: c.env.Memory, AtOnce: atOnce,
	}
	checks.Each(min(c.env.Concurrency, mostAtOnce), slices.Values(c.options.Tokens), func(token Token) {
		fact := c.try(ctx, client, service, token)
		if ctx.Err() == nil {
			sink(fact)
		}
	}, func(token Token, fault error) {
		sink(watch.Problem{Subject: subject(token), Reason: watch.InternalError, Err: fault, Confined: true})
	})
	return nil
}

func (c *check) webEnv() webclient.Env {
	return webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.env.Timeout}
}

// subject keeps its ID when the token is renewed.
func subject(token Token) watch.Subject { return token.Subject(triedPrefix + token.Name) }
