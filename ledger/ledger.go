// Package ledger remembers what was seen and said: it compares a pass with the one
// before, keeps the events and the deliveries that follow from it in one transaction,
// and knows what is still owed to whom. It judges nothing (policy does), sends nothing
// (the runner does), and never mends or empties a store that it cannot trust: it keeps
// it aside, or leaves it alone.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// Ledger is an open store. It may be used from several goroutines, and several
// processes may have the same store open.
type Ledger struct {
	db      *sql.DB
	name    string
	dialect dialect
	// address and was are of the store, to find it again.
	address string
	was     os.FileInfo
	// discard removes what a private copy lies in; nil for the store itself.
	discard func() error
	// lease is what this ledger is used under; nil without one.
	lease atomic.Pointer[Lease]
}

// Open opens the store that dsn names: "sqlite:FILE" or "postgres://…", with the password
// in it if there is one; no error and no name shows it. A file that is missing is made,
// complete or not at all and readable by its owner only; a missing folder is not made,
// because it is most likely a volume that is not mounted. In PostgreSQL, the tables are
// made in the first schema of the search_path. An older schema is brought
// up to date. The error is ErrDamaged, ErrForeign, ErrNewer, ErrReadOnly, ErrFull or
// ErrBusy where one of them says what to do; the store is then as it was before.
func Open(ctx context.Context, dsn string) (*Ledger, error) {
	d, address, err := dialectOf(dsn)
	if err != nil {
		return nil, err
	}
	l, err := d.opened(ctx, address)
	if err != nil {
		return nil, advised(err, d.advice)
	}
	return l, nil
}

// Peek opens a private copy of the store that dsn names, or an empty one where there
// is none, for Preview. The store itself is neither made, brought up to date nor
// written to; the copy, which is a file of SQLite, ends with Close. SQLite must be able to create FILE-shm beside
// the file. Errors are those of Open.
func Peek(ctx context.Context, dsn string) (*Ledger, error) {
	d, address, err := dialectOf(dsn)
	if err != nil {
		return nil, err
	}
	db, discard, err := d.copy(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("copy ledger %s: %w", d.name(address), d.told(err))
	}
	return &Ledger{db: db, name: d.name(address), dialect: sqliteDialect(), discard: discard}, nil
}

// Close closes the store. What was recorded is kept without it.
func (l *Ledger) Close() error {
	err := l.db.Close()
	if lease := l.lease.Load(); lease != nil {
		err = errors.Join(err, lease.leave())
	}
	if l.discard != nil {
		err = errors.Join(err, l.discard())
	}
	if err != nil {
		return fmt.Errorf("close ledger %s: %w", l.name, err)
	}
	return nil
}

func (l *Ledger) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		// What the database says of its interruption hides why it was interrupted.
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%s in ledger %s: %w", doing, l.name, l.dialect.told(err))
}
