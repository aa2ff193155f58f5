package records_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/records"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

func TestTrueTimeIsSaidByTheReferences(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE status (id int PRIMARY KEY, at timestamptz, on_day date)`, `INSERT INTO status VALUES (1, '2026-11-22 06:30:00+00', '2026-12-01')`)
	const ahead = "1 row is dated in the future, 2026-11-22 06:30:00 UTC "
	cases := []struct {
		name      string
		reference watch.Reference
		column    string
		// own is what this machine's clock shows, later than 06:00.
		own      time.Duration
		reason   watch.Reason
		want     string
		verified bool
	}{
		{"nobody is asked", watch.Reference{}, "at", 0, watch.FutureRecords, ahead + "(30 minutes ahead): id 1", false},
		{"they confirm the own clock", watch.Reference{Asked: 4, Answered: 4, Agreeing: 4, Majority: true}, "at", 0,
			watch.FutureRecords, ahead + "(30 minutes ahead): id 1", true},
		{"the own clock is an hour behind", watch.Reference{Asked: 4, Answered: 4, Agreeing: 4, Majority: true, Offset: -time.Hour}, "at", 0,
			"", "no row is dated later than 2026-11-22 07:05 UTC", true},
		{"the own clock is a day ahead", watch.Reference{Asked: 4, Answered: 4, Agreeing: 3, Majority: true, Offset: 24 * time.Hour}, "at", 0,
			watch.FutureRecords, ahead + "(1 day ahead): id 1", true},
		{"two that are near the own clock correct it", watch.Reference{Asked: 2, Answered: 2, Agreeing: 2, Majority: true, Offset: 4 * time.Minute}, "at", 0,
			watch.FutureRecords, ahead + "(34 minutes ahead): id 1", true},
		{"one that is near the own clock corrects it", watch.Reference{Asked: 1, Answered: 1, Agreeing: 1, Majority: true, Offset: -4 * time.Minute}, "at", 22 * time.Minute,
			"", "no row is dated later than 2026-11-22 06:31 UTC", true},
		{"two contradict the own clock", watch.Reference{Asked: 2, Answered: 2, Agreeing: 2, Majority: true, Offset: 24 * time.Hour}, "at", 0, watch.NoMajority,
			"1 row is dated later than 2026-11-22 06:05:00 UTC by this machine's clock, which nothing verifies: " +
				"2 references and this machine's clock are 1 d apart, and nothing tells which of them is right", false},
		{"they do not agree, between two minutes", watch.Reference{Asked: 4, Answered: 4, Agreeing: 2, Offset: time.Hour, Why: "2 of 4 references agree, which is no majority"}, "at",
			30*time.Second + 500*time.Millisecond, watch.NoMajority,
			"1 row is dated later than 2026-11-22 06:05:30 UTC by this machine's clock, which nothing verifies: 2 of 4 references agree, which is no majority", false},
		{"none answers, and a day lies ahead", watch.Reference{Asked: 4, Why: "none of 4 references answered"}, "on_day", 0, watch.NoMajority,
			"1 row is dated later than 2026-11-23 by this machine's clock, which nothing verifies: none of 4 references answered", false},
		{"none answers, and no row seems to lie ahead", watch.Reference{Asked: 4, Why: "none of 4 references answered"}, "at", 25*time.Minute + 30*time.Second, watch.NoMajority,
			"no row is dated later than 2026-11-22 06:31 UTC by this machine's clock, which nothing verifies: none of 4 references answered", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			found := condition(t, look(t, s, func(_ *records.Options, env *checks.Env) {
				env.Reference = func(context.Context) watch.Reference { return c.reference }
				env.Now = func() time.Time { return asOf.Add(c.own) }
				if c.reference.Overrules() {
					env.Now = func() time.Time { return asOf.Add(c.own - c.reference.Offset) }
				}
			}, records.Table{Name: named(t, "status"), Columns: []string{c.column}}))
			wantText(t, found.Text, c.want)
			if found.Reason != c.reason || found.Details["clock_verified"] != c.verified {
				t.Errorf("the reason is %q, the details are %v", found.Reason, found.Details)
			}
			if c.reason == watch.NoMajority && found.Remedy != "" {
				t.Errorf("the remedy is %q, want the policy's", found.Remedy)
			}
			rows := int64(0)
			if strings.HasPrefix(c.want, "1 row") {
				rows = 1
			}
			if _, given := found.Details["furthest"]; found.Details["rows"] != rows || given != (rows > 0) {
				t.Errorf("the details are %v", found.Details)
			}
			// The database runs on this very machine.
			offset, read := found.Details["database_offset_seconds"].(float64)
			want := 0.0
			if c.verified {
				want = c.reference.Offset.Seconds()
			}
			if !read || math.Abs(offset-want) > 30 {
				t.Errorf("the database is off by %v s, want about %v", offset, want)
			}
		})
	}
}

func TestTheCertificateIsVerifiedByTheTimeOfConnections(t *testing.T) {
	then := time.Now().AddDate(-1, 0, 0)
	pair, err := pki.SelfSigned(pki.Spec{Names: []string{"127.0.0.1"}, NotBefore: then.AddDate(0, -1, 0), NotAfter: then.AddDate(0, 1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pair.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := server{url: "postgres://postgres@" + parts.PostgreSQL(t, pair).Addr + "/postgres"}
	look := func(asOf func() time.Time) ([]watch.Fact, error) {
		return collect(t, checkOf(t, s, func(o *records.Options, env *checks.Env) {
			o.Database.TLS, o.Database.CAFile = sqlread.VerifyFull, path
			env.TLSTime = asOf
		}, records.Table{Name: named(t, "pg_catalog.pg_class"), Columns: []string{"reltuples"}}))
	}
	facts, err := look(func() time.Time { return then })
	// The column is no date, which is known only of a database that was read.
	if err != nil || problem(t, facts[0]).Reason != watch.Unparsable {
		t.Errorf("by the time at which it is valid: got %+v, %v", facts, err)
	}
	_, err = look(nil)
	if ended := unread(t, err); ended.Reason != watch.HandshakeFailed || ended.Remedy != "Renew the certificate of the server." {
		t.Errorf("by the own clock: got %+v", ended)
	}
}

func TestToleranceIsThatOfTheTableOrOfTheCheck(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE status (id int PRIMARY KEY, at timestamptz)`, `INSERT INTO status VALUES (1, '2026-11-22 06:30:00+00')`)
	tables := []records.Table{{Name: named(t, "status"), Columns: []string{"at"}, Tolerance: watch.Duration(time.Hour)}, {Name: named(t, "public.status"), Columns: []string{"at"}}}
	facts := look(t, s, withOptions(func(o *records.Options) { o.Tolerance = watch.Duration(time.Minute) }), tables[0])
	if got := condition(t, facts); got.Reason != "" || got.Details["tolerance_seconds"] != 3600.0 {
		t.Errorf("got %+v", got)
	}
	facts = look(t, s, withOptions(func(o *records.Options) { o.Tolerance = watch.Duration(time.Minute) }), tables[1])
	if got := condition(t, facts); got.Reason != watch.FutureRecords || got.Details["tolerance_seconds"] != 60.0 {
		t.Errorf("got %+v", got)
	}
}

