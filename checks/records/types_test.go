package records_test

import (
	"fmt"
	"strings"
	"testing"

	"lapsewatch/checks/records"
	"lapsewatch/watch"
)

// typed is a column of a type with values that are in order and values that lie ahead.
type typed struct {
	name, typeName string
	inOrder, ahead []string
	table          records.Table
	// want is the sentence; of those where nothing lies ahead too.
	want, wantInOrder string
}

var postgresTypes = []typed{
	{"an instant", "timestamptz",
		[]string{"NULL", "'2026-11-22 06:05:00+00'", "'2026-11-22 03:05:00-03'", "'infinity'", "'-infinity'", "'9999-12-31 23:59:59+00'", "'0044-03-15 BC'"},
		[]string{"'2026-11-22 06:05:00.000001+00'", "'9998-12-31 23:59:59+00'"}, records.Table{},
		"2 rows are dated in the future, the furthest 9998-12-31 23:59:59 UTC (2911752 days ahead): id 9, 8", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"a wall time", "timestamp", []string{"'2026-11-22 06:05:00'", "'infinity'"}, []string{"'2026-11-22 06:05:00.000001'"}, records.Table{},
		"1 row is dated in the future, 2026-11-22 06:05:00 UTC (5 minutes ahead): id 3", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"a wall time of a zone", "timestamp", []string{"'2026-11-22 03:05:00'"}, []string{"'2026-11-22 03:05:01'", "'2026-11-22 06:00:00'"}, records.Table{Zone: "America/Sao_Paulo"},
		"2 rows are dated in the future, the furthest 2026-11-22 09:00:00 UTC (3 hours ahead): id 3, 2", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"a day", "date", []string{"'2026-11-23'", "'infinity'", "'9999-12-31'"}, []string{"'2026-11-24'", "'2027-11-22'"}, records.Table{},
		"2 rows are dated in the future, the furthest 2027-11-22 (365 days ahead): id 5, 4", "no row is dated later than 2026-11-23"},
	{"seconds", "bigint", []string{"1795327500", "9223372036854775807", "253402300799", "-1"}, []string{"1795327501"}, records.Table{Epoch: "s"},
		"1 row is dated in the future, 2026-11-22 06:05:01 UTC (5 minutes ahead): id 5", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"seconds of 32 bits", "integer", []string{"1795327500", "2147483647"}, []string{"2147483646"}, records.Table{Epoch: "s"},
		"1 row is dated in the future, 2038-01-19 03:14:06 UTC (4075 days ahead): id 3", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"milliseconds", "bigint", []string{"1795327500000"}, []string{"1795327500001"}, records.Table{Epoch: "ms"},
		"1 row is dated in the future, 2026-11-22 06:05:00 UTC (5 minutes ahead): id 2", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"microseconds", "bigint", []string{"1795327500000000"}, []string{"1795327500000001"}, records.Table{Epoch: "us"},
		"1 row is dated in the future, 2026-11-22 06:05:00 UTC (5 minutes ahead): id 2", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"nanoseconds", "bigint", []string{"1795327500000000000", "9223372036854775807"}, []string{"1795327500000000001"}, records.Table{Epoch: "ns"},
		"1 row is dated in the future, 2026-11-22 06:05:00 UTC (5 minutes ahead): id 3", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"milliseconds that were called seconds", "bigint", []string{"0"}, []string{"1795327200000"}, records.Table{Epoch: "s"},
		"1 row is dated in the future, 58861-08-27 00:00:00 UTC (20758470 days ahead): id 2", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"a domain", "stamp", []string{"'2026-11-22 06:05:00+00'"}, []string{"'2027-01-01 00:00:00+00'"}, records.Table{},
		"1 row is dated in the future, 2027-01-01 00:00:00 UTC (39 days ahead): id 2", "no row is dated later than 2026-11-22 06:05 UTC"},
}

