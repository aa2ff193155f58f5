package schema_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/schema"
	"lapsewatch/internal/sqlread"
)

var update = flag.Bool("update", false, "write the golden files anew")

// SQL Server and MySQL do not run where these tests do: their statements are held to this
// text.
func TestStatementsAreThoseThatWereReadThrough(t *testing.T) {
	for _, dialect := range []sqlread.Dialect{sqlread.PostgreSQL, sqlread.MySQL, sqlread.SQLServer} {
		t.Run(string(dialect), func(t *testing.T) {
			var text strings.Builder
			for _, statement := range schema.Statements(dialect) {
				text.WriteString("-- " + statement[0] + "\n" + statement[1] + "\n")
			}
			golden := filepath.Join("testdata", string(dialect)+".sql")
			if *update {
				if err := os.WriteFile(golden, []byte(text.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			checktest.Equal(t, "the statements", text.String(), string(want))
		})
	}
}

func TestADefaultNamesItsSequence(t *testing.T) {
	for _, c := range []struct {
		dialect sqlread.Dialect
		text    string
		want    sqlread.TableName
		drawn   bool
	}{
		{sqlread.MySQL, "nextval(`app`.`mail_ids`)", sqlread.TableName{Schema: "app", Table: "mail_ids"}, true},
		{sqlread.MySQL, "nextval(`a``p.p`.`mail``ids`)", sqlread.TableName{Schema: "a`p.p", Table: "mail`ids"}, true},
		{sqlread.MySQL, "nextval(`app`.`mail_ids`) + 1", sqlread.TableName{}, false},
		{sqlread.MySQL, "nextval(`app`.`x`) + nextval(`app`.`y`)", sqlread.TableName{}, false},
		{sqlread.SQLServer, "(NEXT VALUE FOR [dbo].[mail_ids])", sqlread.TableName{Schema: "dbo", Table: "mail_ids"}, true},
		{sqlread.SQLServer, "(NEXT VALUE FOR [d]]bo].[mail]]ids])", sqlread.TableName{Schema: "d]bo", Table: "mail]ids"}, true},
		{sqlread.SQLServer, "(NEXT VALUE FOR [dbo].[x]*(2))", sqlread.TableName{}, false},
		{sqlread.SQLServer, "((0))", sqlread.TableName{}, false},
	} {
		got, drawn := schema.SequenceOf(c.dialect, c.text)
		if got != c.want || drawn != c.drawn {
			t.Errorf("%s: got %+v, %v", c.text, got, drawn)
		}
	}
}

func TestATypeHoldsWhatItsServerSays(t *testing.T) {
	for _, c := range []struct {
		dialect                   sqlread.Dialect
		typeName, lowest, highest string
	}{
		{sqlread.PostgreSQL, "smallint", "-32768", "32767"},
		{sqlread.PostgreSQL, "integer", "-2147483648", "2147483647"},
		{sqlread.PostgreSQL, "bigint", "-9223372036854775808", "9223372036854775807"},
		{sqlread.PostgreSQL, "numeric(10,2)", "-99999999", "99999999"},
		{sqlread.PostgreSQL, "numeric", "", ""},
		{sqlread.PostgreSQL, "text", "", ""},
		{sqlread.MySQL, "tinyint", "-128", "127"},
		{sqlread.MySQL, "mediumint unsigned", "0", "16777215"},
		{sqlread.MySQL, "int unsigned", "0", "4294967295"},
		{sqlread.MySQL, "bigint unsigned", "0", "18446744073709551615"},
		{sqlread.MySQL, "decimal(65,0)", "-" + strings.Repeat("9", 65), strings.Repeat("9", 65)},
		{sqlread.MySQL, "float", "-16777216", "16777216"},
		{sqlread.MySQL, "double unsigned", "-9007199254740992", "9007199254740992"},
		{sqlread.SQLServer, "tinyint", "0", "255"},
		{sqlread.SQLServer, "int", "-2147483648", "2147483647"},
		{sqlread.SQLServer, "decimal(38,0)", "-" + strings.Repeat("9", 38), strings.Repeat("9", 38)},
		{sqlread.SQLServer, "uniqueidentifier", "", ""},
		{sqlread.PostgreSQL, "numeric(2,5)", "", ""},
	} {
		lowest, highest, known := schema.SpanOf(c.dialect, c.typeName)
		if lowest != c.lowest || highest != c.highest || known != (c.highest != "") {
			t.Errorf("%s of %s holds %s to %s", c.typeName, c.dialect, lowest, highest)
		}
	}
}

func FuzzSequenceOf(f *testing.F) {
	for _, text := range []string{"nextval(`a`.`b`)", "(NEXT VALUE FOR [a].[b])", "nextval(`a``.``b`.`c`)", "([a].[b]]])", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, dialect := range []sqlread.Dialect{sqlread.MySQL, sqlread.SQLServer} {
			name, drawn := schema.SequenceOf(dialect, text)
			if !drawn {
				continue
			}
			if quoted := dialect.QuoteAll(name.Schema, name.Table); !strings.Contains(text, quoted) && !strings.Contains(text, "\x00") {
				t.Errorf("%q was read as %s", text, quoted)
			}
		}
	})
}

func FuzzNumber(f *testing.F) {
	for _, text := range []string{"0", "-1", "18446744073709551615", "12.00", "1e9", "", "+1", "0x10", strings.Repeat("9", 100)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, ok := schema.Number(text)
		if !ok {
			return
		}
		if again, ok := schema.Number(value.String()); !ok || again.Cmp(value) != 0 {
			t.Errorf("%q was read as %s", text, value)
		}
	})
}

func FuzzWhatAServerSaysOfASeries(f *testing.F) {
	f.Add("1", "1", "1", "2147483647", "17", 1, 0, "100")
	f.Add("-1", "-1", "-1000", "-1", "-1000", 1, 1, "")
	f.Add("1", "0", "", "", "0", 0, 0, "0")
	f.Add("5", "10", "9", "3", strings.Repeat("9", 60), 1, 1, "-5")
	f.Fuzz(func(t *testing.T, start, increment, lowest, highest, at string, handedOut, cycle int, taken string) {
		told, err := schema.Reading(start, increment, lowest, highest, at, handedOut, cycle, taken, asOf)
		if err == nil && (strings.Contains(told, "NaN") || strings.Contains(told, "Inf")) {
			t.Errorf("told %s", told)
		}
	})
}

func FuzzWhatIsRemembered(f *testing.F) {
	f.Add([]byte(`{"baseline":{"kind":"sequence","type":"int","sequence":{"Schema":"a","Table":"b"}},"seen":1,"points":[{"t":1795327200,"n":"5"}]}`))
	f.Add([]byte(`[{"t":"mails","c":"id"}]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, kept []byte) {
		points, columns := schema.Recalled(kept, asOf.Add(time.Hour))
		if points > 27 || columns > 4000 {
			t.Errorf("%d points and %d columns", points, columns)
		}
	})
}
