package clock

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"lapsewatch/watch"
)

// fleet sees all clocks together: many that are wrong in the same way point at what they
// synchronise with, or at the references, and not at themselves.
type fleet struct {
	mu     sync.Mutex
	clocks map[string]position
}

func newFleet() *fleet { return &fleet{clocks: map[string]position{}} }

type position struct {
	offset, uncertainty time.Duration
	off                 bool
}

// fewestHosts make a fleet.
const fewestHosts = 3

func (f *fleet) add(clock watch.Clock) {
	limits := clock.Limits
	if limits.Critical == 0 {
		limits = watch.DefaultClockLimits()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clocks[clock.Subject.ID] = position{clock.Offset, clock.Uncertainty, clock.Offset.Abs()-clock.Uncertainty >= limits.Warn+clock.Slack}
}

func (f *fleet) size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.clocks)
}

const fleetID = "fleet"

func fleetSubject() watch.Subject { return watch.Subject{ID: fleetID, Name: "all hosts together"} }

// condition says whether more than half of the hosts share one wrong time.
func (f *fleet) condition(reference string) watch.Condition {
	f.mu.Lock()
	defer f.mu.Unlock()
	within, largest := 0, f.largestCluster()
	for _, each := range f.clocks {
		if !each.off {
			within++
		}
	}
	condition := watch.Condition{
		Subject: fleetSubject(),
		Text:    fmt.Sprintf("%d of %d hosts are within their limits of %s", within, len(f.clocks), reference),
		Details: map[string]any{"hosts": len(f.clocks), "hosts_within_limits": within},
	}
	if len(largest) >= fewestHosts && 2*len(largest) > len(f.clocks) {
		first, last := largest[0].offset, largest[len(largest)-1].offset
		middle := largest[len(largest)/2].offset
		condition.Reason = watch.FleetDisagrees
		condition.Text = fmt.Sprintf("%d of %d hosts agree with each other within %s, and are %s %s: what they synchronise with is wrong, or the references are",
			len(largest), len(f.clocks), watch.Span(watch.Minus(last, first)), watch.Span(middle), side(middle, reference))
		condition.Details["shared_offset_seconds"] = middle.Seconds()
		condition.Details["hosts_sharing_it"] = len(largest)
	}
	return condition
}

func side(offset time.Duration, reference string) string {
	if offset < 0 {
		return "behind " + reference
	}
	return "ahead of " + reference
}

// closeTogether is how far apart two clocks may be that follow the same source.
const closeTogether = 100 * time.Millisecond

// largestCluster is the largest group of wrong clocks that lie close together.
func (f *fleet) largestCluster() []position {
	wrong := slices.DeleteFunc(slices.Collect(maps.Values(f.clocks)), func(each position) bool { return !each.off })
	slices.SortFunc(wrong, func(a, b position) int { return cmp.Compare(a.offset, b.offset) })
	var largest []position
	for start, end := 0, 0; end < len(wrong); end++ {
		for watch.Minus(wrong[end].offset, wrong[start].offset) > watch.Plus(closeTogether, watch.Plus(wrong[start].uncertainty, wrong[end].uncertainty)) {
			start++
		}
		if end+1-start > len(largest) {
			largest = wrong[start : end+1]
		}
	}
	return largest
}