var mariaTypes = []typed{
	{"an instant", "timestamp(6) NULL", []string{"NULL", "'2026-11-22 06:05:00'", "'2038-01-19 03:14:07'"}, []string{"'2026-11-22 06:05:00.000001'", "'2038-01-19 03:14:06'"}, records.Table{},
		"2 rows are dated in the future, the furthest 2038-01-19 03:14:06 UTC (4075 days ahead): id 5, 4", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"a wall time of a zone", "datetime", []string{"'2026-11-22 07:05:00'", "'9999-12-31 23:59:59'", "'0000-00-00'"}, []string{"'2026-11-22 07:05:01'"}, records.Table{Zone: "Europe/Berlin"},
		"1 row is dated in the future, 2026-11-22 06:05:01 UTC (5 minutes ahead): id 4", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"a day", "date", []string{"'2026-11-23'", "'9999-12-31'"}, []string{"'2026-11-24'"}, records.Table{},
		"1 row is dated in the future, 2026-11-24 (2 days ahead): id 3", "no row is dated later than 2026-11-23"},
	{"seconds", "int unsigned", []string{"1795327500", "4294967295"}, []string{"1795327501"}, records.Table{Epoch: "s"},
		"1 row is dated in the future, 2026-11-22 06:05:01 UTC (5 minutes ahead): id 3", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"milliseconds", "bigint", []string{"1795327500000", "9223372036854775807"}, []string{"1795327500001"}, records.Table{Epoch: "ms"},
		"1 row is dated in the future, 2026-11-22 06:05:00 UTC (5 minutes ahead): id 3", "no row is dated later than 2026-11-22 06:05 UTC"},
	{"milliseconds without a sign", "bigint unsigned", []string{"1795327500000"}, []string{"1795327500001"}, records.Table{Epoch: "ms"},
		"1 row is dated in the future, 2026-11-22 06:05:00 UTC (5 minutes ahead): id 2", "no row is dated later than 2026-11-22 06:05 UTC"},
}

func TestEachTypeIsComparedToItsSmallestStep(t *testing.T) {
	postgres, maria := postgreSQL(t), mariaDB(t)
	postgres.exec(t, `CREATE DOMAIN stamp AS timestamptz`)
	maria.db.SetMaxOpenConns(1)
	maria.exec(t, `SET SESSION time_zone = '+00:00', sql_mode = ''`)
	for _, s := range []struct {
		server
		types []typed
	}{{postgres, postgresTypes}, {maria, mariaTypes}} {
		for i, c := range s.types {
			t.Run(s.name+" "+c.name, func(t *testing.T) {
				name := fmt.Sprintf("typed_%d", i)
				c.table.Name, c.table.Columns = named(t, name), []string{"at"}
				s.exec(t, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, at %s)", name, c.typeName))
				insert := func(from int, values []string) {
					for j, value := range values {
						s.exec(t, fmt.Sprintf("INSERT INTO %s VALUES (%d, %s)", name, from+j+1, value))
					}
				}
				insert(0, c.inOrder)
				fine := condition(t, look(t, s.server, nil, c.table))
				if fine.Reason != "" || fine.Remedy != "" || fine.Details["rows"] != int64(0) {
					t.Errorf("got %+v", fine)
				}
				wantText(t, fine.Text, c.wantInOrder)
				insert(len(c.inOrder), c.ahead)
				found := condition(t, look(t, s.server, nil, c.table))
				wantText(t, found.Text, c.want)
				if found.Reason != watch.FutureRecords || found.Details["rows"] != int64(len(c.ahead)) {
					t.Errorf("got %q and the details %v", found.Reason, found.Details)
				}
			})
		}
	}
}

