package schema

import (
	"fmt"
	"regexp"

	"lapsewatch/internal/sqlread"
)

// speakMySQL asks information_schema (MySQL Reference Manual, "The INFORMATION_SCHEMA
// COLUMNS Table" and "… TABLES Table"), and sequences themselves (MariaDB, "CREATE SEQUENCE").
func speakMySQL() language {
	// DATA_TYPE rather than COLUMN_TYPE: an upgrade drops the display widths of the latter.
	const columns = `SELECT c.TABLE_NAME, c.COLUMN_NAME,` +
		` CONCAT(c.DATA_TYPE, IF(c.DATA_TYPE = 'decimal', CONCAT('(', c.NUMERIC_PRECISION, ',', c.NUMERIC_SCALE, ')'), ''), IF(c.COLUMN_TYPE LIKE '%unsigned%', ' unsigned', '')),` +
		` IF(c.EXTRA LIKE '%auto_increment%', 'AUTO_INCREMENT', ''), LEFT(COALESCE(c.COLUMN_DEFAULT, ''), 1000), '', '',` +
		` IF(c.COLUMN_KEY = 'PRI', 1, 0), 0, IF(c.PRIVILEGES LIKE '%select%', 1, 0)` +
		` FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = ?`
	return language{
		dialect: sqlread.MySQL,
		columns: columns + ` AND c.TABLE_NAME = ? ORDER BY c.ORDINAL_POSITION LIMIT 2000`,
		numbered: columns + ` AND (c.EXTRA LIKE '%auto_increment%' OR c.COLUMN_DEFAULT LIKE '%nextval(%')` +
			` ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION LIMIT ` + fmt.Sprint(maxNumbered+1),
		leading: `SELECT COLUMN_NAME, MAX(IF(INDEX_TYPE = 'BTREE', 1, 0)) FROM information_schema.STATISTICS` +
			` WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1 AND COLUMN_NAME IS NOT NULL GROUP BY COLUMN_NAME LIMIT 2000`,
		sequence: func(name sqlread.TableName) (string, []any) {
			return `SELECT CAST(start_value AS CHAR), CAST(increment AS CHAR), CAST(minimum_value AS CHAR), CAST(maximum_value AS CHAR),` +
				` cycle_option, 1, CAST(next_not_cached_value AS CHAR), 0 FROM ` + sqlread.MySQL.QuoteAll(name.Schema, name.Table) + ` LIMIT 1`, nil
		},
		// The steps of a cluster (auto_increment_increment) change with its members and are
		// none of the column's own.
		counter: `SELECT '1', '1', '', '', 0, IF(AUTO_INCREMENT IS NULL, 0, 1), COALESCE(CAST(AUTO_INCREMENT AS CHAR), ''), 0` +
			` FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND ? <> '' LIMIT 1`,
		smallest: `SELECT CAST(MIN(%[1]s) AS CHAR) FROM %[2]s WHERE %[1]s >= %[3]s`,
		largest:  `SELECT CAST(MAX(%[1]s) AS CHAR) FROM %[2]s WHERE %[1]s <= %[3]s`,
		drawn:    regexp.MustCompile("^\\(?nextval\\(`((?:[^`]|``)+)`\\.`((?:[^`]|``)+)`\\)\\)?$"),
		closing:  "`",
	}
}
