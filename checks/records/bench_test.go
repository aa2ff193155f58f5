package records_test

import (
	"testing"

	"lapsewatch/checks/records"
)

// BenchmarkOneInAMillion is a whole pass, with its connection, over a million rows of which
// one lies ahead.
func BenchmarkOneInAMillion(b *testing.B) {
	for _, start := range []func(testing.TB) server{postgreSQL, mariaDB} {
		s := start(b)
		scene := f9[s.name]
		s.exec(b, scene.setUp...)
		pass := func(b *testing.B) {
			for b.Loop() {
				condition(b, look(b, s, nil, records.Table{Name: named(b, "agent_status"), Columns: []string{"updated_at"}}))
			}
		}
		b.Run(s.name+"/without an index", pass)
		s.exec(b, scene.index)
		b.Run(s.name+"/with an index", pass)
	}
}
