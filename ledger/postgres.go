package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

// postgresLock is one lock for all who write to the ledger of a schema.
const postgresLock = `SELECT pg_advisory_xact_lock(hashtextextended('lapsewatch ' || current_schema(), 0))`

func postgresDialect() dialect {
	migrations, err := fs.Sub(postgresMigrations, "migrations/postgres")
	if err != nil {
		panic(err) // the path is a constant and valid
	}
	return dialect{
		goose: goose.DialectPostgres, migrations: migrations,
		open: openPostgres, copy: copyPostgres, name: namePostgres,
		identity: func(string) os.FileInfo { return nil },
		// Behind a pooler a lock of the session may be another client's.
		present: func(string) (func() error, presence, error) { return func() error { return nil }, presenceUnknown, nil },
		lock: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, postgresLock)
			return err
		},
		// Processes of several machines share a server, and its clock is the one that
		// they have in common.
		clock: func(ctx context.Context, tx *sql.Tx, _ func() time.Time) (at time.Time, err error) {
			err = tx.QueryRowContext(ctx, `SELECT clock_timestamp()`).Scan(&at)
			return at, err
		},
		again:   func(err error) bool { return slices.Contains(tryAgain(), sqlState(err)) },
		explain: explainPostgres, advice: postgresAdvice(),
	}
}

func postgresAdvice() []advice {
	return []advice{
		{ErrDamaged, "it was left as it is; restore a backup, or name another schema in ledger.dsn and be told of every open finding again"},
		{ErrForeign, "it was left as it is; give Lapsewatch a schema of its own, and name it in ledger.dsn as search_path"},
		{ErrNewer, "it was left as it is; run that version or a later one"},
		{ErrReadOnly, "name the primary server, and give the role the rights that docs/ledger.md lists"},
		{ErrFull, "nothing of this was recorded; make room on the server"},
		{ErrBusy, "nothing of this was recorded; let it finish, and run one pass at a time"},
	}
}

func openPostgres(ctx context.Context, dsn string) (*sql.DB, error) {
	db, err := connectPostgres(dsn)
	if err != nil {
		return nil, err
	}
	if err := readyPostgres(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// readyPostgres makes the schema's tables, or brings them up to date, where that is to be
// done. What is there is looked at once more while nobody else can do so, so that of
// processes that begin at the same time one makes the tables, and all succeed.
func readyPostgres(ctx context.Context, db *sql.DB) error {
	state, err := inspectPostgres(ctx, db)
	if err != nil {
		return err
	}
	if state.current() {
		// A role that may only read is refused here, and not after the work of a pass.
		_, err = db.ExecContext(ctx, `DELETE FROM runs WHERE id < 0`)
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it only holds the lock
	for _, statement := range []string{`SET LOCAL idle_in_transaction_session_timeout = 0`, postgresLock} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if state, err = inspectPostgres(ctx, db); err != nil || state.current() {
		return err
	}
	if !state.ours {
		if err := markPostgres(ctx, db); err != nil {
			return fmt.Errorf("make the tables: %w", err)
		}
	}
	return postgresDialect().migrate(ctx, db)
}

// markPostgres marks the schema before any other table is made there, so that tables
// that were half made are known to be ours.
func markPostgres(ctx context.Context, db *sql.DB) error {
	l := Ledger{db: db, dialect: postgresDialect()}
	return l.within(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`CREATE TABLE lapsewatch_ledger (application TEXT NOT NULL)`,
			`INSERT INTO lapsewatch_ledger (application) VALUES ('lapsewatch')`,
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// postgresState is what a schema holds.
type postgresState struct {
	// ours: it is marked as Lapsewatch's.
	ours bool
	// version is that of its tables; zero while there are none.
	version  int64
	outdated bool
}

func (s postgresState) current() bool { return s.version > 0 && !s.outdated }

// ownTables are those whose presence says that a schema is in use.
func ownTables() []string {
	return []string{
		versionTable, "runs", "subjects", "findings", "events", "deliveries", "delivery_events", "outbox", "memories", "meta", "leases", "incidents", "changes",
	}
}

const (
	postgresMark = "lapsewatch_ledger"
	versionTable = "goose_db_version"
)

// inspectPostgres tells a ledger, an empty schema and another application's apart, and
// writes nothing.
func inspectPostgres(ctx context.Context, in reader) (state postgresState, err error) {
	var schema string
	if err := in.QueryRowContext(ctx, `SELECT COALESCE(current_schema(), '')`).Scan(&schema); err != nil {
		return state, err
	}
	if schema == "" {
		return state, errors.New("no schema of the search_path exists: create one, and name it in ledger.dsn as search_path")
	}
	rows, err := in.QueryContext(ctx, `SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1`)
	if err != nil {
		return state, err
	}
	tables, err := collect(rows, func(name *string) []any { return []any{name} })
	if err != nil {
		return state, err
	}
	inUse := slices.DeleteFunc(slices.Clone(tables), func(name string) bool { return !slices.Contains(ownTables(), name) })
	if !slices.Contains(tables, postgresMark) {
		if len(inUse) > 0 {
			return state, fmt.Errorf("schema %s has tables of another application (%s): %w", schema, strings.Join(inUse, ", "), ErrForeign)
		}
		return state, nil
	}
	var application string
	err = in.QueryRowContext(ctx, `SELECT application FROM lapsewatch_ledger`).Scan(&application)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("the mark of schema %s is empty: %w", schema, ErrDamaged)
	}
	if err != nil {
		return state, err
	}
	if application != "lapsewatch" {
		return state, fmt.Errorf("schema %s is marked as %q's: %w", schema, application, ErrForeign)
	}
	state.ours = true
	if len(slices.DeleteFunc(inUse, func(name string) bool { return name == versionTable })) == 0 {
		// It was marked, and whoever did that was killed before making the tables.
		return state, nil
	}
	state.version, err = postgresDialect().version(ctx, in)
	if err == nil {
		state.outdated, err = postgresDialect().outdated(state.version)
	}
	return state, err
}

func sqlState(err error) string {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.Code
	}
	return ""
}

// tryAgain: another transaction got in the way of this one.
func tryAgain() []string { return []string{"40001", "40P01"} }

func explainPostgres(err error) error {
	if failure, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		// It holds the whole configuration, with the password.
		err = fmt.Errorf("connect: %w", oneLine{failure.Unwrap()})
	}
	code := sqlState(err)
	switch code {
	case "25006", "42501": // a standby, or a session that may only read; a right is missing
		return fmt.Errorf("%w: %w", err, ErrReadOnly)
	case "53100":
		return fmt.Errorf("%w: %w", err, ErrFull)
	case "55P03", "40001", "40P01":
		return fmt.Errorf("%w: %w", err, ErrBusy)
	case "42P01", "42703", "42804", "42883", "XX001", "XX002":
		return fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	if strings.HasPrefix(code, "23") {
		// As for SQLite: a statement that does not fit the rows has met others than this
		// package makes.
		return fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	return err
}

// oneLine shows the failures at several addresses on one line, each once.
type oneLine struct{ error }

func (o oneLine) Error() string {
	lines := strings.Split(o.error.Error(), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(slices.Compact(lines), "; ")
}

func (o oneLine) Unwrap() error { return o.error }
