// Package slack watches tokens of Slack: each is tried at auth.test, which says whether it
// works today and, of one that rotates, when it ends. It sends nothing else, changes nothing
// in a workspace, refreshes no token (checks of kind oauth do), and judges nothing.
package slack

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
var Kind = checks.Define("slack", defaults, New)

// mostAtOnce is how many tokens are tried at the same time.
const mostAtOnce = 8

const makeAnother = "Install the app again, or let it refresh its token, and give the new token to whoever uses the old one."

type check struct {
	options Options
	env     checks.Env
	host    string
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	address, err := url.Parse(options.URL)
	if err != nil {
		return nil, fmt.Errorf("read the URL of Slack: %w", err)
	}
	return &check{options: options, env: env, host: address.Host}, nil
}

// Collect implements watch.Check. A token that cannot be tried is a problem of its own.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	return c.collect(ctx, sink, false)
}

// Try implements watch.Trier: it asks for each token at once, in spite of a hold.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, checks.Collecting(func(ctx context.Context, sink watch.Sink) error {
		return c.collect(ctx, listedtoken.Strictly(sink), true)
	}), "says whether the token works, and when it ends")
}

func (c *check) collect(ctx context.Context, sink watch.Sink, atOnce bool) error {
	client, err := webclient.Open(webclient.Setup{CAFile: c.options.CAFile}, webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.env.Timeout})
	if err != nil {
		return fmt.Errorf("reach Slack at %s: %w", c.host, err)
	}
	defer client.Close()
	c.env.Expect(len(c.options.Tokens))
	service := listedtoken.Service{
		Kind: "slack", URL: c.options.URL, Name: "Slack", Remedy: makeAnother,
		Now: c.env.Now, Log: c.env.Log, Secrets: c.env.Secrets, Memory: c.env.Memory, AtOnce: atOnce,
	}
	checks.Each(min(c.env.Concurrency, mostAtOnce), slices.Values(c.options.Tokens), func(token Token) {
		fact := c.look(ctx, client, service, token)
		if ctx.Err() == nil {
			sink(fact)
		}
	}, func(token Token, fault error) {
		sink(watch.Problem{Subject: subject(token), Reason: watch.InternalError, Err: fault, Confined: true})
	})
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over tokens of Slack was cut short: %w", context.Cause(ctx))
	}
	return nil
}

// subject keeps its ID when the token is renewed.
func subject(token Token) watch.Subject { return token.Subject("token/" + token.Name) }

func (c *check) look(ctx context.Context, client *webclient.Client, service listedtoken.Service, listed Token) watch.Fact {
	var said identity
	var family family
	look := service.Look(ctx, subject(listed), listed.Token, func(ctx context.Context, token watch.Secret) (err error) {
		family = familyOf(token.Reveal())
		said, err = c.ask(ctx, client, token, family)
		return err
	})
	switch {
	case look.Works():
		return said.fact(look, family)
	case look.Reason == watch.PermissionDenied:
		look.Remedy = "Look at the error of Slack in the message: a network that is not allowed, or a policy of the workspace, keeps this machine from trying the token."
	case family == refreshToken:
		look.Remedy = "List the access token here, and let a check of kind oauth watch the refresh token."
	}
	return look.Fact()
}
