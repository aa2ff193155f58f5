package records_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/records"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

func TestTheCheckKeepsItsContract(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE fine (id int PRIMARY KEY, at timestamptz, until date)`)
	checktest.Run(t, checktest.Case{
		Kind: records.Kind,
		Decode: func(into any) error {
			options := into.(*records.Options)
			options.Database = sqlread.Database{URL: s.url, TLS: sqlread.Disable}
			options.Tables = []records.Table{
				{Name: records.TableName{Table: "fine"}, Columns: []string{"at", "until", "none"}},
				{Name: records.TableName{Schema: "public", Table: "gone"}, Columns: []string{"at"}},
			}
			return nil
		},
		Env:      checks.DefaultEnv(nil),
		Readable: 2, Unreadable: 2,
	})
}

func TestWithoutItsDatabaseEverySubjectIsAProblem(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	facts := look(t, server{url: "postgres://watch@" + address + "/app"}, nil,
		records.Table{Name: named(t, "a"), Columns: []string{"x", "y"}}, records.Table{Name: named(t, "s.b"), Columns: []string{"z"}})
	var ids []string
	for _, fact := range facts {
		got := problem(t, fact)
		if got.Reason != watch.Refused || !got.Confined {
			t.Errorf("got %+v", got)
		}
		wantText(t, got.Err.Error(), "connect to database app at "+address+": connection refused")
		ids = append(ids, got.Subject.ID)
	}
	if want := []string{"app.public.a/x", "app.public.a/y", "app.s.b/z"}; !reflect.DeepEqual(ids, want) {
		t.Errorf("got %q, want %q", ids, want)
	}
}

func TestAConnectionThatBreaksIsMadeAgainAndOneThatCannotBeEndsThePass(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE a (at timestamptz)`)
	tables := []records.Table{{Name: named(t, "a"), Columns: []string{"at"}}, {Name: named(t, "public.a"), Columns: []string{"none"}}}
	for _, again := range []bool{true, false} {
		// A driver that gives a statement up asks the server, beside all else, to end it.
		var dialled atomic.Int64
		facts := look(t, s, func(_ *records.Options, env *checks.Env) {
			dial := env.Dial
			env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				count := dialled.Add(1)
				if count > 1 && !again {
					return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("no route to host")}
				}
				conn, err := dial(ctx, network, address)
				if err == nil && count == 1 {
					// Long enough for the sign-in and the clock, and not for the tables.
					first := &short{Conn: conn}
					first.left.Store(4)
					conn = first
				}
				return conn, err
			}
		}, tables...)
		reasons := []watch.Reason{}
		for _, fact := range facts {
			if got, ok := fact.(watch.Problem); ok {
				reasons = append(reasons, got.Reason)
				if !got.Confined {
					t.Errorf("it hides others: %+v", got)
				}
			}
		}
		if dialled.Load() < 2 || len(facts) != 2 {
			t.Errorf("dialled %d times, and got %+v", dialled.Load(), facts)
		}
		if want := []watch.Reason{watch.Unreachable, watch.Unreachable}; !again && !reflect.DeepEqual(reasons, want) {
			t.Errorf("got %v, want %v", reasons, want)
		}
		if again && reasons[len(reasons)-1] != watch.NotFound {
			t.Errorf("got %v, want the last to be read", reasons)
		}
	}
}

// short breaks after so many messages to the server.
type short struct {
	net.Conn
	left atomic.Int64
}

func (s *short) Write(message []byte) (int, error) {
	if s.left.Add(-1) < 0 {
		_ = s.Close()
	}
	return s.Conn.Write(message)
}

func TestTheLeastOfRightsSuffices(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t,
		`CREATE TABLE agent_status (agent_id int PRIMARY KEY, updated_at timestamptz, secret text)`,
		`INSERT INTO agent_status VALUES (17, '2027-11-22', 'x')`,
		`CREATE ROLE watch LOGIN`, `CREATE ROLE blind LOGIN`, `CREATE ROLE stranger LOGIN`,
		`GRANT SELECT (agent_id, updated_at) ON agent_status TO watch`,
		`GRANT SELECT (updated_at) ON agent_status TO blind`,
	)
	table := records.Table{Name: named(t, "public.agent_status"), Columns: []string{"updated_at"}}
	as := func(role string) server {
		return server{url: strings.Replace(s.url, "postgres@", role+"@", 1)}
	}
	wantText(t, condition(t, look(t, as("watch"), nil, table)).Text, "1 row is dated in the future, 2027-11-22 00:00:00 UTC (364 days ahead): agent_id 17")
	// Who may not read the key is told of the rows all the same.
	wantText(t, condition(t, look(t, as("blind"), nil, table)).Text, "1 row is dated in the future, 2027-11-22 00:00:00 UTC (364 days ahead)")
	table.ID = []string{"secret"}
	for _, role := range []string{"watch", "stranger"} {
		denied := problem(t, look(t, as(role), nil, table)[0])
		if denied.Reason != watch.PermissionDenied || denied.Remedy != "Grant the user SELECT on the table, and USAGE on its schema." {
			t.Errorf("got %+v", denied)
		}
		wantText(t, denied.Err.Error(), "read public.agent_status.updated_at: permission denied for table agent_status (SQLSTATE 42501)")
	}
}

func TestAViewThatWritesIsRefusedAndWritesNothing(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t,
		`CREATE TABLE trap (hit int)`, `CREATE SEQUENCE hits`,
		`CREATE FUNCTION spring() RETURNS timestamptz LANGUAGE sql AS 'INSERT INTO public.trap VALUES (1); SELECT timestamptz ''2027-01-01'''`,
		`CREATE VIEW bait AS SELECT 1 AS id, spring() AS at`,
	)
	refused := problem(t, look(t, s, nil, records.Table{Name: named(t, "bait"), Columns: []string{"at"}})[0])
	if refused.Reason != watch.Unreadable || refused.Remedy != "It writes when it is read, which is refused; name the table behind it." {
		t.Errorf("got %+v", refused)
	}
	wantText(t, refused.Err.Error(), "read public.bait.at: cannot execute INSERT in a read-only transaction (SQLSTATE 25006)")
	wantText(t, s.one(t, `SELECT count(*) FROM trap`), "0")
}

func TestALockedAndASlowTableHoldNobodyUp(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE locked (at timestamptz)`, `CREATE TABLE open (at timestamptz)`,
		`CREATE VIEW slow AS SELECT timestamptz '2027-01-01' + (pg_sleep(600)::text || '0 s')::interval AS at`)
	tx, err := s.db.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = tx.ExecContext(t.Context(), `LOCK TABLE locked IN ACCESS EXCLUSIVE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
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
