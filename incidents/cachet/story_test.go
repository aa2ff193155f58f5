package cachet_test

import (
	"fmt"
	"testing"

	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/stubtest"
)

func TestStoriesOnAPage(t *testing.T) {
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			stubtest.Run(t, incidenttest.Suite{Desk: newDesk(version)})
		})
	}
}
