package clock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/boottime"
	"lapsewatch/internal/ntp"
	"lapsewatch/internal/ntp/manners"
	"lapsewatch/internal/remoteclock"
	"lapsewatch/watch"
)

// look is one pass over some of the hosts.
type look struct {
	*check
	before  *past
	manners manners.Keeper

	mu sync.Mutex
	// clients are those that were opened; the last one counts from opened on.
	clients []*ntp.Client
	opened  time.Time
}

func (c *check) look(ctx context.Context, hosts []*host, before *past, sink watch.Sink) error {
	l := &look{check: c, before: before, manners: manners.New(c.env.Memory, c.env.Now)}
	defer l.close()
	if _, _, err := l.client(); err != nil {
		return err
	}
	checks.Each(c.concurrency, slices.Values(hosts), func(h *host) {
		if fact := l.one(ctx, h); ctx.Err() == nil {
			sink(fact)
		}
	}, func(h *host, err error) { sink(failure(h, watch.InternalError, err)) })
	return ctx.Err()
}

// client is the socket for NTP and the instant from which it counts. After a step of the
// own clock that is a new one.
func (l *look) client() (*ntp.Client, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if len(l.clients) > 0 && boottime.Between(l.opened, now).Abs() < boottime.Stale {
		return l.clients[len(l.clients)-1], l.opened, nil
	}
	client, err := ntp.Open()
	if err != nil {
		return nil, now, err
	}
	l.clients, l.opened = append(l.clients, client), now
	return client, now, nil
}

func (l *look) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, client := range l.clients {
		_ = client.Close() // nothing is to be written any more
	}
}

// attempts at a reading, of which the first may be spoilt by a step of the own clock.
const attempts = 2

// one reads one host: a Clock, or the Problem that kept it from being read.
func (l *look) one(ctx context.Context, h *host) watch.Fact {
	for range attempts {
		reference := l.env.Reference(ctx)
		asked := reference.At
		if asked.IsZero() {
			asked = time.Now()
		}
		reading, anchor, err := l.read(ctx, h)
		if err != nil {
			if failed, ok := errors.AsType[*remoteclock.Failure](err); ok {
				problem := failure(h, failed.Reason, failed.Err)
				problem.Remedy = failed.Remedy
				return problem
			}
			return failure(h, watch.Unreadable, err)
		}
		if boottime.Between(asked, time.Now()).Abs() < boottime.Stale {
			return l.clock(h, reading, reference, boottime.Between(asked, anchor))
		}
	}
	return failure(h, watch.Incomplete, errors.New("this machine's clock was set while it was read"))
}

// read gives with a reading the instant from which its offset counts.
func (l *look) read(ctx context.Context, h *host) (remoteclock.Reading, time.Time, error) {
	patience := l.timeout
	if h.way.several {
		patience += time.Duration(l.samples-1) * l.interval
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	anchor := time.Now()
	reading, err := h.way.read(bounded, l, h)
	if reading.By == byNTP {
		_, anchor, _ = l.client()
	}
	return reading, anchor, err
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
// references. That one was set by the given step since those were asked.
func (l *look) clock(h *host, reading remoteclock.Reading, reference watch.Reference, step time.Duration) watch.Clock {
	clock := watch.Clock{
		Subject: h.subject(), Offset: reading.Offset, Uncertainty: reading.Uncertainty, At: reading.At, Limits: h.limits,
		Observations: reading.Observations, Details: reading.Details, SelfReported: reading.Self,
	}
	if clock.Details == nil {
		clock.Details = map[string]any{}
	}
	clock.Details["read_by"] = reading.By
	switch {
	case reading.Self:
		clock.Reference = "what it follows itself"
		clock.Observations = append(clock.Observations, watch.Observation{Reason: watch.SelfReported, Text: "is known by its own account only, which a wrong source makes wrong too"})
	case reference.Asked == 0:
		clock.Reference, clock.NoReference, clock.Unverified = ownClock, true, "no references are given"
	case reference.Doubt() != "":
		clock.Reference, clock.Unverified = ownClock, reference.Doubt()
	default:
		clock.OwnOffset = watch.Plus(reference.Offset, step)
		clock.Offset = watch.Plus(reading.Offset, clock.OwnOffset)
		clock.Uncertainty = watch.Plus(reading.Uncertainty, reference.Uncertainty) + aged(reference.At)
		clock.Slack, clock.Reference = reference.Slack, reference.Text()
		clock.At = reading.At.Add(-clock.OwnOffset)
	}
	if clock.Unverified == "" {
		was := l.before.compare(h, watch.ClockReading{At: clock.At, Offset: clock.Offset, Uncertainty: clock.Uncertainty, Own: clock.OwnOffset})
		clock.Before, clock.Since = known(was.before), known(was.since)
	}
	return clock
}

const ownClock = "this machine's clock"

// tolerance is how fast a synchronised clock may go wrong (PHI of RFC 5905, 15 ppm).
const tolerance = 15e-6

// aged is how far the own clock may have gone wrong since the references were asked.
func aged(asked time.Time) time.Duration {
	if asked.IsZero() {
		return 0
	}
	return time.Duration(tolerance * float64(time.Since(asked).Abs()))
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

// unreadFleet is why nothing is said of all hosts together.
func unreadFleet(read, hosts int, doubt string) watch.Problem {
	problem := watch.Problem{
		Subject: fleetSubject(), Reason: watch.NoMajority, Confined: true,
		Err: fmt.Errorf("compare %d hosts with each other: %s", hosts, doubt),
	}
	if doubt == "" {
		problem.Reason, problem.Err = watch.Incomplete, fmt.Errorf("compare %d hosts with each other: only %d could be read", hosts, read)
	}
	return problem
}
