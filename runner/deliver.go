package runner

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/checks"
	"lapsewatch/ledger"
	"lapsewatch/policy"
)

// Delivery sends what is due in the ledger's outbox: one queue per channel, so that a
// dead channel holds nobody else.
type Delivery struct {
	Ledger   *ledger.Ledger
	Channels map[string]alerts.Channel
	// Fallbacks are told what a channel has failed to deliver for good, by its name.
	Fallbacks map[string][]policy.Destination
	Now       func() time.Time
	Log       *slog.Logger
	// AttemptTimeout bounds one attempt beyond the channel's own timeout; zero means
	// two minutes.
	AttemptTimeout time.Duration
	// clockWrong: the pass distrusts its own clock, so that the age of a message is not
	// known.
	clockWrong bool
	// Pause waits between the attempts of one run; nil means a timer.
	Pause func(ctx context.Context, wait time.Duration) error
}

// Told is one message that was due and what became of it.
type Told struct {
	ledger.Delivery
	// Proof is the service's own, when the message was delivered.
	Proof string
	// Err is why it was not; it holds no secret.
	Err error
	// Dead: it will not be tried again.
	Dead bool
}

const (
	attemptsPerRun = 3
	attemptTimeout = 2 * time.Minute
	firstPause     = 2 * time.Second
	longestInRun   = 20 * time.Second
	longestBetween = 6 * time.Hour
	// wallAfter is how many messages in a row a service must leave without an answer
	// before the rest of its queue waits for the next run: one alone may be the
	// message's fault.
	wallAfter   = 2
	giveUpAfter = 7 * 24 * time.Hour
	// redirectAfter is how long a message may wait for a channel that may still recover,
	// until its fallback is told: a daily job has tried twice by then.
	redirectAfter   = 20 * time.Hour
	noticeOfOutcome = 5 * time.Second
	// maxRounds bounds a chain of fallbacks within one run; the next run goes on.
	maxRounds = 5
)

// Deliver sends everything that is due until it is done or ctx ends. What could not be
// sent, refused or not, stays in the ledger and is due again at the next run, so that a
// wrong password costs no warning once it is mended. Only a message that is a week old,
// or whose channel is not configured any more, is given up, and that is said.
func (d Delivery) Deliver(ctx context.Context) ([]Told, error) {
	var all []Told
	tried := map[string]bool{}
	// A second round is for what fallbacks are to be told, a third for their own.
	for range maxRounds {
		due, err := d.Ledger.Due(ctx, d.Now())
		if err != nil {
			return all, err
		}
		due = slices.DeleteFunc(due, func(message ledger.Delivery) bool { return tried[message.ID] })
		if len(due) == 0 {
			break
		}
		for _, message := range due {
			tried[message.ID] = true
		}
		all = append(all, d.round(ctx, due)...)
	}
	return all, nil
}

// round sends what is due, all channels at once.
func (d Delivery) round(ctx context.Context, due []ledger.Delivery) []Told {
	queues := map[string][]ledger.Delivery{}
	for _, message := range due {
		queues[message.Channel] = append(queues[message.Channel], message)
	}
	var mu sync.Mutex
	var told []Told
	var queuing sync.WaitGroup
	for name, queue := range queues {
		queuing.Go(func() {
			sent := d.queue(ctx, name, queue)
			mu.Lock()
			defer mu.Unlock()
			told = append(told, sent...)
		})
	}
	queuing.Wait()
	// Within a channel they stay in the order in which they were sent.
	slices.SortStableFunc(told, func(a, b Told) int { return cmp.Compare(a.Channel, b.Channel) })
	return told
}

