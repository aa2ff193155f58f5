package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
)

// store is one of the databases that a ledger can be kept in.
type store struct {
	name string
	// fresh is the DSN of a store that does not exist yet.
	fresh func(t testing.TB) string
	// unbound lets the statements of a connection break references.
	unbound string
}

func stores() []store {
	return []store{
		{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "lapsewatch.db") }, `PRAGMA foreign_keys = off`},
		{"postgres", func(t testing.TB) string { return freshSchema(t, "") }, `SET session_replication_role = replica`},
	}
}

// eachStore runs a test on every kind of store.
func eachStore(t *testing.T, test func(t *testing.T, s store)) {
	t.Helper()
	for _, s := range stores() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

// new is a ledger in a store of its own.
func (s store) new(t testing.TB) *Ledger {
	t.Helper()
	return openDSN(t, s.fresh(t))
}

func openDSN(t testing.TB, dsn string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// tamper changes rows as this package never would.
func (s store) tamper(t testing.TB, l *Ledger, statements ...string) {
	t.Helper()
	conn, err := l.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range append([]string{s.unbound}, statements...) {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

func change(t testing.TB, l *Ledger, statement string) {
	t.Helper()
	if _, err := l.db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// server is one PostgreSQL server for all tests of the process; it ends with TestMain.
type server struct {
	testing.TB // for its unexported method; all others that parts uses are below
	ends       []func()
	failed     bool
	database   func() parts.Database
	schemas    atomic.Int64
}

var postgres = newServer()

func newServer() *server {
	s := &server{}
	s.database = sync.OnceValue(func() parts.Database {
		pair, err := pki.NewRoot("ledger")
		if err != nil {
			s.Fatalf("make a certificate: %v", err)
		}
		return parts.PostgreSQL(s, pair)
	})
	return s
}

func (s *server) Helper()                    {}
func (s *server) Failed() bool               { return s.failed }
func (s *server) Cleanup(end func())         { s.ends = append(s.ends, end) }
func (s *server) Logf(text string, a ...any) { fmt.Fprintf(os.Stderr, text+"\n", a...) }

func (s *server) Errorf(text string, a ...any) {
	s.failed = true
	s.Logf(text, a...)
}

func (s *server) Fatalf(text string, a ...any) {
	s.Errorf(text, a...)
	panic("the PostgreSQL server of the tests cannot be started")
}

func (s *server) stop() {
	for i := range s.ends {
		s.ends[len(s.ends)-1-i]()
	}
}

// freshSchema is a DSN that names an empty schema, with more settings if there are any.
func freshSchema(t testing.TB, settings string) string {
	t.Helper()
	name := fmt.Sprintf("s%d", postgres.schemas.Add(1))
	asSuperuser(t, `CREATE SCHEMA `+name)
	return postgres.database().URL + "&search_path=" + name + settings
}

// asSuperuser runs statements in the database of the tests.
func asSuperuser(t testing.TB, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", postgres.database().URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		_, execErr := db.ExecContext(t.Context(), statement)
		err = errors.Join(err, execErr)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
