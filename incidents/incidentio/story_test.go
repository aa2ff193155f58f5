package incidentio_test

import (
	"testing"

	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/stubtest"
	"lapsewatch/internal/ticket/tickettest"
)

func TestStoriesOnAPage(t *testing.T) {
	stubtest.Run(t, incidenttest.Suite{Desk: func(_ *testing.T, clock *tickettest.Clock) incidenttest.Desk { return pageDesk{newCloud(clock)} }})
}

func TestStoriesInTheOrganisation(t *testing.T) {
	stubtest.Run(t, incidenttest.Suite{Desk: func(_ *testing.T, clock *tickettest.Clock) incidenttest.Desk { return staffDesk{newCloud(clock)} }})
}
