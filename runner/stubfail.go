package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lapsewatch/ledger"
)

// failure is a stub that is not as it should be.
type failure struct {
	stub ledger.KeptStub
	err  error
}

// restsUntil is how long the system asked to be left alone; zero if it did not. A time that
// is too far off was set by a clock that ran ahead.
func (d *desk) restsUntil() time.Time {
	now, until := d.Now(), time.Time{}
	for _, stub := range d.stubs {
		next := stub.There.NextAttempt
		if next.After(now) && next.After(until) && !next.After(now.Add(ledger.LongestWait)) {
			until = next
		}
	}
	return until
}

// rest says what waits for a system that asked to be left alone.
func (d *desk) rest(due []ledger.KeptStub, until time.Time) {
	for _, stub := range due {
		err := fmt.Errorf("%s asked to be left alone until %s", d.Name, until.UTC().Format("2006-01-02 15:04:05 UTC"))
		if last := stub.There.LastError; last != "" {
			err = fmt.Errorf("%w: %s", err, last)
		}
		d.told = append(d.told, StubTold{System: d.Name, Key: stub.Key, Title: stub.There.Said.Title, URL: stub.There.URL, Err: err})
	}
}

// unlisted is for a system of which it is not known what stands there: nothing is written,
// and whatever stands there is not known to be as it should be.
func (d *desk) unlisted(ctx context.Context, due []ledger.KeptStub, err error) {
	err = fmt.Errorf("list what stands on %s: %w", d.Name, err)
	if len(due) == 0 {
		due = slices.DeleteFunc(slices.Clone(d.stubs), func(stub ledger.KeptStub) bool { return !standing(stub) })
	}
	if len(due) == 0 {
		d.told = append(d.told, StubTold{System: d.Name, Err: err})
	}
	for _, stub := range due {
		d.told = append(d.told, d.failed(ctx, stub, err))
	}
}

// failed keeps for the next run what could not be done.
func (d *desk) failed(ctx context.Context, stub ledger.KeptStub, err error) StubTold {
	told := StubTold{System: d.Name, Key: stub.Key, Title: stub.There.Said.Title, URL: stub.There.URL, Err: err}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return told
	}
	failure := asDeliveryError(d.Name, err)
	now := d.Now()
	noteErr := d.note(stub, func(there *ledger.There) {
		there.Attempts++
		there.LastError = err.Error()
		there.NextAttempt = now.Add(min(failure.RetryAfter, longestBetween))
		if there.FailingSince.IsZero() {
			there.FailingSince = now
		}
	})
	told.Err = errors.Join(err, noteErr)
	return told
}

// lookAfter looks at the open stubs that need nothing: whether a person took one over.
func (d *desk) lookAfter(ctx context.Context, done []ledger.KeptStub) {
	for _, stub := range d.stubs {
		handled := slices.ContainsFunc(done, func(other ledger.KeptStub) bool { return other.Key == stub.Key })
		if handled || !standing(stub) || d.wall != nil || ctx.Err() != nil {
			continue
		}
		remote, found, how, err := d.stood(ctx, stub)
		switch {
		case err == nil && !stub.There.TakenOver.IsZero():
			closed := !found || !remote.Open
			if closed || !stub.There.FailingSince.IsZero() {
				err = d.note(stub, func(there *ledger.There) {
					settled(there)
					there.Closed = closed
				})
			}
			if err != nil {
				d.told = append(d.told, StubTold{System: d.Name, Key: stub.Key, URL: stub.There.URL, Err: err})
			}
		case err != nil:
			d.told = append(d.told, d.failed(ctx, stub, err))
		case how != "":
			d.told = append(d.told, d.takenOver(ctx, stub, remote, how))
		case found && !stub.There.FailingSince.IsZero():
			if err := d.note(stub, settled); err != nil {
				d.told = append(d.told, StubTold{System: d.Name, Key: stub.Key, URL: stub.There.URL, Err: err})
			}
		}
	}
}
