package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// afterLoss opens a store as a run does, and records what is open, as it is: a, c and d.
func afterLoss(t testing.TB, dsn string) (*Ledger, *Loss, []string) {
	t.Helper()
	l, loss, err := OpenOrReplace(t.Context(), dsn, day(2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	pass := passAt(day(2), warned("a"), fine("b"), warned("c"), found("sites", "d", watch.Unknown, watch.TimedOut))
	outcome, err := l.Record(t.Context(), pass, policy.Telling{}, somebody)
	if errors.Is(err, ErrDamaged) && loss == nil {
		if l, loss, err = l.SetAside(t.Context(), day(2)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		outcome, err = l.Record(t.Context(), pass, policy.Telling{}, somebody)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l, loss, told(outcome.Events)
}

func openAgain() []string {
	return []string{"reminder sites/a: warning (record lost)", "reminder sites/c: warning (record lost)", "reminder sites/d: unknown (record lost)"}
}

func TestF16_ADamagedFileIsKeptAsideAndNothingIsToldAsNew(t *testing.T) {
	t.Parallel()
	sound := state(t)
	for name, content := range map[string][]byte{
		"cut off in the middle": sound[:len(sound)/2], "cut off in the header": sound[:50], "empty": nil,
		"a damaged first line": append([]byte("SQLite format 4\x00"), sound[16:]...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			path := filepath.Join(folder, "lapsewatch.db")
			writeFile(t, path, content)
			l, loss, got := afterLoss(t, "sqlite:"+path)
			const keptAside = "lapsewatch.db.damaged-20261124T060000Z"
			if loss == nil || loss.KeptAside != filepath.Join(folder, keptAside) || loss.Ephemeral || !errors.Is(loss.Cause, ErrDamaged) {
				t.Fatalf("loss %+v", loss)
			}
			if strings.Contains(loss.Cause.Error(), "left as it was") {
				t.Errorf("cause %v", loss.Cause)
			}
			if !bytes.Equal(readFile(t, loss.KeptAside), content) {
				t.Error("what was kept aside was changed")
			}
			if diff := cmp.Diff(openAgain(), got); diff != "" {
				t.Error(diff)
			}
			// From then on, news is news again.
			outcome := record(t, l, passAt(day(3), warned("a"), fine("b"), fine("c"), fine("d"), warned("e")), somebody)
			wantTold(t, outcome.Events, "resolved sites/c: ok (corrected)", "resolved sites/d: ok (readable again)", "opened sites/e: warning")
		})
	}
}

// Every 97th byte of a ledger is damaged in turn.
func TestF16_WhereverABitFlipsNothingIsToldAsNewAndNothingAsResolved(t *testing.T) {
	t.Parallel()
	sound := state(t)
	path := filepath.Join(t.TempDir(), "lapsewatch.db")
	writeFile(t, path, sound)
	_, loss, unharmed := afterLoss(t, "sqlite:"+path)
	if loss != nil || len(unharmed) != 0 {
		t.Fatalf("a sound ledger: %+v, %q", loss, unharmed)
	}
	var flips, lost int
	for at := 0; at < len(sound); at += 97 {
		if sound[at] == 0 && at%2 == 0 {
			continue // most of the file is room that is not used
		}
		flips++
		path := filepath.Join(t.TempDir(), "lapsewatch.db")
		flipped := bytes.Clone(sound)
		flipped[at] ^= 1 << (at % 8)
		writeFile(t, path, flipped)
		_, loss, got := afterLoss(t, "sqlite:"+path)
		switch {
		case loss == nil && len(got) > 0:
			t.Errorf("byte %d: taken for sound, and told %q", at, got)
		case loss != nil && !slices.Equal(got, openAgain()):
			t.Errorf("byte %d: told %q", at, got)
		case loss != nil:
			lost++
			kept := loss.KeptAside
			if loss.Ephemeral {
				kept = path
			}
			if !bytes.Equal(readFile(t, kept), flipped) && !loss.Ephemeral && !strings.Contains(loss.Cause.Error(), "use ledger") {
				t.Errorf("byte %d: what was damaged was changed: %v", at, loss.Cause)
			}
		}
	}
	t.Logf("%d flips, %d losses", flips, lost)
	if flips < 200 || lost < flips/10 {
		t.Errorf("%d flips, %d losses", flips, lost)
	}
}

func TestF16_AStoreThatIsNotOursToTouchIsLeftAndTheRunWarnsAllTheSame(t *testing.T) {
	t.Parallel()
	sound := state(t)
	edited := func(statements ...string) []byte {
		path := filepath.Join(t.TempDir(), "lapsewatch.db")
		writeFile(t, path, sound)
		l := open(t, path)
		for _, statement := range statements {
			change(t, l, statement)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return readFile(t, path)
	}
	for name, test := range map[string]struct {
		content []byte
		kind    error
		words   string
	}{
		"another application's": {edited(`PRAGMA application_id = 7`), ErrForeign, "name another file in ledger.dsn"},
		"no database at all":    {[]byte(strings.Repeat("no database at all\n", 500)), ErrForeign, "file is not a database"},
		"a newer version's":     {edited(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`), ErrNewer, "run that version or a later one"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lapsewatch.db")
			writeFile(t, path, test.content)
			_, loss, got := afterLoss(t, "sqlite:"+path)
			if loss == nil || !loss.Ephemeral || loss.KeptAside != "" {
				t.Fatalf("loss %+v", loss)
			}
			wantError(t, loss.Cause, test.kind, "open ledger "+path, test.words)
			if diff := cmp.Diff(openAgain(), got); diff != "" {
				t.Error(diff)
			}
			if !bytes.Equal(readFile(t, path), test.content) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestF16_ALedgerThatCannotBeWrittenIsLeftAndTheRunWarnsAllTheSame(t *testing.T) {
	t.Parallel()
	folder := shared(t)
	path := filepath.Join(folder, "lapsewatch.db")
	content := state(t)
	writeFile(t, path, content)
	if err := errors.Join(os.Chmod(path, 0o444), os.Chmod(folder, 0o555)); err != nil {
		t.Fatal(err)
	}
	asOrdinaryUser(t, func() {
		l, loss, err := OpenOrReplace(t.Context(), "sqlite:"+path, day(2))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		if !loss.Ephemeral || !errors.Is(loss.Cause, ErrReadOnly) {
			t.Errorf("loss %+v", loss)
		}
		wantTold(t, record(t, l, passAt(day(2), warned("a")), somebody).Events, "reminder sites/a: warning (record lost)")
	})
	if !bytes.Equal(readFile(t, path), content) {
		t.Error("the file was changed")
	}
}

// The folder cannot be written either, so that the damaged file has to stay.
func TestF16_ADamagedFileThatCannotBeRenamedIsLeft(t *testing.T) {
	t.Parallel()
	folder := shared(t)
	path := filepath.Join(folder, "lapsewatch.db")
	writeFile(t, path, nil)
	if err := errors.Join(os.Chmod(path, 0o444), os.Chmod(folder, 0o555)); err != nil {
		t.Fatal(err)
	}
	asOrdinaryUser(t, func() {
		l, loss, err := OpenOrReplace(t.Context(), "sqlite:"+path, day(2))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		if !loss.Ephemeral || loss.KeptAside != "" || !errors.Is(loss.Cause, ErrDamaged) || !strings.Contains(loss.Cause.Error(), "keep it aside: ") {
			t.Errorf("loss %+v", loss)
		}
	})
	wantNames(t, folder, "lapsewatch.db")
}

func TestWithoutAPlaceForAFileTheLedgerOfALossIsInMemory(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	path := filepath.Join(t.TempDir(), "lapsewatch.db")
	writeFile(t, path, []byte(strings.Repeat("no database at all\n", 500)))
	l, loss, got := afterLoss(t, "sqlite:"+path)
	if loss == nil || !loss.Ephemeral {
		t.Fatalf("loss %+v", loss)
	}
	if diff := cmp.Diff(openAgain(), got); diff != "" {
		t.Error(diff)
	}
	wantTold(t, record(t, l, passAt(day(3), fine("a"), warned("c"), fine("d")), somebody).Events,
		"resolved sites/a: ok (corrected)", "resolved sites/d: ok (readable again)")
}

func TestF16_DamageThatShowsOnlyLaterIsSetAsideToo(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		dsn := s.fresh(t)
		l := openDSN(t, dsn)
		record(t, l, passAt(day(0), warned("a"), warned("c")), somebody)
		s.tamper(t, l, `UPDATE findings SET known = replace(known, 'warning', 'notice') WHERE subject_id = 'sites/a'`)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		_, loss, got := afterLoss(t, dsn)
		if diff := cmp.Diff(openAgain(), got); diff != "" {
			t.Error(diff)
		}
		if loss == nil || !errors.Is(loss.Cause, ErrDamaged) || loss.Ephemeral != (s.name == "postgres") || (loss.KeptAside == "") != loss.Ephemeral {
			t.Errorf("loss %+v", loss)
		}
	})
}

// The run that found the damage is killed before it could record anything.
func TestF16_ALedgerThatReplacesAnotherRemembersThatOverACrash(t *testing.T) {
	t.Parallel()
	for name, until := range map[string]func(t *testing.T, path string){
		"after the new one was made": func(t *testing.T, path string) {
			l, _, err := OpenOrReplace(t.Context(), "sqlite:"+path, day(1))
			if err := errors.Join(err, l.Close()); err != nil {
				t.Fatal(err)
			}
		},
		"between the two": func(t *testing.T, path string) {
			if _, err := setAsideSQLite(t.Context(), path, identityOfFile(path), day(1)); err != nil {
				t.Fatal(err)
			}
		},
		"between the file and its log": func(t *testing.T, path string) {
			writeFile(t, path+"-wal", []byte("log"))
			if err := os.Rename(path, path+".damaged-20261123T060000Z"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lapsewatch.db")
			writeFile(t, path, state(t)[:9000])
			until(t, path)
			_, _, got := afterLoss(t, "sqlite:"+path)
			if diff := cmp.Diff(openAgain(), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestF16_WhatIsSeenOnlyLaterIsNoNewsEither(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lapsewatch.db")
	writeFile(t, path, nil)
	l, _, err := OpenOrReplace(t.Context(), "sqlite:"+path, day(0))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	of := func(n int, complete bool, findings ...watch.Finding) watch.Pass {
		pass := passAt(day(n), findings...)
		pass.Checks = []watch.CheckResult{{Name: "sites", Complete: complete}, {Name: "files", Complete: true}}
		return pass
	}
	in := func(check, subject string) watch.Finding {
		return found(check, subject, watch.Warning, watch.ExpiresSoon)
	}
	wrong := of(0, true, in("sites", "a"))
	wrong.Clock.Trusted = false
	wantTold(t, record(t, l, wrong, somebody).Events)
	wantTold(t, record(t, l, of(0, false, in("sites", "a"), in("files", "x")), somebody).Events,
		"reminder files/x: warning (record lost)", "reminder sites/a: warning (record lost)")
	wantTold(t, record(t, l, of(1, true, in("sites", "a"), in("sites", "b"), in("files", "x"), in("files", "y")), somebody).Events,
		"reminder sites/b: warning (record lost)", "opened files/y: warning")
	wantTold(t, record(t, l, of(2, true, in("sites", "a"), in("sites", "b"), in("sites", "c"), in("files", "x"), in("files", "y")), somebody).Events,
		"opened sites/c: warning")
}

func TestF16_ACheckThatNeverListsEverythingIsNewsAgainAfterAWeek(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lapsewatch.db")
	writeFile(t, path, nil)
	l, _, err := OpenOrReplace(t.Context(), "sqlite:"+path, day(0))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for n := range 10 {
		pass := passAt(day(n), warned(fmt.Sprint(n)))
		pass.Checks[0].Complete = false
		want := fmt.Sprintf("reminder sites/%d: warning (record lost)", n)
		if n > 7 {
			want = fmt.Sprintf("opened sites/%d: warning", n)
		}
		if got := told(record(t, l, pass, somebody).Events); !slices.Contains(got, want) {
			t.Errorf("day %d: told %q, want %s", n, got, want)
		}
	}
}

func TestF16_NothingIsOverwrittenByWhatIsKeptAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lapsewatch.db")
	content := state(t)[:9000]
	for n := range 3 {
		content[8999] = byte(n)
		writeFile(t, path, content)
		l, loss, err := OpenOrReplace(t.Context(), "sqlite:"+path, day(0))
		if err := errors.Join(err, l.Close()); err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, loss.KeptAside); !bytes.Equal(got, content) {
			t.Errorf("%s holds something else", loss.KeptAside)
		}
	}
	for _, name := range []string{"", ".damaged-20261122T060000Z", ".damaged-20261122T060000Z_", ".damaged-20261122T060000Z__"} {
		readFile(t, path+name)
	}
}

func TestOfProcessesThatFindTheSameDamageOneReplacesIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lapsewatch.db")
	writeFile(t, path, state(t)[:9000])
	losses := make(chan *Loss, 8)
	for range cap(losses) {
		go func() {
			l, loss, err := OpenOrReplace(t.Context(), "sqlite:"+path, day(0))
			if err == nil {
				err = l.Close()
			}
			if err != nil {
				t.Error(err)
			}
			losses <- loss
		}()
	}
	told := 0
	for range cap(losses) {
		if loss := <-losses; loss != nil {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d tell of it", told)
	}
	if l := open(t, path); len(subjectIDs(t, l)) != 0 {
		t.Error("what was damaged is still in use")
	}
}

func TestAStoreThatIsBusyIsNoLoss(t *testing.T) {
	t.Parallel()
	dsn := freshSchema(t, "")
	db, err := connectPostgres(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = tx.ExecContext(t.Context(), postgresLock)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	_, loss, err := OpenOrReplace(t.Context(), dsn+"&lock_timeout=50ms", day(0))
	wantError(t, err, ErrBusy, "open ledger postgres://", "let it finish")
	if loss != nil {
		t.Errorf("loss %+v", loss)
	}
}
