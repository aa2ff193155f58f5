package runner

import (
	"context"
	"time"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// OwnClock measures the clock of this machine.
type OwnClock struct {
	// Ask asks the references; nil where there are none.
	Ask func(ctx context.Context) watch.Reference
	// Stepped is by how much the clock was set since the given instant; nil compares the
	// wall clock with the monotonic one, which is never set. That one also stands still
	// while a machine is suspended, so that waking up looks like a step: the references
	// know the difference.
	Stepped func(since time.Time) time.Duration
}

func (o OwnClock) ask(ctx context.Context) watch.Reference {
	if o.Ask == nil {
		return watch.Reference{}
	}
	return o.Ask(ctx)
}

func (o OwnClock) stepped(since time.Time) time.Duration {
	if o.Stepped != nil {
		return o.Stepped(since)
	}
	now := time.Now()
	return now.Round(0).Sub(since.Round(0)) - now.Sub(since)
}

// judge looks at the own clock once more if it was set since the references were asked.
// judged is the instant that the pass judges by, of the instant raw of the own clock.
func (o OwnClock) judge(ctx context.Context, first watch.Reference, began, judged, raw time.Time) (watch.OwnClock, []watch.Fact) {
	stepped := o.stepped(began)
	if stepped.Abs() < watch.DistrustFrom {
		return policy.OwnClock(first, 0, 0)
	}
	last := o.ask(ctx)
	misjudged := time.Duration(0)
	if last.Majority && !first.Overrules() {
		misjudged = judged.Sub(raw) - stepped + last.Offset
	}
	return policy.OwnClock(last, stepped, misjudged)
}

// withFacts is the check on Lapsewatch itself together with what is known of its clock.
type withFacts struct {
	watch.Check
	facts []watch.Fact
}

func (w withFacts) Collect(ctx context.Context, sink watch.Sink) error {
	for _, fact := range w.facts {
		sink(fact)
	}
	if w.Check == nil {
		return nil
	}
	return w.Check.Collect(ctx, sink)
}
