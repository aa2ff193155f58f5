package records_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

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
				{Name: sqlread.TableName{Table: "fine"}, Columns: []string{"at", "until", "none"}},
				{Name: sqlread.TableName{Schema: "public", Table: "gone"}, Columns: []string{"at"}},
			}
			return nil
		},
		Env:      checks.DefaultEnv(nil),
		Readable: 2, Unreadable: 2,
	})
}

func TestADatabaseThatIsDownIsOneProblemAndNoneOfItsColumns(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	check := checkOf(t, server{url: "postgres://watch@" + address + "/app"}, nil,
		records.Table{Name: named(t, "a"), Columns: []string{"x", "y"}}, records.Table{Name: named(t, "s.b"), Columns: []string{"z"}})
	facts, err := collect(t, check)
	if len(facts) != 0 {
		t.Errorf("got %+v", facts)
	}
	down := unread(t, err)
	if down.Reason != watch.Refused {
		t.Errorf("got %+v", down)
	}
	wantText(t, down.Subject.Name, "database app at "+address)
	wantText(t, down.Err.Error(), "connect to database app at "+address+": connection refused")

	tried := check.(watch.Trier).Try(t.Context())
	if len(tried) != 1 || tried[0].Name != down.Subject.Name || tried[0].Reason != watch.Refused || tried[0].Err == nil {
		t.Errorf("tried %+v", tried)
	}
}

func TestAConnectionThatBreaksIsMadeAgainAndOneThatCannotBeEndsThePass(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE a (at timestamptz)`)
	tables := []records.Table{{Name: named(t, "a"), Columns: []string{"at"}}, {Name: named(t, "public.a"), Columns: []string{"none"}}}
	for _, again := range []bool{true, false} {
		// A driver that gives a statement up asks the server, beside all else, to end it.
		var dialled atomic.Int64
		facts, err := collect(t, checkOf(t, s, func(_ *records.Options, env *checks.Env) {
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
		}, tables...))
		if dialled.Load() < 2 {
			t.Errorf("dialled %d times", dialled.Load())
		}
		if !again {
			if lost := unread(t, err); lost.Reason != watch.Unreachable || len(facts) != 0 {
				t.Errorf("got %+v and %+v", lost, facts)
			}
			continue
		}
		if err != nil || len(facts) != 2 {
			t.Fatalf("got %+v, %v", facts, err)
		}
		if last := problem(t, facts[1]); last.Reason != watch.NotFound || !last.Confined {
			t.Errorf("got %+v, want the last to be read", last)
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
