package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// testdata/schema-N.db was written by the version that had N as its newest schema, and
// is never written again.
func TestEverySchemaThatWasEverInUseStillOpens(t *testing.T) {
	t.Parallel()
	newest, err := sqliteDialect().newest()
	if err != nil {
		t.Fatal(err)
	}
	for version := range newest {
		t.Run(fmt.Sprintf("schema %d", version+1), func(t *testing.T) {
			fixture := filepath.Join("testdata", fmt.Sprintf("schema-%d.db", version+1))
			content, err := os.ReadFile(fixture)
			if errors.Is(err, fs.ErrNotExist) && *update && version+1 == newest {
				content = stateAfter(t, func(l *Ledger) {
					kept := KeptStub{There: There{ID: "7"}}
					kept.Key, kept.System, kept.Phase = watch.NewIncidentKey("test", "finding sites/e", day(1)).String(), "status", watch.Identified
					kept.Causes = []policy.StubCause{{Finding: lapsed("e")}}
					if err := l.Adopt(t.Context(), kept, day(1)); err != nil {
						t.Fatal(err)
					}
				})
				err = os.WriteFile(fixture, content, 0o600)
			}
			if err != nil {
				t.Fatalf("%v: while a schema is the newest, `go test ./ledger -update` writes it", err)
			}
			path := filepath.Join(t.TempDir(), "lapsewatch.db")
			writeFile(t, path, content)
			l := open(t, path)
			if version+1 >= 2 {
				if got, err := l.Memory("sites", nowIs(2)).Recall(t.Context(), "hold"); err != nil || string(got) != "until noon" {
					t.Errorf("recalled %q, %v", got, err)
				}
			}
			if version+1 >= 4 {
				wantStubs(t, l, day(2), "sites/e identified revision 0")
			}
			var version int64
			if err := l.db.QueryRowContext(t.Context(), `SELECT MAX(version_id) FROM goose_db_version`).Scan(&version); err != nil || version != newest {
				t.Errorf("schema %d, %v, want %d", version, err, newest)
			}
			if got := due(t, l, day(2)); len(got) != 2 || len(got[0].Events) != 3 {
				t.Errorf("due: %v", got)
			}
			wantTold(t, record(t, l, passAt(day(2), warned("a"), warned("b"), fine("c")), somebody).Events,
				"opened sites/b: warning", "resolved sites/c: ok (corrected)", "resolved sites/d: unknown (no longer seen)")
		})
	}
}

func TestF16_AnOlderSchemaIsMigratedOnTheTwentyNinthOfFebruary(t *testing.T) {
	t.Parallel()
	leapDay := time.Date(2028, time.February, 29, 23, 59, 59, 0, time.UTC)
	path := filepath.Join(t.TempDir(), "lapsewatch.db")
	writeFile(t, path, readFile(t, filepath.Join("testdata", "schema-1.db")))
	l, loss, err := OpenOrReplace(t.Context(), "sqlite:"+path, leapDay)
	if err != nil || loss != nil {
		t.Fatalf("loss %+v, %v", loss, err)
	}
	defer func() { _ = l.Close() }()
	unread := found("sites", "d", watch.Unknown, watch.TimedOut)
	wantTold(t, record(t, l, passAt(leapDay, warned("a"), fine("b"), warned("c"), unread), somebody).Events,
		"reminder sites/a: warning", "reminder sites/c: warning", "reminder sites/d: unknown")
}

func TestProcessesThatMigrateTogetherAllSucceed(t *testing.T) {
	t.Parallel()
	migrations := fstest.MapFS{}
	for version := 1; version <= 8; version++ {
		migrations[fmt.Sprintf("%04d_table.sql", version)] = &fstest.MapFile{
			Data: fmt.Appendf(nil, "-- +goose Up\nCREATE TABLE table_%d (id INTEGER);\n", version),
		}
	}
	d := sqliteDialect()
	d.migrations = migrations
	path := filepath.Join(t.TempDir(), "some.db")
	writeFile(t, path, nil)
	first, err := connectSQLite(path, "rw", "_journal_mode=WAL")
	if err == nil {
		err = errors.Join(first.PingContext(t.Context()), first.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	var processes sync.WaitGroup
	for range 4 {
		processes.Go(func() {
			db, err := connectSQLite(path, "rw", "_journal_mode=WAL")
			if err == nil {
				err = errors.Join(d.migrate(t.Context(), db), db.Close())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	processes.Wait()
}

func TestAMigrationThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	d := sqliteDialect()
	d.migrations = fstest.MapFS{
		"0001_ledger.sql": {Data: []byte("-- +goose Up\nCREATE TABLE runs (id INTEGER);\n")},
		"0002_wrong.sql":  {Data: []byte("-- +goose Up\nCREATE TABLE half (id INTEGER);\nCREATE TABLE runs (id INTEGER);\n")},
	}
	path := filepath.Join(t.TempDir(), "some.db")
	writeFile(t, path, nil)
	db, err := connectSQLite(path, "rw")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := d.migrate(t.Context(), db); err == nil {
		t.Fatal("no error")
	}
	var halves int
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM sqlite_schema WHERE name = 'half'`).Scan(&halves); err != nil || halves != 0 {
		t.Errorf("%d tables of the failed migration, %v", halves, err)
	}
}
