// Package gitlab watches tokens of a GitLab instance: personal, project and group access
// tokens that are given by reference, by what GitLab says of the token that it is asked
// with; and, as GitLab lists them, the access tokens and deploy tokens of projects and
// groups, the tokens of service accounts, and the personal access tokens of all users.
//
// It reads only and judges nothing. It does not rotate tokens, though GitLab would let it,
// and it does not watch job tokens, runner tokens, trigger tokens, feed tokens, OAuth
// applications, SSH keys or GPG keys.
package gitlab

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"

	"lapsewatch/checks"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("gitlab", defaults, New)

// atOnce is how many requests are in flight at most.
const atOnce = 4

// listedPrefix begins the ID of everything that is listed.
const listedPrefix = "listed/"

type check struct {
	options Options
	env     checks.Env
	tokens  []look
	// lister is the token that lists with, and lists are what it lists.
	lister look
	lists  []list
}

// look is one token that options refer to.
type look struct {
	subject watch.Subject
	ref     watch.SecretRef
	book    *holdoff.Book
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	c := &check{options: options, env: env}
	for _, token := range options.Tokens {
		c.tokens = append(c.tokens, c.look(token.Subject("token/"+url.PathEscape(token.Name)), token.Token))
	}
	c.lister = c.look(watch.Subject{
		ID: "lister", Name: "the token that Lapsewatch lists tokens of " + options.URL + " with",
		Labels: map[string]string{"self": "true"}, Link: options.web("/-/user_settings/personal_access_tokens"),
	}, options.Token)
	c.lists = options.allLists()
	return c, nil
}

func (c *check) look(subject watch.Subject, ref watch.SecretRef) look {
	return look{subject: subject, ref: ref, book: &holdoff.Book{
		Memory: c.env.Memory, Log: c.env.Log, Key: "gitlab:" + holdoff.Digest([]byte(c.options.URL), []byte(subject.ID)),
		Options: holdoff.Digest([]byte(c.options.URL)), Subject: subject.Name,
	}}
}

// pass is one run over tokens and lists.
type pass struct {
	*check
	client *webclient.Client
	sink   watch.Sink
	// trying: a refused token is tried in spite of what is remembered of it.
	trying bool

	// seen are the tokens that were told of: those of projects, groups and service accounts
	// are among the personal ones too.
	seen map[tokenID]bool
}

func (c *check) open(sink watch.Sink, trying bool) (*pass, error) {
	client, err := webclient.Open(webclient.Setup{CAFile: c.options.CAFile}, webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.env.Timeout})
	if err != nil {
		return nil, fmt.Errorf("reach GitLab at %s: %w", c.options.URL, err)
	}
	return &pass{check: c, client: client, sink: sink, trying: trying, seen: map[tokenID]bool{}}, nil
}

// Collect implements watch.Check.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	p, err := c.open(sink, false)
	if err != nil {
		return err
	}
	defer p.client.Close()
	c.env.Expect(len(c.tokens))
	checks.Each(min(c.env.Concurrency, atOnce), slices.Values(c.tokens),
		func(l look) { p.told(ctx, l.subject, "", p.watched(ctx, l)) },
		func(l look, fault error) { p.broken(l.subject, "", fault) })
	if c.options.lists() && ctx.Err() == nil {
		p.listAll(ctx)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over GitLab at %s was cut short: %w", c.options.URL, context.Cause(ctx))
	}
	return nil
}

// listAll signs in and reads the lists. Those of all users come last, so that a token is
// told of as its project's.
func (p *pass) listAll(ctx context.Context) {
	var ask *caller
	var err error
	fault := checks.Guard(func() { ask, err = p.signIn(ctx) })
	if fault != nil {
		p.broken(p.lister.subject, listedPrefix, fault)
		return
	}
	if err != nil {
		p.told(ctx, p.lister.subject, listedPrefix, err)
		return
	}
	some, all := split(p.lists)
	unread := p.readAll(ctx, ask, some)
	if unread == nil {
		p.readAll(ctx, ask, all)
		return
	}
	for _, l := range all {
		p.told(ctx, l.subject(), l.prefix, &webclient.Trouble{
			Err: fmt.Errorf("not listed in this pass: %s could not be read, and what is in it would be told of as personal", unread.subject().Name), Reason: watch.Incomplete,
			Remedy: "Mend what keeps that list from being read, or leave it out.",
		})
	}
}

