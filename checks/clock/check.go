package clock

import (
	"context"
	"slices"
	"sync"
	"time"

	"lapsewatch/checks"
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
	err = c.look(ctx, c.hosts, before, func(fact watch.Fact) {
		if clock, ok := fact.(watch.Clock); ok && clock.Unverified == "" && !clock.SelfReported {
			all.add(clock)
		}
		sink(fact)
	})
	if err != nil {
		return err
	}
	c.together(ctx, all, sink)
	if err := before.rememberAll(ctx, c.hosts); err != nil {
		sink(watch.Remark{Text: "the next pass will see no jumps: " + err.Error()})
	}
	return nil
}

// together tells what is to be said of the hosts that can be compared with each other.
func (c *check) together(ctx context.Context, all *fleet, sink watch.Sink) {
	comparable := 0
	for _, host := range c.hosts {
		if !host.way.self {
			comparable++
		}
	}
	reference := c.env.Reference(ctx)
	switch {
	case comparable < fewestHosts || reference.Asked == 0:
	case reference.Doubt() != "" || 2*len(all.clocks) <= comparable:
		sink(unreadFleet(len(all.clocks), comparable, reference.Doubt()))
	default:
		sink(all.condition(reference.Text()))
	}
}

// Recheck reads single hosts once more, and forgets what the first look has read of them.
// What the pass before knew still is what they are compared with.
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
	if err := c.look(ctx, again, before, sink); err != nil {
		return err
	}
	return before.rememberAll(ctx, c.hosts)
}

// Try reads each clock once.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, c, "reads its clock")
}
