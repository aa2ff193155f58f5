package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/checks"
	"lapsewatch/ledger"
)

// Delivery sends what is due in the ledger's outbox: one queue per channel, so that a
// dead channel holds nobody else.
type Delivery struct {
	Ledger   *ledger.Ledger
	Channels map[string]alerts.Channel
	Now      func() time.Time
	Log      *slog.Logger
	// AttemptTimeout bounds one attempt; zero means 30 s.
	AttemptTimeout time.Duration
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
	attemptsPerRun  = 3
	attemptTimeout  = 30 * time.Second
	firstPause      = 2 * time.Second
	longestInRun    = 20 * time.Second
	longestBetween  = 6 * time.Hour
	giveUpAfter     = 7 * 24 * time.Hour
	noticeOfOutcome = 5 * time.Second
)

// Deliver sends everything that is due until it is done or ctx ends. What could not be
// sent stays in the ledger for the next run; only a message that its service refuses
// for good, or that is a week old, is given up, and that is said.
func (d Delivery) Deliver(ctx context.Context) ([]Told, error) {
	due, err := d.Ledger.Due(ctx, d.Now())
	if err != nil {
		return nil, err
	}
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
	slices.SortFunc(told, func(a, b Told) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Recipient, b.Recipient))
	})
	return told, nil
}

// queue sends one channel's messages in order. Where the service does not answer at
// all, the rest waits for the next run instead of running into the same wall.
func (d Delivery) queue(ctx context.Context, name string, queue []ledger.Delivery) []Told {
	told := make([]Told, 0, len(queue))
	channel := d.Channels[name]
	var wall error
	for _, message := range queue {
		switch {
		case channel == nil:
			told = append(told, d.failed(message, &alerts.DeliveryError{Channel: name, Err: errors.New("no such channel is configured any more")}))
		case wall != nil:
			told = append(told, Told{Delivery: message, Err: fmt.Errorf("not tried, because the message before it was not answered: %w", wall)})
		default:
			outcome := d.message(ctx, channel, message)
			told = append(told, outcome)
			if failure, ok := errors.AsType[*alerts.DeliveryError](outcome.Err); ok && failure.Retryable && failure.Status == 0 {
				wall = outcome.Err
			}
		}
	}
	return told
}

// message makes the attempts of this run at one message and records what came of it.
func (d Delivery) message(ctx context.Context, channel alerts.Channel, due ledger.Delivery) Told {
	message := alerts.Message{ID: due.ID, Channel: due.Channel, Recipient: due.Recipient, CreatedAt: due.CreatedAt, Events: due.Events}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		receipt, err := d.attempt(ctx, channel, message)
		if err == nil {
			return d.sent(due, receipt)
		}
		failure := asDeliveryError(due.Channel, err)
		wait := max(failure.RetryAfter, pause)
		if !failure.Retryable || attempt == attemptsPerRun || wait > longestInRun {
			return d.failed(due, failure)
		}
		d.Log.Warn("a delivery failed and is tried again", "channel", due.Channel, "in", wait, "error", failure)
		if d.wait(ctx, wait+rand.N(wait/4)) != nil {
			return d.failed(due, failure)
		}
		pause *= 2
	}
}

func (d Delivery) attempt(ctx context.Context, channel alerts.Channel, message alerts.Message) (receipt alerts.Receipt, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.AttemptTimeout, attemptTimeout))
	defer cancel()
	if panicked := checks.Guard(func() { receipt, err = channel.Deliver(ctx, message) }); panicked != nil {
		d.Log.Error("a channel failed inside", "channel", message.Channel, "error", panicked)
		return receipt, &alerts.DeliveryError{Channel: message.Channel, Retryable: true, Err: errors.New(firstLine(panicked))}
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
		told.Err = fmt.Errorf("delivered, but not recorded, so it will be sent once more with the same id: %w", err)
	}
	return told
}

func (d Delivery) failed(due ledger.Delivery, failure *alerts.DeliveryError) Told {
	ctx, cancel := context.WithTimeout(context.Background(), noticeOfOutcome)
	defer cancel()
	now := d.Now()
	told := Told{Delivery: due, Err: failure, Dead: !failure.Retryable || now.Sub(due.CreatedAt) >= giveUpAfter}
	var err error
	if told.Dead {
		err = d.Ledger.Dead(ctx, due.ID, failure.Error(), now)
	} else {
		err = d.Ledger.Failed(ctx, due.ID, failure.Error(), now.Add(betweenRuns(due.Attempts, failure.RetryAfter)))
	}
	told.Err = errors.Join(told.Err, err)
	return told
}

// betweenRuns is how long a message rests after a run in which it failed.
func betweenRuns(attempts int, asked time.Duration) time.Duration {
	return min(longestBetween, max(asked, time.Minute<<min(attempts, 8)))
}
