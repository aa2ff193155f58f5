// Package ticket is the life of a ticket for channels that keep one for each finding:
// opened, commented on, closed when the finding is resolved, and opened again when
// somebody closed it too early. It finds the ticket by the finding's key before each
// step, so that a lost answer or a lost memory makes no second one. It knows no service:
// a channel implements Service. It writes titles, labels and assignees only when it
// makes a ticket, and never touches one that does not carry the key.
package ticket

import (
	"context"
	"errors"
	"time"
)

// Ticket is one record of the service, as far as its life matters.
type Ticket struct {
	// ID is what the service reads it by; Name is what people call it: "#12", "OPS-7".
	ID, Name string
	// Ours: it carries the key that was asked for.
	Ours bool
	Open bool
	// ClosedAt is the latest known time of closing, zero if that is not known.
	ClosedAt time.Time
	// Final: it is closed, and the service does not let it be opened again.
	Final bool
	// Marks are those of the messages that its description tells of.
	Marks []string
}

// ErrFinal says that the service does not let the ticket be opened again.
var ErrFinal = errors.New("it cannot be opened again")

// Service is where tickets are kept. Every error is a *alerts.DeliveryError, except
// ErrFinal. A proof is the service's own answer to what was done.
type Service interface {
	// Read gives the ticket with the id; found is false where there is none any more.
	Read(ctx context.Context, id, key string) (read Ticket, found bool, err error)
	// Find looks through all tickets for the one that carries the key: an open one, or
	// else the one closed last, of those closed lately at least. known is the id of a
	// ticket that was just written, or empty, for services whose search lags behind.
	Find(ctx context.Context, key, known string) (match Ticket, found bool, err error)
	// Told reports that a comment which carries the story's mark stands at the ticket.
	Told(ctx context.Context, ticket Ticket, story Story) (bool, error)
	// Create makes a ticket. Where it was made but is not as it has to be, both the
	// ticket and an error are given.
	Create(ctx context.Context, story Story) (made Ticket, proof string, err error)
	Comment(ctx context.Context, ticket Ticket, story Story) (proof string, err error)
	Close(ctx context.Context, ticket Ticket, story Story) (proof string, err error)
	// Reopen gives ErrFinal where the ticket cannot be opened again.
	Reopen(ctx context.Context, ticket Ticket) error
}

// reopenable: it was closed so lately that it is opened again rather than replaced. When
// it was closed may be unknown, or later than now where clocks differ: lately, then.
func (t Ticket) reopenable(now time.Time, within time.Duration) bool {
	return !t.Final && (t.ClosedAt.IsZero() || now.Sub(t.ClosedAt) < within)
}