// message makes the attempts of this run at one message and records what came of it.
func (d Delivery) message(ctx context.Context, channel alerts.Channel, due ledger.Delivery, attempts int) Told {
	message := alerts.Message{ID: due.ID, Channel: due.Channel, Recipient: due.Recipient, CreatedAt: due.CreatedAt, Events: due.Events, Note: due.Note}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		receipt, err := d.attempt(ctx, channel, message)
		if err == nil {
			return d.sent(due, receipt)
		}
		failure := asDeliveryError(due.Channel, err)
		wait := max(failure.RetryAfter, pause)
		if !failure.Retryable || attempt == attempts || wait > longestInRun {
			return d.failed(ctx, due, failure)
		}
		d.Log.Warn("a delivery failed and is tried again", "channel", due.Channel, "in", wait, "error", failure)
		if d.wait(ctx, wait+rand.N(wait/4)) != nil {
			return d.failed(ctx, due, failure)
		}
		pause *= 2
	}
}

func (d Delivery) attempt(ctx context.Context, channel alerts.Channel, message alerts.Message) (receipt alerts.Receipt, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.AttemptTimeout, attemptTimeout))
	defer cancel()
	if panicked := checks.Guard(func() { receipt, err = channel.Deliver(ctx, message) }); panicked != nil {
		d.Log.Error("a channel failed inside", "channel", message.Channel, "error", panicked)
		return receipt, &alerts.DeliveryError{Channel: message.Channel, Retryable: true, Err: &panicError{errors.New(firstLine(panicked))}}
	}
	return receipt, err
}

func asDeliveryError(channel string, err error) *alerts.DeliveryError {
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); ok {
		return failure
	}
	return &alerts.DeliveryError{Channel: channel, Retryable: true, Err: err}
}

func (d Delivery) wait(ctx context.Context, wait time.Duration) error {
	if d.Pause != nil {
		return d.Pause(ctx, wait)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// sent marks after sending, never before: a run that is killed in between repeats the
// message with the same id and loses nothing. The mark outlives ctx for that reason.
func (d Delivery) sent(due ledger.Delivery, receipt alerts.Receipt) Told {
	ctx, cancel := context.WithTimeout(context.Background(), noticeOfOutcome)
	defer cancel()
	told := Told{Delivery: due, Proof: receipt.Proof}
	if err := d.Ledger.Sent(ctx, due.ID, receipt.Proof, d.Now()); err != nil {
		told.Err = &unrecordedError{err}
	}
	return told
}

// failed keeps the message for the next run, unless it is too old by now. A run that was
// stopped says nothing of its channels.
func (d Delivery) failed(ctx context.Context, due ledger.Delivery, failure *alerts.DeliveryError) Told {
	if ctx.Err() != nil {
		return Told{Delivery: due, Err: failure}
	}
	if d.age(due) >= giveUpAfter {
		return d.givenUp(due, failure)
	}
	ctx, cancel := context.WithTimeout(context.Background(), noticeOfOutcome)
	defer cancel()
	err := d.Ledger.Failed(ctx, due.ID, failure.Error(), d.Now().Add(min(failure.RetryAfter, longestBetween)))
	return Told{Delivery: due, Err: errors.Join(failure, err, d.redirectLate(due, failure))}
}

// redirectLate hands a message to the fallback when it was refused, or has waited long.
func (d Delivery) redirectLate(due ledger.Delivery, failure *alerts.DeliveryError) error {
	if failure.Retryable && d.age(due) < redirectAfter {
		return nil
	}
	return d.redirect(due, failure)
}

// age is how long a message has waited; nothing, where the clock is not to be believed.
func (d Delivery) age(due ledger.Delivery) time.Duration {
	if d.clockWrong {
		return 0
	}
	return d.Now().Sub(due.CreatedAt)
}

func (d Delivery) givenUp(due ledger.Delivery, failure *alerts.DeliveryError) Told {
	ctx, cancel := context.WithTimeout(context.Background(), noticeOfOutcome)
	defer cancel()
	// The fallback comes first: what it is told of is not raised again.
	err := errors.Join(d.redirect(due, failure), d.Ledger.Dead(ctx, due.ID, failure.Error(), d.Now()))
	return Told{Delivery: due, Err: errors.Join(failure, err), Dead: true}
}
