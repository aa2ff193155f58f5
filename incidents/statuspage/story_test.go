package statuspage_test

import (
	"testing"

	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/stubtest"
)

func TestStoriesOnAPage(t *testing.T) {
	stubtest.Run(t, incidenttest.Suite{Desk: newDesk})
}
