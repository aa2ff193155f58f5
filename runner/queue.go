package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"lapsewatch/alerts"
	"lapsewatch/ledger"
)

// queue is one channel's way through its messages, in order.
type queue struct {
	Delivery
	name    string
	channel alerts.Channel
	told    []Told
	// unanswered counts the messages in a row that the service left without an answer,
	// the last with silence.
	unanswered int
	silence    error
	// stuck are the failures by record, and held by recipient, which those behind them
	// must not overtake.
	stuck, held map[string]error
	// unrecorded: the ledger takes no marks, so that whatever is sent is sent again.
	unrecorded error
}

// queue sends one channel's messages. Where the service does not answer, or asks to be
// left alone, the rest waits for the next run instead of running into the same wall.
func (d Delivery) queue(ctx context.Context, name string, messages []ledger.Delivery) []Told {
	q := &queue{Delivery: d, name: name, channel: d.Channels[name], stuck: map[string]error{}, held: map[string]error{}}
	if q.channel != nil {
		ownFirst(q.channel, messages)
	}
	for _, message := range messages {
		q.told = append(q.told, q.next(ctx, message))
	}
	return q.told
}

// ownFirst puts what a channel's own recipients are to be told before what owners are:
// many owners whom the service puts off must not use up the time of a run.
func ownFirst(channel alerts.Channel, messages []ledger.Delivery) {
	own := channel.Recipients()
	slices.SortStableFunc(messages, func(a, b ledger.Delivery) int {
		return cmp.Compare(others(own, a.Recipient), others(own, b.Recipient))
	})
}

func others(own []string, recipient string) int {
	if slices.Contains(own, recipient) {
		return 0
	}
	return 1
}

func (q *queue) next(ctx context.Context, message ledger.Delivery) Told {
	record := recordOf(q.channel, message)
	switch {
	case q.channel == nil:
		return q.givenUp(message, &alerts.DeliveryError{Channel: q.name, Err: errors.New("no such channel is configured any more")})
	case q.unrecorded != nil:
		return Told{Delivery: message, Err: fmt.Errorf("not tried, because the ledger could not note what was sent before: %w", q.unrecorded)}
	case q.unanswered >= wallAfter:
		return q.untried(message, "those before it were not answered", q.silence)
	case q.held[message.Recipient] != nil:
		return q.untried(message, "the service asked to be left alone", q.held[message.Recipient])
	case q.stuck[record] != nil:
		return q.untried(message, "what came before it on the same subject was not delivered", q.stuck[record])
	}
	attempts := attemptsPerRun
	if q.unanswered > 0 {
		attempts = 1
	}
	outcome := q.message(ctx, q.channel, message, attempts)
	q.learn(outcome, record)
	return outcome
}

// learn notes what an outcome means for the messages behind it.
func (q *queue) learn(outcome Told, record string) {
	q.unanswered, q.silence = q.unanswered+1, outcome.Err
	if !noAnswer(outcome.Err) {
		q.unanswered = 0
	}
	if record != "" && outcome.Err != nil {
		q.stuck[record] = outcome.Err
	}
	if failure, failed := errors.AsType[*alerts.DeliveryError](outcome.Err); failed && failure.RetryAfter > longestInRun {
		q.held[outcome.Recipient] = outcome.Err
	}
	if unrecorded, ok := errors.AsType[*unrecordedError](outcome.Err); ok {
		q.unrecorded = unrecorded.error
	}
}

// untried is for a message that waits because of another. What has waited for long, or
// stands behind what was refused, is told another way, and is given up in the end, as if
// it had been tried.
func (q *queue) untried(message ledger.Delivery, because string, cause error) Told {
	failure := &alerts.DeliveryError{Channel: q.name, Retryable: true, Err: cause}
	if before, failed := errors.AsType[*alerts.DeliveryError](cause); failed {
		failure.Retryable, failure.Err = before.Retryable, before.Err
	}
	if q.age(message) >= giveUpAfter {
		return q.givenUp(message, failure)
	}
	waits := fmt.Errorf("not tried, because %s: %w", because, cause)
	return Told{Delivery: message, Err: errors.Join(waits, q.redirectLate(message, failure))}
}

// recordOf names the one record that a service keeps of a message's subject, whose
// messages must arrive in order; empty where it keeps none.
func recordOf(channel alerts.Channel, message ledger.Delivery) string {
	if channel == nil || !alerts.MannerOf(channel).Singly || len(message.Events) == 0 {
		return ""
	}
	return message.Recipient + "\x00" + message.Events[0].Finding.ID
}

// noAnswer reports that the service said nothing at all, not even a refusal.
func noAnswer(err error) bool {
	failure, failed := errors.AsType[*alerts.DeliveryError](err)
	_, panicked := errors.AsType[*panicError](err)
	return failed && !panicked && failure.Retryable && failure.Status == 0
}

// unrecordedError says that a message was delivered and the ledger does not know.
type unrecordedError struct{ error }

func (e *unrecordedError) Error() string {
	return fmt.Sprintf("delivered, but not recorded, so it will be sent once more with the same id: %v", e.error)
}

func (e *unrecordedError) Unwrap() error { return e.error }
