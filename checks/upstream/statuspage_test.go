package upstream

import (
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
)

func TestAGroupOfComponentsCountsWithAllInIt(t *testing.T) {
	t.Parallel()
	const page = `{"page":{"name":"Rings","updated_at":"2026-11-22T08:00:00Z"},"status":{"indicator":"minor"},"scheduled_maintenances":[],
"components":[{"id":"g","name":"Europe","group":true,"status":"operational"},{"id":"a","name":"API","group_id":"g","status":"operational"},{"id":"b","name":"API","group_id":"h","status":"major_outage"}],
"incidents":[{"name":"Late","status":"identified","impact":"critical","started_at":"2026-11-22T07:00:00Z","components":[{"id":"HIT","name":"x"}]}]}`
	for name, c := range map[string]struct {
		wanted, hit string
		want        grade
	}{
		"one in the group is hit":    {"Europe", "a", degraded},
		"one outside of it is hit":   {"Europe", "b", well},
		"all of a name count":        {"API", "z", down},
		"one is chosen by its ID":    {"a", "z", well},
		"the other one is by its ID": {"b", "z", down},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := parseStatuspage([]byte(strings.Replace(page, "HIT", c.hit, 1)), []string{c.wanted}, fuzzedAt, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			checktest.Equal(t, "grade", r.grade, c.want)
			checktest.Equal(t, "doubts", len(r.doubts), 0)
		})
	}
}
