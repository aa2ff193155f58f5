// Package runner makes one pass: it collects in parallel, judges, records and delivers.
// It knows no concrete check or channel, decides no severity, and keeps nothing between
// passes; policy and the ledger do.
package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"lapsewatch/checks"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// Check is one configured check.
type Check struct {
	Name   string
	Kind   string
	Labels map[string]string
	// Owners are those of what the check finds without an owner.
	Owners []string
	watch.Check
}

// Collection is what a pass collects with.
type Collection struct {
	Checks []Check
	Judge  policy.Judge
	// Now is the one instant that the whole pass is judged as of: that of the own clock,
	// which the references correct, or with AsOf just this one.
	Now  time.Time
	AsOf bool
	// Deadline bounds each check and Within all of them together; what a check has
	// not seen by then is a problem, and never an ok.
	Deadline time.Duration
	Within   time.Duration
	Log      *slog.Logger
	// OwnClock is asked before anything else.
	OwnClock OwnClock
	// Seen is told of every finding as it is made, for the progress bar.
	Seen func()

	// undecidable says why this pass can judge no date; empty if it can.
	undecidable string
}

const (
	// checksAtOnce is generous: a check that hangs must not keep others waiting.
	checksAtOnce = 64
	// maxHidden is how many prefixes of hidden subjects are remembered for one check;
	// beyond it the check counts as incomplete.
	maxHidden      = 1000
	maxRemarks     = 100
	maxRemarkRunes = 500
	// stopGrace is how long a check may take to return after its deadline.
	stopGrace = 5 * time.Second
	// finishGrace is how much longer one may take that is in the middle of what must not be
	// cut off.
	finishGrace = 40 * time.Second
)

// Collected is the outcome of collecting. Close frees what it holds.
type Collected struct {
	Pass    watch.Pass
	results *results
	began   time.Time
	// undecidable is that of the Collection.
	undecidable string
}

// Close removes what the pass has put aside on disk.
func (c Collected) Close() error {
	if c.results == nil {
		return nil
	}
	return c.results.close()
}

// Collect measures the own clock, runs all checks and judges what they find. One check that
// fails, hangs or panics is a finding of that check and holds nobody else. The error is
// ctx's.
func (c Collection) Collect(ctx context.Context) (Collected, error) {
	collected := Collected{results: newResults(), began: time.Now()}
	within, cancel := context.WithTimeout(ctx, c.Within)
	defer cancel()
	stepped := c.OwnClock.watch()
	reference, raw := c.OwnClock.ask(within), c.Now
	if !c.AsOf {
		c.Now, c.undecidable = reference.Time(raw), policy.Undecidable(reference)
	}
	itself := slices.IndexFunc(c.Checks, func(check Check) bool { return check.Name == watch.Itself })
	others := slices.DeleteFunc(indexes(len(c.Checks)), func(i int) bool { return i == itself })
	outcomes := make([]*outcome, len(c.Checks))
	checks.Each(checksAtOnce, slices.Values(others), func(i int) {
		outcomes[i] = c.one(within, c.Checks[i], collected.results)
	}, func(i int, err error) {
		outcomes[i] = &outcome{result: watch.CheckResult{Name: c.Checks[i].Name, Kind: c.Checks[i].Kind, Error: firstLine(err)}}
		c.Log.Error("a check could not be run", "check", c.Checks[i].Name, "error", err)
	})
	collected.undecidable = c.undecidable
	collected.Pass = watch.Pass{GeneratedAt: c.Now.UTC(), Findings: collected.results.all()}
	// It comes last, because the clock may be set while the others are at work.
	var facts []watch.Fact
	collected.Pass.Clock, facts = c.OwnClock.judge(ctx, reference, stepped(), c.Now, raw)
	if c.AsOf {
		collected.Pass.Clock.Corrected = false
	}
	switch own := (Check{Name: watch.Itself, Kind: watch.Itself}); {
	case itself >= 0:
		own = c.Checks[itself]
		own.Check = withFacts{own.Check, facts}
		outcomes[itself] = c.one(ctx, own, collected.results)
	case len(facts) > 0:
		own.Check = withFacts{facts: facts}
		outcomes = append(outcomes, c.one(ctx, own, collected.results))
	}
	for _, outcome := range outcomes {
		collected.Pass.Checks = append(collected.Pass.Checks, outcome.result)
		collected.Pass.Summary = collected.Pass.Summary.Plus(outcome.summary)
	}
	if err := ctx.Err(); err != nil {
		return collected, fmt.Errorf("the pass was stopped before it was complete: %w", context.Cause(ctx))
	}
	return collected, nil
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// outcome gathers what one check finds; after it is closed, late facts are dropped.
type outcome struct {
	mu      sync.Mutex
	closed  bool
	result  watch.CheckResult
	summary watch.Summary
	// unshown counts the remarks beyond maxRemarks.
	unshown int
}

func (c Collection) one(ctx context.Context, check Check, kept *results) *outcome {
	started := time.Now()
	got := &outcome{result: watch.CheckResult{Name: check.Name, Kind: check.Kind, Complete: true}}
	origin := policy.Origin{Check: check.Name, Kind: check.Kind, Labels: check.Labels, Owners: check.Owners}
	sink := func(fact watch.Fact) {
		if remark, ok := fact.(watch.Remark); ok {
			got.note(remark.Text)
			return
		}
		if got.keep(c.finding(origin, fact), fact, kept) && c.Seen != nil {
			c.Seen()
		}
	}
	if err := c.run(ctx, check, sink); err != nil {
		got.mu.Lock()
		got.result.Complete, got.result.Error = false, firstLine(err)
		got.mu.Unlock()
		if panicked := (*panicError)(nil); errors.As(err, &panicked) {
			c.Log.Error("a check failed inside", "check", check.Name, "error", err)
		}
		sink(sourceProblem(check, err))
	}
	got.mu.Lock()
	defer got.mu.Unlock()
	got.closed, got.result.Seconds = true, time.Since(started).Seconds()
	if got.unshown > 0 {
		got.result.Remarks = append(got.result.Remarks, fmt.Sprintf("and %d more", got.unshown))
	}
	return got
}

// finding judges a fact by the time that the pass believes.
func (c Collection) finding(origin policy.Origin, fact watch.Fact) watch.Finding {
	finding := c.Judge.Finding(origin, fact, c.Now)
	if c.undecidable != "" && policy.DependsOnClock(finding) {
		return policy.Undecided(finding, c.undecidable)
	}
	return finding
}
