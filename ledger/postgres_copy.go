package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// copyPostgres opens a copy in a private file of SQLite: the tables are of the same
// shapes and the statements common, so that nothing at all is needed of the server but
// to be read, and a standby serves as well.
func copyPostgres(ctx context.Context, dsn string) (db *sql.DB, discard func() error, err error) {
	from, err := connectPostgres(dsn)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if closeErr := from.Close(); err == nil && closeErr != nil {
			db, discard, err = nil, nil, errors.Join(closeErr, db.Close(), discard())
		}
	}()
	folder, err := os.MkdirTemp("", "lapsewatch-preview-")
	if err != nil {
		return nil, nil, err
	}
	discard = func() error { return os.RemoveAll(folder) }
	file := filepath.Join(folder, "ledger")
	if err = copyToSQLite(ctx, from, file); err == nil {
		db, err = openSQLite(ctx, file)
	}
	if err != nil {
		return nil, nil, errors.Join(err, discard())
	}
	return db, discard, nil
}

// copyToSQLite makes no file where there is no ledger.
func copyToSQLite(ctx context.Context, from *sql.DB, file string) (err error) {
	tx, err := from.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	state, err := inspectPostgres(ctx, tx)
	if err != nil || state.version == 0 {
		return err
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	to, err := connectSQLite(file, "rw", "_journal_mode=WAL")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := sqliteDialect().migrateTo(ctx, to, state.version); err != nil {
		return err
	}
	l := Ledger{db: to, dialect: sqliteDialect()}
	return l.within(ctx, func(into *sql.Tx) error {
		for _, table := range ownTables()[1:] { // SQLite counts its own migrations
			if err := copyTable(ctx, tx, into, table); err != nil {
				return fmt.Errorf("copy table %s: %w", table, err)
			}
		}
		return nil
	})
}

func copyTable(ctx context.Context, from, into *sql.Tx, table string) (err error) {
	listed, err := into.QueryContext(ctx, `SELECT name FROM pragma_table_info($1)`, table)
	if err != nil {
		return err
	}
	columns, err := collect(listed, func(name *string) []any { return []any{name} })
	if err != nil || len(columns) == 0 {
		return err // a table that a later version has
	}
	names := strings.Join(columns, ", ")
	insert, err := into.PrepareContext(ctx, `INSERT INTO `+table+` (`+names+`) VALUES (?`+strings.Repeat(", ?", len(columns)-1)+`)`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	rows, err := from.QueryContext(ctx, `SELECT `+names+` FROM `+table)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		if _, err := insert.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
	return rows.Err()
}
