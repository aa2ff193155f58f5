package ledger

import (
	"context"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

// applicationID is what the first migration sets: "LpsW".
const applicationID = 0x4c707357

func sqliteDialect() dialect {
	migrations, err := fs.Sub(sqliteMigrations, "migrations/sqlite")
	if err != nil {
		panic(err) // the path is a constant and valid
	}
	return dialect{
		goose: goose.DialectSQLite3, migrations: migrations,
		open: openSQLite, copy: copySQLite, explain: explainSQLite, advice: sqliteAdvice(),
		name:     func(path string) string { return path },
		setAside: setAsideSQLite, identity: identityOfFile,
		present: presentInFile,
		// A transaction begins by taking SQLite's one lock for writers.
		lock: func(context.Context, *sql.Tx) error { return nil },
		// All who share a file are on one machine.
		clock: func(_ context.Context, _ *sql.Tx, own func() time.Time) (time.Time, error) { return own(), nil },
		again: func(error) bool { return false },
	}
}

func sqliteAdvice() []advice {
	return []advice{
		{ErrDamaged, "it was left as it is; move it aside together with its -wal and -shm files, then restore a backup, or run without it " +
			"and be told of every open finding again"},
		{ErrForeign, "another application's, or its first page is damaged; it was left as it is; name another file in ledger.dsn, or move this one aside and restore a backup"},
		{ErrNewer, "it was left as it is; run that version or a later one"},
		{ErrReadOnly, "let this user write to the file and to its folder, on a file system that is not mounted read-only"},
		{ErrFull, "nothing of this was recorded; make room on its file system"},
		{ErrBusy, "nothing of this was recorded; let it finish, and run one pass at a time"},
	}
}

// openSQLite opens the file for writing after it was found to be sound, so that
// nothing is ever written to a file that is not; it makes one that is missing. Meanwhile
// no other process opens it, or keeps it aside: SQLite finds the log of a file by its
// name, and would take that of another file.
func openSQLite(ctx context.Context, path string) (db *sql.DB, err error) {
	unlock, err := lockToOpen(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	err = inspectSQLite(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		err = makeSQLite(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	if db, err = connectSQLite(path, "rw", "_journal_mode=WAL"); err != nil {
		return nil, err
	}
	if err := readySQLite(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// lockToOpen goes without the lock where the folder cannot be locked, as in one that may
// not be listed.
func lockToOpen(ctx context.Context, path string) (unlock func() error, err error) {
	unlock, err = lockFolder(ctx, filepath.Dir(path))
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrBusy) {
		return func() error { return nil }, nil
	}
	return unlock, err
}

func readySQLite(ctx context.Context, db *sql.DB) error {
	// SQLite opens a file that it may not write to without a word. A statement that
	// matches no row is refused all the same.
	if _, err := db.ExecContext(ctx, `DELETE FROM runs WHERE id < 0`); err != nil {
		return err
	}
	outdated, err := outdatedSQLite(ctx, db)
	if err != nil || !outdated {
		return err
	}
	return sqliteDialect().migrate(ctx, db)
}

// inspectSQLite reads the file without writing to it: is it ours, sound, and of a
// schema that this build knows? The error is fs.ErrNotExist where there is none.
func inspectSQLite(ctx context.Context, path string) (err error) {
	info, err := os.Stat(path)
	if _, strayErr := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) && strayErr == nil {
		return fmt.Errorf("its log is here, and the file itself is not: %w", ErrDamaged)
	}
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("it is no regular file: %w", ErrForeign)
	case info.Size() == 0:
		return fmt.Errorf("the file is empty, which a ledger never is: %w", ErrDamaged)
	}
	db, err := connectSQLite(path, "ro")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var id int64
	if err := db.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
		return fmt.Errorf("read its first page: %w", ownDamage(path, err))
	}
	if id != applicationID {
		return fmt.Errorf("application id %#x, want %#x: %w", id, applicationID, ErrForeign)
	}
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return fmt.Errorf("check its pages: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("check its pages: %s: %w", verdict, ErrDamaged)
	}
	_, err = outdatedSQLite(ctx, db)
	return err
}

// ownDamage tells a ledger of which the first bytes are damaged from a file that is no
// database: the mark of the application is beyond them.
func ownDamage(path string, err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok || failure.Code() != sqlite3.SQLITE_NOTADB {
		return err
	}
	file, openErr := os.Open(path)
	if openErr != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	const markAt = 68
	var mark [4]byte
	if _, readErr := file.ReadAt(mark[:], markAt); readErr != nil || binary.BigEndian.Uint32(mark[:]) != applicationID {
		return err
	}
	return fmt.Errorf("%v: %w", err, ErrDamaged) //nolint:errorlint // what SQLite says would count as ErrForeign
}

func outdatedSQLite(ctx context.Context, db *sql.DB) (bool, error) {
	version, err := sqliteDialect().version(ctx, db)
	if err != nil {
		return false, err
	}
	return sqliteDialect().outdated(version)
}

// memoryPath is what SQLite calls a database without a file.
const memoryPath = ":memory:"

func connectSQLite(path, mode string, more ...string) (*sql.DB, error) {
	file := path
	if path != memoryPath {
		var err error
		if file, err = filepath.Abs(path); err != nil {
			return nil, err
		}
	}
	options := append([]string{
		"mode=" + mode, "_txlock=immediate", "_error_rc=1", "_defensive=1",
		"_busy_timeout=10000", "_foreign_keys=on", "_synchronous=FULL", "_pragma=trusted_schema(0)", "_pragma=cache_size(-8000)",
	}, more...)
	dsn := url.URL{Scheme: "file", Path: file, RawQuery: strings.Join(options, "&")}
	if path == memoryPath {
		dsn.Path, dsn.Opaque = "", path
	}
	connector, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	// One connection: SQLite has one writer, and a second of our own would only wait
	// for the first.
	db.SetMaxOpenConns(1)
	return db, nil
}

func explainSQLite(err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	const primary = 0xff // the rest of the code is the finer cause
	switch failure.Code() & primary {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT:
		// All statements are fixed and tested, so that one which does not fit the schema,
		// or the rows, has met others than this package makes.
		return fmt.Errorf("%w: %w", err, ErrDamaged)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", err, ErrForeign)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%w: %w", err, ErrReadOnly)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", err, ErrFull)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", err, ErrBusy)
	}
	return err
}
