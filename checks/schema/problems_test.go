package schema_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/schema"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

func TestTheCheckKeepsItsContract(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE mails (id serial PRIMARY KEY)`, `CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY)`)
	checktest.Run(t, checktest.Case{
		Kind: schema.Kind,
		Decode: checktest.YAML("database: {url: " + s.url + ", tls: disable}\n" +
			"tables: [{table: mails}, {table: public.gone}, {table: orders, column: none}]\nschemas: [public]\nstatement_timeout: 1m\n"),
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
	p := over(server{url: "postgres://watch@" + address + "/app"}, tables(t, "mails"))
	check := checktest.Build(t, schema.Kind, p.options, p.env)
	facts, err := checktest.Gather(t.Context(), check)
	source, ok := errors.AsType[*watch.SourceError](err)
	if len(facts) != 0 || !ok || source.Problem.Confined || source.Problem.Reason != watch.Refused {
		t.Fatalf("got %+v, %v", facts, err)
	}
	checktest.Equal(t, "the name", source.Problem.Subject.Name, "database app at "+address)
	checktest.Equal(t, "the error", source.Error(), "connect to database app at "+address+": connection refused")
	tried := check.(watch.Trier).Try(t.Context())
	if len(tried) != 1 || tried[0].Reason != watch.Refused || tried[0].Err == nil {
		t.Errorf("tried %+v", tried)
	}
}

func TestAConnectionThatBreaksIsMadeAgainAndOneThatCannotBeEndsThePass(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE a (id serial PRIMARY KEY)`, `CREATE TABLE b (id serial PRIMARY KEY)`)
	for _, again := range []bool{true, false} {
		p := over(s, tables(t, "a", "b"))
		p.after(t, 0)
		var dialled atomic.Int64
		dial := p.env.Dial
		p.dialling(func(ctx context.Context, network, address string) (net.Conn, error) {
			count := dialled.Add(1)
			if count > 1 && !again {
				return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("no route to host")}
			}
			conn, err := dial(ctx, network, address)
			if err == nil && count == 1 {
				// Long enough for the sign-in, and not for the tables.
				first := &short{Conn: conn}
				first.left.Store(4)
				conn = first
			}
			return conn, err
		})
		facts, err := checktest.Gather(t.Context(), checktest.Build(t, schema.Kind, p.options, p.env))
		if _, lost := errors.AsType[*watch.SourceError](err); lost == again || again && len(facts) != 2 {
			t.Errorf("got %+v, %v", facts, err)
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

func TestTheLeastOfRightsSufficesAndLessIsNeverInOrder(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE mails (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, secret text)`, `CREATE TABLE orders (id serial PRIMARY KEY)`,
		`CREATE ROLE watch LOGIN`, `CREATE ROLE blind LOGIN`, `CREATE ROLE half LOGIN`,
		`GRANT SELECT ON SEQUENCE mails_id_seq, orders_id_seq TO watch, half`, `GRANT SELECT (id) ON mails, orders TO watch`)
	as := func(role string) *passes {
		watcher := s
		watcher.url = strings.Replace(s.url, "postgres@", role+"@", 1)
		return over(watcher, tables(t, "mails", "orders"))
	}
	for _, table := range []string{"mails", "orders"} {
		id := "postgres.public." + table + "/id"
		fine := checktest.As[watch.Condition](t, as("watch").after(t, 0)[id])
		checktest.Equal(t, "the reason", fine.Reason, "")
		checktest.Equal[any](t, "whether rows were looked at", fine.Details["taken_looked_for"], true)
		half := checktest.As[watch.Condition](t, as("half").after(t, 0)[id])
		checktest.Equal[any](t, "whether rows were looked at", half.Details["taken_looked_for"], false)
		denied := checktest.WantProblem(t, as("blind").after(t, 0)[id], watch.PermissionDenied,
			"read the numbering of public."+table+".id: it is there, but the user may not read where the sequence public."+table+"_id_seq stands")
		checktest.Equal(t, "the remedy", denied.Remedy, "Grant the user SELECT on the sequence public."+table+"_id_seq, and USAGE on its schema.")
	}
	// That it is lost is seen without any right.
	blind := as("blind")
	blind.after(t, 0)
	s.exec(t, `ALTER TABLE mails ALTER id DROP IDENTITY`)
	lost := checktest.WantCondition(t, blind.after(t, time.Hour)["postgres.public.mails/id"], watch.NumberingLost, lostAt("numbered by identity, always (integer)"))
	// Where to go on is not known, so that no statement is given that would begin at 1.
	checktest.WantWords(t, "the remedy", lost.Remedy, "Restore the numbering, and set the next number above the largest that is used. If it was meant")
}

func TestRowsThatASecurityPolicyMayHideAreNotLookedFor(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE mails (id serial PRIMARY KEY)`, `INSERT INTO mails VALUES (1)`, `ALTER TABLE mails ENABLE ROW LEVEL SECURITY`,
		`CREATE ROLE watch LOGIN`, `GRANT SELECT ON mails, mails_id_seq TO watch`)
	s.url = strings.Replace(s.url, "postgres@", "watch@", 1)
	got := checktest.As[watch.Condition](t, over(s, tables(t, "mails")).after(t, 0)["postgres.public.mails/id"])
	checktest.Equal[any](t, "whether rows were looked at", got.Details["taken_looked_for"], false)
}

