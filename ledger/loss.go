package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Loss says why what was told before is not known.
type Loss struct {
	// Cause is what was wrong with the store.
	Cause error
	// KeptAside is where the damaged file is now; empty if the store was left as it is.
	KeptAside string
	// Ephemeral: the store cannot be used, and this ledger is gone when it is closed.
	Ephemeral bool
}

// OpenOrReplace is Open for a run that must warn whatever has become of its record. A
// file that is damaged is kept aside, under another name, and a new ledger takes its
// place. Where the store is not to be touched, because it is another application's, or of
// a newer version, or cannot be written or reached, the ledger is one that lasts only
// until it is closed. With both comes what was lost: nothing that such a ledger sees at
// first is told as new, and nothing as resolved. The error is ErrBusy where another
// process keeps the store from being used, which is no loss.
func OpenOrReplace(ctx context.Context, dsn string, now time.Time) (*Ledger, *Loss, error) {
	d, address, err := dialectOf(dsn)
	if err != nil {
		return nil, nil, err
	}
	was := d.identity(address)
	l, err := d.opened(ctx, address)
	if err == nil {
		return l, nil, nil
	}
	if ctx.Err() != nil || errors.Is(err, ErrBusy) {
		return nil, nil, advised(err, d.advice)
	}
	if !errors.Is(err, ErrDamaged) || d.setAside == nil {
		return ephemeral(ctx, d.name(address), &Loss{Cause: advised(err, d.advice)})
	}
	return d.replace(ctx, address, was, err, now)
}

// SetAside is for damage that shows only later. It closes the ledger and opens another
// one as OpenOrReplace does: in the place of the file, which is kept aside, or for as
// long as it is open.
func (l *Ledger) SetAside(ctx context.Context, now time.Time) (*Ledger, *Loss, error) {
	cause := fmt.Errorf("use ledger %s: %w", l.name, ErrDamaged)
	if err := l.Close(); err != nil {
		cause = errors.Join(cause, err)
	}
	if l.dialect.setAside == nil || l.discard != nil {
		return ephemeral(ctx, l.name, &Loss{Cause: advised(cause, l.dialect.advice)})
	}
	return l.dialect.replace(ctx, l.address, l.was, cause, now)
}

func (d dialect) replace(ctx context.Context, address string, was os.FileInfo, cause error, now time.Time) (*Ledger, *Loss, error) {
	loss := &Loss{Cause: cause}
	var err error
	if loss.KeptAside, err = d.setAside(ctx, address, was, now); err != nil {
		loss.Cause = errors.Join(cause, fmt.Errorf("keep it aside: %w", err))
		return ephemeral(ctx, d.name(address), loss)
	}
	l, err := d.opened(ctx, address)
	switch {
	case err == nil && loss.KeptAside == "":
		return l, nil, nil // another process has replaced it, and tells of it
	case err == nil:
		return l, loss, nil
	case ctx.Err() != nil || errors.Is(err, ErrBusy):
		return nil, nil, advised(err, d.advice)
	}
	loss.Cause = errors.Join(cause, fmt.Errorf("replace it: %w", err))
	return ephemeral(ctx, d.name(address), loss)
}

// ephemeral makes a ledger that nothing is known to, for one run: in a private file, so
// that memory does not grow with the number of subjects, or in memory where there is no
// place for one either.
func ephemeral(ctx context.Context, name string, loss *Loss) (*Ledger, *Loss, error) {
	loss.Ephemeral = true
	d := sqliteDialect()
	db, discard, err := inPrivateFile(ctx)
	if err != nil {
		discard = func() error { return nil }
		if db, err = inMemory(ctx); err != nil {
			return nil, nil, fmt.Errorf("%w; make a ledger for this run alone: %w", loss.Cause, d.told(err))
		}
	}
	l := &Ledger{db: db, name: name + " (for this run alone)", dialect: d, discard: discard}
	err = l.alone(ctx, func(tx *sql.Tx) error { return writeLost(ctx, tx, &recordLost{}) })
	if err != nil {
		return nil, nil, errors.Join(l.failed(ctx, "begin", err), l.Close())
	}
	return l, loss, nil
}

func inPrivateFile(ctx context.Context) (*sql.DB, func() error, error) {
	folder, err := os.MkdirTemp("", "lapsewatch-ledger-")
	if err != nil {
		return nil, nil, err
	}
	discard := func() error { return os.RemoveAll(folder) }
	db, err := openSQLite(ctx, filepath.Join(folder, "ledger"))
	if err != nil {
		return nil, nil, errors.Join(err, discard())
	}
	return db, discard, nil
}

func inMemory(ctx context.Context) (*sql.DB, error) {
	db, err := connectSQLite(memoryPath, "memory")
	if err != nil {
		return nil, err
	}
	if err := sqliteDialect().migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// damagedMark is what the names of files end with that were kept aside, before the
// instant.
const damagedMark = ".damaged-"

// setAsideSQLite gives a file that is still the one that was found damaged another name,
// together with its log, and overwrites none. kept is empty if another process has done
// so. While it works, no other process can.
func setAsideSQLite(ctx context.Context, path string, was os.FileInfo, now time.Time) (kept string, err error) {
	unlock, err := lockFolder(ctx, filepath.Dir(path))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	is := identityOfFile(path)
	if (is == nil) != (was == nil) || is != nil && !os.SameFile(is, was) {
		return "", nil
	}
	kept = path + damagedMark + now.UTC().Format("20060102T150405Z")
	for taken(kept) {
		kept += "_"
	}
	moved := false
	for _, suffix := range sqliteFiles() {
		// The file comes first: a log that is left without it is known to be damage, and a
		// file without its log might pass for sound.
		err := os.Rename(path+suffix, kept+suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		moved = moved || err == nil
	}
	if !moved {
		return "", nil
	}
	return kept, syncFolder(filepath.Dir(path))
}

func sqliteFiles() []string { return []string{"", "-wal", "-shm"} }

func taken(path string) bool {
	for _, suffix := range sqliteFiles() {
		if _, err := os.Lstat(path + suffix); err == nil {
			return true
		}
	}
	return false
}

func identityOfFile(path string) os.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
}

// replacesAnother reports that a ledger was kept aside here before, so that a new one
// takes its place.
func replacesAnother(path string) (bool, error) {
	folder, name := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(folder))
	if err != nil {
		return false, err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), name+damagedMark) {
			return true, nil
		}
	}
	return false, nil
}
