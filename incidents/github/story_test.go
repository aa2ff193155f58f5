package github_test

import (
	"testing"

	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/stubtest"
	"lapsewatch/internal/ticket/tickettest"
)

func TestStoriesInAPrivateStatusLog(t *testing.T) {
	stubtest.Run(t, incidenttest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk { return newFake(t, clock) }})
}

func TestStoriesInAPublicStatusLog(t *testing.T) {
	stubtest.Run(t, incidenttest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk {
		f := newFake(t, clock)
		f.public, f.posts = true, true
		return f
	}})
}
