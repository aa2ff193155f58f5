package jira_test

import (
	"testing"

	"lapsewatch/internal/ticket/tickettest"
)

func TestTheLifeOfAnIssueInTheCloud(t *testing.T) {
	tickettest.Run(t, tickettest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) tickettest.Desk { return newFake(t, clock, true) }})
}

func TestTheLifeOfAnIssueInADataCenter(t *testing.T) {
	tickettest.Run(t, tickettest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) tickettest.Desk { return newFake(t, clock, false) }})
}
