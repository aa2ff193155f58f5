package runner

import (
	"context"
	"time"

	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// itself is the check by which Lapsewatch watches itself: whether its runs end, its
// channels deliver and its ledger can be used.
type itself struct {
	ledger   *ledger.Ledger
	channels []string
	systems  []string
	loss     *ledger.Loss
	now      func() time.Time
}

// latestRuns are enough to know how often runs come.
const latestRuns = 10

// Itself makes the check under watch.Itself. loss is what happened to the ledger when it
// was opened; nil if it is sound.
func Itself(kept *ledger.Ledger, channels, systems []string, loss *ledger.Loss, now func() time.Time) Check {
	return Check{Name: watch.Itself, Kind: watch.Itself, Check: itself{kept, channels, systems, loss, now}}
}

// Collect reads the ledger's own records.
func (i itself) Collect(ctx context.Context, sink watch.Sink) error {
	sink(policy.RecordCondition(whyUnusable(i.loss)))
	if i.loss != nil {
		// The records of runs and deliveries are what was lost.
		return nil
	}
	runs, err := i.ledger.Runs(ctx, latestRuns)
	if err != nil {
		return err
	}
	var health policy.RunHealth
	for _, run := range runs {
		health.Judged = append(health.Judged, run.JudgedAt)
		health.Ended = append(health.Ended, !run.FinishedAt.IsZero())
	}
	now := i.now()
	sink(health.Condition(now))
	states, err := i.ledger.Channels(ctx, now)
	if err != nil {
		return err
	}
	known := map[string]ledger.ChannelState{}
	for _, state := range states {
		known[state.Channel] = state
	}
	for _, name := range i.channels {
		state := known[name]
		sink(policy.ChannelHealth{
			Channel: name, Owed: state.Owed, Refused: state.Refused, Lost: state.Dead, OldestOwed: state.OldestOwed,
			LastSent: state.LastSent, LastError: state.LastError,
		}.Condition(now))
	}
	return i.statusSystems(ctx, sink)
}

func (i itself) statusSystems(ctx context.Context, sink watch.Sink) error {
	if len(i.systems) == 0 {
		return nil
	}
	stubs, err := i.ledger.Stubs(ctx, i.now().Add(-listedSince))
	if err != nil {
		return err
	}
	for _, name := range i.systems {
		health := policy.StatusSystemHealth{System: name}
		for _, stub := range stubs {
			if stub.System != name {
				continue
			}
			if stub.Open() {
				health.Open++
			}
			if since := stub.There.FailingSince; !since.IsZero() {
				health.Failing++
				if health.Since.IsZero() || since.Before(health.Since) {
					health.Since = since
				}
				health.LastError = stub.There.LastError
			}
		}
		sink(health.Condition())
	}
	return nil
}

func whyUnusable(loss *ledger.Loss) string {
	switch {
	case loss == nil:
		return ""
	case loss.KeptAside != "":
		return "was damaged: it is kept as " + loss.KeptAside + ", and a new one was begun without what it held: acknowledgements, messages that were owed, and what was told; what is told now may have been told before. The cause: " + loss.Cause.Error()
	default:
		return "cannot be used, so that this run remembers nothing: what is told now may have been told before, and will be told again. The cause: " + loss.Cause.Error()
	}
}
