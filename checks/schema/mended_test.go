package schema_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/watch"
)

func TestRangesOfTwoTablesAreTwoCredentials(t *testing.T) {
	s, other := mariaDB(t), mariaDB(t)
	identities := map[string]string{}
	for _, s := range []server{s, other} {
		s.exec(t, `CREATE TABLE orders (id int NOT NULL AUTO_INCREMENT PRIMARY KEY)`, `CREATE TABLE mails (id int NOT NULL AUTO_INCREMENT PRIMARY KEY)`,
			`INSERT INTO orders VALUES (1900000000)`, `INSERT INTO mails VALUES (1900000000)`)
		p := over(s, schemas("app"))
		p.after(t, 0)
		s.exec(t, `INSERT INTO orders VALUES (1910000000)`, `INSERT INTO mails VALUES (1910000000)`)
		for id, fact := range p.after(t, 24*time.Hour) {
			identity := checktest.As[watch.Credential](t, fact).Identity
			if known, taken := identities[identity]; taken {
				t.Errorf("%s of %s is %s too", identity, id, known)
			}
			identities[identity] = id + " at " + s.host
			checktest.Equal(t, "the identity of a later pass", checktest.As[watch.Credential](t, p.after(t, time.Hour)[id]).Identity, identity)
		}
	}
}

func TestACounterOfGroupsHasNoRangeAndIsRestored(t *testing.T) {
	s := mariaDB(t)
	for _, engine := range []string{"MyISAM", "Aria"} {
		s.exec(t, `DROP TABLE IF EXISTS mails`, `CREATE TABLE mails (grp int NOT NULL, id int NOT NULL AUTO_INCREMENT, PRIMARY KEY (grp, id)) ENGINE=`+engine,
			`INSERT INTO mails (grp) VALUES (1),(1),(1),(2),(2)`)
		for _, p := range []*passes{over(s, schemas("app")), over(s, tables(t, "mails"))} {
			checktest.WantCondition(t, p.after(t, 0)["app.mails/id"], "", "it is numbered by AUTO_INCREMENT in each group (int), of which no limit is known")
			s.exec(t, `ALTER TABLE mails MODIFY id int NOT NULL`)
			lost := checktest.WantCondition(t, p.after(t, time.Hour)["app.mails/id"], watch.NumberingLost, lostAt("numbered by AUTO_INCREMENT in each group (int)"))
			s.exec(t, statement(t, lost.Remedy), `INSERT INTO mails (grp) VALUES (2)`)
			checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, p.after(t, time.Hour)["app.mails/id"]).Reason, "")
		}
		checktest.Equal(t, "the numbers of a group", s.one(t, `SELECT GROUP_CONCAT(id ORDER BY id) FROM mails WHERE grp = 2`), "1,2,3,4")
	}
}

