package schema

import (
	"fmt"

	"lapsewatch/internal/sqlread"
)

// speakPostgres asks pg_catalog, which everybody may read (PostgreSQL documentation, 53:
// pg_attribute, pg_attrdef, pg_depend, pg_sequence). The search path holds nothing else.
func speakPostgres() language {
	const first = `SELECT c.relname, a.attname,` +
		` format_type(COALESCE(NULLIF(t.typbasetype, 0), t.oid), CASE WHEN t.typbasetype = 0 THEN a.atttypmod ELSE t.typtypmod END),` +
		` CASE a.attidentity WHEN 'a' THEN 'identity, always' WHEN 'd' THEN 'identity, by default' ELSE '' END, `
	const fallback = `COALESCE(left(pg_get_expr(d.adbin, d.adrelid), 1000), '')`
	const rest = `, COALESCE(n.nspname, ''), COALESCE(q.relname, ''),` +
		` CASE WHEN a.attnum = ANY (k.indkey::int2[]) THEN 1 ELSE 0 END,` +
		` CASE WHEN EXISTS (SELECT FROM pg_index i JOIN pg_class b ON b.oid = i.indexrelid JOIN pg_am m ON m.oid = b.relam AND m.amname = 'btree'` +
		` WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = a.attnum) THEN 1 ELSE 0 END,` +
		` CASE WHEN has_column_privilege(c.oid, a.attnum, 'SELECT') AND has_schema_privilege(s.oid, 'USAGE') AND NOT row_security_active(c.oid) THEN 1 ELSE 0 END` +
		` FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace` +
		` JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped` +
		` JOIN pg_type t ON t.oid = a.atttypid` +
		` LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum AND a.attgenerated = ''` +
		` LEFT JOIN pg_index k ON k.indrelid = c.oid AND k.indisprimary` +
		// A sequence belongs to its identity column internally ('i'); a default depends on
		// the sequences that it names.
		` LEFT JOIN LATERAL (SELECT min(r.oid) AS oid FROM pg_depend p JOIN pg_class r ON r.relkind = 'S' AND CASE WHEN a.attidentity <> ''` +
		` THEN p.classid = 'pg_class'::regclass AND r.oid = p.objid AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid = a.attnum AND p.deptype = 'i'` +
		` ELSE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass AND r.oid = p.refobjid END` +
		` WHERE a.attidentity <> '' OR d.oid IS NOT NULL) l ON true` +
		` LEFT JOIN pg_class q ON q.oid = l.oid LEFT JOIN pg_namespace n ON n.oid = q.relnamespace` +
		` WHERE s.nspname = $1 AND c.relkind IN ('r', 'p')`
	return language{
		dialect: sqlread.PostgreSQL, schema: "public", brief: true,
		columns: first + fallback + rest + ` AND c.relname = $2 ORDER BY a.attnum LIMIT 2000`,
		// Partitions have the numbering of their table. To write a default the server waits for
		// the table's lock, and one table that is held must hide no other.
		numbered: first + `''` + rest + ` AND NOT c.relispartition AND (a.attidentity <> '' OR q.oid IS NOT NULL) ORDER BY c.relname, a.attnum LIMIT ` + fmt.Sprint(maxNumbered+1),
		sequence: func(name sqlread.TableName) (string, []any) {
			return `SELECT s.seqstart::text, s.seqincrement::text, s.seqmin::text, s.seqmax::text, CASE WHEN s.seqcycle THEN 1 ELSE 0 END,` +
				` CASE WHEN has_sequence_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') THEN 1 ELSE 0 END, '', 0` +
				` FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace` +
				` WHERE n.nspname = $1 AND c.relname = $2 LIMIT 1`, []any{name.Schema, name.Table}
		},
		position: func(name sqlread.TableName) string {
			return `SELECT last_value::text, CASE WHEN is_called THEN 1 ELSE 0 END FROM ` + sqlread.PostgreSQL.QuoteAll(name.Schema, name.Table)
		},
		smallest: `SELECT min(%[1]s)::text FROM %[2]s WHERE %[1]s >= %[3]s`,
		largest:  `SELECT max(%[1]s)::text FROM %[2]s WHERE %[1]s <= %[3]s`,
	}
}
