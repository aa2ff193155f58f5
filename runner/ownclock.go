package runner

import (
	"context"
	"time"

	"lapsewatch/internal/boottime"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// OwnClock measures the clock of this machine.
type OwnClock struct {
	// Ask asks the references; nil where there are none.
	Ask func(ctx context.Context) watch.Reference
	// Stepped is by how much the clock was set since the pass began; nil watches it. Where
	// the system cannot tell, waking up looks like a step: the references know the
	// difference.
	Stepped func() time.Duration
}

func (o OwnClock) ask(ctx context.Context) watch.Reference {
	if o.Ask == nil {
		return watch.Reference{}
	}
	return o.Ask(ctx)
}

// watch begins to watch whether the clock is set.
func (o OwnClock) watch() (stepped func() time.Duration) {
	if o.Stepped != nil {
		return o.Stepped
	}
	return boottime.Start()
}

// judge looks at the own clock once more if it was set since the references were asked.
// judged is the instant that the pass judges by, of the instant raw of the own clock.
func (o OwnClock) judge(ctx context.Context, first watch.Reference, stepped time.Duration, judged, raw time.Time) (watch.OwnClock, []watch.Fact) {
	if stepped.Abs() < watch.DistrustFrom {
		return policy.OwnClock(first, 0, 0)
	}
	last, misjudged := o.ask(ctx), time.Duration(0)
	switch {
	case !last.Majority && first.Overrules():
		// They knew the time, and how the clock was set since is known.
		last = first
		last.Offset = watch.Plus(first.Offset, stepped)
	case last.Majority && first.Majority:
		misjudged = judged.Sub(raw) + first.Offset
	case last.Majority:
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
