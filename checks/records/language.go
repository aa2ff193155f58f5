package records

import (
	"fmt"
	"strings"

	"lapsewatch/internal/sqlread"
)

// language is what the statements of a dialect are. Names are quoted, and what they are
// compared with are constants that this package wrote: nothing of a row or an option is
// ever pasted in.
type language struct {
	dialect sqlread.Dialect
	// schema is where a table is that is named without one; empty: the database.
	schema string
	// columns, indexes and size ask the catalog, by schema and table. columns yields name,
	// type, place in the primary key (from 1, or 0) and whether it may be read (1 or 0);
	// indexes the columns that an index begins with; size about how many rows there are.
	// hidden, where there is such a thing to ask about, yields whether row-level security
	// may hide rows from the user (1 or 0).
	columns, indexes, size, hidden string
	// count has the table, the condition and a limit; list has a list of expressions, the
	// table, the condition, the column and a limit.
	count, list func(parts ...any) string
	// text writes a value of an id as a short text; %s is its column. binary does so for
	// types that are no text.
	text, binary string
	binaryTypes  []string
}

func format(pattern string) func(...any) string {
	return func(parts ...any) string { return fmt.Sprintf(pattern, parts...) }
}

func languageOf(dialect sqlread.Dialect) language {
	return map[sqlread.Dialect]func() language{
		sqlread.PostgreSQL: speakPostgres, sqlread.MySQL: speakMySQL, sqlread.SQLServer: speakSQLServer,
	}[dialect]()
}

// asText is the expression for an id.
func (l language) asText(c column) string {
	for _, typeName := range l.binaryTypes {
		if strings.HasPrefix(c.typeName, typeName) {
			return fmt.Sprintf(l.binary, l.dialect.Quote(c.name))
		}
	}
	return fmt.Sprintf(l.text, l.dialect.Quote(c.name))
}

func speakPostgres() language {
	const table = ` FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace`
	const named = ` WHERE s.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`
	return language{
		dialect: sqlread.PostgreSQL, schema: "public",
		columns: `SELECT a.attname, format_type(COALESCE(NULLIF(t.typbasetype, 0), t.oid), NULL),` +
			` COALESCE((SELECT k.place FROM unnest(p.indkey::int2[]) WITH ORDINALITY AS k (number, place) WHERE k.number = a.attnum), 0),` +
			` CASE WHEN has_column_privilege(c.oid, a.attnum, 'SELECT') THEN 1 ELSE 0 END` + table +
			` JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped` +
			` JOIN pg_type t ON t.oid = a.atttypid` +
			` LEFT JOIN pg_index p ON p.indrelid = c.oid AND p.indisprimary` + named + ` ORDER BY a.attnum LIMIT 2000`,
		indexes: `SELECT DISTINCT a.attname` + table +
			` JOIN pg_index i ON i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL` +
			` JOIN pg_class b ON b.oid = i.indexrelid JOIN pg_am m ON m.oid = b.relam AND m.amname = 'btree'` +
			` JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]` + named + ` LIMIT 2000`,
		// A table that was never analysed has −1, and a partitioned one its rows elsewhere.
		size: `SELECT COALESCE((SELECT sum(GREATEST(p.reltuples, 0)) FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid),` +
			` GREATEST(c.reltuples, 0))::bigint` + table + named + ` LIMIT 1`,
		// Policies that let the user see every row hide none: a permissive one does if it is
		// true, and each restrictive one must be (PostgreSQL documentation, CREATE POLICY).
		hidden: `SELECT CASE WHEN row_security_active(c.oid) AND NOT COALESCE((SELECT` +
			` bool_or(y.polpermissive AND y.polqual IS NOT NULL AND pg_get_expr(y.polqual, y.polrelid) = 'true')` +
			` AND bool_and(y.polpermissive OR y.polqual IS NULL OR pg_get_expr(y.polqual, y.polrelid) = 'true')` +
			` FROM pg_policy y WHERE y.polrelid = c.oid AND y.polcmd IN ('r', '*')` +
			` AND EXISTS (SELECT FROM unnest(y.polroles) AS r (role) WHERE r.role = 0 OR pg_has_role(r.role, 'USAGE'))), false)` +
			` THEN 1 ELSE 0 END` + table + named + ` LIMIT 1`,
		count: format(`SELECT count(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT %d) AS ahead`),
		list:  format(`SELECT %s FROM %s WHERE %s ORDER BY %s DESC LIMIT %d`),
		text:  `left(%s::text, 200)`,
	}
}

