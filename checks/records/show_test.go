package records_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lapsewatch/checks/records"
	"lapsewatch/internal/clean"
)

// command is the only one in a remedy, as whoever reads a message copies it.
func command(t *testing.T, remedy string) string {
	t.Helper()
	for _, part := range clean.Parts(remedy) {
		if part.Command {
			return part.Text
		}
	}
	t.Fatalf("no command stands in %q", remedy)
	return ""
}

// shown are the rows that a command shows in a session of another zone: the first cell of
// each.
func shown(t *testing.T, s server, zone, command string) (ids []string) {
	t.Helper()
	conn, err := s.db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	statements := append([]string{zone}, strings.Split(command, "; ")...)
	for _, statement := range statements[:len(statements)-1] {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	rows, err := conn.QueryContext(t.Context(), statements[len(statements)-1])
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, at string
		if err := rows.Scan(&id, &at); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

func TestTheStatementOfTheRemedyShowsTheRowsThatWereCounted(t *testing.T) {
	postgres, maria := postgreSQL(t), mariaDB(t)
	postgres.exec(t, `CREATE DOMAIN stamp AS timestamptz`)
	for _, s := range []struct {
		server
		types  []typed
		filled string
		zone   string
	}{
		{postgres, postgresTypes, `SET timezone = 'UTC'`, `SET timezone = 'America/Los_Angeles'`},
		{maria, mariaTypes, `SET SESSION time_zone = '+00:00', sql_mode = ''`, `SET SESSION time_zone = '-08:00'`},
	} {
		s.db.SetMaxOpenConns(1)
		for i, c := range s.types {
			t.Run(s.name+" "+c.name, func(t *testing.T) {
				name := fmt.Sprintf("shown_%d", i)
				c.table.Name, c.table.Columns = named(t, name), []string{"at"}
				s.exec(t, s.filled, fmt.Sprintf("CREATE TABLE %s (id varchar(9) PRIMARY KEY, at %s)", name, c.typeName))
				var want []string
				for j, value := range slices.Concat(c.inOrder, c.ahead) {
					id := fmt.Sprintf("fine %d", j)
					if j >= len(c.inOrder) {
						id = fmt.Sprintf("ahead %d", j)
						want = append(want, id)
					}
					s.exec(t, fmt.Sprintf("INSERT INTO %s VALUES ('%s', %s)", name, id, value))
				}
				found := condition(t, look(t, s.server, nil, c.table))
				slices.Sort(want)
				if got := shown(t, s.server, s.zone, command(t, found.Remedy)); !slices.Equal(got, want) {
					t.Errorf("%s\nshows %q, want %q", found.Remedy, got, want)
				}
			})
		}
	}
}

func TestAStatementIsShownLetterByLetterOrNotAtAll(t *testing.T) {
	postgres, maria := postgreSQL(t), mariaDB(t)
	const steps = "Find out which host wrote them and whether its clock is right now, then correct them; nothing was changed."
	const altered = steps + " No statement that shows them is given, because a name in it cannot be shown here as it is."
	cases := []struct {
		name      string
		server    server
		table, id string
		want      string
	}{
		{"a name with a quotation mark and a space", postgres, `"the ""table"""`, `the id`,
			steps + ` To look at them: ` + "`" + `SELECT "the id", "at" FROM "public"."the ""table""" WHERE "at" > TIMESTAMP '2026-11-22 06:05:00' AND "at" < TIMESTAMP '9999-01-01 00:00:00'` + "`"},
		{"a table with a back-tick", postgres, "\"the `table\"", "id", altered},
		{"a key with a back-tick", postgres, "t1", "the `id`", altered},
		{"a key that turns the text round", postgres, "t2", "a\u202eb", altered},
		{"a key that would split a cell", postgres, "t3", `a\|b`, altered},
		{"a name that would ring all bells", postgres, "t4", "@everyone", altered},
		{"a table with a back-tick, in MariaDB", maria, "\"the `table\"", "id", altered},
		{"a name that needs back-ticks", maria, "t1", "the id", altered},
		{"a reserved word", maria, "order", "key",
			steps + " To look at them: `SET time_zone = '+00:00'; SELECT r.key, r.at FROM app.order AS r WHERE r.at > TIMESTAMP '2026-11-22 06:05:00' AND r.at < TIMESTAMP '9999-01-01 00:00:00'`"},
		{"names without end", postgres, "long", "i" + strings.Repeat(`"`, 62), ""},
	}
	for _, c := range cases {
		t.Run(c.server.name+" "+c.name, func(t *testing.T) {
			mark := map[string]string{"postgresql": `"`, "mariadb": "`"}[c.server.name]
			quoted := func(name string) string { return mark + strings.ReplaceAll(name, mark, mark+mark) + mark }
			name, at := named(t, c.table), "timestamp"
			if c.server.name == "mariadb" {
				at = "datetime"
			}
			ids, definitions := []string{c.id}, quoted(c.id)+" varchar(9)"
			if c.want == "" {
				for i := range 7 {
					ids = append(ids, fmt.Sprintf("%d%s", i, c.id[1:]))
					definitions += ", " + quoted(ids[i+1]) + " varchar(9)"
				}
				c.want = steps + " No statement that shows them is given, because it is too long."
			}
			c.server.exec(t, fmt.Sprintf("CREATE TABLE %s (%s, at %s, PRIMARY KEY (%s))", quoted(name.Table), definitions, at, quoted(c.id)),
				fmt.Sprintf("INSERT INTO %s (%s, at) VALUES ('17', '2027-11-22')", quoted(name.Table), quoted(c.id)))
			table := records.Table{Name: name, Columns: []string{"at"}}
			if len(ids) > 1 {
				table.ID = ids
			}
			found := condition(t, look(t, c.server, nil, table))
			wantText(t, found.Remedy, c.want)
			if strings.Contains(c.want, "`") {
				if got := shown(t, c.server, `SELECT 1`, command(t, found.Remedy)); !slices.Equal(got, []string{"17"}) {
					t.Errorf("it shows %q", got)
				}
			}
		})
	}
}
