package ledger

import (
	"context"
	"database/sql"
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
	// scheme stands before the colon of a DSN, and the address behind it.
	scheme     string
	goose      goose.Dialect
	migrations fs.FS
	// open opens a store that was found to be sound, with its schema up to date.
	open func(ctx context.Context, address string) (*sql.DB, error)
	// name is the store's, without what may be secret.
	name func(address string) string
	// setAside moves a damaged store out of the way; nil where that is not for us to do.
	// was is the identity of what was found damaged.
	setAside func(address string, was os.FileInfo, now time.Time) (kept string, err error)
	// identity is nil where there is no file.
	identity func(address string) os.FileInfo
	// copy opens a copy that discard removes, without a change to the store.
	copy func(ctx context.Context, address string) (db *sql.DB, discard func() error, err error)
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
	for _, d := range []dialect{sqliteDialect()} {
		if d.scheme == scheme && address != "" {
			return d, address, nil
		}
	}
	// The rest of a DSN can hold a password, so that only its scheme is shown.
	return dialect{}, "", fmt.Errorf("ledger.dsn of the scheme %q: want sqlite:FILE", scheme)
}

// migrate brings the schema up to date, one transaction a migration.
func (d dialect) migrate(ctx context.Context, db *sql.DB) error {
	provider, err := goose.NewProvider(d.goose, db, d.migrations, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	for {
		before, err := provider.GetDBVersion(ctx)
		if err != nil {
			return fmt.Errorf("read schema version: %w", err)
		}
		if _, err = provider.Up(ctx); err == nil {
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

// outdated reports whether migrations are to be applied to a store, and refuses one
// that a newer build wrote. A ledger is never without a schema, because it is put in
// its place complete.
func (d dialect) outdated(ctx context.Context, db *sql.DB) (bool, error) {
	newest, err := d.newest()
	if err != nil {
		return false, err
	}
	var version int64
	const query = `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`
	if err := db.QueryRowContext(ctx, query).Scan(&version); err != nil {
		return false, fmt.Errorf("read schema version: %w", err)
	}
	if version == 0 {
		return false, fmt.Errorf("no schema version: %w", ErrDamaged)
	}
	if version > newest {
		return false, fmt.Errorf("schema %d, this version knows up to %d: %w", version, newest, ErrNewer)
	}
	return version < newest, nil
}