func TestASequenceThatSomebodyHoldsHidesNoOtherTable(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE mails (id serial PRIMARY KEY)`, `CREATE TABLE orders (id serial PRIMARY KEY)`)
	held, err := s.db.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = held.ExecContext(t.Context(), `LOCK TABLE mails IN ACCESS EXCLUSIVE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := over(s, schemas("public"))
	p.options.StatementTimeout = watch.Duration(4 * time.Second)
	facts := p.after(t, 0)
	checktest.WantProblem(t, facts["postgres.public.mails/id"], watch.TimedOut, "look up table public.mails: canceling statement due to lock timeout")
	checktest.Equal(t, "the reason", checktest.Of[watch.Condition](t, facts, "postgres.public.orders/id").Reason, "")
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	again := p.again(t, "postgres.public.mails/id")
	if len(again) != 1 {
		t.Fatalf("a second look told %+v", again)
	}
	checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, again[0]).Reason, "")
}

func TestHostileNamesSteerNoStatementAndNoMessage(t *testing.T) {
	s := postgreSQL(t)
	for _, name := range []string{"x`y", "a\x1b[31mb", "q; DROP TABLE mails; --", `"it's"`, "www://x", "@everyone", "\u202ex"} {
		quoted := sqlread.PostgreSQL.Quote(name)
		s.exec(t, `DROP SCHEMA IF EXISTS hostile CASCADE`, `CREATE SCHEMA hostile`, `CREATE TABLE hostile.`+quoted+` (`+quoted+` bigserial PRIMARY KEY)`)
		p := over(s, schemas("hostile"))
		if facts := p.after(t, 0); len(facts) != 1 {
			t.Errorf("%q: got %+v", name, facts)
		}
		s.exec(t, `ALTER TABLE hostile.`+quoted+` ALTER COLUMN `+quoted+` DROP DEFAULT`)
		for _, fact := range p.after(t, time.Hour) {
			lost := checktest.As[watch.Condition](t, fact)
			checktest.Equal(t, "the reason", lost.Reason, watch.NumberingLost)
			if strings.ContainsAny(lost.Text+lost.Remedy, "\x1b\u202e") || strings.Contains(lost.Text, "`") {
				t.Errorf("%q: told %+v", name, lost)
			}
			if parts := strings.Split(lost.Remedy, "`"); len(parts) == 3 {
				s.exec(t, parts[1])
				checktest.Equal(t, "the default", s.one(t, `SELECT count(*)::text FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'hostile'`), "1")
			} else if len(parts) != 1 {
				t.Errorf("%q: told to do %s", name, lost.Remedy)
			}
		}
	}
}
