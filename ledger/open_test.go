package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"modernc.org/sqlite"

	"lapsewatch/policy"
)

func wantNames(t testing.TB, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("folder holds %q, want %q", names, want)
	}
}

// onRowChange calls seen before each row that the ledger writes.
func onRowChange(t testing.TB, l *Ledger, seen func()) {
	t.Helper()
	if err := hookRowChanges(l, seen); err != nil {
		t.Fatal(err)
	}
}

func hookRowChanges(l *Ledger, seen func()) error {
	conn, err := l.db.Conn(context.Background())
	if err != nil {
		return err
	}
	err = conn.Raw(func(driver any) error {
		driver.(sqlite.HookRegisterer).RegisterPreUpdateHook(func(sqlite.SQLitePreUpdateData) { seen() })
		return nil
	})
	return errors.Join(err, conn.Close())
}

func TestOpenMakesALedgerForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "odd name?%41#.db")
	l := open(t, path)
	record(t, l, passAt(day(0), warned("a")), somebody)
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "foreign_keys": "1", "synchronous": "2", "busy_timeout": "10000"} {
		var got string
		if err := l.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", pragma, got, err, want)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, folder, "odd name?%41#.db")
	wantTold(t, record(t, open(t, path), passAt(day(1), warned("a")), somebody).Events)
}

func TestOpenRefusesWhatItCannotUnderstand(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	tests := []struct {
		name, dsn string
		want      string
	}{
		{"no scheme", "lapsewatch.db", `ledger.dsn: want sqlite:FILE or postgres://…`},
		{"a scheme that is unknown, without its password", "mysql://u:secret@host/db", `ledger.dsn: want sqlite:FILE or postgres://…`},
		{"no file", "sqlite:", `ledger.dsn: want sqlite:FILE or postgres://…`},
		{"a missing folder, which may be a volume that is not mounted", "sqlite:" + folder + "/state/x.db",
			"open ledger " + folder + "/state/x.db: folder " + folder + "/state does not exist: mount its volume, or create it"},
		{"a folder", "sqlite:" + folder, "open ledger " + folder + ": it is no regular file: this is not a ledger of Lapsewatch: " +
			"another application's, or its first page is damaged; it was left as it is; name another file in ledger.dsn, or move this one aside and restore a backup"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Open(t.Context(), test.dsn); err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
			copied, err := Peek(t.Context(), test.dsn)
			if err == nil {
				err = copied.Close()
				if !strings.Contains(test.dsn, "state") {
					t.Errorf("it can be peeked at, %v", err)
				}
			}
		})
	}
	wantNames(t, folder)
}

// state is a ledger with history, closed, and what a sound ledger makes of the next pass.
func state(t testing.TB) (content []byte) { return stateAfter(t, func(*Ledger) {}) }

