package ledger

import (
	"context"
	"database/sql"
	"errors"
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
	if _, err := l.db.ExecContext(ctx, `UPDATE runs SET finished_at = $2 WHERE id = $1`, run, instantText(at)); err != nil {
		return l.failed(ctx, fmt.Sprintf("note run %d as finished", run), err)
	}
	return nil
}

// LastRun is the latest recorded pass; its ID is zero if there was none.
func (l *Ledger) LastRun(ctx context.Context) (Run, error) {
	var run Run
	var judgedAt string
	var finishedAt sql.NullString
	const query = `SELECT id, judged_at, finished_at FROM runs ORDER BY id DESC LIMIT 1`
	err := l.db.QueryRowContext(ctx, query).Scan(&run.ID, &judgedAt, &finishedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return Run{}, nil
	}
	if err == nil {
		run.JudgedAt, err = parseInstant(judgedAt)
	}
	if err == nil && finishedAt.Valid {
		run.FinishedAt, err = parseInstant(finishedAt.String)
	}
	if err != nil {
		return Run{}, l.failed(ctx, "read the last run", err)
	}
	return run, nil
}
