package sqlread

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lapsewatch/watch"
)

// Tx is a transaction that only reads.
type Tx struct {
	conn *Conn
	tx   *sql.Tx
}

// maxRows bounds what one statement may yield.
const maxRows = 10_000

var errTooMany = errors.New("the server sent more rows than were asked for")

// Read runs work in a transaction of its own that sees one state of the database, and
// rolls it back whatever happens. PostgreSQL and MySQL are told that it only reads, and
// refuse writes; SQL Server knows no such transaction, and is only told of the intent.
// Each statement, each lock and the whole are bounded. Errors are *Failure, or what work
// returned.
func (c *Conn) Read(ctx context.Context, work func(context.Context, *Tx) error) error {
	var conn *sql.Conn
	doing := "connect to " + c.address.String()
	err := c.bounded(ctx, c.env.Timeout, func(ctx context.Context) (err error) {
		conn, err = c.db.Conn(ctx)
		return err
	}, func(ctx context.Context, err error) error { return c.failure(ctx, doing, err, true) })
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it goes back to where the next Read takes it from
	var tx *sql.Tx
	begin := "begin to read " + c.address.String()
	err = c.bounded(ctx, c.env.Timeout, func(ctx context.Context) (err error) {
		tx, err = c.begin(ctx, conn)
		return err
	}, func(ctx context.Context, err error) error { return c.failure(ctx, begin, err, false) })
	if err != nil {
		return err
	}
	defer func() {
		// Nothing was written; a connection that broke meanwhile was rolled back by its end.
		_ = c.bounded(context.WithoutCancel(ctx), c.env.Timeout, func(context.Context) error { return tx.Rollback() },
			func(_ context.Context, err error) error { return err })
	}()
	return work(ctx, &Tx{conn: c, tx: tx})
}

func (c *Conn) begin(ctx context.Context, conn *sql.Conn) (*sql.Tx, error) {
	limit := c.env.StatementTimeout
	if c.dialect.before != nil {
		if _, err := conn.ExecContext(ctx, c.dialect.before(c.version, limit)); err != nil {
			return nil, err
		}
	}
	// The transaction outlives the ctx of its beginning.
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), &c.dialect.options)
	if err != nil {
		return nil, err
	}
	if c.dialect.within != nil {
		if _, err := tx.ExecContext(ctx, c.dialect.within(c.version, limit)); err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
	}
	return tx, nil
}

// Query runs one statement and calls each for every row, with the function that scans it.
// doing says what it is for, in the words of an error.
func (t *Tx) Query(ctx context.Context, doing string, each func(scan func(...any) error) error, statement string, args ...any) error {
	c := t.conn
	return c.bounded(ctx, c.env.StatementTimeout+slack, func(ctx context.Context) error {
		rows, err := t.tx.QueryContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // what matters is rows.Err
		for seen := 0; rows.Next(); seen++ {
			if seen == maxRows {
				return &Failure{Reason: watch.TooLarge, Err: fmt.Errorf("%s: %w", doing, errTooMany)}
			}
			if err := each(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	}, func(ctx context.Context, err error) error { return c.failure(ctx, doing, err, false) })
}
