// Package saml reads SAML 2.0 metadata (OASIS saml-metadata-2.0-os): until when a document
// and its entities hold, and when the certificates lapse that their assertions are signed
// and encrypted with.
//
// It verifies no signature, neither of the document nor of a certificate, resolves no
// document type and no entity of XML, asks no single sign-on service for anything, and
// judges nothing. Whether a certificate is in use is not to be seen in metadata.
package saml

import (
	"context"
	"fmt"
	"slices"

	"lapsewatch/checks"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("saml", defaults, New, checks.Targets(takes, fill))

const (
	// maxAtOnce bounds the documents that are read at a time, and maxBytesAtOnce their size
	// together: one that comes over the web is in memory whole, and for a moment several
	// times.
	maxAtOnce      = 4
	maxBytesAtOnce = 64 << 20
	redirects      = 3
)

func (c *check) atOnce() int {
	return min(c.env.Concurrency, maxAtOnce, max(1, int(maxBytesAtOnce/c.options.MaxBytes)))
}

type check struct {
	options Options
	env     checks.Env
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	return &check{options: options, env: env}, nil
}

// pass is one pass over the documents.
type pass struct {
	*check
	sink watch.Sink
	// client reaches the web; clientErr is why it cannot.
	client    *webclient.Client
	clientErr error
}

// Collect implements watch.Check. A document that cannot be read is a problem that hides
// what it describes, and nothing else.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	c.env.Expect(len(c.options.Metadata))
	p := &pass{check: c, sink: sink}
	setup := webclient.Setup{CAFile: c.options.CAFile, MaxBytes: c.options.MaxBytes, Redirects: redirects}
	p.client, p.clientErr = webclient.Open(setup, webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.env.Timeout})
	if p.clientErr == nil {
		defer p.client.Close()
	}
	checks.Each(c.atOnce(), slices.Values(c.options.Metadata), func(m Metadata) {
		p.look(ctx, m)
	}, func(m Metadata, err error) {
		sink(watch.Problem{Subject: m.Subject(m.id()), Reason: watch.InternalError, Err: err, Confined: true, HidesPrefix: m.id() + "/"})
	})
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over SAML metadata was cut short: %w", context.Cause(ctx))
	}
	return nil
}

// look reads a document and tells what it says.
func (p *pass) look(ctx context.Context, m Metadata) {
	if ctx.Err() != nil {
		return
	}
	found, err := p.read(ctx, m)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		p.sink(m.problem(err))
		return
	}
	facts := m.facts(found, p.life(ctx, m, found))
	p.env.Expect(len(facts) - 1)
	for _, fact := range facts {
		p.sink(fact)
	}
}

// Try reads each document once.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, documents{c}, "reads until when it and its certificates hold")
}

// documents collects what concerns a document as a whole.
type documents struct{ *check }

func (d documents) Collect(ctx context.Context, sink watch.Sink) error {
	whole := map[string]bool{}
	for _, m := range d.options.Metadata {
		whole[m.id()] = true
	}
	return d.check.Collect(ctx, func(fact watch.Fact) {
		if whole[fact.About().ID] {
			sink(fact)
		}
	})
}
