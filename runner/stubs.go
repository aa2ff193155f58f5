package runner

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"lapsewatch/checks"
	"lapsewatch/incidents"
	"lapsewatch/ledger"
	"lapsewatch/watch"
)

// Reconciler brings the incident stubs that stand on the status systems to what the ledger
// says that should stand there: one queue per system, so that a dead one holds nobody.
//
// It looks before it writes: a stub is made only when its key is not found, and changed only
// when it stands there as it was left. It touches nothing that does not carry a key of ours,
// and of what a person changed it changes nothing any more. It decides no phase: policy did.
type Reconciler struct {
	Ledger  *ledger.Ledger
	Systems []StatusSystem
	// Source and Instance are how this installation signs its stubs, and calls itself.
	Source, Instance string
	Now              func() time.Time
	Log              *slog.Logger
	// RecordLost: the ledger does not know what stood there before, so that stubs that it
	// does not know are taken to be its own.
	RecordLost bool
	// Pause waits between the attempts of one run; nil means a timer.
	Pause func(ctx context.Context, wait time.Duration) error
}

// StatusSystem is one configured status system.
type StatusSystem struct {
	Name   string
	System incidents.System
	Words  *incidents.Words
	Notify bool
	// Affected finds who is affected by the causes of a stub, bounded; nil where nobody asks.
	// An error leaves the list as it was.
	Affected func(ctx context.Context, causes []watch.Finding) (names []string, err error)
	// Within bounds the work of one run on this system; zero means five minutes.
	Within time.Duration
}

// StubTold is what was done about one stub on its status system.
type StubTold struct {
	System, Key string
	// Title is empty where the stub was not reached.
	Title string
	// Did says in a clause what was done: "made", "brought to identified", …; empty if
	// nothing was.
	Did string
	URL string
	// Err is why it is not as it should be; it holds no secret.
	Err error
}

const (
	stubsWithin = 5 * time.Minute
	// settleFor is how long what was asked for without an answer may stay out of a system's
	// lists.
	settleFor = time.Minute
	// listedSince is how far back resolved stubs are looked for.
	listedSince = 14 * 24 * time.Hour
	// changesBefore is how long before a stub was found what changed may have caused it.
	changesBefore = 48 * time.Hour
	maxAffected   = 100
)

// Reconcile brings every system up to date as far as it goes within its time. The error is
// the ledger's; what a system refuses stands in the results.
func (r Reconciler) Reconcile(ctx context.Context) ([]StubTold, error) {
	if r.Ledger == nil {
		return nil, nil // nobody keeps stubs
	}
	kept, err := r.Ledger.Stubs(ctx, r.Now().Add(-listedSince))
	if err != nil {
		return nil, err
	}
	bySystem := map[string][]ledger.KeptStub{}
	for _, stub := range kept {
		bySystem[stub.System] = append(bySystem[stub.System], stub)
	}
	for name, stubs := range bySystem {
		left := slices.ContainsFunc(stubs, func(stub ledger.KeptStub) bool { return stub.Open() && stub.There.ID != "" })
		configured := slices.ContainsFunc(r.Systems, func(system StatusSystem) bool { return system.Name == name })
		if left && !configured {
			r.Log.Warn("incident stubs are open on a status system that is no longer configured: resolve them by hand, see `lapsewatch incidents list`", "system", name)
		}
	}
	var mu sync.Mutex
	var told []StubTold
	var working sync.WaitGroup
	for _, system := range r.Systems {
		working.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, cmp.Or(system.Within, stubsWithin))
			defer cancel()
			desk := &desk{Reconciler: r, StatusSystem: system, stubs: bySystem[system.Name]}
			if panicked := checks.Guard(func() { desk.work(ctx) }); panicked != nil {
				r.Log.Error("a status system failed inside", "system", system.Name, "error", panicked)
				desk.told = append(desk.told, StubTold{System: system.Name, Err: errors.New(firstLine(panicked))})
			}
			mu.Lock()
			defer mu.Unlock()
			told = append(told, desk.told...)
		})
	}
	working.Wait()
	slices.SortStableFunc(told, func(a, b StubTold) int { return cmp.Or(cmp.Compare(a.System, b.System), cmp.Compare(a.Key, b.Key)) })
	return told, nil
}

