package ledger

import (
	"context"
	"database/sql"
	"errors"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// Planner decides who is told of the events of a pass. It is called inside the
// transaction, so it must not use the ledger.
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
	// the next pass raises them again.
	Untold int
}

// Record compares the pass with what is known, and keeps what is known from now on, the
// events, and the deliveries that plan makes of them, all or nothing. A subject that is
// missing from the pass is resolved as removed if its check is complete or no longer
// configured. A pass that does not trust its own clock brings no good news: what it
// sees resolved, improved or gone stays known as it was.
func (l *Ledger) Record(ctx context.Context, pass watch.Pass, telling policy.Telling, plan Planner) (Outcome, error) {
	outcome, err := l.record(ctx, pass, telling, plan, (*sql.Tx).Commit)
	if err != nil {
		return Outcome{}, l.failed(ctx, "record pass", err)
	}
	return outcome, nil
}

// Preview is Record with nothing kept.
func (l *Ledger) Preview(ctx context.Context, pass watch.Pass, telling policy.Telling, plan Planner) (Outcome, error) {
	outcome, err := l.record(ctx, pass, telling, plan, (*sql.Tx).Rollback)
	if err != nil {
		return Outcome{}, l.failed(ctx, "preview pass", err)
	}
	return outcome, nil
}

func (l *Ledger) record(ctx context.Context, pass watch.Pass, telling policy.Telling, plan Planner, end func(*sql.Tx) error) (Outcome, error) {
	if len(pass.Checks) == 0 {
		return Outcome{}, errors.New("the pass ran no check, so it says nothing of any subject")
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return Outcome{}, err
	}
	defer func() { _ = tx.Rollback() }() // of no effect once the transaction has ended
	r := recording{tx: tx, pass: pass, telling: telling}
	if err := r.start(ctx); err != nil {
		return Outcome{}, err
	}
	if err := r.compareAll(ctx); err != nil {
		return Outcome{}, err
	}
	if err := r.resolveVanished(ctx); err != nil {
		return Outcome{}, err
	}
	if err := r.forgetOthers(ctx); err != nil {
		return Outcome{}, err
	}
	digests := plan(r.outcome.Events)
	if err := r.keepEvents(ctx, digests); err != nil {
		return Outcome{}, err
	}
	if err := r.owe(ctx, digests); err != nil {
		return Outcome{}, err
	}
	return r.outcome, end(tx)
}
