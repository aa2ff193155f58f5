package records_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/records"
	"lapsewatch/watch"
)

// f9 makes a table with a million rows of the past, of which one is a year ahead.
var f9 = map[string]struct {
	setUp []string
	index string
	// state is what any change of the table changes.
	state, where, showing string
}{
	"postgresql": {
		setUp: []string{
			`CREATE TABLE agent_status (agent_id bigint PRIMARY KEY, updated_at timestamptz NOT NULL, note text)`,
			`INSERT INTO agent_status SELECT n, timestamptz '2026-11-22 05:59:00+00' - n * interval '1 second', 'fine' FROM generate_series(1, 1000000) n`,
			`UPDATE agent_status SET updated_at = '2027-11-22 06:50:00+00' WHERE agent_id = 17`,
			`VACUUM ANALYZE agent_status`,
		},
		index:   `CREATE INDEX ON agent_status (updated_at)`,
		state:   `SELECT count(*) || ' ' || sum(xmin::text::bigint) || ' ' || sum(xmax::text::bigint) FROM agent_status`,
		where:   "postgres.public.agent_status",
		showing: "`SELECT \"agent_id\", \"updated_at\" FROM \"public\".\"agent_status\" WHERE \"updated_at\" > TIMESTAMPTZ '2026-11-22 06:05:00+00' AND \"updated_at\" < TIMESTAMPTZ '9999-01-01 00:00:00+00'`",
	},
	"mariadb": {
		setUp: []string{
			`CREATE TABLE agent_status (agent_id bigint PRIMARY KEY, updated_at datetime(6) NOT NULL, note text) ENGINE=InnoDB`,
			`INSERT INTO agent_status SELECT seq, TIMESTAMP '2026-11-22 05:59:00' - INTERVAL seq SECOND, 'fine' FROM seq_1_to_1000000`,
			`UPDATE agent_status SET updated_at = '2027-11-22 06:50:00' WHERE agent_id = 17`,
		},
		index:   `CREATE INDEX at ON agent_status (updated_at)`,
		state:   `SELECT CONCAT(COUNT(*), ' ', SUM(CRC32(CONCAT(agent_id, updated_at, note)))) FROM agent_status`,
		where:   "app.agent_status",
		showing: "`SET time_zone = '+00:00'; SELECT r.agent_id, r.updated_at FROM app.agent_status AS r WHERE r.updated_at > TIMESTAMP '2026-11-22 06:05:00' AND r.updated_at < TIMESTAMP '9999-01-01 00:00:00'`",
	},
}

func TestF9_FutureDatedRowsAreFoundCountedAndListedReadOnly(t *testing.T) {
	for _, start := range []func(testing.TB) server{postgreSQL, mariaDB} {
		s := start(t)
		scene := f9[s.name]
		t.Run(s.name, func(t *testing.T) {
			s.exec(t, scene.setUp...)
			before := s.one(t, scene.state)
			for _, indexed := range []bool{false, true} {
				if indexed {
					s.exec(t, scene.index)
				}
				began := time.Now()
				found := condition(t, look(t, s, nil, records.Table{Name: named(t, "agent_status"), Columns: []string{"updated_at"}}))
				t.Logf("index %v: the pass took %v", indexed, time.Since(began))
				if found.Reason != watch.FutureRecords {
					t.Errorf("the reason is %q", found.Reason)
				}
				host := strings.TrimSuffix(s.url[strings.Index(s.url, "@")+1:], s.url[strings.LastIndex(s.url, "/"):])
				want := watch.Subject{ID: scene.where + "/updated_at", Name: scene.where + ".updated_at at " + host}
				if !reflect.DeepEqual(found.Subject, want) {
					t.Errorf("got  %+v\nwant %+v", found.Subject, want)
				}
				wantText(t, found.Text, "1 row is dated in the future, 2027-11-22 06:50:00 UTC (365 days ahead): agent_id 17")
				wantText(t, found.Remedy, "Find out which host wrote them and whether its clock is right now, then correct them; nothing was changed. To look at them: "+scene.showing)
				delete(found.Details, "database_offset_seconds")
				details := map[string]any{
					"rows": int64(1), "furthest": "2027-11-22T06:50:00Z", "sample_ids": []string{"17"},
					"tolerance_seconds": 300.0, "index": indexed, "clock_verified": false,
				}
				if !reflect.DeepEqual(found.Details, details) {
					t.Errorf("got  %v\nwant %v", found.Details, details)
				}
			}
			wantText(t, s.one(t, scene.state), before)
		})
	}
}
