package tls

import (
	"context"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// check reads the configured services.
type check struct {
	env      checks.Env
	trust    Trust
	services []*service
	// concurrency bounds the looks that began a moment ago; inFlight bounds all of them,
	// so that hosts that stay silent do not take the places of the others.
	concurrency, inFlight int
	timeout               time.Duration
	// signatures outlives a pass: what was signed stays signed.
	signatures signatures
	families   families
}

// pass is one run over the services.
type pass struct {
	*check
	sink     watch.Sink
	verifier *verifier
	names    *names
	pace     pace
	// slots are the looks in flight; services with many addresses share them.
	slots chan struct{}
	open  openConns

	mu sync.Mutex
	// silent are the groups with an address that timed out.
	silent []*group
}

const (
	// reservedFiles is left to the rest of the process: files, ledger, deliveries.
	reservedFiles = 128
	// filesPerLook: a look-up holds two sockets while a connection holds one.
	filesPerLook = 3
	// waitingShare times the concurrency is how many looks are in flight if most of them
	// merely wait, but for maxWaiting.
	waitingShare = 4
	maxWaiting   = 1024
	// maxAddresses bounds one name; a name with more is reported.
	maxAddresses = 256
	// secondLookShare is the part of the timeout that is kept for a second look.
	secondLookShare = 5
)

// affordable is how many of the wanted looks the process has file descriptors for.
func affordable(wanted int) int {
	limit, known := openFileLimit()
	if !known {
		return wanted
	}
	spare := uint64(0)
	if limit > reservedFiles {
		spare = (limit - reservedFiles) / filesPerLook
	}
	return int(max(1, min(uint64(wanted), spare)))
}

// Collect reads every address of every service.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	trusted, err := c.trust.open()
	if err != nil {
		return err
	}
	p := &pass{
		check: c, sink: sink, verifier: newVerifier(trusted, c.env.Now(), c.signatures),
		names: newNames(c.env.Resolver, c.timeout, c.concurrency), pace: newPace(c.concurrency), slots: make(chan struct{}, c.inFlight),
		open: openConns{conns: map[net.Conn]struct{}{}},
	}
	defer atEnd(ctx, p.open.interrupt)()
	for _, service := range c.services {
		if service.listener == nil {
			c.env.Expect(1)
		}
	}
	checks.Each(c.inFlight, slices.Values(c.services), func(s *service) { p.first(ctx, s) }, p.crashed)
	// What stayed silent is looked at once more when nothing else runs: its silence may
	// have been the bustle here.
	checks.Each(c.inFlight, slices.Values(p.silent), func(g *group) { p.second(ctx, g) }, func(g *group, err error) { p.crashed(g.service, err) })
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("the pass over %d TLS services was cut short: %w", len(c.services), err)
	}
	if trusted.empty() {
		return errNoAuthorities
	}
	return nil
}

// atEnd calls f when ctx ends. The function that it returns undoes that and leaves
// nothing running.
func atEnd(ctx context.Context, f func()) (undo func()) {
	called := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(called)
		f()
	})
	return func() {
		if !stop() {
			<-called
		}
	}
}

// first looks at all addresses of a service.
func (p *pass) first(ctx context.Context, s *service) {
	if ctx.Err() != nil {
		return
	}
	addresses := s.addresses
	if len(addresses) == 0 {
		found, err := p.names.addresses(ctx, s.host.lookup)
		if err != nil {
			p.unresolved(ctx, s, lookupFailure(s.host.lookup, err, p.timeout))
			return
		}
		addresses = p.bounded(s, found)
		p.env.Expect(len(addresses) - 1)
	}
	g := &group{service: s, outcomes: make([]outcome, len(addresses))}
	for i, address := range addresses {
		g.outcomes[i].endpoint = endpoint{service: s, address: netip.AddrPortFrom(address, s.port), only: len(addresses) == 1}
	}
	p.lookAll(ctx, g, p.timeout-p.timeout/secondLookShare, func(outcome) bool { return true })
	if ctx.Err() == nil && slices.ContainsFunc(g.outcomes, outcome.again) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.silent = append(p.silent, g)
		return
	}
	p.report(ctx, g)
}

// second looks at the addresses of a group that timed out.
func (p *pass) second(ctx context.Context, g *group) {
	p.lookAll(ctx, g, p.timeout/secondLookShare, outcome.again)
	p.report(ctx, g)
}

// lookAll reads those addresses of a group that are wanted, at the same time.
func (p *pass) lookAll(ctx context.Context, g *group, limit time.Duration, wanted func(outcome) bool) {
	if len(g.outcomes) == 1 {
		for o := range p.admitted(ctx, g.outcomes, wanted) {
			p.lookAt(ctx, o, limit)
		}
		return
	}
	checks.Each(len(g.outcomes), p.admitted(ctx, g.outcomes, wanted), func(o *outcome) { p.lookAt(ctx, o, limit) }, func(o *outcome, err error) {
		o.failed = &failure{reason: watch.InternalError, err: err}
	})
}

// admitted yields the wanted outcomes, each once it has a slot, until ctx ends. The
// slots are taken before anything is started, so that names with many addresses do not
// pile up goroutines.
func (p *pass) admitted(ctx context.Context, outcomes []outcome, wanted func(outcome) bool) iter.Seq[*outcome] {
	return func(yield func(*outcome) bool) {
		for i := range outcomes {
			if !wanted(outcomes[i]) {
				continue
			}
			select {
			case p.slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			if !yield(&outcomes[i]) {
				return
			}
		}
	}
}

// lookAt reads one address and gives its slot back.
func (p *pass) lookAt(ctx context.Context, o *outcome, limit time.Duration) {
	defer func() { <-p.slots }()
	done, ok := p.pace.begin(ctx)
	if !ok {
		return
	}
	defer done()
	if o.endpoint.listener != nil {
		limit = min(p.timeout, listenerTimeout)
	}
	looking := look{pass: p, endpoint: o.endpoint, until: time.Now().Add(limit)}
	got, failed := looking.read(ctx)
	switch {
	case failed != nil && o.stalled:
		// What the first look saw is more than nothing.
		return
	case failed != nil:
		if o.failed != nil && failed.reason == watch.TimedOut {
			failed.err = fmt.Errorf("%w, asked twice", failed.err)
		}
		o.failed = failed
		return
	}
	p.pace.enter()
	defer p.pace.leave()
	learnt := p.verifier.credential(o.endpoint, got)
	o.credential, o.stalled, o.failed = &learnt, got.stalled, nil
}

// report hands over what was learnt, unless the pass was cut short: then silence means
// nothing.
func (p *pass) report(ctx context.Context, g *group) {
	if ctx.Err() != nil {
		return
	}
	facts := g.facts(p.families)
	if g.listener != nil {
		p.env.Expect(len(facts))
	}
	for _, fact := range facts {
		p.sink(fact)
	}
}

func (p *pass) unresolved(ctx context.Context, s *service, failed *failure) {
	if ctx.Err() == nil {
		p.sink(s.problem(failed.reason, failed, failed.remedy))
	}
}

// bounded cuts a name with absurdly many addresses, and says so.
func (p *pass) bounded(s *service, addresses []netip.Addr) []netip.Addr {
	if len(addresses) <= maxAddresses {
		return addresses
	}
	p.sink(s.problem(watch.TooLarge, fmt.Errorf("%s has %d addresses; only the first %d are read", s.host.shown(), len(addresses), maxAddresses), ""))
	return addresses[:maxAddresses]
}

func (p *pass) crashed(s *service, err error) {
	p.sink(s.problem(watch.InternalError, err, ""))
}
