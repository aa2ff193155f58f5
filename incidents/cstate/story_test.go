package cstate_test

import (
	"testing"

	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/stubtest"
	"lapsewatch/internal/ticket/tickettest"
)

func TestStoriesOnAStatusPage(t *testing.T) {
	stubtest.Run(t, incidenttest.Suite{
		Desk:          func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk { return newDesk(t, clock) },
		NoSubscribers: true,
	})
}
