package schema_test

import (
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/schema"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	mails := schema.Table{Name: sqlread.TableName{Table: "mails"}}
	for _, c := range []struct {
		name   string
		change func(*schema.Options)
		want   string
	}{
		{"nothing is wrong", func(*schema.Options) {}, ""},
		{"a code", func(o *schema.Options) { o.Accept = []string{"state-0123abcd"} }, ""},
		{"schemas alone", func(o *schema.Options) { o.Tables, o.Schemas = nil, []string{"public"} }, ""},
		{"nothing to look at", func(o *schema.Options) { o.Tables = nil }, "tables: there is nothing to look at: give at least one table or schema"},
		{"too many tables", func(o *schema.Options) { o.Tables = make([]schema.Table, 201) }, "tables: 201 tables are more than 200"},
		{"too many schemas", func(o *schema.Options) { o.Schemas = make([]string, 21) }, "schemas: 21 schemas are more than 20"},
		{"too many codes", func(o *schema.Options) { o.Accept = make([]string, 1001) }, "accept: 1001 codes are more than 1000"},
		{"an address with a password", func(o *schema.Options) { o.Database.URL = "postgres://u:p@db/app" },
			"database.url: it holds a password: keep the password in a secret and name that, as password: {file: PATH} or {env: NAME}"},
		{"a table without a name", func(o *schema.Options) { o.Tables[0].Name = sqlread.TableName{} }, "tables[0].table: give the table's name"},
		{"a column that turns the text round", func(o *schema.Options) { o.Tables[0].Column = "a\u202eb" }, "tables[0].column: want a name of 1 to 128 characters that can be seen"},
		{"a table twice", func(o *schema.Options) { o.Tables = append(o.Tables, mails) }, "tables[1]: repeats tables[0]"},
		{"a schema without a name", func(o *schema.Options) { o.Schemas = []string{""} }, "schemas[0]: want a name of 1 to 128 characters that can be seen"},
		{"a schema twice", func(o *schema.Options) { o.Schemas = []string{"a", "a"} }, "schemas[1]: repeats schemas[0]"},
		{"what is no code", func(o *schema.Options) { o.Accept = []string{"all"} }, "accept[0]: want a code such as state-1f2e3d4c, from the remedy of a finding"},
		{"a statement without time", func(o *schema.Options) { o.StatementTimeout = 0 }, "statement_timeout: want 1ms to 10m0s"},
		{"a statement without end", func(o *schema.Options) { o.StatementTimeout = watch.Duration(time.Hour) }, "statement_timeout: want 1ms to 10m0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := schema.Options{
				Database: sqlread.Database{URL: "postgres://u@db/app"}, StatementTimeout: watch.Duration(time.Second), Tables: []schema.Table{mails},
			}
			c.change(&options)
			checktest.WantRefusal(t, options.Validate(), c.want)
		})
	}
}
