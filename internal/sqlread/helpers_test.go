package sqlread_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"lapsewatch/internal/pki"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// testEnv has time enough for a busy machine.
func testEnv(password string) sqlread.Env {
	return sqlread.Env{
		Dial: new(net.Dialer).DialContext, Timeout: time.Minute,
		Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(password), nil },
	}
}

func someSecret() watch.SecretRef { return watch.SecretRef{Env: "DATABASE_PASSWORD"} }

func authority(t testing.TB) (root, leaf pki.Pair) {
	t.Helper()
	root, err := pki.NewRoot("lapsewatch test authority")
	if err == nil {
		leaf, err = root.Issue(pki.Spec{Names: []string{"127.0.0.1"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return root, leaf
}

func rootFile(t testing.TB, root pki.Pair) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func opened(t testing.TB, database sqlread.Database, env sqlread.Env) *sqlread.Conn {
	t.Helper()
	conn, err := sqlread.Open(t.Context(), database, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// failure opens a database that cannot be opened.
func failure(t testing.TB, ctx context.Context, database sqlread.Database, env sqlread.Env) *sqlread.Failure {
	t.Helper()
	conn, err := sqlread.Open(ctx, database, env)
	if err == nil {
		t.Fatalf("it was opened, and closed with %v", conn.Close())
	}
	return asFailure(t, err)
}

func asFailure(t testing.TB, err error) *sqlread.Failure {
	t.Helper()
	failed, ok := errors.AsType[*sqlread.Failure](err)
	if !ok {
		t.Fatalf("got the error %v (%T), want a failure", err, err)
	}
	return failed
}

// want compares a failure; its text holds the address, which differs from run to run.
func want(t testing.TB, failed *sqlread.Failure, reason watch.Reason, text string) {
	t.Helper()
	if failed.Reason != reason || !strings.Contains(failed.Error(), text) {
		t.Errorf("got %s: %v, want %s: … %s", failed.Reason, failed, reason, text)
	}
	if strings.Contains(failed.Error(), canary) || strings.Contains(failed.Remedy, canary) {
		t.Errorf("it holds the password: %v", failed)
	}
}

func one(t testing.TB, conn *sqlread.Conn, statement string) (value string) {
	t.Helper()
	err := conn.Read(t.Context(), func(ctx context.Context, tx *sqlread.Tx) error {
		return tx.Query(ctx, "ask", func(scan func(...any) error) error { return scan(&value) }, statement)
	})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return value
}

// administrator is a connection to a PostgreSQL part that may do everything.
func administrator(t testing.TB, url string) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// mariaAdministrator is one to a MariaDB part.
func mariaAdministrator(t testing.TB, address string) *sql.DB {
	t.Helper()
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr = "root", "tcp", address
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func exec(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
