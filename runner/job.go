package runner

import (
	"context"
	"fmt"
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
	// Told are all messages that were due, those of earlier runs too.
	Told []Told
	// Undelivered counts due messages that did not reach their service in this run, and
	// Owed those that wait for a later run because their service asked for that.
	Undelivered int
	Owed        int
	// Untold counts events of this pass that no route leads to anybody; the next run
	// raises them again.
	Untold int
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
	recorded, err := j.record(ctx, outcome.Pass)
	if err != nil {
		return outcome, fmt.Errorf("record the pass: %w", err)
	}
	outcome.Events, outcome.Planned, outcome.Untold = recorded.Events, recorded.Digests, recorded.Untold
	if j.DryRun {
		return outcome, nil
	}
	if err := j.deliverAll(ctx, recorded.Run, &outcome); err != nil {
		return outcome, fmt.Errorf("%w (the pass itself was recorded)", err)
	}
	return outcome, nil
}

func (j Job) deliverAll(ctx context.Context, run int64, outcome *Outcome) error {
	var err error
	if outcome.Told, err = j.Deliver(ctx); err != nil {
		return fmt.Errorf("deliver what is due: %w", err)
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