// desk is the work at one system.
type desk struct {
	Reconciler
	StatusSystem
	stubs  []ledger.KeptStub
	listed []incidents.Remote
	told   []StubTold
	// wall is why the system is asked no more in this run.
	wall error
	// unmet: this ledger never saw what stands there. unadopted: something of that could not
	// be taken back.
	unmet, unadopted bool
	// unclosed are the stubs of which a second one could not be closed.
	unclosed []failure
}

func (d *desk) work(ctx context.Context) {
	due := slices.DeleteFunc(slices.Clone(d.stubs), func(stub ledger.KeptStub) bool { return !due(stub) })
	d.unmet = d.neverMet(ctx)
	if len(due) == 0 && !slices.ContainsFunc(d.stubs, standing) && !d.RecordLost && !d.unmet {
		return
	}
	if until := d.restsUntil(); !until.IsZero() {
		d.rest(due, until)
		return
	}
	if err := d.list(ctx); err != nil {
		d.unlisted(ctx, due, err)
		return
	}
	d.heedStrangers(ctx)
	d.meet(ctx)
	// What hurts comes first, and what hurts longest.
	slices.SortStableFunc(due, func(a, b ledger.KeptStub) int {
		return cmp.Or(cmp.Compare(urgency(a), urgency(b)), a.FoundAt.Compare(b.FoundAt))
	})
	for _, stub := range due {
		d.told = append(d.told, d.one(ctx, stub))
	}
	d.lookAfter(ctx, due)
	for _, left := range d.unclosed {
		d.told = append(d.told, d.failed(ctx, left.stub, left.err))
	}
}

func urgency(stub ledger.KeptStub) int {
	switch {
	case stub.Open() && stub.Hurt():
		return 0
	case stub.Open():
		return 1
	default:
		return 2
	}
}

// standing reports that the stub is to be looked at although nothing is to be done about it.
func standing(stub ledger.KeptStub) bool {
	theirs := !stub.There.TakenOver.IsZero()
	failing := !stub.There.FailingSince.IsZero() && !due(stub)
	return stub.There.ID != "" && (failing || stub.Open() && !theirs || theirs && stub.Phase == watch.Over && !stub.There.Closed)
}

// due reports that something is to be done about the stub.
func due(stub ledger.KeptStub) bool {
	never := stub.There.ID == "" && stub.There.TakenOver.IsZero()
	switch {
	case stub.Phase == "":
		return false
	case never && stub.Phase == watch.Over:
		// It may stand there all the same, or failed before it was over.
		return !stub.There.Making.IsZero() || !stub.There.FailingSince.IsZero()
	case !stub.There.TakenOver.IsZero():
		return stub.There.Noted < stub.Revision || wantsDraft(stub)
	default:
		return stub.There.Revision < stub.Revision || wantsDraft(stub)
	}
}

// wantsDraft: a stub that hurt and is over gets the draft of a post-mortem.
func wantsDraft(stub ledger.KeptStub) bool {
	return stub.Phase == watch.Over && stub.Hurt() && stub.There.ID != "" && stub.There.Drafted <= stub.Reopened
}

func (d *desk) list(ctx context.Context) (err error) {
	d.listed, err = d.System.List(ctx, d.Now().Add(-listedSince))
	for attempt := 1; err != nil && attempt < attemptsPerRun; attempt++ {
		if d.pause(ctx, err, attempt) != nil {
			return err
		}
		d.listed, err = d.System.List(ctx, d.Now().Add(-listedSince))
	}
	return err
}

// pause waits before the next attempt, or gives the error where none is worth it.
func (d *desk) pause(ctx context.Context, err error, attempt int) error {
	failure := asDeliveryError(d.Name, err)
	wait := max(failure.RetryAfter, firstPause<<(attempt-1))
	if !failure.Retryable || wait > longestInRun || ctx.Err() != nil {
		return err
	}
	if d.Pause != nil {
		return d.Pause(ctx, wait)
	}
	return Delivery{}.wait(ctx, wait)
}

// note writes down what happened there, even if the run is being stopped: what was done is
// a fact.
func (d *desk) note(stub ledger.KeptStub, change func(*ledger.There)) error {
	ctx, cancel := context.WithTimeout(context.Background(), noticeOfOutcome)
	defer cancel()
	return d.Ledger.There(ctx, stub.System, stub.Key, change)
}

// settled notes a stub that stands as it should.
func settled(there *ledger.There) {
	there.Attempts, there.LastError = 0, ""
	there.FailingSince, there.NextAttempt, there.Making = time.Time{}, time.Time{}, time.Time{}
}
