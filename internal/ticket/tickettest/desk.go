// Package tickettest holds the suite that every channel with tickets must pass: the life
// of a ticket at a service that keeps state, pages its lists and loses its answers. It
// does not look at how a ticket reads; the channels' golden files do.
package tickettest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/alerts"
)

// Step is what a request does to a ticket.
type Step string

// The steps of a ticket's life.
const (
	Creates  Step = "creates"
	Comments Step = "comments"
	Closes   Step = "closes"
	Reopens  Step = "reopens"
)

// Desk is a fake of the service. Its lists have short pages.
type Desk interface {
	// Handler answers as the service does.
	Handler() http.Handler
	// New builds the channel for the service at the URL.
	New(t *testing.T, env alerts.Env, url string) alerts.Channel
	// StepOf tells what a request does; empty if it only reads.
	StepOf(request *http.Request, body []byte) Step
	// Records lists the tickets, oldest first.
	Records() []Record
	// The hand of a person at the ticket with that name. Edit gives it another title,
	// other labels where it has any, and somebody to work on it.
	Close(name string)
	Delete(name string)
	Edit(name string)
	// AddForeign adds a ticket with that title which people wrote, without a key.
	AddForeign(title string) (name string)
}

// Seal is a Desk at which a person can close a ticket for good.
type Seal interface{ Seal(name string) }

// Record is a ticket as people see it.
type Record struct {
	Name, Title string
	// Marks are what else people can change: labels, an assignee.
	Marks string
	Open  bool
	// Outcome is what its closing wrote, where that is more than a state.
	Outcome string
	// Text and Comments are decoded as far as they are shown.
	Text     string
	Comments []string
}

// Dump writes records as golden files show them.
func Dump(records []Record) []byte {
	var out strings.Builder
	for _, record := range records {
		state := "open"
		if !record.Open {
			state = "closed"
		}
		if record.Outcome != "" {
			state += "\n" + record.Outcome
		}
		fmt.Fprintf(&out, "===== %s, %s\n%s\n%s\n\n%s\n", record.Name, state, record.Title, record.Marks, strings.TrimSpace(record.Text))
		for i, comment := range record.Comments {
			fmt.Fprintf(&out, "----- comment %d\n%s\n", i+1, strings.TrimSpace(comment))
		}
	}
	return []byte(out.String())
}

// Clock is the time of service and channel, which a test moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at an instant.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}
