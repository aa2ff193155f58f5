package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// makeSQLite makes a new ledger beside its place and links it there when it is
// complete, so that a file that is empty or half made is known to be damaged.
func makeSQLite(ctx context.Context, path string) (err error) {
	folder, name := filepath.Split(path)
	folder = filepath.Clean(folder)
	file, err := os.CreateTemp(folder, "."+name+".new-*")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("folder %s does not exist: mount its volume, or create it", folder)
	}
	if err != nil {
		return fmt.Errorf("create a new ledger: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	if err := file.Close(); err != nil {
		return err
	}
	db, err := connectSQLite(file.Name(), "rw", "_journal_mode=WAL")
	if err != nil {
		return err
	}
	err = sqliteDialect().migrate(ctx, db)
	if err == nil {
		err = inherit(ctx, db, path)
	}
	// Closing the last connection moves the log into the file and removes it.
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("put the new ledger in its place: %w", err)
	}
	return syncFolder(folder)
}

// inherit tells a new ledger that it takes the place of one that was kept aside. Since
// that is told by the name of the other, it is true also after a crash between the two.
func inherit(ctx context.Context, db *sql.DB, path string) error {
	replaces, err := replacesAnother(path)
	if err != nil || !replaces {
		return err
	}
	l := Ledger{db: db, dialect: sqliteDialect()}
	return l.alone(ctx, func(tx *sql.Tx) error { return writeLost(ctx, tx, &recordLost{}) })
}

// syncFolder makes a new name in the folder survive a loss of power.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// copySQLite opens a consistent copy in a folder of its own, which discard removes.
func copySQLite(ctx context.Context, path string) (db *sql.DB, discard func() error, err error) {
	folder, err := os.MkdirTemp("", "lapsewatch-preview-")
	if err != nil {
		return nil, nil, err
	}
	discard = func() error { return os.RemoveAll(folder) }
	copied := filepath.Join(folder, "ledger")
	if !copyAtRest(ctx, path, copied) {
		if err = inspectAlone(ctx, path); err == nil {
			err = vacuumInto(ctx, path, copied)
		}
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		db, err = openSQLite(ctx, copied)
	}
	if err != nil {
		return nil, nil, errors.Join(err, discard())
	}
	return db, discard, nil
}

// copyAtRest copies a file that nobody is using, and leaves not even the files behind that
// SQLite makes beside one that it reads. It reports false where the file is in use, or
// anything else is not as it should be.
func copyAtRest(ctx context.Context, path, copied string) (done bool) {
	before, err := os.Stat(path)
	if _, inUse := os.Lstat(path + "-wal"); err != nil || !before.Mode().IsRegular() || inUse == nil {
		return false
	}
	defer func() {
		if !done {
			_ = os.Remove(copied)
		}
	}()
	if err := copyFile(path, copied); err != nil {
		return false
	}
	after, err := os.Stat(path)
	if _, inUse := os.Lstat(path + "-wal"); err != nil || inUse == nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return false
	}
	return inspectSQLite(ctx, copied) == nil
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	copied, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(copied, source)
	return errors.Join(err, copied.Close())
}

func inspectAlone(ctx context.Context, path string) (err error) {
	unlock, err := lockToOpen(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return inspectSQLite(ctx, path)
}

func vacuumInto(ctx context.Context, path, copied string) (err error) {
	db, err := connectSQLite(path, "ro")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, copied)
	return err
}
