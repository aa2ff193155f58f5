package schema_test

import (
	"context"
	"database/sql"
	"net"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/schema"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// asOf is the instant that the tests begin at.
var asOf = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// server is a database server that holds what a test put there.
type server struct {
	name string
	// url opens the database for the check.
	url string
	// schema is where tables go, in a subject's name, and host where the server is.
	schema, host string
	db           *sql.DB
}

func (s server) exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (s server) one(t testing.TB, query string) (value string) {
	t.Helper()
	if err := s.db.QueryRowContext(t.Context(), query).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

func chain(t testing.TB) pki.Pair {
	t.Helper()
	pair, err := pki.SelfSigned(pki.Spec{Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func opened(t testing.TB, db *sql.DB) *sql.DB {
	t.Helper()
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func postgreSQL(t testing.TB) server {
	t.Helper()
	part := parts.PostgreSQL(t, chain(t))
	config, err := pgx.ParseConfig(part.URL)
	if err != nil {
		t.Fatal(err)
	}
	// The tests change the types of what they ask for again.
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	return server{
		name: "postgresql", url: "postgres://postgres@" + part.Addr + "/postgres", schema: "postgres.public", host: part.Addr,
		db: opened(t, stdlib.OpenDB(*config)),
	}
}

func mariaDB(t testing.TB) server {
	t.Helper()
	part := parts.MariaDB(t, chain(t))
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr, config.MultiStatements = "root", "tcp", part.Addr, true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := opened(t, sql.OpenDB(connector))
	s := server{name: "mariadb", url: "mysql://root@" + part.Addr + "/app", schema: "app", host: part.Addr, db: db}
	s.exec(t, "CREATE DATABASE app CHARACTER SET utf8mb4", "USE app")
	return s
}

// passes are those of one check in time.
type passes struct {
	options schema.Options
	env     checks.Env
	memory  *checktest.Memory
	now     time.Time
	host    string
}

// over makes passes over a server.
func over(s server, options schema.Options) *passes {
	p := &passes{options: options, memory: &checktest.Memory{}, now: asOf, host: s.host}
	p.options.Database = sqlread.Database{URL: s.url, TLS: sqlread.Disable}
	p.options.StatementTimeout = watch.Duration(time.Minute)
	p.env = checktest.Env(asOf)
	p.env.Dial = new(net.Dialer).DialContext
	p.env.Memory, p.env.Keeps = p.memory, true
	p.env.Now = func() time.Time { return p.now }
	return p
}

// look is one pass: the facts by their subjects, and the remarks.
func (p *passes) look(t testing.TB) (checktest.Facts, []string) {
	t.Helper()
	facts, remarks := checktest.ByID(t, checktest.Pass(t, checktest.Build(t, schema.Kind, p.options, p.env)))
	return facts, remarks
}

// after is a pass some time later.
func (p *passes) after(t testing.TB, later time.Duration) checktest.Facts {
	t.Helper()
	p.now = p.now.Add(later)
	facts, remarks := p.look(t)
	if len(remarks) > 0 {
		t.Errorf("remarked %q", remarks)
	}
	return facts
}

func tables(t testing.TB, names ...string) schema.Options {
	t.Helper()
	var options schema.Options
	for _, text := range names {
		name, err := sqlread.ParseTableName(text)
		if err != nil {
			t.Fatal(err)
		}
		options.Tables = append(options.Tables, schema.Table{Name: name})
	}
	return options
}

func schemas(names ...string) schema.Options { return schema.Options{Schemas: names} }

// credential is a range with its date.
func credential(t testing.TB, fact watch.Fact, on, decides string) watch.Credential {
	t.Helper()
	found := checktest.As[watch.Credential](t, fact)
	if got := found.NotAfter.Format("2006-01-02 15:04:05 MST"); got != on || found.Decides != decides || found.Form != watch.NumberRange {
		t.Errorf("got  %s %s (%s)\nwant %s (%s)", found.Form, got, found.Decides, on, decides)
	}
	return found
}

// again is a second look at subjects.
func (p *passes) again(t testing.TB, ids ...string) []watch.Fact {
	t.Helper()
	var facts []watch.Fact
	check := checktest.Build(t, schema.Kind, p.options, p.env)
	if err := check.(watch.Rechecker).Recheck(t.Context(), ids, func(fact watch.Fact) { facts = append(facts, fact) }); err != nil {
		t.Fatal(err)
	}
	return facts
}

// dialling replaces how connections are made.
func (p *passes) dialling(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	p.env.Dial = dial
}
