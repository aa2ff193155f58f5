package endpoint

import (
	"context"
	"crypto/x509"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/cafile"
	"lapsewatch/watch"
)

// look says how members are asked, and who is told.
type look struct {
	samples int
	// trying: a member that refused its credential is asked in spite of that.
	trying bool
	// again: it is the second look of a pass.
	again bool
	sink  watch.Sink
}

// pass is one look at groups.
type pass struct {
	*check
	look
	// roots are the authorities to trust; nil means the system's.
	roots *x509.CertPool
	// reached: some member was, of whatever group, so that this machine has a network.
	reached atomic.Bool

	mu sync.Mutex
	// undecided are groups of which some member has no route, told at the end.
	undecided []*round
}

// pass asks each member once, and those again that are not done, until all are: whoever
// keeps silent holds a place for one request at a time, and the others have theirs first.
func (c *check) pass(ctx context.Context, groups []*group, with look) error {
	p := &pass{check: c, look: with}
	if c.options.CAFile != "" {
		roots, err := cafile.Pool(c.options.CAFile)
		if err != nil {
			return fmt.Errorf("look at endpoints: %w", err)
		}
		p.roots = roots
	}
	for turns := slices.Collect(interleaved(groups)); len(turns) > 0 && ctx.Err() == nil; {
		checks.Each(c.env.Concurrency, slices.Values(turns), func(t *turn) {
			if fault := checks.Guard(func() { p.visit(ctx, t) }); fault != nil {
				t.reading, t.done = unread(watch.InternalError, fault, ""), true
			}
			if t.done && t.round.keep(t.index, t.reading) && ctx.Err() == nil {
				p.decide(t.round)
			}
		}, func(t *turn, fault error) {
			t.done = true
			p.sink(unread(watch.InternalError, fault, "").problem(t.member()))
		})
		turns = slices.DeleteFunc(turns, func(t *turn) bool { return t.done })
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over endpoints was cut short: %w", context.Cause(ctx))
	}
	for _, r := range p.undecided {
		p.tell(r)
	}
	return nil
}

// interleaved are the first members of all groups, then the second ones, and so on, so that
// no group has to wait for a large one.
func interleaved(groups []*group) iter.Seq[*turn] {
	return func(yield func(*turn) bool) {
		most := 0
		rounds := make([]*round, len(groups))
		for i, g := range groups {
			rounds[i] = &round{group: g, readings: make([]reading, len(g.members)), left: len(g.members)}
			most = max(most, len(g.members))
		}
		for i := range most {
			for _, r := range rounds {
				if i < len(r.readings) && !yield(&turn{round: r, index: i}) {
					return
				}
			}
		}
	}
}

// turn is the look at one member in a round over its group, of one visit or several.
type turn struct {
	round *round
	index int
	with  credential
	// begun: the credential was read.
	begun, done bool
	reading     reading
}

func (t *turn) member() *member { return t.round.group.members[t.index] }

// round collects what was read of each member of a group.
type round struct {
	group    *group
	mu       sync.Mutex
	readings []reading
	left     int
}

// keep notes a reading and reports whether it was the last one.
func (r *round) keep(index int, found reading) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.readings[index] = found
	r.left--
	return r.left == 0
}

// decide tells of a group whose members were all looked at, unless some have no route and
// nobody knows yet whose fault that is.
func (p *pass) decide(r *round) {
	if !p.reached.Load() && slices.ContainsFunc(r.readings, reading.routeless) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.undecided = append(p.undecided, r)
		return
	}
	p.tell(r)
}

// tell tells of a group.
func (p *pass) tell(r *round) {
	if p.reached.Load() {
		for i := range r.readings {
			r.readings[i].blame()
		}
	}
	view := comparison{group: r.group, readings: r.readings, limits: limits{
		warn: time.Duration(p.options.Warn), timeout: p.timeout, factor: p.options.Peers.Factor, atLeast: time.Duration(p.options.Peers.AtLeast),
	}}
	for i := range r.readings {
		p.sink(view.fact(i))
	}
}
