package records_test

import (
	"context"
	"math"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/records"
	"lapsewatch/watch"
)

func TestTrueTimeIsSaidByTheReferences(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE status (id int PRIMARY KEY, at timestamptz)`, `INSERT INTO status VALUES (1, '2026-11-22 06:30:00+00')`)
	cases := []struct {
		name      string
		reference watch.Reference
		want      string
		verified  bool
	}{
		{"nobody is asked", watch.Reference{}, "1 row is dated in the future, 2026-11-22 06:30:00 UTC (30 minutes ahead): id 1", false},
		{"they confirm the own clock", watch.Reference{Asked: 4, Answered: 4, Agreeing: 4, Majority: true},
			"1 row is dated in the future, 2026-11-22 06:30:00 UTC (30 minutes ahead): id 1", true},
		{"the own clock is an hour behind", watch.Reference{Asked: 4, Answered: 4, Agreeing: 4, Majority: true, Offset: -time.Hour},
			"no row is dated later than 2026-11-22 07:05 UTC", true},
		{"the own clock is a day ahead", watch.Reference{Asked: 4, Answered: 4, Agreeing: 3, Majority: true, Offset: 24 * time.Hour},
			"1 row is dated in the future, 2026-11-22 06:30:00 UTC (1 day ahead): id 1", true},
		{"they do not agree", watch.Reference{Asked: 4, Answered: 4, Agreeing: 2, Offset: time.Hour, Why: "2 of 4 references agree, which is no majority"},
			"1 row is dated in the future, 2026-11-22 06:30:00 UTC (30 minutes ahead): id 1; own clock not verified: 2 of 4 references agree, which is no majority", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			found := condition(t, look(t, s, func(_ *records.Options, env *checks.Env) {
				env.Reference = func(context.Context) watch.Reference { return c.reference }
				if own := env.Now; c.reference.Majority {
					env.Now = func() time.Time { return own().Add(-c.reference.Offset) }
				}
			}, records.Table{Name: named(t, "status"), Columns: []string{"at"}}))
			wantText(t, found.Text, c.want)
			if found.Details["clock_verified"] != c.verified {
				t.Errorf("the details are %v", found.Details)
			}
			// The database runs on this very machine.
			offset, read := found.Details["database_offset_seconds"].(float64)
			want := 0.0
			if c.reference.Majority {
				want = c.reference.Offset.Seconds()
			}
			if !read || math.Abs(offset-want) > 30 {
				t.Errorf("the database is off by %v s, want about %v", offset, want)
			}
		})
	}
}

func TestToleranceIsThatOfTheTableOrOfTheCheck(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE status (id int PRIMARY KEY, at timestamptz)`, `INSERT INTO status VALUES (1, '2026-11-22 06:30:00+00')`)
	tables := []records.Table{{Name: named(t, "status"), Columns: []string{"at"}, Tolerance: watch.Duration(time.Hour)}, {Name: named(t, "public.status"), Columns: []string{"at"}}}
	facts := look(t, s, withOptions(func(o *records.Options) { o.Tolerance = watch.Duration(time.Minute) }), tables[0])
	if got := condition(t, facts); got.Reason != "" || got.Details["tolerance_seconds"] != 3600.0 {
		t.Errorf("got %+v", got)
	}
	facts = look(t, s, withOptions(func(o *records.Options) { o.Tolerance = watch.Duration(time.Minute) }), tables[1])
	if got := condition(t, facts); got.Reason != watch.FutureRecords || got.Details["tolerance_seconds"] != 60.0 {
		t.Errorf("got %+v", got)
	}
}

func TestALargeTableWithoutAnIndexIsRemarkedOn(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t,
		`CREATE TABLE large (id int PRIMARY KEY, at timestamptz, until date, since timestamptz)`,
		`CREATE INDEX ON large (at, id)`, `CREATE INDEX ON large (since) WHERE id > 7`, `CREATE INDEX ON large USING hash (until)`,
		`CREATE TABLE parted (id int, at timestamptz) PARTITION BY RANGE (id)`, `CREATE TABLE part PARTITION OF parted DEFAULT`,
		`UPDATE pg_class SET reltuples = 3000000 WHERE relname IN ('large', 'part')`,
	)
	facts := look(t, s, nil,
		records.Table{Name: named(t, "large"), Columns: []string{"at", "until", "since"}}, records.Table{Name: named(t, "parted"), Columns: []string{"at"}})
	var remarks []string
	for _, fact := range facts {
		if remark, ok := fact.(watch.Remark); ok {
			remarks = append(remarks, remark.Text)
		}
	}
	want := []string{
		"no index begins with until of public.large (about 3000000 rows), so each pass reads the whole table",
		"no index begins with since of public.large (about 3000000 rows), so each pass reads the whole table",
		"no index begins with at of public.parted (about 3000000 rows), so each pass reads the whole table",
	}
	if len(remarks) != len(want) {
		t.Fatalf("got %q", remarks)
	}
	for i := range want {
		wantText(t, remarks[i], want[i])
	}
}