func stateAfter(t testing.TB, more func(*Ledger)) (content []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lapsewatch.db")
	l := open(t, path)
	record(t, l, passAt(day(0), warned("a"), warned("b"), fine("c"), found("sites", "d", "unknown", "timed_out")), tell(day(0), "ops@example.com"))
	record(t, l, passAt(day(1), warned("a"), fine("b"), warned("c"), found("sites", "d", "unknown", "timed_out")), tell(day(1), "ops@example.com"))
	more(l)
	if err := l.Memory("sites", nowIs(1)).Remember(t.Context(), "hold", []byte("until noon")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return readFile(t, path)
}

func TestF16_AStoreThatIsNotSoundIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	sound := state(t)
	altered := func(statement string) []byte {
		path := filepath.Join(t.TempDir(), "altered.db")
		writeFile(t, path, sound)
		db, err := sql.Open("sqlite", path)
		if err == nil {
			_, err = db.ExecContext(t.Context(), statement)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		return readFile(t, path)
	}
	noise := bytes.Clone(sound)
	for i := 2 * 4096; i < 3*4096; i++ {
		noise[i] ^= 0x55
	}
	tests := []struct {
		name    string
		content []byte
		kind    error
		words   string
	}{
		{"an empty file is no new ledger", nil, ErrDamaged, "the file is empty, which a ledger never is"},
		{"a file cut off in the middle", sound[:len(sound)/2], ErrDamaged, "malformed"},
		{"a file cut off within its header", sound[:50], ErrDamaged, "malformed"},
		{"a page of noise", noise, ErrDamaged, ""},
		{"text", []byte(strings.Repeat("no database at all\n", 500)), ErrForeign, "file is not a database"},
		{"another application's database", altered(`PRAGMA application_id = 7`), ErrForeign, "application id 0x7, want 0x4c707357"},
		{"a newer schema", altered(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`), ErrNewer, "schema 99, this version knows up to 4"},
		{"a schema without its version", altered(`DELETE FROM goose_db_version WHERE version_id > 0`), ErrDamaged, "no schema version"},
		{"a schema without its history", altered(`DROP TABLE goose_db_version`), ErrDamaged, "no such table: goose_db_version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lapsewatch.db")
			writeFile(t, path, test.content)
			_, err := Open(t.Context(), "sqlite:"+path)
			wantError(t, err, test.kind, "open ledger "+path+": ", test.words, test.kind.Error())
			_, err = Peek(t.Context(), "sqlite:"+path)
			wantError(t, err, test.kind, "copy ledger "+path+": ", test.words)
			if !bytes.Equal(readFile(t, path), test.content) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestF16_ATableThatIsMissingIsDamage(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		if _, err := l.db.ExecContext(t.Context(), `DROP TABLE findings`); err != nil {
			t.Fatal(err)
		}
		_, err := l.Record(t.Context(), passAt(day(0), warned("a")), policy.Telling{}, somebody)
		wantError(t, err, ErrDamaged, "findings")
	})
}

// A row that does not fit its checksum is neither news nor the end of any.
func TestF16_AChangedRowIsRefused(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		tests := map[string]string{
			"the severity of a finding":      `UPDATE findings SET known = replace(known, '"warning"', '"ok"') WHERE subject_id = 'sites/a'`,
			"the name of a subject":          `UPDATE subjects SET id = 'sites/A' WHERE id = 'sites/a'`,
			"the check of a subject":         `UPDATE subjects SET check_name = 'other' WHERE id = 'sites/a'`,
			"a subject without its finding":  `DELETE FROM findings WHERE subject_id = 'sites/a'`,
			"the text of an event":           `UPDATE events SET event = replace(event, 'warning', 'notice')`,
			"the recipient of a delivery":    `UPDATE deliveries SET recipient = 'else@example.com'`,
			"a delivery without its events":  `DELETE FROM events`,
			"a delivery without its row":     `DELETE FROM deliveries`,
			"an event taken from a delivery": `DELETE FROM delivery_events WHERE position = 0`,
			"an instant that is none":        `UPDATE outbox SET next_attempt = '2026-11-22 06:00'`,
			"a checksum that was lost":       `UPDATE findings SET checksum = '' WHERE subject_id = 'sites/a'`,
		}
		for name, statement := range tests {
			t.Run(name, func(t *testing.T) {
				l := s.new(t)
				record(t, l, passAt(day(0), warned("a"), warned("b")), tell(day(0), "ops@example.com"))
				s.tamper(t, l, statement)
				before := contents(t, l)
				_, err := l.Due(t.Context(), day(1))
				if err == nil {
					_, err = l.Record(t.Context(), passAt(day(1), fine("a"), warned("b")), policy.Telling{}, somebody)
				}
				wantError(t, err, ErrDamaged)
				if contents(t, l) != before {
					t.Error("something was recorded")
				}
			})
		}
	})
}

func TestF16_AReadOnlyStoreIsRefused(t *testing.T) {
	t.Parallel()
	const readOnlyFile, readOnlyFolder = "a file that may only be read", "a folder that may only be read"
	for name, modes := range map[string]struct{ file, folder fs.FileMode }{
		readOnlyFile:   {0o444, 0o755},
		readOnlyFolder: {0o444, 0o555},
	} {
		t.Run(name, func(t *testing.T) {
			folder := shared(t)
			path := filepath.Join(folder, "lapsewatch.db")
			content := state(t)
			writeFile(t, path, content)
			if err := errors.Join(os.Chmod(path, modes.file), os.Chmod(folder, modes.folder)); err != nil {
				t.Fatal(err)
			}
			var err error
			asOrdinaryUser(t, func() { _, err = Open(t.Context(), "sqlite:"+path) })
			wantError(t, err, ErrReadOnly, "open ledger "+path+": ")
			if !bytes.Equal(readFile(t, path), content) {
				t.Error("the file was changed")
			}
		})
	}
	t.Run("a folder in which none can be made", func(t *testing.T) {
		folder := shared(t)
		if err := os.Chmod(folder, 0o555); err != nil {
			t.Fatal(err)
		}
		var err error
		asOrdinaryUser(t, func() { _, err = Open(t.Context(), "sqlite:"+filepath.Join(folder, "lapsewatch.db")) })
		wantError(t, err, fs.ErrPermission, "create a new ledger: ")
		wantNames(t, folder)
	})
}

// shared is a temporary folder that every user can reach.
func shared(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "ledger-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// asOrdinaryUser lets file permissions bind even the superuser: for the time of do,
// the thread opens files as the user "somebody".
func asOrdinaryUser(t testing.TB, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		do()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const ordinary = 65534
	if err := syscall.Setfsuid(ordinary); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setfsuid(0); err != nil {
			t.Fatal(err)
		}
	}()
	do()
}

func TestF16_AFullDiskLeavesTheLedgerAsItWas(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com"))
	before := contents(t, l)
	var pages string
	if err := l.db.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(pages string) {
		if _, err := l.db.ExecContext(t.Context(), `PRAGMA max_page_count = `+pages); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages)
	large := warned("b")
	large.Message = strings.Repeat("long ", 10_000)
	_, err := l.Record(t.Context(), passAt(day(1), fine("a"), large), policy.Telling{}, somebody)
	wantError(t, err, ErrFull, "record pass in ledger ", "database or disk is full")
	if contents(t, l) != before {
		t.Error("something was recorded")
	}
	limit("100000")
	wantTold(t, record(t, l, passAt(day(1), fine("a"), large), somebody).Events, "opened sites/b: warning", "resolved sites/a: ok (corrected)")
}

func TestF16_TwoWritersTakeTurns(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		dsn := s.fresh(t)
		var events, digests int
		var mutex sync.Mutex
		var writers sync.WaitGroup
		for range 2 {
			writers.Go(func() {
				l, err := Open(t.Context(), dsn)
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = l.Close() }()
				for n := range 10 {
					finding := warned("a")
					if n%2 == 1 {
						finding = fine("a")
					}
					outcome, err := l.Record(t.Context(), passAt(day(n), finding), policy.Telling{}, tell(day(n), "ops@example.com"))
					if err != nil {
						t.Error(err)
					}
					mutex.Lock()
					events, digests = events+len(outcome.Events), digests+len(outcome.Digests)
					mutex.Unlock()
				}
			})
		}
		writers.Wait()
		l := openDSN(t, dsn)
		if pending, _, err := l.Outbox(t.Context()); err != nil || pending != digests || digests == 0 || digests > events {
			t.Errorf("%d owed, %d digests, %d events, %v", pending, digests, events, err)
		}
	})
}

func TestAWriterThatMustWaitTooLongSaysWhy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lapsewatch.db")
	first, second := open(t, path), open(t, path)
	tx, err := first.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := second.db.ExecContext(t.Context(), `PRAGMA busy_timeout = 10`); err != nil {
		t.Fatal(err)
	}
	_, err = second.Record(t.Context(), passAt(day(0), warned("a")), policy.Telling{}, somebody)
	wantError(t, err, ErrBusy, "record pass in ledger "+path+": database is locked")
}
