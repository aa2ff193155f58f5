package schema

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// readSchema tells of all columns of a schema that are numbered, or were. Its error is why
// there is no connection any more.
func (p *pass) readSchema(ctx context.Context, schema string) error {
	doing := "list the numbered columns of the schema " + sqlread.Written(schema)
	known, err := p.memory.of(ctx, p.schemaID(schema))
	if err != nil {
		p.unremembered(err)
		known = &register{}
	}
	var columns []column
	failed, lost := p.within(ctx, func(ctx context.Context, tx *sqlread.Tx) (err error) {
		columns, err = list(ctx, tx, doing, p.language.numbered, schema)
		return err
	})
	if lost != nil {
		return lost
	}
	if failed != nil {
		p.schemaUnread(schema, failed)
		return nil
	}
	missing := missingFrom(columns, known)
	if room := min(maxNumbered, max(maxWatched-p.watched, 0)); len(columns) > room {
		p.schemaUnread(schema, &sqlread.Failure{
			Reason: watch.TooLarge, Err: fmt.Errorf("%s: there are more than %d, and only the first are watched", doing, room),
			Remedy: "Name the tables that matter under tables, or give each schema a check of its own.",
		})
		columns = columns[:room]
	}
	p.watched += len(columns)
	p.env.Expect(len(columns))
	for _, c := range columns {
		if err := p.readNumbered(ctx, c, known); err != nil {
			return err
		}
	}
	return p.readMissing(ctx, schema, doing, missing, known, len(columns))
}

// readNumbered tells of a column of the list, with what that leaves out.
func (p *pass) readNumbered(ctx context.Context, c column, known *register) error {
	subject := p.subject(c.tableName(), c.name)
	if !p.language.brief || p.seen[subject.ID] || p.asked != nil && !p.asked(subject.ID) {
		return p.readColumn(ctx, c, known, false)
	}
	var columns []column
	failed, lost := p.within(ctx, func(ctx context.Context, tx *sqlread.Tx) (err error) {
		columns, err = p.language.readTable(ctx, tx, c.tableName())
		return err
	})
	i := slices.IndexFunc(columns, func(found column) bool { return found.name == c.name })
	switch {
	case lost != nil:
		return lost
	case failed != nil:
		p.seen[subject.ID] = true
		p.tell(problem(subject, failed))
		return nil
	case i < 0:
		// It went between the two questions.
		return nil
	}
	return p.readColumn(ctx, columns[i], known, false)
}

// missingFrom are the columns that were numbered and are not among these, by their tables.
func missingFrom(columns []column, known *register) [][]entry {
	there := map[entry]bool{}
	for _, c := range columns {
		there[entry{c.table, c.name}] = true
	}
	var tables [][]entry
	at := map[string]int{}
	for _, e := range known.entries {
		if there[e] {
			continue
		}
		i, begun := at[e.Table]
		if !begun {
			i = len(tables)
			at[e.Table], tables = i, append(tables, nil)
		}
		tables[i] = append(tables[i], e)
	}
	return tables
}

// readMissing looks for what was numbered and is not any more. What is gone with its table
// is no loss.
func (p *pass) readMissing(ctx context.Context, schema, doing string, missing [][]entry, known *register, listed int) error {
	var gone []string
	found := listed
	for _, entries := range missing {
		name := sqlread.TableName{Schema: schema, Table: entries[0].Table}
		var columns []column
		failed, lost := p.within(ctx, func(ctx context.Context, tx *sqlread.Tx) (err error) {
			columns, err = p.language.readTable(ctx, tx, name)
			return err
		})
		if lost != nil {
			return lost
		}
		if reason, _ := explained(failed); failed != nil && reason != watch.NotFound {
			p.tableUnread(name, "", known, failed)
			found++
			continue
		}
		for _, e := range entries {
			i := slices.IndexFunc(columns, func(c column) bool { return c.name == e.Column })
			if i < 0 {
				gone = append(gone, p.gone(ctx, name, e, known)...)
				continue
			}
			found++
			if err := p.readColumn(ctx, columns[i], known, false); err != nil {
				return err
			}
		}
	}
	if found == 0 {
		p.schemaUnread(schema, notFound("Correct the name, in the spelling of the catalog, or give the user the rights that the documentation of this check names.",
			"%s: there are none, or the user may see none", doing))
	} else if len(gone) > 0 && p.asked == nil {
		p.sink(watch.Remark{Text: goneText(gone)})
	}
	return nil
}

// maxGone is how many that are gone a remark names, and newlyGone for how long it does.
const (
	maxGone   = 5
	newlyGone = 48 * time.Hour
)

// gone is the name of a column that is not there any more, for a while. It is remembered
// for longer, since a table that is made anew takes its place.
func (p *pass) gone(ctx context.Context, name sqlread.TableName, e entry, known *register) []string {
	subject := p.subject(name, e.Column)
	r, err := p.memory.recall(ctx, subject.ID)
	if err != nil && !errors.Is(err, errDamaged) {
		p.unremembered(err)
		return nil
	}
	age := p.now.Sub(time.Unix(r.Seen, 0))
	if age > remembered {
		known.remove(e)
		if err := p.memory.forget(ctx, subject.ID); err != nil {
			p.unremembered(err)
		}
	}
	if age > newlyGone {
		return nil
	}
	return []string{shown(name.String() + "." + sqlread.Written(e.Column))}
}

func goneText(gone []string) string {
	text := "no longer there, and so no longer watched: " + strings.Join(gone[:min(len(gone), maxGone)], ", ")
	if rest := len(gone) - maxGone; rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

func (p *pass) schemaUnread(schema string, err error) {
	id := p.schemaID(schema)
	told := problem(watch.Subject{ID: id, Name: fmt.Sprintf("schema %s at %s", id, p.address.Where())}, err)
	told.HidesPrefix = id + "."
	p.tell(told)
}
