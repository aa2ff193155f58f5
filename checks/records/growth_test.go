package records_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/records"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// told is what passes over one column tell.
type told struct {
	check watch.Check
	now   time.Time
	known *policy.Known
}

// pass is the next one, some time later: what it tells, or nothing.
func (p *told) pass(t *testing.T, later time.Duration) string {
	t.Helper()
	p.now = p.now.Add(later)
	facts, err := collect(t, p.check)
	if err != nil {
		t.Fatal(err)
	}
	finding := policy.Judge{}.Finding(policy.Origin{Check: "rows", Kind: "records"}, condition(t, facts), p.now)
	known, event := policy.Telling{}.Compare(p.known, finding, p.now)
	p.known = &known
	if event == nil {
		return ""
	}
	return string(event.Type) + ": " + event.Finding.Message
}

func TestManyMoreRowsAreNewsAndAFewMoreOrFewerAreNot(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE status (id int PRIMARY KEY, at timestamptz)`)
	p := told{now: asOf}
	p.check = checkOf(t, s, func(o *records.Options, env *checks.Env) {
		env.Now = func() time.Time { return p.now }
		o.Samples = 1
	}, records.Table{Name: named(t, "status"), Columns: []string{"at"}})
	rows := func(from, to int, at string) string {
		return fmt.Sprintf(`INSERT INTO status SELECT n, '%s' FROM generate_series(%d, %d) n`, at, from, to)
	}
	const hour = time.Hour
	for _, step := range []struct {
		name      string
		statement string
		later     time.Duration
		want      string
	}{
		{"one row", rows(1, 1, "2026-11-25 06:00:00+00"), 0, "opened: 1 row is dated in the future, 2026-11-25 06:00:00 UTC (3 days ahead): id 1"},
		{"the same", `SELECT 1`, hour, ""},
		{"a few more", rows(2, 9, "2026-11-25 06:00:00+00"), hour, ""},
		{"many more", rows(10, 502, "2026-11-25 06:00:00+00"), hour,
			"worsened: 502 rows are dated in the future, the furthest 2026-11-25 06:00:00 UTC (2 days ahead): id 1 and 501 more"},
		{"the same, a day later", `SELECT 1`, 24 * hour, ""},
		{"a few more again", rows(503, 1200, "2026-11-25 06:00:00+00"), hour, ""},
		{"fewer by far", `DELETE FROM status WHERE id > 1`, hour, ""},
		{"fewer are no more", rows(2, 9, "2026-11-25 06:00:00+00"), hour, ""},
		{"many more again", rows(10, 600, "2026-11-25 06:00:00+00"), hour,
			"worsened: 600 rows are dated in the future, the furthest 2026-11-25 06:00:00 UTC (1 day ahead): id 1 and 599 more"},
		{"a little further", `UPDATE status SET at = '2026-12-02 06:00:00+00' WHERE id = 7`, hour, ""},
		{"further by far", `UPDATE status SET at = '2027-11-22 06:00:00+00' WHERE id = 7`, hour,
			"worsened: 600 rows are dated in the future, the furthest 2027-11-22 06:00:00 UTC (363 days ahead): id 7 and 599 more"},
		{"less far, for the time that passed", `DELETE FROM status WHERE id <> 7`, 6 * 24 * hour, ""},
		{"none", `DELETE FROM status`, hour, "resolved: no row is dated later than 2026-11-29 16:05 UTC"},
		{"one row again, days later", rows(1, 1, "2027-11-22 06:00:00+00"), 9 * 24 * hour,
			"opened: 1 row is dated in the future, 2027-11-22 06:00:00 UTC (348 days ahead): id 1"},
	} {
		s.exec(t, step.statement)
		if got := p.pass(t, step.later); got != step.want {
			t.Errorf("%s:\ngot  %s\nwant %s", step.name, got, step.want)
		}
	}
}

func TestRowsThatStayKeepTheirExtentUntilTheyAreAheadNoMore(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE status (id int PRIMARY KEY, at timestamptz, on_day date)`, `INSERT INTO status VALUES (1, '2027-11-22', '2027-11-22')`)
	for _, column := range []string{"at", "on_day"} {
		p := told{now: asOf}
		p.check = checkOf(t, s, func(_ *records.Options, env *checks.Env) { env.Now = func() time.Time { return p.now } },
			records.Table{Name: named(t, "status"), Columns: []string{column}})
		for day := range 363 {
			facts, err := collect(t, p.check)
			if err != nil {
				t.Fatal(err)
			}
			if got := condition(t, facts); got.Extent != asOf.Unix() {
				t.Fatalf("after %d days the extent of %s is %d, want %d: %s", day, column, got.Extent, asOf.Unix(), got.Text)
			}
			p.now = p.now.Add(24 * time.Hour)
		}
	}
}

// broken is a memory that cannot be used.
type broken struct{ recall error }

func (b broken) Recall(context.Context, string) ([]byte, error) { return nil, b.recall }

func (b broken) Remember(context.Context, string, []byte) error {
	return errors.New("the ledger is read-only")
}

func TestWithoutAMemoryRowsAreFoundAndGrowthIsNot(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE status (id int PRIMARY KEY, at timestamptz)`, `INSERT INTO status VALUES (1, '2027-11-22')`)
	for want, memory := range map[string]watch.Memory{
		"whether more rows lie ahead than before is not seen: the ledger is read-only": broken{},
		"whether more rows lie ahead than before is not seen: the ledger is not there": broken{errors.New("the ledger is not there")},
	} {
		facts := look(t, s, func(_ *records.Options, env *checks.Env) { env.Memory = memory }, records.Table{Name: named(t, "status"), Columns: []string{"at"}})
		if len(facts) != 2 || facts[0] != watch.Fact(watch.Remark{Text: want}) {
			t.Fatalf("got %+v", facts)
		}
		if found := condition(t, facts[1:]); found.Reason != watch.FutureRecords || found.Extent != 0 {
			t.Errorf("got %+v", found)
		}
	}
}
