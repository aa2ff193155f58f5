package schema

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// pass is one run over tables and schemas.
type pass struct {
	*check
	sink watch.Sink
	// asked says which subjects to tell of; nil: all.
	asked  func(id string) bool
	now    time.Time
	conn   *sqlread.Conn
	memory memory
	// seen are the subjects that were told of, and forgotten says that a remark on the
	// memory was made.
	seen      map[string]bool
	forgotten bool
	// watched counts columns.
	watched int
}

// read connects and reads. Its error is why there is no connection.
func (p *pass) read(ctx context.Context, tables []Table, schemas []string) error {
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
	p.conn, p.memory = conn, memory{Memory: p.env.Memory}
	for _, t := range tables {
		if err := p.readTable(ctx, t); err != nil {
			return err
		}
	}
	for _, schema := range schemas {
		if err := p.readSchema(ctx, schema); err != nil {
			return err
		}
	}
	if err := p.memory.save(ctx); err != nil {
		p.unremembered(err)
	}
	return nil
}

// nameOf is a table with its schema.
func (c *check) nameOf(t Table) sqlread.TableName {
	name := t.Name
	if name.Schema == "" {
		name.Schema = c.language.schema
	}
	if name.Schema == "" {
		name.Schema = c.address.Database
	}
	return name
}

// schemaID survives a move to another server. In MySQL the schema is the database.
func (c *check) schemaID(schema string) string {
	if c.language.schema == "" && schema == c.address.Database {
		return sqlread.Written(schema)
	}
	return c.address.Database + "." + sqlread.Written(schema)
}

func (c *check) tableID(name sqlread.TableName) string {
	return c.schemaID(name.Schema) + "." + sqlread.Written(name.Table)
}

func (c *check) subject(name sqlread.TableName, column string) watch.Subject {
	table := c.tableID(name)
	return watch.Subject{ID: table + "/" + column, Name: fmt.Sprintf("%s.%s at %s", table, sqlread.Written(column), c.address.Where())}
}

// tell passes a fact on, if its subject was asked for.
func (p *pass) tell(fact watch.Fact) {
	if p.asked == nil || p.asked(fact.About().ID) {
		p.sink(fact)
	}
}

// within reads in a transaction of its own. lost is why there is no connection any more.
func (p *pass) within(ctx context.Context, work func(context.Context, *sqlread.Tx) error) (failed, lost error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	failed = p.conn.Read(ctx, work)
	if failed == nil {
		return nil, nil
	}
	return failed, p.lost(ctx, failed)
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
		if err = p.conn.Read(ctx, func(context.Context, *sqlread.Tx) error { return nil }); err == nil {
			return nil
		}
	}
	return err
}

// problem is one that hides nothing but its subject.
func problem(subject watch.Subject, err error) watch.Problem {
	reason, remedy := explained(err)
	return watch.Problem{Subject: subject, Reason: reason, Err: err, Confined: true, Remedy: remedy}
}

// explained is why something could not be read.
func explained(err error) (watch.Reason, string) {
	if failed, ok := errors.AsType[*sqlread.Failure](err); ok {
		return failed.Reason, failed.Remedy
	}
	return watch.Unreadable, ""
}

// readTable tells of the columns of a table that must number its rows. What is wrong with
// it hides no other. Its error is why there is no connection any more.
func (p *pass) readTable(ctx context.Context, t Table) error {
	name := p.nameOf(t)
	p.env.Expect(1)
	known, err := p.memory.of(ctx, p.schemaID(name.Schema))
	if err != nil {
		p.unremembered(err)
		known = &register{}
	}
	var columns []column
	failed, lost := p.within(ctx, func(ctx context.Context, tx *sqlread.Tx) (err error) {
		columns, err = p.language.readTable(ctx, tx, name)
		return err
	})
	if lost != nil {
		return lost
	}
	var watched []column
	for _, c := range columns {
		if c.name == t.Column {
			watched = append(watched, c)
		}
	}
	doing := "look up table " + name.String()
	switch {
	case failed != nil:
	case t.Column == "":
		if watched = p.language.chosen(columns, known.columns(name.Table)); len(watched) == 0 {
			failed = notFound("Name the column that numbers the rows, as column.", "%s: no column of it is numbered, and its primary key is not one whole number", doing)
		}
	case len(watched) == 0:
		failed = notFound("Correct the name of the column, in the spelling of the catalog.", "%s: there is no column %s, or the user may not see it", doing, t.Column)
	}
	if failed != nil {
		p.tableUnread(name, t.Column, known, failed)
		return nil
	}
	p.watched += len(watched)
	for _, c := range watched {
		if err := p.readColumn(ctx, c, known, true); err != nil {
			return err
		}
	}
	return nil
}

// tableUnread tells why a table could not be read: of each column that is known of, or
// else of the table, which hides its columns.
func (p *pass) tableUnread(name sqlread.TableName, column string, known *register, err error) {
	columns := known.columns(name.Table)
	if column != "" {
		columns = []string{column}
	}
	for _, column := range columns {
		if subject := p.subject(name, column); !p.seen[subject.ID] {
			p.seen[subject.ID] = true
			p.tell(problem(subject, err))
		}
	}
	if len(columns) > 0 {
		return
	}
	table := p.tableID(name)
	told := problem(watch.Subject{ID: table, Name: table + " at " + p.address.Where()}, err)
	told.HidesPrefix = table + "/"
	p.tell(told)
}

// readColumn tells of one column, once. A failure of ours is told of it too.
func (p *pass) readColumn(ctx context.Context, c column, known *register, listed bool) error {
	subject := p.subject(c.tableName(), c.name)
	if p.seen[subject.ID] || p.asked != nil && !p.asked(subject.ID) {
		return nil
	}
	p.seen[subject.ID] = true
	l := &look{pass: p, subject: subject, column: c, known: known, listed: listed}
	var lost error
	if fault := checks.Guard(func() { lost = l.read(ctx) }); fault != nil {
		told := problem(subject, fault)
		told.Reason = watch.InternalError
		p.tell(told)
	}
	return lost
}

// unremembered says once that the memory cannot be used.
func (p *pass) unremembered(err error) {
	if !p.forgotten && p.asked == nil {
		p.sink(watch.Remark{Text: "whether the numbering is as it was is not seen: " + err.Error()})
	}
	p.forgotten = true
}
