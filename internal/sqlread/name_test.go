package sqlread_test

import (
	"strings"
	"testing"

	"lapsewatch/internal/sqlread"
)

func TestANameOfATableIsReadAndWritten(t *testing.T) {
	cases := []struct {
		text string
		want sqlread.TableName
		ok   bool
	}{
		{"t", sqlread.TableName{Table: "t"}, true},
		{"public.mails", sqlread.TableName{Schema: "public", Table: "mails"}, true},
		{`"my.schema".log`, sqlread.TableName{Schema: "my.schema", Table: "log"}, true},
		{`"a ""b"" c"`, sqlread.TableName{Table: `a "b" c`}, true},
		{"têtes.größe", sqlread.TableName{Schema: "têtes", Table: "größe"}, true},
		{"a.b.c", sqlread.TableName{}, false},
		{"", sqlread.TableName{}, false},
		{"a.", sqlread.TableName{}, false},
		{`"a`, sqlread.TableName{}, false},
		{"a; DROP TABLE b", sqlread.TableName{}, false},
		{"\"a\x00b\"", sqlread.TableName{}, false},
		{strings.Repeat("x", 129), sqlread.TableName{}, false},
	}
	for _, c := range cases {
		t.Run(c.text, func(t *testing.T) {
			got, err := sqlread.ParseTableName(c.text)
			if got != c.want || (err == nil) != c.ok {
				t.Errorf("got %+v, %v", got, err)
			}
			if err == nil && got.String() != c.text {
				t.Errorf("%s is written as %s", c.text, got)
			}
		})
	}
}

func FuzzParseTableName(f *testing.F) {
	for _, text := range []string{"a", "a.b", `"a.b"."c""d"`, `"`, `""`, `"".a`, "a b", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := sqlread.ParseTableName(text)
		if err != nil {
			return
		}
		if again, err := sqlread.ParseTableName(name.String()); err != nil || again != name || name.Table == "" {
			t.Fatalf("%q was read as %+v, which is written as %q and read as %+v, %v", text, name, name, again, err)
		}
	})
}
