package records_test

import (
	"fmt"
	"strings"
	"testing"

	"lapsewatch/checks/records"
	"lapsewatch/internal/sqlread"
)

// SQL Server does not run where these tests do: its statements are held to this text.
var sqlServerConditions = map[string]string{
	"datetimeoffset": "[at] > TODATETIMEOFFSET(CONVERT(datetime2(7), '2026-11-22T06:00:00.0000000', 126), '+00:00') AND [at] < TODATETIMEOFFSET(CONVERT(datetime2(7), '9999-01-01T00:00:00.0000000', 126), '+00:00')",
	"datetime2":      "[at] > CONVERT(datetime2(7), '2026-11-22T03:00:00.0000000', 126) AND [at] < CONVERT(datetime2(7), '9999-01-01T00:00:00.0000000', 126)",
	"datetime":       "[at] > CONVERT(datetime, '2026-11-22T03:00:00.000', 126) AND [at] < CONVERT(datetime, '9999-01-01T00:00:00.000', 126)",
	"smalldatetime":  "[at] > CONVERT(smalldatetime, '2026-11-22T03:00:00.000', 126) AND [at] <> CONVERT(smalldatetime, '2079-06-06T23:59:00.000', 126)",
	"date":           "[at] > CONVERT(date, '2026-11-23', 23) AND [at] < CONVERT(date, '9999-01-01', 23)",
	"bigint":         "[at] > CONVERT(bigint, 1795327200) AND ([at] < 253370764800 OR [at] >= 253402300800) AND [at] < 9223372036854775807",
	"int":            "[at] > CONVERT(bigint, 1795327200) AND ([at] < 253370764800 OR [at] >= 253402300800) AND [at] < 2147483647",
}

func TestStatementsForSQLServerAreWrittenAsItReadsThem(t *testing.T) {
	if types := records.Types(sqlread.SQLServer); len(types) != len(sqlServerConditions) {
		t.Errorf("there are %d types, and %d are tested", len(types), len(sqlServerConditions))
	}
	for typeName, condition := range sqlServerConditions {
		t.Run(typeName, func(t *testing.T) {
			counting, listing, err := records.Statements(sqlread.SQLServer, typeName, "s", "America/Sao_Paulo", asOf)
			if err != nil {
				t.Fatal(err)
			}
			wantText(t, counting, "SELECT COUNT_BIG(*) FROM (SELECT TOP (100001) 1 AS one FROM [s].[t] WHERE "+condition+") AS ahead")
			wantText(t, listing, "SELECT TOP (10) [at], CONVERT(varchar(200), CONVERT(varbinary(99), [id]), 1), LEFT(CONVERT(nvarchar(400), [who]), 200)"+
				" FROM [s].[t] WHERE "+condition+" ORDER BY [at] DESC")
		})
	}
}

// plan is how a server means to run a statement.
func plan(t *testing.T, s server, statement string) string {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), "EXPLAIN "+statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(*string)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, cell := range cells {
			if text := *cell.(**string); text != nil {
				texts = append(texts, *text)
			}
		}
		lines = append(lines, strings.Join(texts, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func TestAnIndexServesEachType(t *testing.T) {
	postgres, maria := postgreSQL(t), mariaDB(t)
	postgres.exec(t, `CREATE SCHEMA s`)
	postgres.db.SetMaxOpenConns(1)
	postgres.exec(t, `SET enable_seqscan = off`, `SET enable_bitmapscan = off`)
	maria.db.SetMaxOpenConns(1)
	maria.exec(t, `CREATE DATABASE s`, `SET SESSION time_zone = '+00:00'`)
	for _, c := range []struct {
		server
		dialect sqlread.Dialect
		fill    string
		wants   string
	}{
		{postgres, sqlread.PostgreSQL, "", "Index Cond: ((at > "},
		{maria, sqlread.MySQL, "INSERT INTO s.t SELECT seq, 1, %s FROM seq_1_to_1000", " range at "},
	} {
		for typeName := range records.Types(c.dialect) {
			t.Run(c.name+" "+typeName, func(t *testing.T) {
				c.exec(t, `DROP TABLE IF EXISTS s.t`, `CREATE TABLE s.t (id int, who int, at `+typeName+`)`)
				if c.fill != "" {
					past := "seq"
					if strings.HasPrefix(typeName, "date") || strings.HasPrefix(typeName, "time") {
						past = "TIMESTAMP '2020-01-01 00:00:00' - INTERVAL seq DAY"
					}
					c.exec(t, fmt.Sprintf(c.fill, past))
				}
				c.exec(t, `CREATE INDEX at ON s.t (at)`)
				counting, listing, err := records.Statements(c.dialect, typeName, "s", "America/Sao_Paulo", asOf)
				if err != nil {
					t.Fatal(err)
				}
				for _, statement := range []string{counting, listing} {
					if got := plan(t, c.server, statement); !strings.Contains(got, c.wants) || strings.Contains(strings.ToLower(got), "sort") {
						t.Errorf("%s\n%s", statement, got)
					}
				}
			})
		}
	}
}
