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
	"slices"
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

// Collect implements watch.Check. It uses one connection, and one statement at a time. A
// database that cannot be connected to is a *watch.SourceError, and no problem of a column.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	subjects := 0
	for _, t := range c.options.Tables {
		subjects += len(t.Columns)
	}
	c.env.Expect(subjects)
	return c.look(ctx, c.options.Tables, sink)
}

// Recheck implements watch.Rechecker: it reads the columns once more, with a connection of
// its own. What broke off at a moment's lock is read then.
func (c *check) Recheck(ctx context.Context, subjectIDs []string, sink watch.Sink) error {
	var asked []Table
	for _, t := range c.options.Tables {
		whole := t.Columns
		t.Columns = slices.DeleteFunc(slices.Clone(whole), func(name string) bool {
			return !slices.Contains(subjectIDs, c.subject(t, name).ID)
		})
		if len(t.Columns) > 0 {
			asked = append(asked, t)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	return c.look(ctx, asked, sink)
}

// look is a pass over the tables.
func (c *check) look(ctx context.Context, tables []Table, sink watch.Sink) error {
	p := &pass{check: c, present: c.present(ctx), sink: sink}
	err := p.read(ctx, tables)
	if ctx.Err() != nil {
		return fmt.Errorf("the pass over %s was cut short: %w", c.address, context.Cause(ctx))
	}
	if err != nil {
		return &watch.SourceError{Problem: c.unreachable(err)}
	}
	return nil
}

// unreachable is the problem of the database as a whole. What was known of its columns
// stands, because it is not confined.
func (c *check) unreachable(err error) watch.Problem {
	reason, remedy := explained(err)
	return watch.Problem{
		Subject: watch.Subject{ID: "database", Name: c.address.String()}, Reason: reason, Err: err, Remedy: remedy,
	}
}

// Try reads each column once. A database that cannot be connected to is the one ability
// that is missing.
func (c *check) Try(ctx context.Context) []watch.Ability {
	return checks.TryByCollecting(ctx, tried{c}, "finds rows dated in the future")
}

// tried tells of the database as of any subject.
type tried struct{ check *check }

func (t tried) Collect(ctx context.Context, sink watch.Sink) error {
	err := t.check.Collect(ctx, sink)
	if source, ok := errors.AsType[*watch.SourceError](err); ok {
		sink(source.Problem)
		return nil
	}
	return err
}
