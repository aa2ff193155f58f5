package github_test

import (
	"testing"

	"lapsewatch/internal/ticket/tickettest"
)

func TestTheLifeOfAnIssue(t *testing.T) {
	tickettest.Run(t, tickettest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) tickettest.Desk { return newFake(t, clock) }})
}

func TestTheLifeOfAnIssueWhereListsHaveCursors(t *testing.T) {
	tickettest.Run(t, tickettest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) tickettest.Desk {
		f := newFake(t, clock)
		f.cursors = true
		return f
	}})
}
