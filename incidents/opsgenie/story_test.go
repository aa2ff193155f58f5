package opsgenie_test

import (
	"testing"

	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/stubtest"
	"lapsewatch/internal/ticket/tickettest"
)

func TestStoriesInOpsgenie(t *testing.T) {
	t.Parallel()
	stubtest.Run(t, incidenttest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk { return newFake(t, clock) }})
}

func TestStoriesWhereListsHaveNoDescription(t *testing.T) {
	t.Parallel()
	stubtest.Run(t, incidenttest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk {
		f := newFake(t, clock)
		f.brief = true
		return f
	}})
}
