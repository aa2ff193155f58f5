// Package records finds rows that are dated in the future in tables of PostgreSQL, MySQL,
// MariaDB and SQL Server: what a host whose clock was ahead has left behind, and what
// breaks applications after that clock was set right.
//
// It only reads, bounds what it asks of the server, and judges nothing. It repairs no
// row, does not find out who wrote one, and looks at the configured columns only. What is
// now is said by the references and never by the database, whose clock may be the wrong
// one. Where no clock can be believed no row is called ahead, and none in order.
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

// Kind is the catalog's entry.
var Kind = checks.Define("records", defaults, New)

type check struct {
	options Options
	address sqlread.Address
	env     checks.Env
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	address, err := options.Database.Address()
	if err != nil {
		return nil, fmt.Errorf("read the address of the database: %w", err)
	}
	return &check{options: options, address: address, env: env}, nil
}

// present is what is known of the time.
type present struct {
	// now is the references' time, and the own clock's where nobody may correct that.
	now time.Time
	// own is this machine's clock minus the references'; zero in doubt.
	own time.Duration
	// doubt says in a clause why no clock can be believed; empty if one can, and where
	// there are no references. verified: references confirm now.
	doubt    string
	verified bool
}

func (c *check) present(ctx context.Context) present {
	said := c.env.Reference(ctx)
	p := present{now: c.env.Now(), doubt: said.Doubt()}
	if p.doubt != "" || !said.Majority {
		return p
	}
	p.own, p.verified = said.Offset, true
	if !said.Overrules() {
		// One or two do not move Now for everybody, but rows are compared to what they say.
		p.now = p.now.Add(-said.Offset)
	}
	return p
}

// pass is one run over the tables.
type pass struct {
	*check
	present
	sink watch.Sink
	conn *sqlread.Conn
	// offset is how far the database's clock is ahead of the references', and in doubt of
	// the own one, once it is known.
	offset *time.Duration
}

// Collect implements watch.Check. It uses one connection, and one statement at a time.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	subjects := 0
	for _, t := range c.options.Tables {
		subjects += len(t.Columns)
	}
	c.env.Expect(subjects)
	p := &pass{check: c, present: c.present(ctx), sink: sink}
	conn, err := sqlread.Open(ctx, c.options.Database, sqlread.Env{
		Dial: c.env.Dial, Secrets: c.env.Secrets, Timeout: c.env.Timeout, StatementTimeout: time.Duration(c.options.StatementTimeout),
		TLSTime: c.env.TLSTime,
	})
	if err == nil {
		p.conn = conn
		p.readClock(ctx)
		p.readTables(ctx)
		if closing := conn.Close(); closing != nil {
			c.env.Log.Debug("the connection did not end in order", "error", closing)
		}
	} else if ctx.Err() == nil {
		p.failAll(c.options.Tables, err)
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("the pass over %s was cut short: %w", c.address, context.Cause(ctx))
	}
	return nil
}

// Try reads each column once.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, c, "finds rows dated in the future")
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

// readTables tells what each table holds. What is wrong with one hides no other; without a
// connection the rest cannot be read either.
func (p *pass) readTables(ctx context.Context) {
	for i, configured := range p.options.Tables {
		err := p.readTable(ctx, configured)
		if failed, ok := errors.AsType[*sqlread.Failure](err); ok && failed.Connecting && ctx.Err() == nil {
			p.failAll(p.options.Tables[i+1:], err)
			return
		}
	}
}

// readTable tells what a table holds. Its error, which is told, is why the table as a
// whole could not be read.
func (p *pass) readTable(ctx context.Context, configured Table) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var t *table
	err := p.conn.Read(ctx, func(ctx context.Context, tx *sqlread.Tx) (err error) {
		t, err = look(ctx, tx, p.address, configured)
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		p.failAll([]Table{configured}, err)
		return err
	}
	for _, name := range configured.Columns {
		if fault := checks.Guard(func() { p.readColumn(ctx, t, name) }); fault != nil {
			told := p.problem(configured, name, fault)
			told.Reason = watch.InternalError
			p.sink(told)
		}
	}
	if ctx.Err() == nil {
		p.remark(t)
	}
	return nil
}

// ahead is what was found in a column.
type ahead struct {
	count    int64
	furthest time.Time
	ids      []string
}

func (p *pass) readColumn(ctx context.Context, t *table, name string) {
	if ctx.Err() != nil {
		return
	}
	b, err := t.bound(name, p.now.Add(p.tolerance(t.Table)))
	var found ahead
	if err == nil {
		err = p.conn.Read(ctx, func(ctx context.Context, tx *sqlread.Tx) (err error) {
			found, err = p.find(ctx, tx, t, name, b)
			return err
		})
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		p.sink(p.problem(t.Table, name, err))
	default:
		p.sink(p.condition(t, name, b, found))
	}
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

// failAll tells of every subject of the tables that it could not be read.
func (p *pass) failAll(tables []Table, err error) {
	for _, t := range tables {
		for _, name := range t.Columns {
			p.sink(p.problem(t, name, err))
		}
	}
}

// explained is why something could not be read.
func explained(err error) (watch.Reason, string) {
	if failed, ok := errors.AsType[*sqlread.Failure](err); ok {
		return failed.Reason, failed.Remedy
	}
	return watch.Unreadable, ""
}
