package main

import (
	"bytes"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lapsewatch/internal/pki"
)

// The run that is at work waits, in the hands of the service that it tells, until all the
// others have ended.
func TestF2_TwoRunsAtOnceOnlyOneWorksAndTheOthersSayWhich(t *testing.T) {
	for _, copies := range []int{2, 10} {
		t.Run(fmt.Sprint(copies), func(t *testing.T) { runAtOnce(t, copies) })
	}
}

func runAtOnce(t *testing.T, copies int) {
	i := newInstallation(t)
	var taken atomic.Int64
	othersEnded := make(chan struct{})
	url, authority := i.serveTLS(func(_ http.ResponseWriter, r *http.Request) {
		taken.Add(1)
		select {
		case <-othersEnded:
		case <-r.Context().Done():
		}
	})
	i.configure(strings.Replace(i.hook("hook", url, authority), "timeout: 2s", "timeout: 1m", 1))
	codes, outputs, pids := make([]int, copies), make([]bytes.Buffer, copies), make([]int, copies)
	var running sync.WaitGroup
	var ended atomic.Int64
	for number := range copies {
		program := i.process(&outputs[number])
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		pids[number] = program.Process.Pid
		running.Go(func() {
			codes[number] = exitCodeOf(program.Wait())
			if ended.Add(1) == int64(copies-1) {
				close(othersEnded)
			}
		})
	}
	running.Wait()
	worker := -1
	for number, code := range codes {
		if code == exitDone && worker >= 0 {
			t.Errorf("a second run worked:\n%s", outputs[number].String())
		} else if code == exitDone {
			worker = number
		}
	}
	if worker < 0 {
		t.Fatalf("no run worked; exit codes %v:\n%s", codes, outputs[0].String())
	}
	holder := fmt.Sprintf("another run is at work: process %d on ", pids[worker])
	// Whoever comes before the first has written its name hears of it without.
	const beginning = "another run is at work: a run that is just beginning"
	for number := range copies {
		said := outputs[number].String()
		if number != worker && (codes[number] != exitFailed || !strings.Contains(said, holder) && !strings.Contains(said, beginning)) {
			t.Errorf("exit code %d, want %d, with %q:\n%s", codes[number], exitFailed, holder, outputs[number].String())
		}
	}
	if taken.Load() != 1 {
		t.Errorf("the service was told %d times", taken.Load())
	}
}

// A run that was stopped for longer than its lease lasts, as a paused machine is, finds
// that another one took over: it records and tells nothing.
func TestF2_ARunThatWasPausedBeyondItsLeaseCannotRecord(t *testing.T) {
	i := newInstallation(t)
	looked, goOn := make(chan struct{}, 10), make(chan struct{})
	watched, _ := i.serveRaw(func(conn *tls.Conn) {
		looked <- struct{}{}
		<-goOn
		_ = conn.Handshake()
	})
	var taken atomic.Int64
	url, authority := i.serveTLS(func(http.ResponseWriter, *http.Request) { taken.Add(1) })
	i.configure(i.hook("hook", url, authority))
	i.write("lapsewatch.yaml", strings.Replace(string(i.read("lapsewatch.yaml")), "checks: [",
		fmt.Sprintf("checks: [{name: slow, kind: tls, options: {targets: [%q], timeout: 1m}}, ", strings.TrimPrefix(watched, "https://")), 1))

	var said bytes.Buffer
	program := i.process(&said)
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	select {
	case <-looked:
	case err := <-ended:
		t.Fatalf("the run ended at once: %v\n%s", err, said.String())
	}
	if err := program.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	kept := i.ledger()
	later := func() time.Time { return time.Now().Add(2 * leaseFor) }
	if _, err := kept.Acquire(t.Context(), "the next run", time.Hour, later); err != nil {
		t.Fatalf("the lease of a paused run holds for ever: %v", err)
	}
	close(goOn)
	if err := program.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if code := exitCodeOf(<-ended); code != exitFailed || !strings.Contains(said.String(), "another run took over") {
		t.Errorf("exit code %d:\n%s", code, said.String())
	}
	if last, err := kept.LastRun(t.Context()); err != nil || last.ID != 0 || taken.Load() != 0 {
		t.Errorf("the paused run recorded run %d and told %d: %v", last.ID, taken.Load(), err)
	}
}

func (i installation) read(name string) []byte {
	i.t.Helper()
	text, err := os.ReadFile(i.path(name))
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

// warnedOnce is an installation whose one warning was told in the run before.
func warnedOnce(t *testing.T) (installation, *mailRoom) {
	i, room := newInstallation(t), openMailRoom(t)
	i.configure(mailAlert(room.port))
	i.wantRun(exitDone)
	if mails := room.take(); len(mails) != 1 || !strings.Contains(mails[0], "web.pem") {
		t.Fatalf("the first run sent %q", mails)
	}
	return i, room
}

// take empties the room.
func (m *mailRoom) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := m.kept
	m.kept = nil
	return kept
}

