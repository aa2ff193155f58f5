package cstate_test

import (
	"testing"

	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/ticket/tickettest"
)

func TestCStateKeepsTheContract(t *testing.T) {
	incidenttest.Run(t, incidenttest.Suite{
		Desk:          func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk { return newDesk(t, clock) },
		Forbidden:     []string{"{{", "<script", "<img", "<iframe", "<a ", "javascript:", "](http"},
		NoSubscribers: true,
	})
}
