package records_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/records"
	"lapsewatch/watch"
)

// locked locks a table until release.
func locked(t *testing.T, s server, table string) (release func()) {
	t.Helper()
	tx, err := s.db.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = tx.ExecContext(t.Context(), `LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

func TestALockedAndASlowTableHoldNobodyUp(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE locked (at timestamptz)`, `CREATE TABLE open (at timestamptz)`,
		`CREATE VIEW slow AS SELECT timestamptz '2027-01-01' + (pg_sleep(600)::text || '0 s')::interval AS at`)
	defer locked(t, s, "locked")()
	// A busy machine must be able to look into the catalog in that time.
	hasty := func(o *records.Options) { o.StatementTimeout = watch.Duration(4 * time.Second) }
	table := func(name string) records.Table {
		return records.Table{Name: named(t, name), Columns: []string{"at"}}
	}
	facts := look(t, s, withOptions(hasty), table("locked"), table("slow"), table("open"))
	wants := []string{
		"read public.locked.at: canceling statement due to lock timeout (SQLSTATE 55P03)",
		"read public.slow.at: canceling statement due to statement timeout (SQLSTATE 57014)",
	}
	for i, want := range wants {
		got := problem(t, facts[i])
		wantText(t, fmt.Sprintf("%s: %v", got.Reason, got.Err), "timed_out: "+want)
	}
	if got := condition(t, facts[2:]); got.Reason != "" {
		t.Errorf("got %+v", got)
	}
}

func TestTheSecondLookReadsWhatAMomentsLockHeldAndNothingElse(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE busy (id int PRIMARY KEY, at timestamptz, until date)`, `CREATE TABLE open (at timestamptz)`, `INSERT INTO busy VALUES (17, '2027-11-22', NULL)`)
	// A driver that gives a statement up dials beside all else.
	var dialled atomic.Int64
	check := checkOf(t, s, func(o *records.Options, env *checks.Env) {
		o.StatementTimeout = watch.Duration(4 * time.Second)
		dial := env.Dial
		env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled.Add(1)
			return dial(ctx, network, address)
		}
	}, records.Table{Name: named(t, "busy"), Columns: []string{"at", "until"}}, records.Table{Name: named(t, "open"), Columns: []string{"at"}})
	release := locked(t, s, "busy")
	first, err := collect(t, check)
	release()
	if err != nil || len(first) != 3 {
		t.Fatalf("got %+v, %v", first, err)
	}
	for _, fact := range first[:2] {
		if held := problem(t, fact); held.Reason != watch.TimedOut || !held.Confined {
			t.Errorf("got %+v", held)
		}
	}
	before := dialled.Load()
	found := condition(t, again(t, check, "postgres.public.busy/at", "database", "postgres.public.nowhere/at"))
	wantText(t, found.Subject.ID, "postgres.public.busy/at")
	wantText(t, found.Text, "1 row is dated in the future, 2027-11-22 00:00:00 UTC (364 days ahead): id 17")
	if dialled.Load() == before {
		t.Error("the second look used the connection of the first")
	}
	before = dialled.Load()
	if facts := again(t, check, "database"); len(facts) != 0 || dialled.Load() != before {
		t.Errorf("a second look at no column dialled %d times and found %+v", dialled.Load()-before, facts)
	}
}

func TestASecondLookWithoutADatabaseLeavesWhatWasLearnt(t *testing.T) {
	check := checkOf(t, server{url: "postgres://watch@127.0.0.1:1/app"}, func(_ *records.Options, env *checks.Env) {
		env.Dial = func(_ context.Context, network, _ string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("no route to host")}
		}
	}, records.Table{Name: named(t, "a"), Columns: []string{"at"}})
	told := 0
	err := check.(watch.Rechecker).Recheck(t.Context(), []string{"app.public.a/at"}, func(watch.Fact) { told++ })
	if down := unread(t, err); down.Reason != watch.Unreachable || told != 0 {
		t.Errorf("got %+v and %d facts", down, told)
	}
}