func TestALargeTableWithoutAnIndexIsRemarkedOn(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t,
		`CREATE TABLE large (id int PRIMARY KEY, at timestamptz, until date, since timestamptz)`,
		`CREATE INDEX ON large (at, id)`, `CREATE INDEX ON large (since) WHERE id > 7`, `CREATE INDEX ON large USING hash (until)`,
		`CREATE TABLE parted (id int, at timestamptz) PARTITION BY RANGE (id)`, `CREATE TABLE part PARTITION OF parted DEFAULT`,
		`UPDATE pg_class SET reltuples = 3000000 WHERE relname IN ('large', 'part')`,
	)
	facts := look(t, s, nil,
		records.Table{Name: named(t, "large"), Columns: []string{"at", "until", "since"}}, records.Table{Name: named(t, "parted"), Columns: []string{"at"}})
	var remarks []string
	for _, fact := range facts {
		if remark, ok := fact.(watch.Remark); ok {
			remarks = append(remarks, remark.Text)
		}
	}
	want := []string{
		"no index begins with until of public.large (about 3000000 rows), so each pass reads the whole table",
		"no index begins with since of public.large (about 3000000 rows), so each pass reads the whole table",
		"no index begins with at of public.parted (about 3000000 rows), so each pass reads the whole table",
	}
	if len(remarks) != len(want) {
		t.Fatalf("got %q", remarks)
	}
	for i := range want {
		wantText(t, remarks[i], want[i])
	}
}
