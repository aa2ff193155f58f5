package sqlread_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

func TestTLSIsAsStrictAsItsMode(t *testing.T) {
	root, leaf := authority(t)
	stranger, _ := authority(t)
	ours, theirs := rootFile(t, root), rootFile(t, stranger)
	servers := map[string]struct{ url, encrypted, plain string }{
		"postgresql": {"postgres://postgres@" + parts.PostgreSQL(t, leaf).Addr + "/postgres", "t", "f"},
		"mariadb":    {"mysql://root@" + parts.MariaDB(t, leaf).Addr + "/information_schema", "1", "0"},
	}
	protected := map[string]string{
		"postgresql": `SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
		"mariadb":    `SELECT IF(VARIABLE_VALUE = '', 0, 1) FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'`,
	}
	for name, server := range servers {
		cases := []struct {
			name     string
			database sqlread.Database
			want     string
		}{
			{"verified", sqlread.Database{URL: server.url, CAFile: ours}, server.encrypted},
			{"encrypted", sqlread.Database{URL: server.url, TLS: sqlread.Require}, server.encrypted},
			{"in the clear", sqlread.Database{URL: server.url, TLS: sqlread.Disable}, server.plain},
		}
		for _, c := range cases {
			t.Run(name+" "+c.name, func(t *testing.T) {
				if got := one(t, opened(t, c.database, testEnv("")), protected[name]); got[:1] != c.want {
					t.Errorf("TLS is %s, want %s", got, c.want)
				}
			})
		}
		t.Run(name+" of another authority is refused", func(t *testing.T) {
			failed := failure(t, t.Context(), sqlread.Database{URL: server.url, CAFile: theirs}, testEnv(""))
			want(t, failed, watch.HandshakeFailed, "certificate signed by unknown authority")
			if failed.Remedy != "Name the authority of the server's certificate in ca_file, or correct the host." || !failed.Connecting {
				t.Errorf("the remedy is %q, connecting %v", failed.Remedy, failed.Connecting)
			}
		})
		t.Run(name+" of another name is refused", func(t *testing.T) {
			url := strings.Replace(server.url, "127.0.0.1", "localhost", 1)
			want(t, failure(t, t.Context(), sqlread.Database{URL: url, CAFile: ours}, testEnv("")), watch.HandshakeFailed, "but wanted to match localhost")
		})
		t.Run(name+" that is valid by the own clock alone is refused", func(t *testing.T) {
			for years, remedy := range map[int]string{
				+1: "Renew the certificate of the server.",
				-1: "The certificate of the server is not valid yet: check the clock of whoever issued it, and that of this machine.",
			} {
				env := testEnv("")
				env.TLSTime = func() time.Time { return time.Now().AddDate(years, 0, 0) }
				failed := failure(t, t.Context(), sqlread.Database{URL: server.url, CAFile: ours}, env)
				want(t, failed, watch.HandshakeFailed, "certificate has expired or is not yet valid")
				if failed.Remedy != remedy {
					t.Errorf("%d years from now the remedy is %q", years, failed.Remedy)
				}
			}
		})
	}
}

