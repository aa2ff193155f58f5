package affected_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	_ "github.com/jackc/pgx/v5/stdlib" // the test fills the database by itself

	"lapsewatch/internal/affected"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

func findings() []watch.Finding {
	return []watch.Finding{{ID: "sites/crm", Check: "sites", Kind: "tls", Name: "crm\n.example.com", Severity: watch.Critical, Reason: watch.Expired}}
}

// script is a program for sh.
func script(t *testing.T, text string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "affected")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return []string{path}
}

func ask(t *testing.T, source affected.Source) ([]string, error) {
	t.Helper()
	if faults := source.Faults(); len(faults) > 0 {
		t.Fatalf("the source is refused: %v", faults[0])
	}
	return source.Ask(t.Context(), affected.Env{Dial: new(net.Dialer).DialContext, Secrets: noSecrets}, findings())
}

func noSecrets(watch.SecretRef) (watch.Secret, error) { return watch.Secret{}, os.ErrNotExist }

func TestAProgramIsAskedWithTheFindingsAndNamesWhoIsAffected(t *testing.T) {
	heard := filepath.Join(t.TempDir(), "heard")
	names, err := ask(t, affected.Source{
		Names:   []string{"order confirmations"},
		Command: append(script(t, `cat >"$1"; echo portal; echo; echo "  billing  "; echo portal`), heard),
	})
	want := []string{"order confirmations", "portal", "billing", "portal"}
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("affected are %q, %v; want %q", names, err, want)
	}
	asked, err := os.ReadFile(heard)
	const document = `{"findings":[{"id":"sites/crm","check":"sites","kind":"tls","name":"crm\n.example.com","severity":"critical","reason":"expired"`
	if err != nil || !strings.HasPrefix(string(asked), document) || !strings.HasSuffix(string(asked), `"version":1}`) {
		t.Errorf("the program was asked %s, %v", asked, err)
	}
}

func TestWhatAProgramSaysIsCleanAndBounded(t *testing.T) {
	cases := map[string]struct {
		program string
		cut     bool
		want    func(names []string) bool
	}{
		"control characters and directions": {
			`printf 'a\033[31mb\r\nc\342\200\256d\n\377\376\n'`, false,
			func(names []string) bool { return len(names) == 3 && strings.Contains(names[0], "b") },
		},
		"a name of a million letters": {
			`head -c 1000000 /dev/zero | tr '\0' x`, true,
			func(names []string) bool { return len(names) == 0 },
		},
		"a hundred thousand names": {
			`i=0; while [ $i -lt 100000 ]; do echo n$i; i=$((i+1)); done`, true,
			func(names []string) bool {
				return len(names) == 1000 && names[0] == "n0" && names[999] == "n999"
			},
		},
		"nothing": {`:`, false, func(names []string) bool { return len(names) == 0 }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			names, err := ask(t, affected.Source{Command: script(t, c.program), Timeout: watch.Duration(time.Minute)})
			if (err != nil) != c.cut || !c.want(names) {
				t.Errorf("affected are %d: %.300q, %v", len(names), names, err)
			}
			for _, name := range names {
				if !utf8.ValidString(name) || strings.ContainsAny(name, "\x1b\r\n\u202e") {
					t.Errorf("a name is %q", name)
				}
			}
		})
	}
}

func TestAProgramThatFailsSaysItsFirstLineAndHidesNobody(t *testing.T) {
	names, err := ask(t, affected.Source{Names: []string{"portal"}, Command: script(t, `printf 'no \033[31mmap\nsecond line\n' >&2; echo half; exit 3`)})
	if !slices.Equal(names, []string{"portal"}) {
		t.Errorf("affected are %q", names)
	}
	if err == nil || !strings.HasSuffix(err.Error(), "/affected who is affected: exit status 3: no �[31mmap") {
		t.Errorf("it says %v", err)
	}
}

func TestAProgramThatDoesNotEndIsEnded(t *testing.T) {
	alive := filepath.Join(t.TempDir(), "alive")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	source := affected.Source{Names: []string{"portal"}, Command: append(script(t, `touch "$1"; echo billing; sleep 600 & wait`), alive), Timeout: watch.Duration(2 * time.Second)}
	names, err := source.Ask(ctx, affected.Env{}, findings())
	if err == nil || ctx.Err() != nil || !slices.Equal(names, []string{"portal"}) {
		t.Errorf("affected are %q, %v", names, err)
	}
	if _, err := os.Stat(alive); err != nil {
		t.Errorf("the program never began: %v", err)
	}
}

