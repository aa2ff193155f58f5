package clock

import (
	"context"
	"errors"
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
	// before is what was known at the beginning of the latest pass, and all what it read.
	before *past
	all    *fleet
}

// Collect reads every host, remembers what it read, and looks at all of them together.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	before, err := recallAll(ctx, c.env.Memory, len(c.hosts))
	if err != nil && ctx.Err() == nil {
		sink(watch.Remark{Text: "jumps and drift are not seen: " + err.Error()})
	}
	all := newFleet()
	c.mu.Lock()
	c.before, c.all = before, all
	c.mu.Unlock()
	c.env.Expect(len(c.hosts))
	// What was read is remembered though the pass may be cut short: it is told too.
	err = c.look(ctx, c.hosts, before, c.counted(all, sink))
	if failed := remember(ctx, before, c.hosts); failed != nil {
		sink(watch.Remark{Text: "the next pass will see no jumps: " + failed.Error()})
	}
	if err == nil {
		c.together(ctx, all, sink)
	}
	return err
}

// counted passes facts on, and notes the clocks that can be compared with each other.
func (c *check) counted(all *fleet, sink watch.Sink) watch.Sink {
	return func(fact watch.Fact) {
		if clock, ok := fact.(watch.Clock); ok && clock.Unverified == "" && !clock.SelfReported {
			all.add(clock)
		}
		sink(fact)
	}
}

const rememberPatience = 10 * time.Second

func remember(ctx context.Context, before *past, hosts []*host) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberPatience)
	defer cancel()
	return before.rememberAll(ctx, hosts)
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
	case reference.Doubt() != "" || 2*all.size() <= comparable:
		sink(unreadFleet(all.size(), comparable, reference.Doubt()))
	default:
		sink(all.condition(reference.Text()))
	}
}

// Recheck reads single hosts once more, or all where it is asked of all together, and
// forgets what the first look has read of them. What the pass before knew still is what
// they are compared with.
func (c *check) Recheck(ctx context.Context, subjectIDs []string, sink watch.Sink) error {
	c.mu.Lock()
	before, all := c.before, c.all
	c.mu.Unlock()
	together := slices.Contains(subjectIDs, fleetID)
	var again []*host
	for _, host := range c.hosts {
		if together || slices.Contains(subjectIDs, host.id) {
			again = append(again, host)
		}
	}
	if before == nil || len(again) == 0 {
		return nil
	}
	err := c.look(ctx, again, before, c.counted(all, sink))
	if err == nil && together {
		c.together(ctx, all, sink)
	}
	return errors.Join(err, remember(ctx, before, c.hosts))
}

// Try reads each clock once.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, c, "reads its clock")
}