func TestACertificateThatHasEndedByTheOwnClockIsVerifiedByTheTrueTime(t *testing.T) {
	then := time.Now().AddDate(-1, 0, 0)
	root, err := pki.SelfSigned(pki.Spec{CommonName: "lapsewatch test authority", IsCA: true, NotBefore: then.AddDate(-1, 0, 0), NotAfter: then.AddDate(9, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Spec{Names: []string{"127.0.0.1"}, NotBefore: then.AddDate(0, -1, 0), NotAfter: then.AddDate(0, 1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"postgresql": "postgres://postgres@" + parts.PostgreSQL(t, leaf).Addr + "/postgres",
		"mariadb":    "mysql://root@" + parts.MariaDB(t, leaf).Addr + "/information_schema",
	} {
		t.Run(name, func(t *testing.T) {
			database := sqlread.Database{URL: url, CAFile: rootFile(t, root)}
			env := testEnv("")
			env.TLSTime = func() time.Time { return then }
			if got := one(t, opened(t, database, env), `SELECT 'well'`); got != "well" {
				t.Errorf("got %q", got)
			}
			want(t, failure(t, t.Context(), database, testEnv("")), watch.HandshakeFailed, "certificate has expired or is not yet valid")
		})
	}
}

// withPasswords makes the server ask for passwords, and waits until it does.
func withPasswords(t *testing.T, db *sql.DB, method, url string) {
	t.Helper()
	var file string
	if err := db.QueryRowContext(t.Context(), `SHOW hba_file`).Scan(&file); err != nil {
		t.Fatal(err)
	}
	exec(t, db, fmt.Sprintf(`COPY (VALUES ('host all postgres 127.0.0.1/32 trust'), ('host all all 127.0.0.1/32 %s')) TO '%s'`, method, file),
		`SELECT pg_reload_conf()`)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		conn, err := sqlread.Open(t.Context(), sqlread.Database{URL: url, TLS: sqlread.Disable}, testEnv(""))
		if err != nil {
			return
		}
		if err := conn.Close(); err != nil || time.Now().After(deadline) {
			t.Fatalf("the server still asks for no password: %v", err)
		}
	}
}

func TestPasswordsComeByReferenceAndShowNowhere(t *testing.T) {
	root, leaf := authority(t)
	part := parts.PostgreSQL(t, leaf)
	db := administrator(t, part.URL)
	exec(t, db, `CREATE ROLE watch LOGIN PASSWORD '`+canary+`'`)
	url := "postgres://watch@" + part.Addr + "/postgres"
	withPasswords(t, db, "scram-sha-256", url)
	safe := sqlread.Database{URL: url, Password: someSecret(), CAFile: rootFile(t, root)}
	if got := one(t, opened(t, safe, testEnv(canary)), `SELECT current_user::text`); got != "watch" {
		t.Errorf("signed in as %s", got)
	}
	wrong := failure(t, t.Context(), safe, testEnv(canary+"-no"))
	want(t, wrong, watch.PermissionDenied, `connect to database postgres at `+part.Addr+`: password authentication failed for user "watch" (SQLSTATE 28P01)`)
	want(t, failure(t, t.Context(), sqlread.Database{URL: url + "-none", Password: someSecret(), TLS: sqlread.Require}, testEnv(canary)),
		watch.NotFound, `database "postgres-none" does not exist (SQLSTATE 3D000)`)
	missing := testEnv("")
	missing.Secrets = func(watch.SecretRef) (watch.Secret, error) { return watch.Secret{}, fmt.Errorf("it is not there") }
	want(t, failure(t, t.Context(), safe, missing), watch.Unreadable, ": it is not there")

	// Whoever poses as the server could ask for the password as it is.
	withPasswords(t, db, "password", url)
	want(t, failure(t, t.Context(), sqlread.Database{URL: url, Password: someSecret(), TLS: sqlread.Require}, testEnv(canary)), watch.HandshakeFailed, "")
	if got := one(t, opened(t, safe, testEnv(canary)), `SELECT current_user::text`); got != "watch" {
		t.Errorf("signed in as %s", got)
	}
}

func TestTheEnvironmentOfPostgreSQLChangesNothing(t *testing.T) {
	_, leaf := authority(t)
	part := parts.PostgreSQL(t, leaf)
	for name, value := range map[string]string{
		"PGHOST": "/nowhere", "PGUSER": "stranger", "PGPASSWORD": canary, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/nowhere/ca",
		"PGOPTIONS": "-c work_mem=77MB", "PGAPPNAME": "stranger", "PGTARGETSESSIONATTRS": "standby", "PGPASSFILE": "/nowhere",
	} {
		t.Setenv(name, value)
	}
	conn := opened(t, sqlread.Database{URL: "postgres://postgres@" + part.Addr + "/postgres", TLS: sqlread.Disable}, testEnv(""))
	got := one(t, conn, `SELECT current_user || ' ' || current_setting('application_name') || ' ' || current_setting('work_mem')`)
	if got != "postgres lapsewatch 4MB" {
		t.Errorf("got %q", got)
	}
}

func TestNothingIsWrittenAndEveryStatementIsBounded(t *testing.T) {
	_, leaf := authority(t)
	postgres := sqlread.Database{URL: "postgres://postgres@" + parts.PostgreSQL(t, leaf).Addr + "/postgres", TLS: sqlread.Disable}
	part := parts.MariaDB(t, leaf)
	maria := sqlread.Database{URL: "mysql://root@" + part.Addr + "/information_schema", TLS: sqlread.Disable}
	exec(t, mariaAdministrator(t, part.Addr), `CREATE DATABASE app`, `CREATE TABLE app.x (y int) ENGINE=InnoDB`)
	// A busy machine has time for what is not meant to be ended.
	patient, hasty := testEnv(""), testEnv("")
	hasty.StatementTimeout = 300 * time.Millisecond
	settings := []struct {
		database        sqlread.Database
		statement, want string
	}{
		{postgres, `SELECT concat_ws(' ', current_setting('transaction_read_only'), current_setting('transaction_isolation'), current_setting('statement_timeout'),` +
			` current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'), current_setting('search_path'))`,
			"on repeatable read 1min 30s 3min pg_catalog"},
		{maria, `SELECT CONCAT_WS(' ', @@max_statement_time, @@lock_wait_timeout, @@innodb_lock_wait_timeout, @@time_zone)`, "60.000000 30 30 +00:00"},
	}
	for _, c := range settings {
		if got := one(t, opened(t, c.database, patient), c.statement); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	refused := []struct {
		name, statement string
		database        sqlread.Database
		env             sqlread.Env
		reason          watch.Reason
		text            string
	}{
		{"PostgreSQL refuses to write", `CREATE TABLE x (y int)`, postgres, patient, watch.Unreadable, "cannot execute CREATE TABLE in a read-only transaction (SQLSTATE 25006)"},
		{"MariaDB refuses to write", `INSERT INTO app.x VALUES (1)`, maria, patient, watch.Unreadable, "Cannot execute statement in a READ ONLY transaction (error 1792)"},
		{"PostgreSQL ends a statement", `SELECT pg_sleep(600)::text`, postgres, hasty, watch.TimedOut, "canceling statement due to statement timeout (SQLSTATE 57014)"},
		{"MariaDB ends a statement", `SELECT COUNT(*) FROM COLUMNS a, COLUMNS b, COLUMNS c, COLUMNS d`, maria, hasty, watch.TimedOut, "(max_statement_time exceeded) (error 1969)"},
		{"a list without end is cut", `SELECT n::text FROM generate_series(1, 20000) n`, postgres, patient, watch.TooLarge, "more rows than were asked for"},
		{"a message without end is cut", `SELECT repeat('x', 8000000)`, postgres, patient, watch.Unreadable, ""},
	}
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			conn := opened(t, c.database, c.env)
			err := conn.Read(t.Context(), func(ctx context.Context, tx *sqlread.Tx) error {
				var value string
				return tx.Query(ctx, "try", func(scan func(...any) error) error { return scan(&value) }, c.statement)
			})
			want(t, asFailure(t, err), c.reason, c.text)
			// The next one is none the worse for it.
			if got := one(t, conn, `SELECT 'well'`); got != "well" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestAPassThatIsCutShortLeavesNoStatementBehind(t *testing.T) {
	_, leaf := authority(t)
	part := parts.PostgreSQL(t, leaf)
	// The server must not end it by itself before this test gives up.
	env := testEnv("")
	env.StatementTimeout = 10 * time.Minute
	conn := opened(t, sqlread.Database{URL: "postgres://postgres@" + part.Addr + "/postgres", TLS: sqlread.Disable}, env)
	ctx, cancel := context.WithCancel(t.Context())
	err := conn.Read(ctx, func(ctx context.Context, tx *sqlread.Tx) error {
		time.AfterFunc(50*time.Millisecond, cancel)
		return tx.Query(ctx, "wait", func(func(...any) error) error { return nil }, `SELECT pg_sleep(600)`)
	})
	if failed := asFailure(t, err); !errors.Is(failed, context.Canceled) {
		t.Errorf("got %v", failed)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	db := administrator(t, part.URL)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var sleeping int
		if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'`).Scan(&sleeping); err != nil {
			t.Fatal(err)
		}
		if sleeping == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the statement still runs")
		}
	}
}
