package records_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"lapsewatch/checks"
	"lapsewatch/checks/records"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// asOf is the instant that the tests judge as of.
var asOf = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// server is a database server that holds what a test put there.
type server struct {
	name string
	// url opens the database for the check.
	url string
	// schema is where tables go, in a subject's name.
	schema string
	db     *sql.DB
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
	return server{
		name: "postgresql", url: "postgres://postgres@" + part.Addr + "/postgres", schema: "postgres.public",
		db: opened(t, stdlib.OpenDB(*config)),
	}
}

func mariaDB(t testing.TB) server {
	t.Helper()
	part := parts.MariaDB(t, chain(t))
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr = "root", "tcp", part.Addr
	connect := func() *sql.DB {
		connector, err := mysql.NewConnector(config)
		if err != nil {
			t.Fatal(err)
		}
		return opened(t, sql.OpenDB(connector))
	}
	if _, err := connect().ExecContext(t.Context(), "CREATE DATABASE app CHARACTER SET utf8mb4"); err != nil {
		t.Fatal(err)
	}
	config.DBName = "app"
	return server{name: "mariadb", url: "mysql://root@" + part.Addr + "/app", schema: "app", db: connect()}
}

func named(t testing.TB, text string) sqlread.TableName {
	t.Helper()
	name, err := sqlread.ParseTableName(text)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// look is a pass over the tables of a server.
func look(t testing.TB, s server, change func(*records.Options, *checks.Env), tables ...records.Table) []watch.Fact {
	t.Helper()
	facts, err := collect(t, checkOf(t, s, change, tables...))
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// checkOf is the check of the tables of a server.
func checkOf(t testing.TB, s server, change func(*records.Options, *checks.Env), tables ...records.Table) watch.Check {
	t.Helper()
	options := records.Options{
		Database: sqlread.Database{URL: s.url, TLS: sqlread.Disable},
		Tables:   tables, Tolerance: watch.Duration(5 * time.Minute), StatementTimeout: watch.Duration(time.Minute), Samples: 10,
	}
	env := testEnv()
	if change != nil {
		change(&options, &env)
	}
	if err := options.Validate(); err != nil {
		t.Fatal(err)
	}
	check, err := records.New(options, env)
	if err != nil {
		t.Fatal(err)
	}
	return check
}

func collect(t testing.TB, check watch.Check) ([]watch.Fact, error) {
	t.Helper()
	var facts []watch.Fact
	err := check.Collect(t.Context(), func(fact watch.Fact) { facts = append(facts, fact) })
	return facts, err
}

// again is a second look at subjects.
func again(t testing.TB, check watch.Check, ids ...string) []watch.Fact {
	t.Helper()
	var facts []watch.Fact
	if err := check.(watch.Rechecker).Recheck(t.Context(), ids, func(fact watch.Fact) { facts = append(facts, fact) }); err != nil {
		t.Fatal(err)
	}
	return facts
}

// unread is what an error of Collect says of the database as a whole.
func unread(t testing.TB, err error) watch.Problem {
	t.Helper()
	source, ok := errors.AsType[*watch.SourceError](err)
	if !ok {
		t.Fatalf("got the error %v, want one of the source", err)
	}
	if source.Problem.Confined || source.Problem.Subject.ID != "database" {
		t.Errorf("got %+v", source.Problem)
	}
	return source.Problem
}

func testEnv() checks.Env {
	return checks.Env{
		Now: func() time.Time { return asOf }, Log: slog.New(slog.DiscardHandler),
		Dial: new(net.Dialer).DialContext, Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.Secret{}, fmt.Errorf("no secret is here") },
		Reference: func(context.Context) watch.Reference { return watch.Reference{} },
		Memory:    checks.Forgetful(), Concurrency: 1, Timeout: time.Minute, Expect: func(int) {},
	}
}

// condition is the only fact, which is a condition.
func condition(t testing.TB, facts []watch.Fact) watch.Condition {
	t.Helper()
	if len(facts) != 1 {
		t.Fatalf("got %d facts, want one: %+v", len(facts), facts)
	}
	found, ok := facts[0].(watch.Condition)
	if !ok {
		t.Fatalf("got %+v, want a condition", facts[0])
	}
	return found
}

func problem(t testing.TB, fact watch.Fact) watch.Problem {
	t.Helper()
	found, ok := fact.(watch.Problem)
	if !ok {
		t.Fatalf("got %+v, want a problem", fact)
	}
	return found
}

func wantText(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func withOptions(change func(*records.Options)) func(*records.Options, *checks.Env) {
	if change == nil {
		return nil
	}
	return func(options *records.Options, _ *checks.Env) { change(options) }
}
