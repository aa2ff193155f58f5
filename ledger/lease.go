package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	// longestLease bounds how long a run that died can hold up others.
	longestLease = time.Hour
	// runLease is the name of the one lease that there is.
	runLease = "run"
)

// HeldError says that another run is at work.
type HeldError struct {
	Holder string
	// Since is when it began, and Until when its lease ends unless it is renewed.
	Since, Until time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("another run is at work: %s, since %s; let it finish, or if it has died, wait until %s, when its lease ends by itself",
		e.Holder, minute(e.Since), minute(e.Until))
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Lease is the right to be the only run at work.
type Lease struct {
	ledger *Ledger
	token  string
	lasts  time.Duration
	now    func() time.Time
	// leave ends what shows other processes that this one lives.
	leave func() error
	// presence is what is known of other runs by now, and since when.
	presence presence
	since    time.Time
}

// presence says whether other runs of this machine live.
type presence int

const (
	// presenceUnknown: only the lease's own time says so.
	presenceUnknown presence = iota
	// presentAlone: what another run has left behind before, it left when it died.
	presentAlone
	// presentOther: another run lives.
	presentOther
)

// leaseRow is the lease as it is stored.
type leaseRow struct {
	holder, token, acquiredAt, expiresAt string
	lasts                                int64
}

// Acquire makes the holder the only run at work, for at most ttl (an hour at the most)
// from the last Renew. From then on, what a run writes through this ledger is refused
// with ErrLost once the lease is another's or was released; only proofs (Sent) are taken
// still, because they are facts. The error is *HeldError while somebody else is at work.
// Where processes on several machines share the store, its own clock counts, and not
// now. What a process that died has held of a file can be taken at once, because the
// system knows that it lives no more; elsewhere its lease ends by itself.
func (l *Ledger) Acquire(ctx context.Context, holder string, ttl time.Duration, now func() time.Time) (*Lease, error) {
	lease := &Lease{ledger: l, token: rand.Text(), lasts: min(max(ttl, time.Millisecond), longestLease), now: now}
	var held *HeldError
	var err error
	lease.since = now()
	if lease.leave, lease.presence, err = l.dialect.present(l.address); err != nil {
		return nil, l.failed(ctx, "acquire the lease", err)
	}
	err = l.alone(ctx, func(tx *sql.Tx) (err error) {
		held, err = lease.take(ctx, tx, note(holder))
		return err
	})
	if err != nil {
		return nil, l.failed(ctx, "acquire the lease", errors.Join(err, lease.leave()))
	}
	if held != nil {
		return nil, held
	}
	l.lease.Store(lease)
	return lease, nil
}

// take takes the lease if nobody has it. A lease that ends later than it could have been
// taken for is from a clock that ran ahead; it ends as if it had been renewed just now.
func (l *Lease) take(ctx context.Context, tx *sql.Tx, holder string) (*HeldError, error) {
	at, err := l.ledger.dialect.clock(ctx, tx, l.now)
	if err != nil {
		return nil, err
	}
	var row leaseRow
	const find = `SELECT holder, token, acquired_at, expires_at, lasts_ms FROM leases WHERE name = $1`
	err = tx.QueryRowContext(ctx, find, runLease).Scan(&row.holder, &row.token, &row.acquiredAt, &row.expiresAt, &row.lasts)
	held := &HeldError{Holder: row.holder, Since: at, Until: at.Add(l.lasts)}
	switch {
	case errors.Is(err, sql.ErrNoRows) && l.presence == presentOther:
		held.Holder = "a run that is just beginning"
		return held, nil
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return nil, err
	default:
		if held, err = l.clamp(ctx, tx, row, at); err != nil {
			return nil, err
		}
		died := l.presence == presentAlone && held.Since.Before(l.since)
		if at.Before(held.Until) && !died {
			return held, nil
		}
	}
	// A renewal waits for nobody, so that it may have come between.
	const take = `INSERT INTO leases (name, holder, token, acquired_at, expires_at, lasts_ms) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = excluded.token,
			acquired_at = excluded.acquired_at, expires_at = excluded.expires_at, lasts_ms = excluded.lasts_ms
		WHERE leases.token = $7 AND leases.expires_at = $8`
	result, err := tx.ExecContext(ctx, take, runLease, holder, l.token, instantText(at), instantText(at.Add(l.lasts)), l.lasts.Milliseconds(),
		row.token, row.expiresAt)
	if err != nil {
		return nil, err
	}
	if taken, err := result.RowsAffected(); err != nil || taken > 0 {
		return nil, err
	}
	held.Until = at.Add(min(time.Duration(row.lasts)*time.Millisecond, longestLease))
	return held, nil
}

func (l *Lease) clamp(ctx context.Context, tx *sql.Tx, row leaseRow, at time.Time) (*HeldError, error) {
	held := &HeldError{Holder: row.holder}
	var err error
	if held.Since, err = parseInstant(row.acquiredAt); err != nil {
		return nil, err
	}
	if held.Until, err = parseInstant(row.expiresAt); err != nil {
		return nil, err
	}
	latest := at.Add(min(time.Duration(row.lasts)*time.Millisecond, longestLease))
	if !held.Until.After(latest) {
		return held, nil
	}
	held.Since, held.Until = at, latest
	_, err = tx.ExecContext(ctx, `UPDATE leases SET acquired_at = $2, expires_at = $3 WHERE name = $1`,
		runLease, instantText(held.Since), instantText(held.Until))
	return held, err
}

// Renew makes the lease last from now. The error is ErrLost where another run took over.
// Record does the same when it ends, because nobody can take over while it is at work.
func (l *Lease) Renew(ctx context.Context) error {
	if err := l.ledger.within(ctx, func(tx *sql.Tx) error { return l.renew(ctx, tx) }); err != nil {
		return l.ledger.failed(ctx, "renew the lease", err)
	}
	return nil
}

func (l *Lease) renew(ctx context.Context, tx *sql.Tx) error {
	at, err := l.ledger.dialect.clock(ctx, tx, l.now)
	if err != nil {
		return err
	}
	const renew = `UPDATE leases SET expires_at = $3 WHERE name = $1 AND token = $2`
	result, err := tx.ExecContext(ctx, renew, runLease, l.token, instantText(at.Add(l.lasts)))
	if err != nil {
		return err
	}
	if renewed, err := result.RowsAffected(); err != nil || renewed == 0 {
		return errors.Join(err, ErrLost)
	}
	return nil
}

// Release lets the next run begin. A lease that another run took over stays theirs.
func (l *Lease) Release(ctx context.Context) error {
	err := l.ledger.alone(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM leases WHERE name = $1 AND token = $2`, runLease, l.token)
		return err
	})
	if err = errors.Join(err, l.leave()); err != nil {
		return l.ledger.failed(ctx, "release the lease", err)
	}
	return nil
}

// checkLease refuses a change of a run whose lease is its own no more. It is asked inside
// the transaction of the change, so that nobody can take over in between.
func (l *Ledger) checkLease(ctx context.Context, tx *sql.Tx) error {
	lease := l.lease.Load()
	if lease == nil {
		return nil
	}
	var found int
	const query = `SELECT COUNT(*) FROM leases WHERE name = $1 AND token = $2`
	if err := tx.QueryRowContext(ctx, query, runLease, lease.token).Scan(&found); err != nil {
		return err
	}
	if found == 0 {
		return ErrLost
	}
	return nil
}
