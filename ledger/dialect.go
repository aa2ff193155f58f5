package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// dialect is what differs between database systems. The statements are common to all:
// numbered parameters, ON CONFLICT, RETURNING, and instants as text of fixed width,
// which sorts as it reads.
type dialect struct {
	goose      goose.Dialect
	migrations fs.FS
	// open opens a store that was found to be sound, with its schema up to date.
	open func(ctx context.Context, address string) (*sql.DB, error)
	// name is the store's, without what may be secret.
	name func(address string) string
	// setAside moves a damaged store out of the way; nil where that is not for us to do.
	// was is the identity of what was found damaged.
	setAside func(ctx context.Context, address string, was os.FileInfo, now time.Time) (kept string, err error)
	// identity is nil where there is no file.
	identity func(address string) os.FileInfo
	// copy opens a copy that discard removes, without a change to the store.
	copy func(ctx context.Context, address string) (db *sql.DB, discard func() error, err error)
	// present shows other processes that this one lives, until leave or its end.
	present func(address string) (leave func() error, others presence, err error)
	// lock keeps every other writer out until the transaction ends.
	lock func(ctx context.Context, tx *sql.Tx) error
	// clock is the one that all who share the store go by.
	clock func(ctx context.Context, tx *sql.Tx, own func() time.Time) (time.Time, error)
	// again reports that the same transaction may succeed when it is done once more.
	again func(error) bool
	// explain says which of this package's errors an error of the database is.
	explain func(error) error
	advice  []advice
}

// opened is the store that address names.
func (d dialect) opened(ctx context.Context, address string) (*Ledger, error) {
	db, err := d.open(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", d.name(address), d.explain(err))
	}
	return &Ledger{db: db, name: d.name(address), dialect: d, address: address, was: d.identity(address)}, nil
}

// told is explain with what to do.
func (d dialect) told(err error) error { return advised(d.explain(err), d.advice) }

func dialectOf(dsn string) (dialect, string, error) {
	scheme, address, _ := strings.Cut(dsn, ":")
	switch {
	case scheme == "sqlite" && address != "":
		return sqliteDialect(), address, nil
	case scheme == "postgres" || scheme == "postgresql":
		if _, err := parsePostgres(dsn); err != nil {
			return dialect{}, "", err
		}
		return postgresDialect(), dsn, nil
	}
	// It may hold a password, so that nothing of it is shown.
	return dialect{}, "", errors.New("ledger.dsn: want sqlite:FILE or postgres://…")
}

// migrate brings the schema up to date, one transaction a migration.
func (d dialect) migrate(ctx context.Context, db *sql.DB) error {
	newest, err := d.newest()
	if err != nil {
		return err
	}
	return d.migrateTo(ctx, db, newest)
}

func (d dialect) migrateTo(ctx context.Context, db *sql.DB, version int64) error {
	provider, err := goose.NewProvider(d.goose, db, d.migrations, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	for {
		before, err := provider.GetDBVersion(ctx)
		if err != nil {
			return fmt.Errorf("read schema version: %w", err)
		}
		if _, err = provider.UpTo(ctx, version); err == nil {
			return nil
		}
		// A migration that fails because another process has just applied it is no
		// failure; one that fails without progress is.
		if after, versionErr := provider.GetDBVersion(ctx); versionErr != nil || after == before {
			return fmt.Errorf("migrate schema: %w", err)
		}
	}
}

// newest is the latest schema version that this build knows.
func (d dialect) newest() (int64, error) {
	files, err := fs.Glob(d.migrations, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("list migrations: %w", err)
	}
	var newest int64
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return 0, fmt.Errorf("number of migration %s: %w", file, err)
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// reader is a transaction, or the database itself.
type reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// version is that of a store's schema. A ledger is never without one, because it is put
// in its place complete.
func (d dialect) version(ctx context.Context, in reader) (int64, error) {
	var version int64
	const query = `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`
	if err := in.QueryRowContext(ctx, query).Scan(&version); err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	if version == 0 {
		return 0, fmt.Errorf("no schema version: %w", ErrDamaged)
	}
	return version, nil
}

// outdated reports whether migrations are to be applied to a store, and refuses one
// that a newer build wrote.
func (d dialect) outdated(version int64) (bool, error) {
	newest, err := d.newest()
	if err != nil {
		return false, err
	}
	if version > newest {
		return false, fmt.Errorf("schema %d, this version knows up to %d: %w", version, newest, ErrNewer)
	}
	return version < newest, nil
}
