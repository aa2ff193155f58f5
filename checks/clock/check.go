package clock

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/ntp"
	"lapsewatch/internal/ntp/manners"
	"lapsewatch/internal/remoteclock"
	"lapsewatch/watch"
)

type check struct {
	env         checks.Env
	hosts       []*host
	samples     int
	interval    time.Duration
	timeout     time.Duration
	concurrency int

	mu sync.Mutex
	// before is what was known at the beginning of the latest pass.
	before *past
}

// look is one pass over some of the hosts.
type look struct {
	*check
	reference watch.Reference
	// ntp counts from opened on, and every other way from the beginning of its reading.
	ntp     *ntp.Client
	opened  time.Time
	before  *past
	manners manners.Keeper
}

// Collect reads every host, remembers what it read, and looks at all of them together.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	before, err := recallAll(ctx, c.env.Memory, len(c.hosts))
	if err != nil && ctx.Err() == nil {
		sink(watch.Remark{Text: "jumps and drift are not seen: " + err.Error()})
	}
	c.mu.Lock()
	c.before = before
	c.mu.Unlock()
	c.env.Expect(len(c.hosts))
	all := &fleet{}
	reference := c.env.Reference(ctx)
	err = c.look(ctx, reference, c.hosts, before, func(fact watch.Fact) {
		// What a host says of itself compares it with no other.
		if clock, ok := fact.(watch.Clock); ok && reference.Majority && clock.Reference == reference.Text() {
			all.add(clock)
		}
		sink(fact)
	})
	if err != nil {
		return err
	}
	if len(c.hosts) >= fewestHosts && reference.Majority {
		sink(all.condition(reference.Text()))
	}
	if err := before.rememberAll(ctx, c.hosts); err != nil {
		sink(watch.Remark{Text: "the next pass will see no jumps: " + err.Error()})
	}
	return nil
}

// Recheck reads single hosts once more. What the pass before knew still is what they are
// compared with.
func (c *check) Recheck(ctx context.Context, subjectIDs []string, sink watch.Sink) error {
	c.mu.Lock()
	before := c.before
	c.mu.Unlock()
	var again []*host
	for _, host := range c.hosts {
		if slices.Contains(subjectIDs, host.id) {
			again = append(again, host)
		}
	}
	if before == nil || len(again) == 0 {
		return nil
	}
	return c.look(ctx, c.env.Reference(ctx), again, before, sink)
}

// Try reads each clock once.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, c, "reads its clock")
}

func (c *check) look(ctx context.Context, reference watch.Reference, hosts []*host, before *past, sink watch.Sink) error {
	opened := time.Now()
	client, err := ntp.Open()
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // only read from by now
	l := &look{check: c, reference: reference, opened: opened, ntp: client, before: before, manners: manners.New(c.env.Memory, time.Now)}
	checks.Each(c.concurrency, slices.Values(hosts), func(h *host) {
		if fact := l.one(ctx, h); ctx.Err() == nil {
			sink(fact)
		}
	}, func(h *host, err error) { sink(failure(h, watch.InternalError, err)) })
	return ctx.Err()
}

// one reads one host: a Clock, or the Problem that kept it from being read.
func (l *look) one(ctx context.Context, h *host) watch.Fact {
	bounded, cancel := context.WithTimeout(ctx, l.timeout+time.Duration(l.samples-1)*l.interval)
	defer cancel()
	anchor := time.Now()
	reading, err := h.way.read(bounded, l, h)
	if err != nil {
		if failed, ok := errors.AsType[*remoteclock.Failure](err); ok {
			problem := failure(h, failed.Reason, failed.Err)
			problem.Remedy = failed.Remedy
			return problem
		}
		return failure(h, watch.Unreadable, err)
	}
	if reading.By == byNTP {
		anchor = l.opened
	}
	return l.clock(h, reading, stepped(l.reference.At, anchor))
}

func failure(h *host, reason watch.Reason, err error) watch.Problem {
	return watch.Problem{
		Subject: h.subject(), Reason: reason, Err: err, Confined: true,
		// By them reports know that it is a clock.
		Details: map[string]any{"warn_seconds": h.warn().Seconds()},
	}
}

func (h *host) subject() watch.Subject { return watch.Subject{ID: h.id, Name: h.name} }

// clock compares what was read, which is the host's clock against the own one, with the
// references.
// It was set by the given step since those were asked.
func (l *look) clock(h *host, reading remoteclock.Reading, step time.Duration) watch.Clock {
	clock := watch.Clock{
		Subject: h.subject(), Offset: reading.Offset, Uncertainty: reading.Uncertainty, At: reading.At, Limits: h.limits,
		Observations: reading.Observations, Details: reading.Details,
	}
	if clock.Details == nil {
		clock.Details = map[string]any{}
	}
	clock.Details["read_by"] = reading.By
	switch {
	case reading.Self:
		clock.Reference = "what it follows itself, by its own account"
	case l.reference.Majority:
		own := plus(l.reference.Offset, step)
		clock.Offset = plus(reading.Offset, own)
		clock.Uncertainty = plus(reading.Uncertainty, l.reference.Uncertainty)
		clock.Reference = l.reference.Text()
		clock.At = reading.At.Add(-own)
	default:
		clock.Reference, clock.Unverified = "this machine's clock", l.reference.Why
		if l.reference.Asked == 0 {
			clock.Unverified = "no references are given"
			clock.Remedy = "Name the clocks to believe, four or more that do not depend on each other: clock.references in the configuration, or --reference ntp://HOST."
		}
	}
	if clock.Unverified == "" {
		was := l.before.compare(h, watch.ClockReading{At: clock.At, Offset: clock.Offset, Uncertainty: clock.Uncertainty})
		clock.Before, clock.Since = known(was.before), known(was.since)
	}
	return clock
}

// stepped is by how much the own clock was set between two instants that time.Now gave.
func stepped(from, to time.Time) time.Duration {
	return to.Round(0).Sub(from.Round(0)) - to.Sub(from)
}

// plus stays at what a duration holds.
func plus(a, b time.Duration) time.Duration {
	switch sum := a + b; {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	default:
		return sum
	}
}

// warn is the nearest offset that matters.
func (h *host) warn() time.Duration {
	if h.limits.Warn == 0 {
		return watch.DefaultClockLimits().Warn
	}
	return h.limits.Warn
}

// exactEnough is how exact a reading has to be for its limits: further packets would
// change no verdict.
func (h *host) exactEnough() time.Duration { return h.warn() / 10 }
