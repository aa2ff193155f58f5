package ledger

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// maxAttempts bounds how often a transaction is tried that others got in the way of.
	maxAttempts = 4
	// firstWait is before the second attempt; it doubles.
	firstWait = 50 * time.Millisecond
)

// errKeepNothing ends a transaction that was only to see what it would do.
var errKeepNothing = errors.New("nothing is to be kept")

// within does something in one transaction, all or nothing. It is done again from the
// start where the database asks for that.
func (l *Ledger) within(ctx context.Context, do func(tx *sql.Tx) error) error {
	wait := firstWait
	for attempt := 1; ; attempt++ {
		err := l.once(ctx, do)
		if err == nil || attempt == maxAttempts || !l.dialect.again(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait + rand.N(wait)):
			wait *= 2
		}
	}
}

func (l *Ledger) once(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // of no effect once the transaction has ended
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// alone is within while nobody else writes, whatever lease they hold.
func (l *Ledger) alone(ctx context.Context, do func(tx *sql.Tx) error) error {
	return l.within(ctx, func(tx *sql.Tx) error {
		if err := l.dialect.lock(ctx, tx); err != nil {
			return err
		}
		return do(tx)
	})
}

// write is what a run changes: alone, and only while its lease, if it took one, is its
// own still.
func (l *Ledger) write(ctx context.Context, do func(tx *sql.Tx) error) error {
	return l.alone(ctx, func(tx *sql.Tx) error {
		if err := l.checkLease(ctx, tx); err != nil {
			return err
		}
		return do(tx)
	})
}
