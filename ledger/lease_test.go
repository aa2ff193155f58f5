package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

func acquire(t testing.TB, l *Ledger, holder string, ttl time.Duration) *Lease {
	t.Helper()
	lease, err := l.Acquire(t.Context(), holder, ttl, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func TestF2_OfAllWhoBeginAtOnceExactlyOneIsAtWork(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		for _, runs := range []int{2, 10} {
			dsn := s.fresh(t)
			var mutex sync.Mutex
			var began sync.WaitGroup
			at, held := 0, 0
			for n := range runs {
				began.Go(func() {
					l, err := Open(t.Context(), dsn)
					if err != nil {
						t.Error(err)
						return
					}
					t.Cleanup(func() { _ = l.Close() })
					_, err = l.Acquire(t.Context(), fmt.Sprint("run ", n), time.Minute, time.Now)
					mutex.Lock()
					defer mutex.Unlock()
					var other *HeldError
					switch {
					case err == nil:
						at++
					case errors.As(err, &other) && strings.HasPrefix(other.Holder, "run "):
						held++
					default:
						t.Error(err)
					}
				})
			}
			began.Wait()
			if at != 1 || held != runs-1 {
				t.Errorf("of %d, %d are at work and %d were refused", runs, at, held)
			}
		}
	})
}

func TestWhoeverIsRefusedLearnsOfWhomAndForHowLong(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	at := start
	now := func() time.Time { return at }
	if _, err := l.Acquire(t.Context(), "pod-1", 10*time.Minute, now); err != nil {
		t.Fatal(err)
	}
	at = start.Add(9 * time.Minute)
	_, err := l.Acquire(t.Context(), "pod-2", 10*time.Minute, now)
	const want = "another run is at work: pod-1, since 2026-11-22 06:00:00 UTC; let it finish, or if it has died, wait until 2026-11-22 06:10:00 UTC, when its lease ends by itself"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	at = start.Add(10 * time.Minute)
	if _, err := l.Acquire(t.Context(), "pod-2", 10*time.Minute, now); err != nil {
		t.Errorf("once it has expired: %v", err)
	}
}

func TestALeaseLastsAsLongAsItIsRenewed(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	at := start
	now := func() time.Time { return at }
	lease, err := l.Acquire(t.Context(), "pod-1", 10*time.Minute, now)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		at = at.Add(9 * time.Minute)
		if err := lease.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		var held *HeldError
		if _, err := l.Acquire(t.Context(), "pod-2", time.Minute, now); !errors.As(err, &held) {
			t.Fatalf("it was taken over: %v", err)
		}
	}
	if err := lease.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Acquire(t.Context(), "pod-2", time.Minute, now); err != nil {
		t.Errorf("once it was released: %v", err)
	}
	wantError(t, lease.Renew(t.Context()), ErrLost)
	if err := lease.Release(t.Context()); err != nil {
		t.Error(err)
	}
	var held *HeldError
	if _, err := l.Acquire(t.Context(), "pod-3", time.Minute, now); !errors.As(err, &held) || held.Holder != "pod-2" {
		t.Errorf("the first holder released the lease of the second: %v", err)
	}
}

func TestAPassThatTakesLongerThanTheLeaseKeepsIt(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		dsn := s.fresh(t)
		l, other := openDSN(t, dsn), openDSN(t, dsn)
		lease := acquire(t, l, "long", time.Minute)
		change(t, l, `UPDATE leases SET expires_at = acquired_at`)
		record(t, l, passAt(day(0), warned("a")), somebody)
		var held *HeldError
		if _, err := other.Acquire(t.Context(), "other", time.Minute, time.Now); !errors.As(err, &held) {
			t.Errorf("another run took over: %v", err)
		}
		if err := lease.Renew(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestALeaseOnAServerIsRenewedWhileAPassIsRecorded(t *testing.T) {
	t.Parallel()
	l := openDSN(t, freshSchema(t, "&lock_timeout=1s"))
	lease := acquire(t, l, "long", time.Minute)
	record(t, l, passAt(day(0), warned("a")), func(events []watch.Event) []policy.Digest {
		if err := lease.Renew(t.Context()); err != nil {
			t.Error(err)
		}
		return somebody(events)
	})
}

// What a run does after another has taken over changes nothing, but for a message that
// has gone out.
func TestF2_ARunThatLostItsLeaseChangesNothingButWhatItSent(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		dsn := s.fresh(t)
		stale, other := openDSN(t, dsn), openDSN(t, dsn)
		lease := acquire(t, stale, "stale", time.Minute)
		outcome := record(t, stale, passAt(day(0), warned("a")), tell(day(0), "ops@example.com", "security@example.com"))
		change(t, stale, `UPDATE leases SET expires_at = acquired_at`)
		acquire(t, other, "other", time.Minute)
		before := contents(t, other)
		id, elsewhere := outcome.Digests[0].ID, outcome.Digests[1]
		elsewhere.ID = "elsewhere"
		_, recordErr := stale.Record(t.Context(), passAt(day(1), fine("a")), policy.Telling{}, somebody)
		_, redirectErr := stale.Redirect(t.Context(), id, []policy.Digest{elsewhere}, day(1))
		_, pruneErr := stale.Prune(t.Context(), day(400))
		for doing, err := range map[string]error{
			"record": recordErr, "redirect": redirectErr, "prune": pruneErr,
			"fail": stale.Failed(t.Context(), id, "timed out", day(1)), "give up": stale.Dead(t.Context(), id, "timed out", day(1)),
			"finish": stale.Finish(t.Context(), outcome.Run, day(1)), "renew": lease.Renew(t.Context()),
		} {
			if !errors.Is(err, ErrLost) {
				t.Errorf("%s: %v", doing, err)
			}
		}
		if after := contents(t, other); after != before {
			t.Errorf("it changed\n%s\nto\n%s", before, after)
		}
		if err := stale.Sent(t.Context(), id, "250 OK", day(1)); err != nil {
			t.Error(err)
		}
		wantOutbox(t, other, 1, 0)
		if err := other.Finish(t.Context(), outcome.Run, day(1)); err != nil {
			t.Errorf("the run that took over: %v", err)
		}
	})
}