// database has a table of customers.
func database(t *testing.T, statements ...string) affected.Query {
	t.Helper()
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "localhost", Names: []string{"127.0.0.1"}, NotBefore: time.Now().AddDate(0, 0, -1), NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	server := parts.PostgreSQL(t, pair)
	db, err := sql.Open("pgx", server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range append([]string{`CREATE TABLE customers (name TEXT, service TEXT)`}, statements...) {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return affected.Query{
		Database:  sqlread.Database{URL: "postgres://postgres@" + server.Addr + "/postgres", TLS: sqlread.Require},
		Statement: `SELECT name FROM public.customers ORDER BY name`,
	}
}

func TestAQueryNamesWhoIsAffected(t *testing.T) {
	query := database(t, `INSERT INTO customers VALUES ('beta', 'crm'), ('alpha', 'crm'), (NULL, 'crm'), (E'gam\nma', 'crm')`)
	cases := map[string]struct {
		statement string
		want      []string
		err       string
	}{
		"in the order of the query":      {`SELECT name FROM public.customers ORDER BY name`, []string{"alpha", "beta", "gam�ma"}, ""},
		"one that writes is refused":     {`DELETE FROM public.customers RETURNING name`, nil, "cannot execute DELETE in a read-only transaction"},
		"of two columns":                 {`SELECT name, service FROM public.customers`, nil, "ask who is affected"},
		"one that does not end is ended": {`SELECT pg_sleep(600)::text`, nil, "ask who is affected"},
		"one with a mistake":             {`SELECT nome FROM public.customers`, nil, `column "nome" does not exist`},
		"numbers are names too":          {`SELECT 42`, []string{"42"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			asked := query
			asked.Statement = c.statement
			names, err := ask(t, affected.Source{Query: &asked, Timeout: watch.Duration(5 * time.Second)})
			if !slices.Equal(names, c.want) {
				t.Errorf("affected are %q, want %q", names, c.want)
			}
			if said := fmt.Sprint(err); c.err == "" && err != nil || !strings.Contains(said, c.err) {
				t.Errorf("it says %s, want %s", said, c.err)
			}
		})
	}
	names, err := ask(t, affected.Source{Query: &query})
	if err != nil || len(names) != 3 {
		t.Errorf("after all this affected are %q, %v", names, err)
	}
}

func TestAQueryOfMoreRowsThanAreReadNamesTheFirst(t *testing.T) {
	query := database(t, `INSERT INTO customers SELECT 'customer ' || lpad(n::text, 6, '0'), 'crm' FROM generate_series(1, 20000) AS n`)
	names, err := ask(t, affected.Source{Query: &query, Timeout: watch.Duration(time.Minute)})
	if err == nil || !strings.Contains(err.Error(), "the server sent more rows than were asked for") {
		t.Errorf("it says %v", err)
	}
	if len(names) != 1000 || names[0] != "customer 000001" || names[999] != "customer 001000" {
		t.Errorf("%d are affected: %.200q", len(names), names)
	}
}

func TestADatabaseThatCannotBeReachedIsSaidAndHidesNobody(t *testing.T) {
	source := affected.Source{
		Names: []string{"portal"},
		Query: &affected.Query{Database: sqlread.Database{URL: "postgres://ada@127.0.0.1:1/crm"}, Statement: "SELECT 1"},
	}
	names, err := ask(t, source)
	if err == nil || !strings.Contains(err.Error(), "ask who is affected: ") || !slices.Equal(names, []string{"portal"}) {
		t.Errorf("affected are %q, %v", names, err)
	}
}

func TestWrongSourcesAreRefusedWithTheirPlace(t *testing.T) {
	right := sqlread.Database{URL: "postgres://ada@db.example.com/crm"}
	cases := map[string]struct {
		source affected.Source
		want   string
	}{
		"nobody":                   {affected.Source{}, "nobody is named: give names, command or query"},
		"an empty name":            {affected.Source{Names: []string{"a", " "}}, "names[1]: want one line of at most 200 visible characters"},
		"a name of two lines":      {affected.Source{Names: []string{"a\nb"}}, "names[0]: want one line of at most 200 visible characters"},
		"too many names":           {affected.Source{Names: slices.Repeat([]string{"a"}, 1001)}, "names: want at most 1000"},
		"a program without place":  {affected.Source{Command: []string{"whois"}}, "command[0]: want the absolute path of a program; `command -v NAME` prints it"},
		"a query of nothing":       {affected.Source{Query: &affected.Query{Database: right}}, "query.statement: want a SELECT of at most 10000 bytes"},
		"a database of nothing":    {affected.Source{Query: &affected.Query{Statement: "SELECT 1"}}, "query.database.url: "},
		"a long wait":              {affected.Source{Names: []string{"a"}, Timeout: watch.Duration(2 * time.Minute)}, "timeout: want at most 1m"},
		"a wait of less than none": {affected.Source{Names: []string{"a"}, Timeout: watch.Duration(-time.Second)}, "timeout: want at most 1m"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			faults := c.source.Faults()
			if len(faults) == 0 || !strings.HasPrefix(strings.TrimPrefix(faults[0].Error(), ": "), c.want) {
				t.Errorf("it says %v, want %s", faults, c.want)
			}
		})
	}
}
