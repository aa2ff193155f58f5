package records

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// column is one of a table, as the catalog has it.
type column struct {
	name, typeName string
	// key is its place in the primary key, from 1; 0 if it is not part of it.
	key      int
	readable bool
}

// table is a configured one with what the catalog says of it.
type table struct {
	Table
	language language
	schema   string
	columns  map[string]column
	// ids tell rows apart; there may be none.
	ids []column
	// indexed are the columns that an index begins with.
	indexed map[string]bool
	// rows is about how many there are, as the server estimates; zero if it does not know.
	rows int64
	// hidden: row-level security may hide rows from the user.
	hidden bool
}

// quoted is the table in a statement.
func (t table) quoted() string { return t.language.dialect.QuoteAll(t.schema, t.Name.Table) }

// named is the table for people.
func (t table) named() string {
	return sqlread.TableName{Schema: t.schema, Table: t.Name.Table}.String()
}

func schemaOf(t Table, address sqlread.Address) string {
	speaks := languageOf(address.Dialect)
	switch {
	case t.Name.Schema != "":
		return t.Name.Schema
	case speaks.schema != "":
		return speaks.schema
	default:
		return address.Database
	}
}

func notFound(remedy string, format string, parts ...any) *sqlread.Failure {
	return &sqlread.Failure{Reason: watch.NotFound, Err: fmt.Errorf(format, parts...), Remedy: remedy}
}

// look reads of the catalog what a table is.
func look(ctx context.Context, tx *sqlread.Tx, address sqlread.Address, configured Table) (*table, error) {
	t := &table{
		Table: configured, language: languageOf(address.Dialect), schema: schemaOf(configured, address),
		columns: map[string]column{}, indexed: map[string]bool{},
	}
	doing := "look up table " + t.named()
	var listed []column
	err := tx.Query(ctx, doing, func(scan func(...any) error) error {
		var c column
		var readable int
		err := scan(&c.name, &c.typeName, &c.key, &readable)
		c.readable = readable != 0
		listed = append(listed, c)
		return err
	}, t.language.columns, t.schema, t.Name.Table)
	if err != nil {
		return nil, err
	}
	if len(listed) == 0 {
		return nil, notFound("Correct the name, in the spelling of the catalog, or grant the user SELECT on the table.", "%s: there is no such table, or the user may not see it", doing)
	}
	for _, c := range listed {
		t.columns[c.name] = c
	}
	if err := t.chooseIDs(doing, listed); err != nil {
		return nil, err
	}
	err = tx.Query(ctx, doing, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		t.indexed[name] = true
		return err
	}, t.language.indexes, t.schema, t.Name.Table)
	if err != nil {
		return nil, err
	}
	err = tx.Query(ctx, doing, func(scan func(...any) error) error { return scan(&t.rows) }, t.language.size, t.schema, t.Name.Table)
	if err != nil || t.language.hidden == "" {
		return t, err
	}
	return t, tx.Query(ctx, doing, func(scan func(...any) error) error {
		var hidden int
		err := scan(&hidden)
		t.hidden = hidden != 0
		return err
	}, t.language.hidden, t.schema, t.Name.Table)
}

// unseen is why a column in which nothing was found is not in order.
func (t table) unseen(name string) *sqlread.Failure {
	return &sqlread.Failure{
		Reason: watch.PermissionDenied, Err: fmt.Errorf("read %s.%s: no row that this user may see lies ahead, and row-level security may hide others", t.named(), name),
		Remedy: "Give the role a policy that lets it SELECT all rows (FOR SELECT … USING (true), with no restrictive one beside it), or BYPASSRLS.",
	}
}

// chooseIDs takes the configured columns, or the primary key as far as that may be read:
// that rows were found must not be lost because nobody may name them.
func (t *table) chooseIDs(doing string, listed []column) error {
	for _, name := range t.ID {
		c, known := t.columns[name]
		if !known {
			return notFound("Correct id.", "%s: there is no column %s", doing, name)
		}
		t.ids = append(t.ids, c)
	}
	if len(t.ID) > 0 {
		return nil
	}
	for _, c := range listed {
		if c.key > 0 {
			t.ids = append(t.ids, c)
		}
	}
	if len(t.ids) > maxIDs || slices.ContainsFunc(t.ids, func(c column) bool { return !c.readable }) {
		t.ids = nil
	}
	slices.SortFunc(t.ids, func(a, b column) int { return a.key - b.key })
	return nil
}

var errNoEpoch = errors.New("say what it counts, as epoch: s, ms, us or ns")

// bound is what the column's values are compared with. after is the latest instant in
// order.
func (t table) bound(name string, after time.Time) (bound, error) {
	doing := fmt.Sprintf("read %s.%s", t.named(), name)
	c, known := t.columns[name]
	if !known {
		return bound{}, notFound("Correct the name of the column, in the spelling of the catalog.", "%s: there is no such column, or the user may not see it", doing)
	}
	kind, known := moments(t.language.dialect)[c.typeName]
	unfit := func(err error, remedy string) (bound, error) {
		return bound{}, &sqlread.Failure{Reason: watch.Unparsable, Err: fmt.Errorf("%s: %w", doing, err), Remedy: remedy}
	}
	typeName := clean.Text(c.typeName, sqlread.MaxName)
	if !known {
		return unfit(fmt.Errorf("its type is %s, which is no date", typeName), "Name a column with a date, or a view that makes one of it.")
	}
	zone, err := t.zone()
	if err != nil {
		return unfit(err, "Correct zone.")
	}
	b := bound{moment: kind, zone: zone, after: after}
	if kind.form == aDay {
		// It is tomorrow already in zones ahead.
		b.after = after.UTC().Truncate(day).Add(day)
	}
	if kind.form == aCount {
		if t.Epoch == "" {
			return unfit(fmt.Errorf("its type is %s: %w", typeName, errNoEpoch), "Set epoch of the table.")
		}
		b.unit = units()[t.Epoch]
		if n, ok := b.unit.count(after); !ok || n >= kind.most {
			return unfit(fmt.Errorf("its type is %s, which cannot hold today in %s since 1970", typeName, b.unit.name), "Correct epoch of the table.")
		}
	}
	return b, nil
}

// mostCounted is where counting stops.
const mostCounted = 100_000

// counting is the statement that counts the rows ahead, up to one more than mostCounted.
func (t table) counting(name string, b bound) string {
	return t.language.count(t.quoted(), b.condition(t.language.dialect.Quote(name)), mostCounted+1)
}

// listing is the statement that lists the rows that are furthest ahead: the date, and
// then the ids.
func (t table) listing(name string, b bound, rows int) string {
	quoted := t.language.dialect.Quote(name)
	expressions := []string{quoted}
	for _, id := range t.ids {
		expressions = append(expressions, t.language.asText(id))
	}
	return t.language.list(strings.Join(expressions, ", "), t.quoted(), b.condition(quoted), quoted, rows)
}
