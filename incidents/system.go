// Package incidents is the contract of a status system: what stubs it is asked to keep
// (Stub), what stands there (Remote), and how it fails (*alerts.DeliveryError, as a channel
// does). It knows no concrete system, decides nothing about stubs (policy does) and
// remembers nothing (the ledger does): the runner compares what is wanted with what stands
// there and calls the system for the difference.
package incidents

import (
	"context"
	"errors"
	"time"

	"lapsewatch/watch"
)

// System is one place of one status system: a page, a repository, a folder.
//
// Every error is a *alerts.DeliveryError or wraps one, and holds no secret. A call is one
// attempt with the service's own limits kept: a system that may be asked once a second
// waits for its turn, as long as ctx lasts. After an error it is not known whether the
// service did what it was asked, unless the error says that it was refused; the runner
// looks again before it repeats anything.
type System interface {
	Traits() Traits
	// List gives what carries marks of this installation: everything that is not resolved,
	// and what was resolved since the instant as far as the service lists that. A list
	// that was not read to its end is an error.
	List(ctx context.Context, since time.Time) ([]Remote, error)
	// Read gives what stands under the service's own id; found is false where nothing does
	// any more. It is given whether it carries a mark of ours or not.
	Read(ctx context.Context, id string) (read Remote, found bool, err error)
	// Create makes the stub and gives it as it stands then. It is called only after the
	// stub's key was looked for.
	Create(ctx context.Context, stub Stub) (Remote, error)
	// Update brings what stands there to the stub's phase, text and components. It opens
	// again what is resolved.
	Update(ctx context.Context, current Remote, stub Stub) (Remote, error)
	// Annotate leaves a note where only staff reads it, and changes nothing else. The error
	// is ErrNoNotes where there is no such place.
	Annotate(ctx context.Context, current Remote, note Note) error
	// Draft keeps the draft of a post-mortem beside a resolved stub, unpublished. It replaces
	// an earlier draft of ours, and none of a person. The error is ErrNoDrafts where the
	// system has no place for one.
	Draft(ctx context.Context, current Remote, draft Note) error
}

// Errors that say what a system cannot do.
var (
	ErrNoNotes  = errors.New("the status system has no place for notes")
	ErrNoDrafts = errors.New("the status system has no place for drafts of post-mortems")
)

// Traits are what a system can do.
type Traits struct {
	// Hides: it keeps stubs as drafts that nobody but staff sees.
	Hides bool
	// Private: nobody but staff sees anything there, such as in a private repository.
	Private bool
	// Plans: it has scheduled maintenances.
	Plans bool
	// Place names where the stubs are, such as "statuspage page kctbh9vrtdwd".
	Place string
	// TitleLimit and TextLimit are in characters, zero where there is none to mind.
	TitleLimit, TextLimit int
	// Quote makes a text from outside harmless in the system's markup; nil where texts are
	// shown as they are.
	Quote func(string) string
}

// Stub is what should stand on a status system.
type Stub struct {
	// Key marks the stub as ours and tells it from every other; see watch.IncidentKey. A
	// system keeps it where only machines look, or else within what it shows.
	Key string
	// Mark is that of this state of the stub: the same for the same state, however often it
	// is sent, and usable as the service's idempotency key.
	Mark  string
	Phase watch.Phase
	// Hidden: a draft that only staff sees. A system that cannot hide is never asked to.
	Hidden bool
	// Notify: subscribers are told. Off unless configuration asks for it.
	Notify bool
	Title  string
	// Text is what is said now, in Markdown-free paragraphs, quoted for the system already.
	Text string
	// Internal is for staff only: what is affected, findings, links. A system that has no
	// place that only staff reads leaves it out.
	Internal   string
	Components []watch.Component
	// Impact is the worst of the components.
	Impact watch.ComponentStatus
	// Window is when a planned maintenance takes place; nil unless Phase is Scheduled, or
	// was before the maintenance ended.
	Window *watch.Window
	// StartedAt is when it began to hurt or was found, At when this phase began, in UTC.
	StartedAt, At time.Time
}

// Note is a text for staff. Mark is as that of a Stub.
type Note struct {
	Mark, Text string
	At         time.Time
}

// Remote is what stands on a status system.
type Remote struct {
	// ID is the service's own. URL is where people look at it, if that is known.
	ID, URL string
	// Key is the mark of ours that it carries; empty if it carries none.
	Key string
	// Open: it is not resolved. ResolvedAt is when it was, zero if that is not known.
	Open       bool
	ResolvedAt time.Time
	// What people see and may have changed. Phase is empty where the service uses a word that
	// stands for none of ours.
	Title  string
	Phase  watch.Phase
	Hidden bool
	// Texts are those of its updates, oldest first, as the service gives them back; with the
	// first text if that is kept apart.
	Texts []string
	// Components is nil where they are not the incident's own.
	Components []watch.Component
}
