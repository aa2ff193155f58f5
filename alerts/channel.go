// Package alerts is the contract of a channel: what a channel is asked to deliver
// (Message), what it must prove (Receipt), and how it fails (DeliveryError). It knows no
// concrete channel, and it neither retries nor remembers: the runner does both.
package alerts

import (
	"context"
	"fmt"
	"time"

	"lapsewatch/watch"
)

// Channel delivers messages to one configured destination.
type Channel interface {
	// Recipients lists the fixed addressees, each of whom gets a message of their
	// own. A channel with a single destination returns one empty string.
	Recipients() []string
	// Deliver makes one attempt and returns only once the service has proved that it
	// took the message. ctx bounds the attempt. The error is a *DeliveryError, and
	// holds no secret.
	Deliver(ctx context.Context, message Message) (Receipt, error)
}

// OwnerChannel is a channel that can also tell the owners that findings name.
type OwnerChannel interface {
	Channel
	// Reach gives the recipient under which the channel tells an owner. Owners come
	// from outside, so that a channel reaches only those that its options allow.
	// Recipients that differ only in the case of letters are one and the same.
	Reach(owner string) (recipient string, reachable bool)
	// TellsOwners reports whether the options allow any owner at all.
	TellsOwners() bool
}

// Manner is how a channel wants to be told, where that is not one digest per recipient
// and pass.
type Manner struct {
	// Singly: each message holds one event, because the service keeps one record for
	// each finding: a page, an alert, a ticket.
	Singly bool
	// Standing: each pass tells of all that is open, because the service forgets what
	// is not repeated. What has not changed comes as events of type watch.Standing.
	Standing bool
}

// ParticularChannel is a channel that wants to be told in a manner of its own.
type ParticularChannel interface {
	Channel
	Manner() Manner
}

// MannerOf is how the channel wants to be told.
func MannerOf(channel Channel) Manner {
	if particular, ok := channel.(ParticularChannel); ok {
		return particular.Manner()
	}
	return Manner{}
}

// Message is one digest for one recipient of one channel.
type Message struct {
	// ID is the same on every attempt, so that receivers can drop duplicates.
	ID        string
	Channel   string
	Recipient string
	// CreatedAt is when the pass that raised the events judged them, in UTC.
	CreatedAt time.Time
	// Events are ordered by urgency. There is at least one.
	Events []watch.Event
	// Note says why the message comes this way, such as that another channel failed;
	// empty as a rule. Names from outside in it are not clean.
	Note string
	// Test marks a message of `lapsewatch alerts test`.
	Test bool
}

// Receipt is a service's own proof that it took a message: the SMTP reply, the HTTP
// status and the remote id. It holds no secret.
type Receipt struct{ Proof string }

// DeliveryError is one failed attempt.
type DeliveryError struct {
	Channel string
	// Retryable: the same message may succeed later.
	Retryable bool
	// RetryAfter is the wait that the service asked for; zero if none.
	RetryAfter time.Duration
	// Status is the service's own code (HTTP or SMTP), zero if there was no answer.
	Status int
	Err    error
}

func (e *DeliveryError) Error() string {
	return fmt.Sprintf("deliver by %s: %v", e.Channel, e.Err)
}

// Unwrap gives the cause.
func (e *DeliveryError) Unwrap() error { return e.Err }
