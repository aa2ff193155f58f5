// Package incidenttest holds the suite that every status system must pass: the life of a
// stub at a service that keeps state, pages its lists, loses its answers, and at which
// people work too. It does not look at how a stub reads; golden files do.
package incidenttest

import (
	"testing"
	"time"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// SystemName is the name of the status system that the suite configures, and Source that of
// its installation.
const (
	SystemName = "status-page"
	Source     = "example"
)

// Suite is a status system under test. What a system can do is told by its Traits.
type Suite struct {
	// Desk makes an empty service of that clock.
	Desk func(t *testing.T, clock *tickettest.Clock) Desk
	// ReadsBack is the phase that List and Read give for a stub of that phase, where the
	// service has no word of its own for it; nil where it has one for each.
	ReadsBack func(phase watch.Phase) watch.Phase
	// Throttled is the wait that the system asks for where the service limits its rate and
	// does not say for how long; zero where it leaves that to the runner.
	Throttled time.Duration
	// Forbidden is the markup that must reach no text: what the service would take for a
	// command, a mention or a link.
	Forbidden []string
	// HurtsUntilOver: the service takes what has no component that hurts for resolved, so that
	// they are degraded till then.
	HurtsUntilOver bool
	// MovesWindows: a maintenance that is put off is moved there.
	MovesWindows bool
	// NoSubscribers: the service tells nobody, whatever it is asked.
	NoSubscribers bool
	// ForgetsResolved: the service does not list what is resolved.
	ForgetsResolved bool
}

// Run holds a status system to the contract.
func Run(t *testing.T, s Suite) {
	t.Run("what is created is listed with its key, and as it was returned", s.created)
	t.Run("every phase is written and read back, to resolved and opened again", s.phases)
	t.Run("a stub may begin as identified", s.beginsIdentified)
	t.Run("a stub without components has none", s.noComponents)
	t.Run("components are set, and operational when it is over", s.components)
	t.Run("a component that somebody else has set is left alone", s.switchedComponents)
	t.Run("a hidden stub stays hidden through every update", s.hidden)
	t.Run("subscribers are told only where the stub says so", s.notified)
	t.Run("a component is never better than somebody else has left it", s.worseBefore)
	t.Run("a component that a stub is tied to no more is released with it", s.untied)
	t.Run("two stubs of one component leave it well", s.sharedComponent)
	t.Run("a planned maintenance has its window, and touches components in it only", s.planned)
	t.Run("a planned maintenance that is not needed any more ends before it begins", s.cancelledMaintenance)
	t.Run("the same update again says nothing twice", s.repeated)
	t.Run("what people wrote is neither listed nor touched", s.foreign)
	t.Run("two installations at one place do not see each other's stubs", s.twoInstallations)
	t.Run("two stubs do not mix", s.twoStubs)
	t.Run("what a person changed is seen", s.edited)
	t.Run("what a person deleted is not there", s.deleted)
	t.Run("a note is for staff only and changes nothing else", s.annotated)
	t.Run("the draft of a post-mortem is not published and replaces none of a person", s.drafted)
	t.Run("a list is read to its end", s.longList)
	t.Run("F15 hostile texts arrive harmless", s.hostile)
	t.Run("A9 too long texts are cut", s.tooLong)
	t.Run("a cancelled call says so and sends nothing", s.cancelled)
	if _, speaks := s.Desk(t, tickettest.NewClock(alerttest.Now())).(Web); speaks {
		s.runWeb(t)
	}
}

// runWeb holds a system that speaks HTTP to what is special to that.
func (s Suite) runWeb(t *testing.T) {
	t.Run("F3 a lost answer makes nothing twice", s.lostAnswers)
	t.Run("a list that breaks off is an error and never a short one", s.brokenList)
	t.Run("each status is classified", s.statuses)
	t.Run("F5 Retry-After is read in both forms and capped", s.retryAfter)
	t.Run("A12 a redirect is a failure and takes nothing along", s.redirect)
	t.Run("a success that proves nothing is a failure", s.unproven)
	t.Run("F4 a service that never answers is left when the context ends", s.blackHole)
	t.Run("F4 a service that never stops answering is left", s.endless)
}

func (s Suite) open(t *testing.T) *Office {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	return Open(t, s, s.Desk(t, clock), clock)
}

// readsBack is the phase that a remote has for a stub's.
func (s Suite) readsBack(phase watch.Phase) watch.Phase {
	if s.ReadsBack == nil {
		return phase
	}
	return s.ReadsBack(phase)
}

// longAgo is before everything that a suite writes.
func longAgo() time.Time { return alerttest.Now().AddDate(0, 0, -7) }
