package schema

import (
	"context"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// restoring is how a numbering is restored.
type restoring struct {
	// statement numbers the column again as it was; empty where there is none that could
	// stand as it is in a message.
	statement string
	// behind: nobody knows whether the sequence stands behind numbers that are taken.
	behind bool
}

// restoring works it out. lost is why there is no connection any more.
func (l *look) restoring(ctx context.Context) (how restoring, lost error) {
	r := restoration{column: l.column, was: l.before.Baseline}
	failed, lost := l.within(ctx, func(ctx context.Context, tx *sqlread.Tx) (err error) {
		r.from, err = l.beyondAll(ctx, tx)
		r.column.indexed = l.column.indexed
		if err != nil || r.was.Kind != bySequence {
			return err
		}
		return l.readSequence(ctx, tx, &r)
	})
	if failed != nil || lost != nil || !r.showable() || !r.safe(l.address.Dialect) {
		return restoring{}, lost
	}
	writers := map[sqlread.Dialect]func(restoration) string{
		sqlread.PostgreSQL: restorePostgres, sqlread.MySQL: restoreMySQL, sqlread.SQLServer: restoreSQLServer,
	}
	return restoring{statement: writers[l.address.Dialect](r), behind: r.there && r.from == nil}, nil
}

// readSequence notes whether the sequence is there, and whether it stands behind numbers that
// are taken.
func (l *look) readSequence(ctx context.Context, tx *sqlread.Tx, r *restoration) error {
	name := sqlread.TableName(r.was.Sequence)
	there, err := l.language.exists(ctx, tx, name)
	if r.there = there; err != nil || !there || r.from == nil {
		return err
	}
	found, _, err := l.language.readSeries(ctx, tx, l.column, r.was)
	r.setOn = err != nil || found.next == nil || found.beyond(r.from, found.next)
	if reason, _ := explained(err); reason == watch.PermissionDenied {
		return nil // it can be set on without being read
	}
	return err
}

// beyondAll is the next number that was seen last, or the one beyond the largest that a row
// has, whichever comes later; nil if nobody can look for that row.
func (l *look) beyondAll(ctx context.Context, tx *sqlread.Tx) (*big.Int, error) {
	next, known := number(l.before.Next)
	increment, stepped := number(l.before.Baseline.Increment)
	held, typed := spanOf(l.language.dialect, l.column.typeName)
	if !known || !stepped || increment.Sign() == 0 || !typed {
		return nil, nil //nolint:nilnil // that nothing is known is no error
	}
	if err := l.readLeading(ctx, tx); err != nil || !l.column.leads || !l.column.readable {
		return nil, err
	}
	s := series{increment: increment, next: held.highest}
	pattern := l.language.largest
	if !s.up() {
		pattern, s.next = l.language.smallest, held.lowest
	}
	taken, err := l.language.extreme(ctx, tx, l.column, pattern, s.next)
	if err != nil || taken == nil || s.beyond(next, taken) {
		return next, err
	}
	return taken.Add(taken, increment), nil
}

// exists reports whether a sequence is there.
func (l language) exists(ctx context.Context, tx *sqlread.Tx, name sqlread.TableName) (bool, error) {
	var said answer
	statement, args := l.sequence(name)
	err := l.ask(ctx, tx, "look up sequence "+name.String(), &said, statement, args...)
	if reason, _ := explained(err); err != nil && reason == watch.NotFound {
		return false, nil
	}
	return err == nil, err
}

// restoration is what a statement that restores a numbering is made from.
type restoration struct {
	column column
	was    state
	// there: the sequence still exists. setOn: it has to be set on to from.
	there, setOn bool
	// from is the number to go on with; nil if it is not known.
	from *big.Int
}

var typePattern = regexp.MustCompile(`^[a-z]+(\([0-9]+,[0-9]+\))?( unsigned)?$`)

// showable is true where a message shows each part of the statement letter by letter: a
// back-tick ends the statement, and the rest steers a chat or a page.
func (r restoration) showable() bool {
	for _, name := range []string{r.column.schema, r.column.table, r.column.name, r.was.Sequence.Schema, r.was.Sequence.Table} {
		if clean.Text(name, sqlread.MaxName) != name || strings.ContainsAny(name, "`|\\<>&@") || strings.Contains(name, "  ") || strings.Contains(name, "://") {
			return false
		}
	}
	return typePattern.MatchString(r.was.Type) && r.was.Kind != byExpression
}

// safe: what is made anew without knowing where to go on would hand out numbers that are
// taken. MySQL finds that out by itself.
func (r restoration) safe(dialect sqlread.Dialect) bool {
	return r.from != nil || r.there || dialect == sqlread.MySQL && r.was.Kind != bySequence
}

// begin says where to go on, and in which steps, as CREATE SEQUENCE wants it.
func (r restoration) begin() string {
	var parts []string
	if r.from != nil {
		parts = append(parts, "START WITH "+r.from.String())
	}
	if increment, ok := number(r.was.Increment); ok && increment.Cmp(big.NewInt(1)) != 0 {
		parts = append(parts, "INCREMENT BY "+increment.String())
	}
	return strings.Join(parts, " ")
}

func restorePostgres(r restoration) string {
	quote := sqlread.PostgreSQL.QuoteAll
	alter := "ALTER TABLE " + quote(r.column.schema, r.column.table) + " "
	column := "ALTER COLUMN " + quote(r.column.name) + " "
	if r.was.Kind != bySequence {
		if r.column.fallback != "" {
			alter += column + "DROP DEFAULT, "
		}
		if !r.column.key {
			alter += column + "SET NOT NULL, "
		}
		how := "BY DEFAULT"
		if strings.HasSuffix(r.was.Kind, "always") {
			how = "ALWAYS"
		}
		added := "ADD GENERATED " + how + " AS IDENTITY"
		if options := r.begin(); options != "" {
			added += " (" + options + ")"
		}
		return alter + column + added
	}
	sequence := quote(r.was.Sequence.Schema, r.was.Sequence.Table)
	alter += column + "SET DEFAULT nextval('" + strings.ReplaceAll(sequence, "'", "''") + "'::regclass)"
	if r.setOn {
		alter += fmt.Sprintf("; SELECT setval('%s', %s, false)", strings.ReplaceAll(sequence, "'", "''"), r.from)
	}
	if r.there {
		return alter
	}
	created := strings.TrimSpace("CREATE SEQUENCE " + sequence + " AS " + postgresSequenceType(r.was.Type) + " " + r.begin())
	return created + " OWNED BY " + quote(r.column.schema, r.column.table, r.column.name) + "; " + alter
}

// postgresSequenceType is the type of a sequence for a column: there are three.
func postgresSequenceType(column string) string {
	if column == "smallint" || column == "integer" {
		return column
	}
	return "bigint"
}

// restoreMySQL uses double quotes, because back-ticks would end the statement in a message.
func restoreMySQL(r restoration) string {
	quote := sqlread.PostgreSQL.QuoteAll
	const ansi = "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES'); "
	alter := "ALTER TABLE " + quote(r.column.schema, r.column.table) + " "
	if r.was.Kind != bySequence {
		if !r.column.indexed && !strings.HasSuffix(r.was.Kind, inGroups) {
			// Without an index MySQL refuses the property.
			alter += "ADD UNIQUE (" + quote(r.column.name) + "), "
		}
		return ansi + alter + "MODIFY " + quote(r.column.name) + " " + r.was.Type + " NOT NULL AUTO_INCREMENT"
	}
	sequence := quote(r.was.Sequence.Schema, r.was.Sequence.Table)
	alter += "ALTER COLUMN " + quote(r.column.name) + " SET DEFAULT (NEXTVAL(" + sequence + "))"
	if r.setOn {
		alter += fmt.Sprintf("; SELECT SETVAL(%s, %s, 0)", sequence, r.from)
	}
	if r.there {
		return ansi + alter
	}
	return ansi + strings.TrimSpace("CREATE SEQUENCE "+sequence+" "+r.begin()) + "; " + alter
}

// restoreSQLServer gives a column that was an IDENTITY a sequence: the property can be
// added to no column that exists (ALTER TABLE, "IDENTITY").
func restoreSQLServer(r restoration) string {
	quote := sqlread.SQLServer.QuoteAll
	sequence, created := r.was.Sequence, ""
	if r.was.Kind != bySequence {
		sequence = sequenceName{Schema: r.column.schema, Table: r.column.table + "_" + r.column.name + "_numbers"}
	}
	name := quote(sequence.Schema, sequence.Table)
	if r.setOn {
		created = fmt.Sprintf("ALTER SEQUENCE %s RESTART WITH %s; ", name, r.from)
	}
	if !r.there {
		created = fmt.Sprintf("CREATE SEQUENCE %s AS %s", name, r.was.Type)
		if options := r.begin(); options != "" {
			created += " " + options
		}
		created += "; "
	}
	return created + "ALTER TABLE " + quote(r.column.schema, r.column.table) + " ADD DEFAULT (NEXT VALUE FOR " + name + ") FOR " + quote(r.column.name)
}