func TestAColumnThatTellsNoTimeIsAProblemOfItsOwn(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE odd (id int PRIMARY KEY, note text, counted bigint, small integer, at timestamptz)`)
	facts := look(t, s, nil,
		records.Table{Name: named(t, "odd"), Columns: []string{"note", "counted", "at", "none"}},
		records.Table{Name: named(t, "odd"), Columns: []string{"small"}, Epoch: "ms"},
		records.Table{Name: named(t, "nowhere.odd"), Columns: []string{"at", "other"}},
		records.Table{Name: named(t, "odd"), Columns: []string{"id"}, ID: []string{"nobody"}},
	)
	wants := []struct {
		id     string
		reason watch.Reason
		text   string
	}{
		{"postgres.public.odd/note", watch.Unparsable, "read public.odd.note: its type is text, which is no date"},
		{"postgres.public.odd/counted", watch.Unparsable, "read public.odd.counted: its type is bigint: say what it counts, as epoch: s, ms, us or ns"},
		{"postgres.public.odd/at", "", ""},
		{"postgres.public.odd/none", watch.NotFound, "read public.odd.none: there is no such column, or the user may not see it"},
		{"postgres.public.odd/small", watch.Unparsable, "read public.odd.small: its type is integer, which cannot hold today in milliseconds since 1970"},
		{"postgres.nowhere.odd/at", watch.NotFound, "look up table nowhere.odd: there is no such table, or the user may not see it"},
		{"postgres.nowhere.odd/other", watch.NotFound, "look up table nowhere.odd: there is no such table, or the user may not see it"},
		{"postgres.public.odd/id", watch.NotFound, "look up table public.odd: there is no column nobody"},
	}
	if len(facts) != len(wants) {
		t.Fatalf("got %d facts, want %d", len(facts), len(wants))
	}
	for i, want := range wants {
		if got := facts[i].About().ID; got != want.id {
			t.Errorf("got %s, want %s", got, want.id)
		}
		if want.reason == "" {
			continue
		}
		got := problem(t, facts[i])
		if got.Reason != want.reason || !got.Confined || got.Remedy == "" {
			t.Errorf("%s: got %+v", want.id, got)
		}
		wantText(t, got.Err.Error(), want.text)
	}
}

func TestRowsAreNamedByWhatTellsThemApart(t *testing.T) {
	postgres, maria := postgreSQL(t), mariaDB(t)
	hostile := strings.Repeat("x", 65_000)
	postgres.exec(t,
		`CREATE SCHEMA "odd.""schema"`,
		`CREATE TABLE "odd.""schema"."the; DROP TABLE ""x""" (tenant text, "the id" bigint, "at ""all""" timestamptz, PRIMARY KEY ("the id", tenant))`,
		`INSERT INTO "odd.""schema"."the; DROP TABLE ""x""" VALUES (E'=cmd\x1b[31m\u202e', 3, '2027-01-02'), ('`+hostile+"', 2, '2027-01-01'), ('`rm`', 1, '2026-12-31')",
		`CREATE TABLE bare (at timestamptz, who uuid, raw bytea)`,
		`INSERT INTO bare VALUES ('2027-01-01', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x00ff'), ('2026-12-01', NULL, NULL)`,
		`CREATE TABLE many (id int PRIMARY KEY, at timestamptz)`,
		`INSERT INTO many SELECT n, timestamptz '2027-01-01' + n * interval '1 second' FROM generate_series(1, 100001) n`,
	)
	maria.exec(t,
		"CREATE TABLE `the ``table` (id binary(2) PRIMARY KEY, `at` datetime)",
		"INSERT INTO `the ``table` VALUES (x'00ff', '2027-01-01')",
	)
	odd := records.Table{Name: named(t, `"odd.""schema"."the; DROP TABLE ""x"""`), Columns: []string{`at "all"`}}
	found := condition(t, look(t, postgres, nil, odd))
	wantText(t, found.Text, "3 rows are dated in the future, the furthest 2027-01-02 00:00:00 UTC (40 days ahead): the id/tenant 3/=cmd\ufffd[31m\ufffd, 2/"+strings.Repeat("x", 37)+"…, 1/'rm'")
	if ids := found.Details["sample_ids"].([]string); len(ids) != 3 || ids[1] != "2/"+strings.Repeat("x", 97)+"…" || ids[2] != "1/`rm`" {
		t.Errorf("the ids are %q", ids)
	}
	wantText(t, found.Subject.ID, `postgres."odd.""schema"."the; DROP TABLE ""x"""/at "all"`)
	bare := func(ids ...string) records.Table {
		return records.Table{Name: named(t, "public.bare"), Columns: []string{"at"}, ID: ids}
	}
	none := func(o *records.Options) { o.Samples = 0 }
	one := func(o *records.Options) { o.Samples = 1 }
	cases := []struct {
		name   string
		server server
		change func(*records.Options)
		table  records.Table
		want   string
	}{
		{"no key", postgres, nil, bare(), "2 rows are dated in the future, the furthest 2027-01-01 00:00:00 UTC (39 days ahead)"},
		{"columns of choice", postgres, nil, bare("raw", "who"), `2 rows are dated in the future, the furthest 2027-01-01 00:00:00 UTC (39 days ahead): raw/who \x00ff/a0eebc99-9c0b-4ef8-bb6d-6bb9bd38…, NULL/NULL`},
		{"fewer than there are", postgres, one, bare("raw"), `2 rows are dated in the future, the furthest 2027-01-01 00:00:00 UTC (39 days ahead): raw \x00ff and 1 more`},
		{"none on purpose", postgres, none, bare("raw"), "2 rows are dated in the future, the furthest 2027-01-01 00:00:00 UTC (39 days ahead)"},
		{"more than are counted", postgres, one, records.Table{Name: named(t, "many"), Columns: []string{"at"}},
			"more than 100000 rows are dated in the future, the furthest 2027-01-02 03:46:41 UTC (40 days ahead): id 100001 and others"},
		{"bytes", maria, nil, records.Table{Name: named(t, "\"the `table\""), Columns: []string{"at"}}, "1 row is dated in the future, 2027-01-01 00:00:00 UTC (39 days ahead): id 00FF"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			found := condition(t, look(t, c.server, withOptions(c.change), c.table))
			wantText(t, found.Text, c.want)
			if more := found.Details["more_rows"]; (more == true) != strings.HasPrefix(c.want, "more") || c.server.name == "mariadb" && strings.Contains(found.Remedy, "SELECT") {
				t.Errorf("the details are %v, the remedy is %s", found.Details, found.Remedy)
			}
		})
	}
}