func speakMySQL() language {
	return language{
		dialect: sqlread.MySQL,
		columns: `SELECT c.COLUMN_NAME, CONCAT(c.DATA_TYPE, IF(c.COLUMN_TYPE LIKE '%unsigned%', ' unsigned', '')),` +
			` COALESCE(k.ORDINAL_POSITION, 0), IF(c.PRIVILEGES LIKE '%select%', 1, 0)` +
			` FROM information_schema.COLUMNS c LEFT JOIN information_schema.KEY_COLUMN_USAGE k` +
			` ON k.TABLE_SCHEMA = c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME AND k.COLUMN_NAME = c.COLUMN_NAME AND k.CONSTRAINT_NAME = 'PRIMARY'` +
			` WHERE c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ? ORDER BY c.ORDINAL_POSITION LIMIT 2000`,
		indexes: `SELECT DISTINCT COLUMN_NAME FROM information_schema.STATISTICS` +
			` WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1 AND INDEX_TYPE = 'BTREE' AND COLUMN_NAME IS NOT NULL LIMIT 2000`,
		size:   `SELECT COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? LIMIT 1`,
		count:  format(`SELECT COUNT(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT %d) AS ahead`),
		list:   format(`SELECT %s FROM %s WHERE %s ORDER BY %s DESC LIMIT %d`),
		text:   `LEFT(CAST(%s AS CHAR), 200)`,
		binary: `LEFT(HEX(%s), 200)`, binaryTypes: []string{"binary", "varbinary", "bit", "tinyblob", "blob", "mediumblob", "longblob"},
	}
}

func speakSQLServer() language {
	const table = ` FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id`
	const named = ` WHERE s.name = @p1 AND o.name = @p2 AND o.type IN ('U', 'V')`
	return language{
		dialect: sqlread.SQLServer, schema: "dbo",
		columns: `SELECT TOP (2000) c.name, TYPE_NAME(c.system_type_id), CONVERT(int, COALESCE(k.key_ordinal, 0)),` +
			` COALESCE(HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'SELECT', c.name, 'COLUMN'), 0)` + table +
			` JOIN sys.columns AS c ON c.object_id = o.object_id` +
			` LEFT JOIN sys.indexes AS p ON p.object_id = o.object_id AND p.is_primary_key = 1` +
			` LEFT JOIN sys.index_columns AS k ON k.object_id = o.object_id AND k.index_id = p.index_id AND k.column_id = c.column_id` +
			named + ` ORDER BY c.column_id`,
		indexes: `SELECT DISTINCT TOP (2000) c.name` + table +
			` JOIN sys.indexes AS i ON i.object_id = o.object_id AND i.type IN (1, 2) AND i.is_disabled = 0 AND i.has_filter = 0` +
			` JOIN sys.index_columns AS k ON k.object_id = o.object_id AND k.index_id = i.index_id AND k.key_ordinal = 1` +
			` JOIN sys.columns AS c ON c.object_id = o.object_id AND c.column_id = k.column_id` + named,
		size: `SELECT COALESCE(SUM(p.rows), 0)` + table +
			` JOIN sys.partitions AS p ON p.object_id = o.object_id AND p.index_id IN (0, 1)` + named,
		count: format(`SELECT COUNT_BIG(*) FROM (SELECT TOP (%[3]d) 1 AS one FROM %[1]s WHERE %[2]s) AS ahead`),
		list:  format(`SELECT TOP (%[5]d) %[1]s FROM %[2]s WHERE %[3]s ORDER BY %[4]s DESC`),
		text:  `LEFT(CONVERT(nvarchar(400), %s), 200)`, binary: `CONVERT(varchar(200), CONVERT(varbinary(99), %s), 1)`,
		binaryTypes: []string{"binary", "varbinary", "timestamp"},
	}
}
