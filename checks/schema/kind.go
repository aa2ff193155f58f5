// Package schema watches what numbers the rows of tables by itself, in PostgreSQL, MySQL,
// MariaDB and SQL Server: that it is still there and as it was, and when its numbers are
// used up at the present rate of growth.
//
// It only reads, and bounds what it asks of the server. What it saw first is what it
// compares with, until a change is accepted in the configuration. It restores no numbering,
// does not see numbering by triggers or by applications, and watches nothing else of a
// schema: no types, keys or rights.
package schema

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lapsewatch/checks"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("schema", defaults, New)

type check struct {
	options  Options
	address  sqlread.Address
	language language
	env      checks.Env
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	address, err := options.Database.Address()
	if err != nil {
		return nil, fmt.Errorf("read the address of the database: %w", err)
	}
	return &check{options: options, address: address, language: languageOf(address.Dialect), env: env}, nil
}

// Collect implements watch.Check. It uses one connection, and one statement at a time. A
// database that cannot be connected to is a *watch.SourceError, and no problem of a column.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	c.env.Expect(len(c.options.Tables) + len(c.options.Schemas))
	return c.look(ctx, c.options.Tables, c.options.Schemas, sink, nil)
}

// Recheck implements watch.Rechecker: it reads the columns once more, with a connection of
// its own. What broke off at a moment's lock is read then.
func (c *check) Recheck(ctx context.Context, subjectIDs []string, sink watch.Sink) error {
	concerns := func(prefix string) bool {
		return slices.ContainsFunc(subjectIDs, func(id string) bool { return strings.HasPrefix(id, prefix) })
	}
	var tables []Table
	for _, t := range c.options.Tables {
		if concerns(c.tableID(c.nameOf(t))) {
			tables = append(tables, t)
		}
	}
	var schemas []string
	for _, schema := range c.options.Schemas {
		if concerns(c.schemaID(schema)) {
			schemas = append(schemas, schema)
		}
	}
	if len(tables)+len(schemas) == 0 {
		return nil
	}
	asked := func(id string) bool { return slices.Contains(subjectIDs, id) }
	return c.look(ctx, tables, schemas, sink, asked)
}

// look is a pass. It tells of those subjects only that were asked for; nil asks for all.
func (c *check) look(ctx context.Context, tables []Table, schemas []string, sink watch.Sink, asked func(id string) bool) error {
	p := &pass{check: c, sink: sink, asked: asked, now: c.env.Now().UTC(), seen: map[string]bool{}}
	err := p.read(ctx, tables, schemas)
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
	return checks.TryByCollecting(ctx, checks.Collecting(func(ctx context.Context, sink watch.Sink) error {
		err := c.Collect(ctx, sink)
		if source, ok := errors.AsType[*watch.SourceError](err); ok {
			sink(source.Problem)
			return nil
		}
		return err
	}), "watches the numbering of rows")
}
