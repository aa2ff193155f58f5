package github_test

import (
	"testing"

	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/ticket/tickettest"
)

var forbidden = []string{"javascript:", "<script", "<img", "<iframe", "<a ", "@everyone", "@org/team", "](http", "#1"}

func TestAPrivateStatusLogKeepsTheContract(t *testing.T) {
	incidenttest.Run(t, incidenttest.Suite{
		Desk:      func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk { return newFake(t, clock) },
		Forbidden: forbidden,
	})
}

func TestAPublicStatusLogKeepsTheContract(t *testing.T) {
	incidenttest.Run(t, incidenttest.Suite{
		Desk: func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk {
			f := newFake(t, clock)
			f.public, f.posts = true, true
			return f
		},
		Forbidden: forbidden,
	})
}
