package schema

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// column is one of a table, as the catalog has it.
type column struct {
	schema, table, name, typeName string
	// counts is how it counts by itself, in the words of a message; empty if it does not.
	counts string
	// fallback is its default.
	fallback string
	// sequence is what its default or identity draws from, where the catalog says so.
	sequence sqlread.TableName
	// key: it is part of the primary key. leads: an index begins with it. readable: its
	// rows may be read.
	key, leads, readable bool
	// indexed: an index of any kind begins with it. grouped: it is part of indexes, and none
	// begins with it.
	indexed, grouped bool
}

func (c column) tableName() sqlread.TableName {
	return sqlread.TableName{Schema: c.schema, Table: c.table}
}

// list runs a statement that yields columns of a schema.
func list(ctx context.Context, tx *sqlread.Tx, doing, statement, schema string, more ...any) ([]column, error) {
	var found []column
	err := tx.Query(ctx, doing, func(scan func(...any) error) error {
		c := column{schema: schema}
		var key, leads, readable int
		err := scan(&c.table, &c.name, &c.typeName, &c.counts, &c.fallback, &c.sequence.Schema, &c.sequence.Table, &key, &leads, &readable)
		c.key, c.leads, c.readable = key != 0, leads != 0, readable != 0
		found = append(found, c)
		return err
	}, statement, append([]any{schema}, more...)...)
	return found, err
}

// columns lists those of a table. A table without any is not found.
func (l language) readTable(ctx context.Context, tx *sqlread.Tx, name sqlread.TableName) ([]column, error) {
	doing := "look up table " + name.String()
	found, err := list(ctx, tx, doing, l.columns, name.Schema, name.Table)
	if err != nil || len(found) == 0 {
		if err == nil {
			err = notFound("Correct the name, in the spelling of the catalog, or grant the user SELECT on the table.",
				"%s: there is no such table, or the user may not see it", doing)
		}
		return nil, err
	}
	return found, l.readLeading(ctx, tx, doing, name, found)
}

// readLeading notes which columns an index begins with. Of a table without any that may be
// seen nothing is known.
func (l language) readLeading(ctx context.Context, tx *sqlread.Tx, doing string, name sqlread.TableName, columns []column) error {
	if l.leading == "" {
		return nil
	}
	seen := false
	err := tx.Query(ctx, doing, func(scan func(...any) error) error {
		var leading string
		var ordered int
		err := scan(&leading, &ordered)
		for i := range columns {
			if columns[i].name == leading {
				columns[i].indexed, columns[i].leads = true, columns[i].leads || ordered != 0
			}
		}
		seen = true
		return err
	}, l.leading, name.Schema, name.Table)
	for i := range columns {
		columns[i].grouped = err == nil && seen && !columns[i].indexed
	}
	return err
}

func notFound(remedy, format string, parts ...any) *sqlread.Failure {
	return &sqlread.Failure{Reason: watch.NotFound, Err: fmt.Errorf(format, parts...), Remedy: remedy}
}

// calling is a default that calls something.
var calling = regexp.MustCompile(`[A-Za-z0-9_"\]\x60]\(`)

// state is how the column is numbered, without its range.
func (l language) state(c column) state {
	s := state{Kind: c.counts, Type: clean.Text(c.typeName, maxShown)}
	if s.numbered() {
		return s
	}
	if l.drawn == nil && c.sequence.Table != "" && strings.HasPrefix(c.fallback, "nextval('") && strings.HasSuffix(c.fallback, "'::regclass)") {
		s.Kind, s.Sequence = bySequence, sequenceName(c.sequence)
		return s
	}
	if sequence, drawn := l.sequenceOf(c.fallback); drawn {
		s.Kind, s.Sequence = bySequence, sequenceName(sequence)
		return s
	}
	if calling.MatchString(c.fallback) {
		s.Kind, s.Expression = byExpression, clean.Text(c.fallback, maxExpression)
	}
	return s
}

// drawsFrom is the sequence that the numbers come from; false if the column counts by
// itself, or nobody knows.
func (c column) drawsFrom(s state) (sqlread.TableName, bool) {
	if s.Kind == bySequence {
		return sqlread.TableName(s.Sequence), true
	}
	return c.sequence, s.Kind != byExpression && s.numbered() && c.sequence.Table != ""
}

// chosen are the columns of a table that are watched where none is named: those that are
// numbered or known to have been, or else a primary key of one whole number.
func (l language) chosen(columns []column, known []string) []column {
	var found, key []column
	for _, c := range columns {
		if kind := l.state(c).Kind; kind != "" && kind != byExpression || slices.Contains(known, c.name) {
			found = append(found, c)
		}
		if c.key {
			key = append(key, c)
		}
	}
	if len(found) == 0 && len(key) == 1 && whole(l.dialect, key[0].typeName) {
		return key
	}
	return found
}
