// Package upstream reads what providers say of their own services: status pages of
// Statuspage, Instatus and incident.io, RSS and Atom feeds, Azure's status feed and Azure
// Service Health. Each provider is well, bad, or not known, and never well without every
// source of it saying so; after a bad read it takes several better ones in a row until it is
// called better.
//
// It does not ask the services themselves whether they work (check kind endpoint does),
// subscribes to nothing, follows no redirect, and judges nothing.
package upstream

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("upstream", defaults, New)

// mostAtOnce is how many providers are read at the same time.
const mostAtOnce = 16

type check struct {
	options Options
	env     checks.Env
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	return &check{options: options, env: env}, nil
}

// Collect implements watch.Check. A provider of which nothing certain is known is a problem
// of its own, which hides nothing else.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	return c.collect(ctx, sink, true)
}

// Try implements watch.Trier. It reads each source, and counts as no read of a pass.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, checks.Collecting(func(ctx context.Context, sink watch.Sink) error {
		return c.collect(ctx, sink, false)
	}), "says how the provider is")
}

func (c *check) collect(ctx context.Context, sink watch.Sink, keeps bool) error {
	client, err := webclient.Open(c.setup(), webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.timeout()})
	if err != nil {
		return fmt.Errorf("read the status of providers: %w", err)
	}
	defer client.Close()
	shared := &accounts{}
	defer shared.close()
	c.env.Expect(len(c.options.Upstreams))
	checks.Each(min(c.env.Concurrency, mostAtOnce), slices.Values(c.options.Upstreams), func(upstream Upstream) {
		if ctx.Err() != nil {
			return
		}
		l := &look{
			check: c, upstream: upstream, client: client, now: c.env.Now().UTC().Truncate(time.Second), stale: time.Duration(c.options.StaleAfter),
			keeps: keeps, atOnce: !keeps, accounts: shared,
		}
		for _, fact := range l.run(ctx) {
			sink(fact)
		}
	}, func(upstream Upstream, fault error) {
		sink(watch.Problem{Subject: subject(upstream), Reason: watch.InternalError, Err: fault, Confined: true})
	})
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over the status of providers was cut short: %w", context.Cause(ctx))
	}
	return nil
}

func (c *check) setup() webclient.Setup {
	return webclient.Setup{CAFile: c.options.CAFile, MaxBytes: c.options.MaxBytes}
}

func (c *check) timeout() time.Duration {
	return cmp.Or(time.Duration(c.options.Timeout), c.env.Timeout)
}

// subject keeps its ID when its sources change.
func subject(upstream Upstream) watch.Subject { return upstream.Subject("upstream/" + upstream.Name) }

// indices are those of a list of n.
func indices(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// run reads all sources of one provider, at the same time, and tells what they come to.
func (l *look) run(ctx context.Context) []watch.Fact {
	known, err := l.recall(ctx)
	results := make([]result, len(l.upstream.Sources))
	checks.Each(maxSources, indices(len(results)), func(i int) {
		source := l.upstream.Sources[i]
		if waiting := known.waiting(source, l.now); waiting != nil && !l.atOnce {
			results[i] = result{source: source, err: waiting}
			return
		}
		results[i] = l.read(ctx, source)
	}, func(i int, fault error) {
		results[i] = result{source: l.upstream.Sources[i], err: &unread{reason: watch.InternalError, text: fault.Error()}}
	})
	if ctx.Err() != nil {
		return nil
	}
	results = known.withoutCopies(results)
	told := together(results)
	next := known.step(told, results, l.now, l.options.goodReads(l.upstream))
	next.Waits = known.waits(results, l.now)
	facts := []watch.Fact{l.fact(results, told, next, err)}
	// What cannot be recalled must not be replaced by less than it said.
	if l.keeps && (err == nil || told.known && told.grade.bad()) {
		if err := l.remember(ctx, next, err); err != nil {
			facts = append(facts, watch.Remark{Text: fmt.Sprintf("how %s is could not be kept for the next pass (%v), which may call it well too early", shown(l.upstream.Name), err)})
		}
	}
	return facts
}
