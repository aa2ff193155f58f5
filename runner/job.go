package runner

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// Job is the configured job: collect, judge, record, deliver.
type Job struct {
	Collection
	Delivery
	Telling      policy.Telling
	Routing      policy.Routing
	Destinations []policy.Destination
	// Stubs keeps the incident stubs on the status systems, beside the deliveries.
	Stubs Reconciler
	// Retention is how long history is kept; zero keeps it for ever.
	Retention time.Duration
	// DryRun compares with the ledger and plans the messages, but keeps and sends
	// nothing.
	DryRun bool
}

// Outcome is what a run did. Close frees what its pass holds.
type Outcome struct {
	Collected
	Events []watch.Event
	// Planned are the messages that this pass raised.
	Planned []policy.Digest
	// Due are the messages of earlier runs that a dry run would send too.
	Due []ledger.Delivery
	// Told are all messages that were due, those of earlier runs too.
	Told []Told
	// Undelivered counts due messages that did not reach their service in this run, and
	// Owed those that wait for a later run because their service asked for that.
	Undelivered int
	Owed        int
	// Changed are the incident stubs that the pass opened or changed, and Stubs what was done
	// about them on their status systems.
	Changed []policy.Stub
	Stubs   []StubTold
	// Untold counts events of this pass that no route leads to anybody; the next run
	// raises them again.
	Untold int
	// Loss is what happened to the ledger; nil if it was sound.
	Loss *ledger.Loss
	// Clamped counts the ledger's own rows that were dated in the future and are no more.
	Clamped int
	// Unfinished is when the run before was judged, if it has not ended: it was killed,
	// or is still going on.
	Unfinished time.Time
}

// Run makes one pass. The transitions and the messages that they raise are committed
// together before anything is sent. On an error nothing of this pass was recorded,
// unless the error says otherwise.
func (j Job) Run(ctx context.Context) (Outcome, error) {
	var outcome Outcome
	last, err := j.Ledger.LastRun(ctx)
	if err != nil {
		return outcome, err
	}
	if last.ID != 0 && last.FinishedAt.IsZero() {
		outcome.Unfinished = last.JudgedAt
	}
	if outcome.Collected, err = j.Collect(ctx); err != nil {
		return outcome, err
	}
	if err := j.lookAgain(ctx, &outcome.Collected); err != nil {
		return outcome, err
	}
	recorded, err := j.record(ctx, outcome.Pass)
	if err != nil {
		return outcome, fmt.Errorf("record the pass: %w", err)
	}
	outcome.Planned, outcome.Untold, outcome.Clamped, outcome.Changed = recorded.Digests, recorded.Untold, recorded.Clamped, recorded.Stubs
	outcome.Events = slices.DeleteFunc(recorded.Events, func(event watch.Event) bool { return event.Type == watch.Standing })
	outcome.Pass.Findings = withAcknowledgements(outcome.Pass.Findings, recorded.Acknowledged)
	if j.DryRun {
		outcome.Due, err = j.Ledger.Due(ctx, j.Delivery.Now())
		return outcome, err
	}
	if err := j.deliverAll(ctx, recorded.Run, &outcome); err != nil {
		return outcome, fmt.Errorf("%w (the pass itself was recorded)", err)
	}
	j.prune(ctx, outcome.Pass)
	return outcome, nil
}

// lookAgain gives bad news that is about to be told a second look.
func (j Job) lookAgain(ctx context.Context, collected *Collected) error {
	news, err := j.Ledger.Fresh(ctx, collected.Pass.Findings, j.Telling, collected.Pass.Clock, collected.Pass.GeneratedAt)
	if err != nil {
		return fmt.Errorf("look for what is about to be told: %w", err)
	}
	j.recheck(ctx, collected, news)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the pass was stopped before it was complete: %w", context.Cause(ctx))
	}
	return nil
}

func withAcknowledgements(findings iter.Seq2[watch.Finding, error], acknowledged map[string]watch.Acknowledgement) iter.Seq2[watch.Finding, error] {
	if len(acknowledged) == 0 {
		return findings
	}
	return func(yield func(watch.Finding, error) bool) {
		for finding, err := range findings {
			if noted, known := acknowledged[finding.ID]; known {
				finding.Acknowledged = &noted
			}
			if !yield(finding, err) {
				return
			}
		}
	}
}

// prune drops history that is older than its retention, by a time that the pass believes.
func (j Job) prune(ctx context.Context, pass watch.Pass) {
	if j.Retention <= 0 || !pass.Clock.Trusted && !pass.Clock.Corrected {
		return
	}
	if _, err := j.Ledger.Prune(ctx, pass.GeneratedAt.Add(-j.Retention)); err != nil {
		j.Delivery.Log.Warn("the ledger's history could not be pruned; the next run tries again", "error", err)
	}
}

// stubsWaitFor is how long the incident stubs wait for the deliveries of their pass.
const stubsWaitFor = 10 * time.Second

func (j Job) deliverAll(ctx context.Context, run int64, outcome *Outcome) error {
	var err error
	j.clockWrong = !outcome.Pass.Clock.Trusted
	var stubsErr error
	var reconciling sync.WaitGroup
	delivered := make(chan struct{})
	reconciling.Go(func() {
		// Stubs say who was told, and wait a moment for that; no dead channel holds them.
		select {
		case <-delivered:
		case <-time.After(stubsWaitFor):
		case <-ctx.Done():
		}
		outcome.Stubs, stubsErr = j.Stubs.Reconcile(ctx)
	})
	outcome.Told, err = j.Deliver(ctx)
	close(delivered)
	reconciling.Wait()
	if err != nil {
		return fmt.Errorf("deliver what is due: %w", err)
	}
	if stubsErr != nil {
		return fmt.Errorf("keep the incident stubs: %w", stubsErr)
	}
	waiting := 0
	for _, told := range outcome.Told {
		if told.Err != nil {
			outcome.Undelivered++
			if !told.Dead {
				waiting++
			}
		}
	}
	owed, _, err := j.Ledger.Outbox(ctx)
	if err != nil {
		return fmt.Errorf("count what is still owed: %w", err)
	}
	outcome.Owed = max(0, owed-waiting)
	return j.Ledger.Finish(ctx, run, j.Delivery.Now())
}

func (j Job) record(ctx context.Context, pass watch.Pass) (ledger.Outcome, error) {
	plan := func(events []watch.Event) []policy.Digest {
		return policy.Plan(events, j.Routing, j.Destinations, pass.GeneratedAt)
	}
	if j.DryRun {
		return j.Ledger.Preview(ctx, pass, j.Telling, plan)
	}
	return j.Ledger.Record(ctx, pass, j.Telling, plan)
}
