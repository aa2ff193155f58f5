package schema

import (
	"regexp"
	"strings"

	"lapsewatch/internal/sqlread"
)

// language is what the statements of a dialect are. Names are quoted or parameters;
// nothing of a row is ever pasted in but numbers that this package has read as such.
type language struct {
	dialect sqlread.Dialect
	// schema is where a table is that is named without one; empty: the database.
	schema string
	// columns lists those of a table, by schema and table; numbered those of a schema that
	// are numbered, by schema, up to one more than maxNumbered. Both yield what column has.
	columns, numbered string
	// brief: numbered leaves out the defaults.
	brief bool
	// leading, where columns cannot say it, lists the columns of a table that an index
	// begins with, and whether one of those is ordered (1).
	leading string
	// sequence asks what a sequence is like, and yields what series has; position asks
	// where it stands, where that is another statement: the number, and whether that was
	// handed out (1) or is the next one (0).
	sequence func(name sqlread.TableName) (statement string, args []any)
	position func(name sqlread.TableName) string
	// counter asks the same of what a column counts by itself, by schema, table and column.
	counter string
	// smallest and largest ask for the number that is taken next to another one.
	smallest, largest string
	// drawn finds the sequence in a default.
	drawn *regexp.Regexp
	// closing ends a quoted name in a default; doubled it stands for itself.
	closing string
}

func languageOf(dialect sqlread.Dialect) language {
	return map[sqlread.Dialect]func() language{
		sqlread.PostgreSQL: speakPostgres, sqlread.MySQL: speakMySQL, sqlread.SQLServer: speakSQLServer,
	}[dialect]()
}

// sequenceOf reads which sequence a default draws its numbers from, without anything done
// to them. The catalog writes the default, and quotes both parts of the name.
func (l language) sequenceOf(text string) (sqlread.TableName, bool) {
	if l.drawn == nil || len(text) > maxDefault {
		return sqlread.TableName{}, false
	}
	parts := l.drawn.FindStringSubmatch(text)
	if parts == nil {
		return sqlread.TableName{}, false
	}
	plain := func(part string) string { return strings.ReplaceAll(part, l.closing+l.closing, l.closing) }
	return sqlread.TableName{Schema: plain(parts[1]), Table: plain(parts[2])}, true
}

// maxDefault is far longer than a default that names a sequence.
const maxDefault = 1000
