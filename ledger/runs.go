package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Run is one recorded pass with the deliveries that followed.
type Run struct {
	ID int64
	// JudgedAt is the instant that the pass judged as of, in UTC.
	JudgedAt time.Time
	// FinishedAt is when the run had done all that it could, in UTC; zero while it
	// goes on, and for ever if it was killed.
	FinishedAt time.Time
}

// Finish notes that the run has done all that it could.
func (l *Ledger) Finish(ctx context.Context, run int64, at time.Time) error {
	err := l.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE runs SET finished_at = $2 WHERE id = $1`, run, instantText(at))
		return err
	})
	if err != nil {
		return l.failed(ctx, fmt.Sprintf("note run %d as finished", run), err)
	}
	return nil
}

// LastRun is the latest recorded pass; its ID is zero if there was none.
func (l *Ledger) LastRun(ctx context.Context) (Run, error) {
	return l.oneRun(ctx, "read the last run", `SELECT id, judged_at, finished_at FROM runs ORDER BY id DESC LIMIT $1`)
}

// LastFinished is the latest run that had done all that it could; its ID is zero if
// there was none.
func (l *Ledger) LastFinished(ctx context.Context) (Run, error) {
	return l.oneRun(ctx, "read the last run that finished", `SELECT id, judged_at, finished_at FROM runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT $1`)
}

// Runs lists the latest runs, the newest first.
func (l *Ledger) Runs(ctx context.Context, limit int) ([]Run, error) {
	runs, err := l.runs(ctx, `SELECT id, judged_at, finished_at FROM runs ORDER BY id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, l.failed(ctx, "list the runs", err)
	}
	return runs, nil
}

func (l *Ledger) oneRun(ctx context.Context, doing, query string) (Run, error) {
	runs, err := l.runs(ctx, query, 1)
	if err != nil {
		return Run{}, l.failed(ctx, doing, err)
	}
	if len(runs) == 0 {
		return Run{}, nil
	}
	return runs[0], nil
}

type runRow struct {
	id         int64
	judgedAt   string
	finishedAt sql.NullString
}

func (l *Ledger) runs(ctx context.Context, query string, limit int) ([]Run, error) {
	rows, err := l.db.QueryContext(ctx, query, limit)
	if err != nil {
		return nil, err
	}
	stored, err := collect(rows, func(row *runRow) []any { return []any{&row.id, &row.judgedAt, &row.finishedAt} })
	if err != nil {
		return nil, err
	}
	runs := make([]Run, 0, len(stored))
	for _, row := range stored {
		run := Run{ID: row.id}
		if run.JudgedAt, err = parseInstant(row.judgedAt); err == nil {
			run.FinishedAt, err = parseOptional(row.finishedAt)
		}
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}
