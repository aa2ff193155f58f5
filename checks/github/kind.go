// Package github watches tokens of GitHub: personal access tokens that are given by
// reference, by the expiration that GitHub tells in a header of its answers; keys of GitHub
// Apps, which have no date, by trying whether GitHub accepts them; and the fine-grained
// personal access tokens that can reach an organization, as GitHub lists them.
//
// It changes nothing at GitHub, but for the installation token that it asks for where it
// signs in as an App, and judges nothing. It does not find tokens that nobody names or
// lists, secrets of Actions, deploy keys or SSH keys, and it renews nothing.
package github

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("github", defaults, New)

// atOnce is how many requests are in flight at most: GitHub asks for as few as possible
// (https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
const atOnce = 4

type check struct {
	options Options
	env     checks.Env
	// looks are what a pass looks at, one for each entry of the options.
	looks []look
}

// look is one entry of the options.
type look struct {
	subject watch.Subject
	// hides is the prefix of the IDs of what the entry lists.
	hides string
	// gives says for Try what it is for.
	gives string
	book  *holdoff.Book
	run   func(ctx context.Context, p *pass, l look) error
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	c := &check{options: options, env: env}
	for _, token := range options.Tokens {
		c.add("token", token.Name, token.Subject(""), "says when the token ends", func(ctx context.Context, p *pass, l look) error { return watched(ctx, p, l, token.Token) })
	}
	for _, app := range options.Apps {
		c.add("app", app.Name, app.Subject(""), "says whether the key of the App works", app.run, app.who())
	}
	for _, organization := range options.Organizations {
		c.add("organization", organization.Name, organization.Subject(""), "says when the personal access tokens of "+organization.Organization+" end", organization.run, organization.who()...)
	}
	return c, nil
}

// add adds an entry. asWhom is what of its options GitHub may refuse beside the credential:
// a hold ends when it is corrected.
func (c *check) add(sort, name string, subject watch.Subject, gives string, run func(context.Context, *pass, look) error, asWhom ...string) {
	id := sort + "/" + url.PathEscape(name)
	subject.ID = id
	l := look{subject: subject, gives: gives, run: run}
	if sort == "organization" {
		l.hides = id + "/"
	}
	options := [][]byte{[]byte(c.options.APIURL)}
	for _, text := range asWhom {
		options = append(options, []byte(text))
	}
	l.book = &holdoff.Book{
		Memory: c.env.Memory, Log: c.env.Log, Key: "github:" + holdoff.Digest([]byte(c.options.APIURL), []byte(id)),
		Options: holdoff.Digest(options...), Subject: name,
	}
	c.looks = append(c.looks, l)
}

// pass is one run over entries.
type pass struct {
	*check
	client *webclient.Client
	sink   watch.Sink
	// trying: a refused credential is tried in spite of what is remembered of it.
	trying bool
}

func (c *check) open(sink watch.Sink, trying bool) (*pass, error) {
	client, err := webclient.Open(webclient.Setup{CAFile: c.options.CAFile}, webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.env.Timeout})
	if err != nil {
		return nil, fmt.Errorf("reach GitHub at %s: %w", c.options.APIURL, err)
	}
	return &pass{check: c, client: client, sink: sink, trying: trying}, nil
}

// Collect implements watch.Check.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	p, err := c.open(sink, false)
	if err != nil {
		return err
	}
	defer p.client.Close()
	c.env.Expect(len(c.options.Tokens) + len(c.options.Apps))
	checks.Each(min(c.env.Concurrency, atOnce), slices.Values(c.looks),
		func(l look) { p.one(ctx, l) },
		func(l look, fault error) {
			sink(watch.Problem{Subject: l.subject, Reason: watch.InternalError, Err: fault, Confined: true, HidesPrefix: l.hides})
		})
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over GitHub at %s was cut short: %w", c.options.APIURL, context.Cause(ctx))
	}
	return nil
}

// one looks at an entry. What fails because the pass ended is no problem of its subject.
func (p *pass) one(ctx context.Context, l look) {
	if ctx.Err() != nil {
		return
	}
	if err := l.run(ctx, p, l); err != nil && ctx.Err() == nil {
		p.sink(webclient.Problem(l.subject, l.hides, err))
	}
}

// Try implements watch.Trier: each entry is looked at once, a refused credential too.
func (c *check) Try(ctx context.Context) []watch.Ability {
	var found []watch.Ability
	for _, l := range c.looks {
		ability := watch.Ability{Name: l.subject.Name, Gives: l.gives, Required: true}
		p, err := c.open(func(fact watch.Fact) { checks.Missed(&ability, fact) }, true)
		if err == nil {
			p.one(ctx, l)
			p.client.Close()
			err = ctx.Err()
		}
		if err != nil && ability.Err == nil {
			ability.Err = err
		}
		found = append(found, ability)
	}
	return found
}

// ownTime is this machine's clock, as far as it is known to be right, and never the
// instant that a pass judges as of: what is signed must be of now.
func (c *check) ownTime() time.Time {
	if c.env.TLSTime != nil {
		return c.env.TLSTime()
	}
	return time.Now()
}