func TestTheStatementSetsASequenceOnThatStandsBehindItsRows(t *testing.T) {
	for _, c := range []struct {
		server
		create, lose, store, want string
	}{
		{postgreSQL(t), `CREATE TABLE mails (id serial PRIMARY KEY, n int); INSERT INTO mails (n) VALUES (1), (2)`, `ALTER TABLE mails ALTER id DROP DEFAULT`,
			`INSERT INTO mails SELECT generate_series(3, 20)`, `; SELECT setval('"public"."mails_id_seq"', 21, false)`},
		{mariaDB(t), `CREATE SEQUENCE s NOCACHE; CREATE TABLE mails (id int NOT NULL DEFAULT nextval(s) PRIMARY KEY, n int); INSERT INTO mails (n) VALUES (1), (2)`,
			`ALTER TABLE mails ALTER id DROP DEFAULT`, `INSERT INTO mails (id) SELECT seq FROM seq_3_to_20`, `; SELECT SETVAL("app"."s", 21, 0)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.exec(t, c.create)
			p := over(c.server, tables(t, "mails"))
			id := c.schema + ".mails/id"
			p.after(t, 0)
			c.exec(t, c.lose, c.store)
			lost := checktest.As[watch.Condition](t, p.after(t, time.Hour)[id])
			if !strings.HasSuffix(statement(t, lost.Remedy), c.want) {
				t.Errorf("got %s", lost.Remedy)
			}
			c.exec(t, statement(t, lost.Remedy), `INSERT INTO mails (n) VALUES (3)`)
			checktest.Equal(t, "the next number", c.one(t, `SELECT MAX(id) FROM mails`), "21")
			checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, p.after(t, time.Hour)[id]).Reason, "")
		})
	}
}

func TestWhereTheLargestNumberIsNotKnownTheRemedySaysSo(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE mails (id serial, n int)`)
	p := over(s, tables(t, "mails"))
	p.after(t, 0)
	s.exec(t, `ALTER TABLE mails ALTER id DROP DEFAULT`)
	lost := checktest.As[watch.Condition](t, p.after(t, time.Hour)["postgres.public.mails/id"])
	checktest.WantWords(t, "the remedy", lost.Remedy, "Then set the next number of public.mails_id_seq above the largest that is used, which could not be looked up.")
}

func TestACodeIsGoodForOneChange(t *testing.T) {
	s := mariaDB(t)
	s.exec(t, `CREATE TABLE mails (id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, s text)`)
	for name, p := range map[string]*passes{"a listed table": over(s, tables(t, "mails")), "a schema": over(s, schemas("app"))} {
		t.Run(name, func(t *testing.T) {
			// Another table of the schema, so that it is never empty.
			s.exec(t, `CREATE TABLE IF NOT EXISTS others (id int NOT NULL AUTO_INCREMENT PRIMARY KEY)`)
			lose := func() watch.Condition {
				s.exec(t, `ALTER TABLE mails MODIFY id bigint NOT NULL`)
				return checktest.As[watch.Condition](t, p.after(t, time.Hour)["app.mails/id"])
			}
			restore := func() {
				s.exec(t, `ALTER TABLE mails MODIFY id bigint NOT NULL AUTO_INCREMENT`)
				checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, p.after(t, time.Hour)["app.mails/id"]).Reason, "")
			}
			code := func(told watch.Condition) string {
				return regexp.MustCompile(`state-[0-9a-f]{8}`).FindString(told.Remedy)
			}
			p.after(t, 0)
			first := lose()
			p.options.Accept = []string{code(first)}
			if told, ok := p.after(t, time.Hour)["app.mails/id"].(watch.Condition); ok && told.Reason != "" {
				t.Errorf("got %+v", told)
			}
			restore()
			again := lose()
			checktest.Equal(t, "the reason", again.Reason, watch.NumberingLost)
			if code(again) == code(first) {
				t.Error("the code is the old one")
			}
			p.options.Accept = append(p.options.Accept, code(again))
			if told, ok := p.after(t, time.Hour)["app.mails/id"].(watch.Condition); ok && told.Reason != "" {
				t.Errorf("got %+v", told)
			}
			restore()
		})
	}
}

func TestAnotherSequenceIsNoGrowth(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE mails (id serial PRIMARY KEY, s text)`)
	p := over(s, tables(t, "mails"))
	for range 3 {
		p.after(t, 24*time.Hour)
	}
	s.exec(t, `CREATE SEQUENCE other START 500000000`, `ALTER TABLE mails ALTER COLUMN id SET DEFAULT nextval('other')`)
	for range 3 {
		got := checktest.As[watch.Condition](t, p.after(t, 24*time.Hour)["postgres.public.mails/id"])
		checktest.Equal(t, "the reason", got.Reason, watch.NumberingChanged)
		if strings.Contains(got.Text, "a day") || strings.Contains(got.Text, "expires") {
			t.Errorf("got %s", got.Text)
		}
	}
}

// full takes nothing.
type full struct{ *checktest.Memory }

func (full) Remember(context.Context, string, []byte) error {
	return errors.New("the check keeps 10000 values already, and no more are taken")
}

func TestAColumnThatCannotBeRememberedIsUnknown(t *testing.T) {
	s := postgreSQL(t)
	s.exec(t, `CREATE TABLE mails (id serial PRIMARY KEY)`, `CREATE TABLE small (id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)`, `SELECT setval('small_id_seq', 32767)`)
	p := over(s, schemas("public"))
	p.env.Memory = full{p.memory}
	facts, _ := p.look(t)
	got := checktest.WantProblem(t, facts["postgres.public.mails/id"], watch.Incomplete, "remember the numbering of public.mails.id: the check keeps 10000 values already, and no more are taken")
	checktest.WantWords(t, "the remedy", got.Remedy, "give each schema a check of its own")
	checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, facts["postgres.public.small/id"]).Reason, watch.NumbersUsedUp)
}