// readAll reads lists at the same time, and tells of them in their order, so that a token that
// stands in two is always that of the first. It gives the first list of access tokens that
// could not be read for the moment, if there is one.
func (p *pass) readAll(ctx context.Context, ask *caller, lists []list) (unread *list) {
	found := make([]*reading, len(lists))
	checks.Each(min(p.env.Concurrency, atOnce), indexes(len(lists)),
		func(i int) { found[i] = lists[i].read(ctx, ask) },
		func(i int, fault error) { found[i] = &reading{list: lists[i], ask: ask, fault: fault} })
	for i, r := range found {
		if r == nil {
			continue // the pass ended
		}
		p.tell(ctx, r)
		if unread == nil && !r.list.deploy && r.passing() {
			unread = &lists[i]
		}
	}
	return unread
}

// passing reports whether the list was not read, and may be at the next pass: then it is worth
// waiting for. What stands in GitLab's place says nothing of how long it will.
func (r *reading) passing() bool {
	if r.fault != nil || r.err == nil {
		return r.fault != nil
	}
	failure, ok := errors.AsType[*webclient.Failure](r.err)
	return !ok || !failure.Lasting || failure.Reason == watch.Unparsable
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

// tell tells of a list that was read.
func (p *pass) tell(ctx context.Context, r *reading) {
	if fault := checks.Guard(func() { r.tell(ctx) }); fault != nil {
		r.fault = fault
	}
	if r.fault != nil {
		p.broken(r.list.subject(), r.list.prefix, r.fault)
		return
	}
	p.told(ctx, r.list.subject(), r.list.prefix, r.err)
}

// told tells why something was not read. What fails because the pass ended is no problem of
// its subject.
func (p *pass) told(ctx context.Context, subject watch.Subject, hides string, err error) {
	if err != nil && ctx.Err() == nil {
		p.sink(webclient.Problem(subject, hides, err))
	}
}

func (p *pass) broken(subject watch.Subject, hides string, fault error) {
	p.sink(watch.Problem{Subject: subject, Reason: watch.InternalError, Err: fault, Confined: true, HidesPrefix: hides})
}

// Try implements watch.Trier: each token and each list is asked for once, a refused token
// too.
func (c *check) Try(ctx context.Context) []watch.Ability {
	var found []watch.Ability
	var current *watch.Ability
	p, err := c.open(func(fact watch.Fact) { checks.Missed(current, fact) }, true)
	if err != nil {
		return []watch.Ability{{Name: c.options.URL, Gives: "reaches GitLab", Required: true, Err: err}}
	}
	defer p.client.Close()
	try := func(subject watch.Subject, gives string, look func() error) bool {
		current = &watch.Ability{Name: subject.Name, Gives: gives, Required: true}
		if err := look(); err != nil {
			checks.Missed(current, webclient.Problem(subject, "", err))
		}
		if current.Err == nil {
			current.Err = ctx.Err()
		}
		found = append(found, *current)
		return current.Err == nil
	}
	for _, l := range c.tokens {
		try(l.subject, "says when the token ends", func() error { return p.watched(ctx, l) })
	}
	if !c.options.lists() {
		return found
	}
	var ask *caller
	signedIn := try(c.lister.subject, "signs in to list tokens", func() (err error) { ask, err = p.signIn(ctx); return err })
	for _, l := range c.lists {
		if signedIn {
			try(l.subject(), "says when they end", func() error {
				r := l.read(ctx, ask)
				r.tell(ctx)
				return r.err
			})
		}
	}
	return found
}
