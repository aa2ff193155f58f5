package records_test

import (
	"strings"
	"testing"

	"lapsewatch/checks/records"
	"lapsewatch/watch"
)

func TestRowsThatASecurityPolicyMayHideAreNeverCalledInOrder(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t,
		`CREATE TABLE status (id int PRIMARY KEY, tenant text, at timestamptz)`,
		`INSERT INTO status VALUES (1, 'ours', '2026-11-01'), (2, 'theirs', '2027-11-22')`,
		`CREATE ROLE watch LOGIN`, `CREATE ROLE auditors`, `GRANT SELECT ON status TO watch`,
	)
	as := func(role string) server {
		return server{url: strings.Replace(s.url, "postgres@", role+"@", 1)}
	}
	table := records.Table{Name: named(t, "status"), Columns: []string{"at"}}
	const all = "1 row is dated in the future, 2027-11-22 00:00:00 UTC (364 days ahead): id 2"
	const hidden = "permission_denied: read public.status.at: no row that this user may see lies ahead, and row-level security may hide others"
	for _, step := range []struct {
		name       string
		statements []string
		role, want string
	}{
		{"there is none", nil, "watch", all},
		{"nothing is allowed", []string{`ALTER TABLE status ENABLE ROW LEVEL SECURITY`}, "watch", hidden},
		{"whoever owns the table is exempt", nil, "postgres", all},
		{"one tenant is allowed", []string{`CREATE POLICY tenant ON status USING (tenant = 'ours')`}, "watch", hidden},
		{"what is seen of the tenant lies ahead", []string{`INSERT INTO status VALUES (3, 'ours', '2027-01-01')`}, "watch",
			"1 row is dated in the future, 2027-01-01 00:00:00 UTC (39 days ahead): id 3; row-level security may hide more from this user"},
		{"all are allowed to others", []string{`DELETE FROM status WHERE id = 3`, `CREATE POLICY everything ON status FOR SELECT TO auditors USING (true)`}, "watch", hidden},
		{"all are allowed", []string{`GRANT auditors TO watch`}, "watch", all},
		{"a restrictive policy takes it back", []string{`CREATE POLICY less ON status AS RESTRICTIVE FOR SELECT USING (tenant = 'ours')`}, "watch", hidden},
		{"one that concerns others does not", []string{`ALTER POLICY less ON status TO postgres`}, "watch", all},
		{"all may be changed, and none be seen", []string{`DROP POLICY everything ON status`, `CREATE POLICY everything ON status FOR UPDATE USING (true)`}, "watch", hidden},
		{"the role is exempt", []string{`ALTER ROLE watch BYPASSRLS`}, "watch", all},
	} {
		s.exec(t, step.statements...)
		facts := look(t, as(step.role), nil, table)
		if len(facts) != 1 {
			t.Fatalf("%s: got %+v", step.name, facts)
		}
		var got string
		switch fact := facts[0].(type) {
		case watch.Condition:
			got = fact.Text
		case watch.Problem:
			got = string(fact.Reason) + ": " + fact.Err.Error()
			const remedy = "Give the role a policy that lets it SELECT all rows (FOR SELECT … USING (true), with no restrictive one beside it), or BYPASSRLS."
			if !fact.Confined || fact.Remedy != remedy {
				t.Errorf("%s: got %+v", step.name, fact)
			}
		}
		if got != step.want {
			t.Errorf("%s:\ngot  %s\nwant %s", step.name, got, step.want)
		}
	}
	// Once all may be seen and none lies ahead, all is in order.
	s.exec(t, `DELETE FROM status WHERE id = 2`)
	if fine := condition(t, look(t, as("watch"), nil, table)); fine.Reason != "" {
		t.Errorf("got %+v", fine)
	}
}
