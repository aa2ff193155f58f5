package records_test

import (
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/records"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	fine := func() records.Options {
		return records.Options{
			Database: sqlread.Database{URL: "postgres://u@db/app"}, StatementTimeout: watch.Duration(time.Second), Samples: 10,
			Tables: []records.Table{{Name: sqlread.TableName{Table: "t"}, Columns: []string{"at"}}},
		}
	}
	cases := []struct {
		name   string
		change func(*records.Options)
		want   string
	}{
		{"nothing is wrong", func(*records.Options) {}, ""},
		{"no tables", func(o *records.Options) { o.Tables = nil }, "tables: there is nothing to look at: give at least one table"},
		{"too many tables", func(o *records.Options) { o.Tables = make([]records.Table, 201) }, "tables: 201 tables are more than 200"},
		{"an address with a password", func(o *records.Options) { o.Database.URL = "postgres://u:p@db/app" },
			"database.url: it holds a password: keep the password in a secret and name that, as password: {file: PATH} or {env: NAME}"},
		{"a table without a name", func(o *records.Options) { o.Tables[0].Name = sqlread.TableName{} }, "tables[0].table: give the table's name"},
		{"a table without columns", func(o *records.Options) { o.Tables[0].Columns = nil }, "tables[0].columns: give at least one column"},
		{"an empty column", func(o *records.Options) { o.Tables[0].Columns = []string{"at", ""} }, "tables[0].columns[1]: want a name of 1 to 128 characters that can be seen"},
		{"a column that turns the text round", func(o *records.Options) { o.Tables[0].ID = []string{"a\u202eb"} }, "tables[0].id[0]: want a name of 1 to 128 characters that can be seen"},
		{"too many ids", func(o *records.Options) { o.Tables[0].ID = strings.Split("a b c d e f g h i", " ") }, "tables[0].id: 9 columns are more than 8"},
		{"a column twice", func(o *records.Options) { o.Tables = append(o.Tables, o.Tables[0]) }, "tables[1].columns[0]: repeats tables[0].columns[0]"},
		{"a zone that is none", func(o *records.Options) { o.Tables[0].Zone = "Mars/Base" }, `tables[0].zone: "Mars/Base" is no time zone of the IANA database, such as America/Sao_Paulo`},
		{"a path as a zone", func(o *records.Options) { o.Tables[0].Zone = "../../etc/passwd" }, `tables[0].zone: "../../etc/passwd" is no time zone of the IANA database, such as America/Sao_Paulo`},
		{"the zone of this machine", func(o *records.Options) { o.Tables[0].Zone = "Local" }, `tables[0].zone: "Local" is no time zone of the IANA database, such as America/Sao_Paulo`},
		{"an epoch that is none", func(o *records.Options) { o.Tables[0].Epoch = "m" }, `tables[0].epoch: "m": want s, ms, us or ns`},
		{"too many samples", func(o *records.Options) { o.Samples = 101 }, "samples: want 0 to 100"},
		{"less than no samples", func(o *records.Options) { o.Samples = -1 }, "samples: want 0 to 100"},
		{"a statement without time", func(o *records.Options) { o.StatementTimeout = 0 }, "statement_timeout: want 1ms to 10m0s"},
		{"a statement without end", func(o *records.Options) { o.StatementTimeout = watch.Duration(time.Hour) }, "statement_timeout: want 1ms to 10m0s"},
		{"a tolerance without end", func(o *records.Options) { o.Tables[0].Tolerance = watch.Duration(4000 * 24 * time.Hour) }, "tables[0].tolerance: want no more than 3660 days"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			options := fine()
			c.change(&options)
			got := ""
			if err := options.Validate(); err != nil {
				got, _, _ = strings.Cut(err.Error(), "\n")
			}
			wantText(t, got, c.want)
		})
	}
}
