package records

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// pass is one run over tables.
type pass struct {
	*check
	present
	sink watch.Sink
	conn *sqlread.Conn
	// offset is how far the database's clock is ahead of the references', and in doubt of
	// the own one, once it is known.
	offset *time.Duration
}

// read connects and reads the tables. Its error is why there is no connection.
func (p *pass) read(ctx context.Context, tables []Table) error {
	conn, err := sqlread.Open(ctx, p.options.Database, sqlread.Env{
		Dial: p.env.Dial, Secrets: p.env.Secrets, Timeout: p.env.Timeout, StatementTimeout: time.Duration(p.options.StatementTimeout),
		TLSTime: p.env.TLSTime,
	})
	if err != nil {
		return err
	}
	defer func() {
		if closing := conn.Close(); closing != nil {
			p.env.Log.Debug("the connection did not end in order", "error", closing)
		}
	}()
	p.conn = conn
	p.readClock(ctx)
	return p.readTables(ctx, tables)
}

// readClock notes how far the database's clock is off. It is a detail for the reader, so
// that its failure is no problem of a table.
func (p *pass) readClock(ctx context.Context) {
	read, err := p.conn.Clock(ctx)
	if err != nil {
		p.env.Log.Debug("the clock of the database was not read", "error", err)
		return
	}
	offset := read.Offset + p.own
	p.offset = &offset
}

// readTables tells what each table holds. What is wrong with one hides no other. Its error
// is why there is no connection any more, so that the rest cannot be read either.
func (p *pass) readTables(ctx context.Context, tables []Table) error {
	for _, configured := range tables {
		if err := p.readTable(ctx, configured); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) readTable(ctx context.Context, configured Table) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var t *table
	err := p.conn.Read(ctx, func(ctx context.Context, tx *sqlread.Tx) (err error) {
		t, err = look(ctx, tx, p.address, configured)
		return err
	})
	if err != nil {
		return p.tell(ctx, err, configured, configured.Columns...)
	}
	for _, name := range configured.Columns {
		var lost error
		if fault := checks.Guard(func() { lost = p.readColumn(ctx, t, name) }); fault != nil {
			told := p.problem(configured, name, fault)
			told.Reason = watch.InternalError
			p.sink(told)
		}
		if lost != nil {
			return lost
		}
	}
	p.remark(t)
	return nil
}

// tell tells why columns of a table could not be read, unless the reason is that the
// connection broke and cannot be made again; that is its error.
func (p *pass) tell(ctx context.Context, err error, t Table, columns ...string) error {
	if lost := p.lost(ctx, err); lost != nil {
		return lost
	}
	for _, name := range columns {
		p.sink(p.problem(t, name, err))
	}
	return nil
}

// lost is why there is no connection any more after a failure; nil if there is one. A
// connection that has broken unnoticed is noticed by the first try and made again by the
// second.
func (p *pass) lost(ctx context.Context, err error) error {
	for range 2 {
		if failed, ok := errors.AsType[*sqlread.Failure](err); ok && failed.Connecting {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = p.conn.Read(ctx, func(context.Context, *sqlread.Tx) error { return nil })
		if err == nil {
			return nil
		}
	}
	return err
}

// ahead is what was found in a column.
type ahead struct {
	count    int64
	furthest time.Time
	ids      []string
}

func (p *pass) readColumn(ctx context.Context, t *table, name string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	b, err := t.bound(name, p.now.Add(p.tolerance(t.Table)))
	if err != nil {
		p.sink(p.problem(t.Table, name, err))
		return nil
	}
	var found ahead
	err = p.conn.Read(ctx, func(ctx context.Context, tx *sqlread.Tx) (err error) {
		found, err = p.find(ctx, tx, t, name, b)
		return err
	})
	switch {
	case err != nil:
		return p.tell(ctx, err, t.Table, name)
	case found.count == 0 && t.hidden:
		p.sink(p.problem(t.Table, name, t.unseen(name)))
	default:
		p.sink(p.condition(ctx, t, name, b, found))
	}
	return nil
}

func (p *pass) tolerance(t Table) time.Duration {
	if t.Tolerance > 0 {
		return time.Duration(t.Tolerance)
	}
	return time.Duration(p.options.Tolerance)
}

// find counts the rows that lie ahead, and names some.
func (p *pass) find(ctx context.Context, tx *sqlread.Tx, t *table, name string, b bound) (found ahead, err error) {
	doing := fmt.Sprintf("read %s.%s", t.named(), name)
	err = tx.Query(ctx, doing, func(scan func(...any) error) error { return scan(&found.count) }, t.counting(name, b))
	if err != nil || found.count == 0 {
		return found, err
	}
	shown := *t
	if p.options.Samples == 0 {
		shown.ids = nil
	}
	err = tx.Query(ctx, doing, func(scan func(...any) error) error {
		var value any
		texts := make([]*string, len(shown.ids))
		into := []any{&value}
		for i := range texts {
			into = append(into, &texts[i])
		}
		if err := scan(into...); err != nil {
			return err
		}
		if found.furthest.IsZero() {
			if found.furthest, err = b.read(value); err != nil {
				return err
			}
		}
		if len(texts) > 0 {
			found.ids = append(found.ids, rowName(shown.ids, texts))
		}
		return nil
	}, shown.listing(name, b, max(1, p.options.Samples)))
	return found, err
}

// explained is why something could not be read.
func explained(err error) (watch.Reason, string) {
	if failed, ok := errors.AsType[*sqlread.Failure](err); ok {
		return failed.Reason, failed.Remedy
	}
	return watch.Unreadable, ""
}