func TestF16_ATruncatedLedgerIsSaidOnceAndKeptAside(t *testing.T) {
	i, room := warnedOnce(t)
	damaged := i.read("ledger.db")[:9000]
	i.write("ledger.db", string(damaged))
	stdout, _ := i.wantRun(exitFailed)
	if !strings.Contains(stdout, "was damaged: it is kept as") {
		t.Errorf("the report does not say that the ledger was damaged:\n%s", stdout)
	}
	mails := room.take()
	if len(mails) != 1 || !strings.Contains(mails[0], "record lost") || !strings.Contains(mails[0], "was damaged") || strings.Contains(mails[0], "1 resolved") {
		t.Errorf("after the damage people are sent %q", mails)
	}
	aside, err := filepath.Glob(i.path("ledger.db.damaged-*Z"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("kept aside: %v %v", aside, err)
	}
	if kept, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(kept, damaged) {
		t.Errorf("what is kept aside is not what was there: %v", err)
	}
	// The next run has only to say that the ledger is in order again.
	i.wantRun(exitDone)
	if mails := room.take(); len(mails) > 1 || len(mails) == 1 && (strings.Contains(mails[0], "web.pem") || !strings.Contains(mails[0], "1 resolved")) {
		t.Errorf("the next run sends %q", mails)
	}
	i.wantRun(exitDone)
	if mails := room.take(); len(mails) != 0 {
		t.Errorf("the run after it sends %q", mails)
	}
}

func TestF16_ALedgerThatMustNotBeTouchedIsLeftAndEverybodyIsWarned(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"of a newer version": func(t *testing.T, path string) {
			execSQL(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`, `PRAGMA wal_checkpoint(TRUNCATE)`)
		},
		"of another application": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			execSQL(t, path, `CREATE TABLE recipes (name TEXT)`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			i, room := warnedOnce(t)
			spoil(t, i.path("ledger.db"))
			before := i.read("ledger.db")
			stdout, _ := i.wantRun(exitFailed)
			if !strings.Contains(stdout, "cannot be used, so that this run remembers nothing") {
				t.Errorf("the report does not say that the ledger cannot be used:\n%s", stdout)
			}
			if mails := room.take(); len(mails) != 1 || !strings.Contains(mails[0], "web.pem") || !strings.Contains(mails[0], "record lost") || !strings.Contains(mails[0], "cannot be used") {
				t.Errorf("people are sent %q", mails)
			}
			if !bytes.Equal(i.read("ledger.db"), before) {
				t.Error("the file was changed")
			}
			if aside, _ := filepath.Glob(i.path("*damaged*")); len(aside) > 0 {
				t.Errorf("it was kept aside: %v", aside)
			}
		})
	}
}

func execSQL(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// F15, of a whole run: names that try to be more than text reach people as text.
func TestF15_AHostileNameReachesPeopleAsText(t *testing.T) {
	i, room := newInstallation(t), openMailRoom(t)
	bodies := make(chan string, 10)
	url, authority := i.serveTLS(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
	})
	hostile := "=cmd|' /C calc'!A0 <script>alert(1)</script> @everyone \x1b[31m\r\nBcc: eve@example.net\r\n\r\n\u202egnp.exe"
	pair, err := pki.SelfSigned(pki.Spec{CommonName: hostile, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(0, 0, 5)})
	if err != nil {
		t.Fatal(err)
	}
	i.write("web.pem", string(pair.ChainPEM()))
	folder := i.path("a <b>bold\r\nBcc: eve@example.net ")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.Rename(i.path("web.pem"), filepath.Join(folder, "\x1b[31m@here.pem"))); err != nil {
		t.Fatal(err)
	}
	i.configure(mailAlert(room.port), i.hook("hook", url, authority))
	i.write("lapsewatch.yaml", strings.Replace(string(i.read("lapsewatch.yaml")), i.path("web.pem"), i.folder+"/a*", 1))
	stdout, stderr := i.wantRun(exitDone)
	mails := room.take()
	if len(mails) != 1 || len(bodies) != 1 {
		t.Fatalf("%d mails and %d posts were sent", len(mails), len(bodies))
	}
	for place, text := range map[string]string{"stdout": stdout, "stderr": stderr, "mail": mails[0], "webhook": <-bodies} {
		for _, never := range []string{"\x1b[31m", "\u202e", "<script>", "\nBcc: eve"} {
			if strings.Contains(text, never) {
				t.Errorf("%s holds %q:\n%s", place, never, text)
			}
		}
	}
	// The room has made one line of the mail's lines; within an encoded word there is no
	// space.
	if header, _, _ := strings.Cut(mails[0], "Content-Type: multipart"); strings.Contains(header, " Bcc: ") {
		t.Errorf("the name has made a header:\n%s", header)
	}
}