// holder is the environment variable that makes the test binary a run with a lease.
const (
	holder      = "LEDGER_TEST_HOLDER_DSN"
	holderLasts = "LEDGER_TEST_HOLDER_LASTS"
)

// runHolder takes the lease, says so, and records a pass and what it sent when it is told
// to go on.
func runHolder(dsn string) {
	ctx := context.Background()
	l, err := Open(ctx, dsn)
	if err == nil {
		lasts, _ := time.ParseDuration(os.Getenv(holderLasts))
		_, err = l.Acquire(ctx, "holder", lasts, time.Now)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = io.ReadAll(os.Stdin)
	_, err = l.Record(ctx, passAt(day(1), fine("a")), policy.Telling{}, somebody)
	fmt.Println(err)
	os.Exit(0)
}

func TestF2_AHolderThatWasStoppedPastItsTimeCannotRecord(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		dsn := s.fresh(t)
		l := openDSN(t, dsn)
		record(t, l, passAt(day(0), warned("a")), somebody)
		process := exec.Command(os.Args[0])
		process.Env = append(os.Environ(), holder+"="+dsn, holderLasts+"=300ms")
		goOn, err := process.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		output, err := process.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = process.Process.Kill() }()
		lines := bufio.NewScanner(output)
		if lines.Scan(); lines.Text() != "held" {
			t.Fatalf("the holder says %q", lines.Text())
		}
		if err := process.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		var held *HeldError
		for err = error(&HeldError{}); errors.As(err, &held); time.Sleep(20 * time.Millisecond) {
			_, err = l.Acquire(t.Context(), "next", time.Minute, time.Now)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(process.Process.Signal(syscall.SIGCONT), goOn.Close()); err != nil {
			t.Fatal(err)
		}
		if lines.Scan(); !strings.Contains(lines.Text(), ErrLost.Error()) {
			t.Errorf("the holder says %q", lines.Text())
		}
		_ = process.Wait()
		wantTold(t, record(t, l, passAt(day(1), warned("a")), somebody).Events)
	})
}

func TestF1_TheLeaseOfAProcessThatWasKilledIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
	l := openDSN(t, dsn)
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), holder+"="+dsn, holderLasts+"=1h")
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	if lines := bufio.NewScanner(output); !lines.Scan() || lines.Text() != "held" {
		t.Fatal("the holder did not begin")
	}
	held := (*HeldError)(nil)
	if _, err := l.Acquire(t.Context(), "next", time.Minute, time.Now); !errors.As(err, &held) {
		t.Fatalf("while the holder lives: %v", err)
	}
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait()
	// Long before the lease ends by itself.
	lease, err := l.Acquire(t.Context(), "next", time.Minute, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := lease.Renew(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestF7_ALeaseFromAClockThatRanAheadEndsWithinItsTime(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	if _, err := l.Acquire(t.Context(), "a year ahead", 10*time.Minute, nowIs(365)); err != nil {
		t.Fatal(err)
	}
	at := day(0)
	now := func() time.Time { return at }
	var held *HeldError
	if _, err := l.Acquire(t.Context(), "next", 10*time.Minute, now); !errors.As(err, &held) || !held.Until.Equal(day(0).Add(10*time.Minute)) {
		t.Fatalf("its lease: %v", err)
	}
	at = at.Add(10 * time.Minute)
	if _, err := l.Acquire(t.Context(), "next", 10*time.Minute, now); err != nil {
		t.Error(err)
	}
}

func TestOnAServerItsOwnClockDecidesOnALease(t *testing.T) {
	t.Parallel()
	dsn := freshSchema(t, "")
	first, second := openDSN(t, dsn), openDSN(t, dsn)
	if _, err := first.Acquire(t.Context(), "first", time.Minute, nowIs(-365)); err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := second.Acquire(t.Context(), "second", time.Minute, nowIs(365)); !errors.As(err, &held) {
		t.Errorf("a process with another clock took it over: %v", err)
	}
}
