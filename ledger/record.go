package ledger

import (
	"context"
	"database/sql"
	"errors"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// Planner decides who is told of the events of a pass. It is called inside the
// transaction, so it must not use the ledger; and again if the transaction is done again.
type Planner func(events []watch.Event) []policy.Digest

// Outcome is what a pass changed.
type Outcome struct {
	// Run numbers the pass within its ledger.
	Run    int64
	Events []watch.Event
	// Digests are those that are owed from now on, without any that were planned
	// before under the same ID.
	Digests []policy.Digest
	// Untold counts the events that no digest tells anybody of. They are not kept, and
	// the next pass raises them again. Standing events are none of them.
	Untold int
	// Acknowledged are the acknowledgements in force, by the finding's ID.
	Acknowledged map[string]watch.Acknowledgement
	// Stubs are the incident stubs that the pass changed or opened.
	Stubs []policy.Stub
	// Clamped counts the rows of the ledger's own that were dated in the future.
	Clamped int
}

// Record compares the pass with what is known, and keeps what is known from now on, the
// events, and the deliveries that plan makes of them, all or nothing. A subject that is
// missing from the pass is resolved as removed if its check is complete or no longer
// configured. A pass that does not trust its own clock brings no good news: what it
// sees resolved, improved or gone stays known as it was.
func (l *Ledger) Record(ctx context.Context, pass watch.Pass, telling policy.Telling, plan Planner) (Outcome, error) {
	outcome, err := l.record(ctx, pass, telling, plan, nil)
	if err != nil {
		return Outcome{}, l.failed(ctx, "record pass", err)
	}
	return outcome, nil
}

// Preview is Record with nothing kept.
func (l *Ledger) Preview(ctx context.Context, pass watch.Pass, telling policy.Telling, plan Planner) (Outcome, error) {
	outcome, err := l.record(ctx, pass, telling, plan, errKeepNothing)
	if err != nil && !errors.Is(err, errKeepNothing) {
		return Outcome{}, l.failed(ctx, "preview pass", err)
	}
	return outcome, nil
}

// record ends with the error end, if everything else went well.
func (l *Ledger) record(ctx context.Context, pass watch.Pass, telling policy.Telling, plan Planner, end error) (outcome Outcome, err error) {
	if len(pass.Checks) == 0 {
		return Outcome{}, errors.New("the pass ran no check, so it says nothing of any subject")
	}
	err = l.write(ctx, func(tx *sql.Tx) error {
		r := recording{tx: tx, pass: pass, judging: judgingOf(pass.Clock, telling, pass.GeneratedAt)}
		if err := r.all(ctx, plan); err != nil {
			return err
		}
		outcome = r.outcome
		if lease := l.lease.Load(); lease != nil && end == nil {
			return lease.renew(ctx, tx)
		}
		return end
	})
	return outcome, err
}

func (r *recording) all(ctx context.Context, plan Planner) error {
	r.outcome.Acknowledged = map[string]watch.Acknowledgement{}
	for _, step := range []func(context.Context) error{r.clampRows, r.start, r.beginStubs, r.compareAll, r.resolveVanished, r.endStubs, r.keepChanges, r.forgetOthers} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	r.outcome.Clamped = r.clamped
	digests := plan(r.outcome.Events)
	if err := r.keepEvents(ctx, digests); err != nil {
		return err
	}
	if err := r.owe(ctx, digests); err != nil {
		return err
	}
	if r.lost == nil {
		return nil
	}
	return writeLost(ctx, r.tx, r.lost.after(r.pass))
}
