package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// The variables that make the test binary a process to be killed.
const (
	victimFolder = "LEDGER_TEST_VICTIM_FOLDER"
	victimDSN    = "LEDGER_TEST_VICTIM_DSN"
	victimStep   = "LEDGER_TEST_VICTIM_STEP"
)

// scriptedPass is the n-th of an endless series in which something changes each time.
func scriptedPass(n int) (watch.Pass, Planner) {
	now := day(n)
	var findings []watch.Finding
	for subject := range 4 {
		state := fine(strconv.Itoa(subject))
		if (n+subject)%3 > 0 {
			state = warned(strconv.Itoa(subject))
		}
		if (n+subject)%5 > 0 {
			findings = append(findings, state)
		}
	}
	return passAt(now, findings...), tell(now, "ops@example.com", "security@example.com")
}

// runOnce is one run of the scheduled job: the next pass, then all that is owed.
func runOnce(ctx context.Context, dsn string, opened func(*Ledger) error, send func(Delivery) error) error {
	l, err := Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	if err := opened(l); err != nil {
		return err
	}
	passes, err := l.Runs(ctx, 1000) // the numbers of PostgreSQL have gaps
	if err != nil {
		return err
	}
	pass, plan := scriptedPass(len(passes))
	if _, err := l.Record(ctx, pass, policy.Telling{}, plan); err != nil {
		return err
	}
	owed, err := l.Due(ctx, pass.GeneratedAt)
	if err != nil {
		return err
	}
	for _, delivery := range owed {
		if err := errors.Join(send(delivery), l.Sent(ctx, delivery.ID, "250 OK", pass.GeneratedAt)); err != nil {
			return err
		}
	}
	return nil
}

func delivered(delivery Delivery) string {
	return fmt.Sprintln(delivery.ID, delivery.Recipient, strings.Join(told(delivery.Events), ", "))
}

// runVictim runs the job once, and kills its own process at the given step. A step is a
// row that is written, or a side of a send.
func runVictim(folder string) {
	target, err := strconv.Atoi(os.Getenv(victimStep))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	taken := 0
	step := func() {
		if taken++; taken == target {
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	inbox, err := os.OpenFile(filepath.Join(folder, "inbox"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		err = runOnce(context.Background(), os.Getenv(victimDSN),
			func(l *Ledger) error {
				if l.dialect.setAside == nil {
					return nil // PostgreSQL's rows are written by another process
				}
				return hookRowChanges(l, step)
			},
			func(delivery Delivery) error {
				step()
				_, err := inbox.WriteString(delivered(delivery))
				step()
				return err
			})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// startVictim runs the job in a process of its own, and reports whether it was killed.
func startVictim(t *testing.T, folder, dsn string, step int, killAfter time.Duration) (killed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), killAfter)
	defer cancel()
	victim := exec.CommandContext(ctx, os.Args[0])
	victim.Env = append(os.Environ(), victimFolder+"="+folder, victimDSN+"="+dsn, victimStep+"="+strconv.Itoa(step))
	output, err := victim.CombinedOutput()
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		return false // it had ended, or had not begun, when its time was up
	}
	status, ok := victim.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the job failed: %v\n%s", err, output)
	}
	return true
}

// Every kill is followed by another run, as a scheduler would start it.
func TestF1_KilledAnywhereLosesNothingAndRepeatsAtMostTheDeliveryInFlight(t *testing.T) {
	t.Parallel()
	// Of a run on SQLite, every row that it writes is a step, and on PostgreSQL only what
	// it sends.
	for name, steps := range map[string]int{"sqlite": 45, "postgres": 6} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range stores() {
				if s.name == name {
					killedAnywhere(t, s, steps)
				}
			}
		})
	}
}

func killedAnywhere(t *testing.T, s store, steps int) {
	const never = time.Minute
	folder, dsn := t.TempDir(), s.fresh(t)
	random := rand.New(rand.NewPCG(1, 1))
	kills, rounds := 0, 0
	for ; kills < 50 && rounds < 200; rounds++ {
		step, killAfter := 1+random.IntN(steps), never
		if rounds%4 == 0 {
			step, killAfter = 0, time.Duration(random.IntN(80))*time.Millisecond
		}
		if startVictim(t, folder, dsn, step, killAfter) {
			kills++
		}
	}
	if startVictim(t, folder, dsn, 0, never) {
		t.Fatal("the last run was killed")
	}
	if kills < 50 {
		t.Errorf("only %d of %d runs were killed", kills, rounds)
	}

	l := openDSN(t, dsn)
	wantOutbox(t, l, 0, 0)
	passes, err := l.Runs(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	undisturbed := "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
	for range passes {
		err := runOnce(t.Context(), undisturbed, func(*Ledger) error { return nil }, func(delivery Delivery) error {
			want[delivered(delivery)] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got, duplicates := map[string]bool{}, 0
	for line := range strings.Lines(string(readFile(t, filepath.Join(folder, "inbox")))) {
		if got[line] {
			duplicates++
		}
		got[line] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliveries are lost, or were altered:\n%s", diff)
	}
	if duplicates > kills {
		t.Errorf("%d duplicates of %d kills", duplicates, kills)
	}
	t.Logf("%d passes, %d deliveries, %d kills, %d duplicates", len(passes), len(want), kills, duplicates)
}
