package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lapsewatch/internal/pki"
	"lapsewatch/ledger"
)

const (
	kills = 200
	// roundsAtMost is for runs that end before they are killed.
	roundsAtMost = 500
	certificates = 200
)

// victim is the installation whose runs are killed: files with certificates, a
// configuration, a ledger, and services to tell.
type victim struct {
	t       *testing.T
	random  *rand.Rand
	folder  string
	targets *targets
	signer  pki.Pair
	// stages is how far each certificate has come.
	stages [certificates]int
}

// stageEnds are the ends of the certificates that one file holds in turn, from now on.
// Each of them is news, also to what comes and goes.
func stageEnds(stage int) time.Duration {
	return []time.Duration{20 * aDay, 3 * aDay, -aDay, 300 * aDay}[stage%4]
}

func newVictim(t *testing.T) *victim {
	v := &victim{t: t, random: rand.New(rand.NewPCG(200, 9)), folder: t.TempDir(), targets: openTargets(t)}
	var err error
	if v.signer, err = pki.NewRoot("Killed Root"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(v.path("certs"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range certificates {
		v.writeCertificate(i)
	}
	v.write("lapsewatch.yaml", fmt.Sprintf(`
checks: [{name: files, kind: certfiles, options: {paths: [%q]}}]
alerts:
%s
ledger: {dsn: "sqlite:%s"}
`, v.path("certs"), v.targets.configuration(v.write), v.path("ledger.db")))
	return v
}

func (v *victim) path(name string) string { return filepath.Join(v.folder, name) }

func (v *victim) write(name, text string) string {
	v.t.Helper()
	if err := os.WriteFile(v.path(name), []byte(text), 0o600); err != nil {
		v.t.Fatal(err)
	}
	return v.path(name)
}

func (v *victim) writeCertificate(i int) {
	v.t.Helper()
	ends := time.Now().Add(stageEnds(v.stages[i]) + 12*time.Hour)
	pair, err := v.signer.Issue(pki.Spec{CommonName: fmt.Sprintf("host-%03d", i), Key: v.signer.Key, NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends})
	if err != nil {
		v.t.Fatal(err)
	}
	// A run may read the folder at any time, so the file is there whole or not at all.
	name := fmt.Sprintf("certs/host-%03d.pem", i)
	if err := os.Rename(v.write("next", string(pair.ChainPEM())), v.path(name)); err != nil {
		v.t.Fatal(err)
	}
}

// nextCanBegin wants the ledger to open after a kill, and the lease of the run that was
// killed to be free at once.
func (v *victim) nextCanBegin() {
	v.t.Helper()
	kept, err := ledger.Open(v.t.Context(), "sqlite:"+v.path("ledger.db"))
	if err != nil {
		v.t.Fatalf("the ledger does not open after a kill: %v", err)
	}
	lease, err := kept.Acquire(v.t.Context(), "the test", time.Second, time.Now)
	if err == nil {
		err = lease.Release(v.t.Context())
	}
	if err := errors.Join(err, kept.Close()); err != nil {
		v.t.Fatal(err)
	}
}

// run starts the program and waits for its end; it is killed after the delay, if that is
// not zero, or by a target. lasted is how long it took.
func (v *victim) run(killAfter time.Duration) (wasKilled bool, lasted time.Duration) {
	v.t.Helper()
	var said bytes.Buffer
	program := exec.CommandContext(v.t.Context(), "lapsewatch", "run", "--config", v.path("lapsewatch.yaml"))
	program.Stdout, program.Stderr = &said, &said
	program.Env = append(os.Environ(), "HOME="+v.folder, "TMPDIR="+v.folder)
	began := time.Now()
	if err := program.Start(); err != nil {
		v.t.Fatal(err)
	}
	v.targets.victim.Store(int64(program.Process.Pid))
	if killAfter > 0 {
		timer := time.AfterFunc(killAfter, func() { _ = program.Process.Kill() })
		defer timer.Stop()
	}
	err := program.Wait()
	v.targets.victim.Store(0)
	lasted = time.Since(began)
	if err == nil {
		return false, lasted
	}
	status, ok := program.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		v.t.Fatalf("the run failed: %v\n%s", err, said.String())
	}
	return true, lasted
}

// Every kill is followed by another run, as a scheduler would start it. A third of them
// come from the very service that has just taken a message: sent, and not yet marked.
func TestF1_ARunKilledAnywhereLosesNothingAndRepeatsAtMostWhatWasInFlight(t *testing.T) {
	v := newVictim(t)
	if killed, _ := v.run(0); killed {
		t.Fatal("nobody killed the first run")
	}
	v.change(certificates / 10)
	_, usual := v.run(0)
	done, rounds := 0, 0
	for ; done < kills && rounds < roundsAtMost; rounds++ {
		v.change(1 + v.random.IntN(3))
		killAfter := time.Millisecond + rand.N(usual)
		if rounds%3 == 0 {
			killAfter = 0
			v.targets.killAfter.Store(int64(1 + v.random.IntN(6)))
		}
		killed, lasted := v.run(killAfter)
		v.targets.killAfter.Store(0)
		if !killed {
			usual = (3*usual + lasted) / 4
			continue
		}
		done++
		v.nextCanBegin()
	}
	if done < kills {
		t.Errorf("only %d of %d runs were killed", done, rounds)
	}
	if killed, _ := v.run(0); killed {
		t.Fatal("nobody killed the last run")
	}
	v.check(done)
	t.Logf("%d kills in %d runs, which take %s", done, rounds+3, usual.Round(time.Millisecond))
}

// change gives some files their next certificate.
func (v *victim) change(number int) {
	for range number {
		i := v.random.IntN(certificates)
		v.stages[i]++
		v.writeCertificate(i)
	}
}

// check compares what the services took with what the ledger owed them.
func (v *victim) check(kills int) {
	t := v.t
	kept, err := ledger.Open(t.Context(), "sqlite:"+v.path("ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	owed, err := kept.Deliveries(t.Context(), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	deliveries, events := map[string]int{}, map[string]int{}
	for _, delivery := range owed {
		deliveries[delivery.Channel]++
		events[delivery.Channel] += delivery.Events
		if delivery.SentAt.IsZero() || delivery.Dead {
			t.Errorf("delivery %s by %s was not sent", delivery.ID, delivery.Channel)
		}
		if identified := delivery.Channel == "mail" || delivery.Channel == "hook"; identified && !v.targets.took(delivery.Channel, delivery.ID) {
			t.Errorf("delivery %s never reached %s", delivery.ID, delivery.Channel)
		}
	}
	for _, channel := range targetNames() {
		distinct, repeated, altered := v.targets.counts(channel)
		t.Logf("%s: %d deliveries with %d events, %d of them taken again", channel, distinct, events[channel], repeated)
		if distinct != deliveries[channel] || events[channel] != events["mail"] || distinct < 50 {
			t.Errorf("%s took %d deliveries of %d, with %d events of %d", channel, distinct, deliveries[channel], events[channel], events["mail"])
		}
		if repeated > kills {
			t.Errorf("%s took %d deliveries again after %d kills", channel, repeated, kills)
		}
		if len(altered) > 0 {
			t.Errorf("%s took other content under the same id: %s", channel, strings.Join(altered, "\n"))
		}
	}
	if aside, err := filepath.Glob(v.path("ledger.db.damaged-*")); err != nil || len(aside) > 0 {
		t.Errorf("a kill damaged the ledger: %v %v", aside, err)
	}
}
