package schema_test

import (
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/watch"
)

// O5: on 29 February 2024 a storage upgrade dropped the property that numbers each mail, and
// mail could not be stored for hours.
func TestO5_ANumberingThatAStorageUpgradeDroppedIsToldAtTheNextPass(t *testing.T) {
	s := mariaDB(t)
	s.exec(t, `CREATE TABLE mails (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, subject varchar(200)) ENGINE=InnoDB`,
		`INSERT INTO mails SELECT seq, 'fine' FROM seq_1_to_1000`)
	p := over(s, tables(t, "mails"))
	p.now = time.Date(2024, 2, 28, 7, 0, 0, 0, time.UTC)
	fine := checktest.WantCondition(t, p.after(t, 0)["app.mails/id"], "",
		"it is numbered by AUTO_INCREMENT (bigint unsigned); 0 % used, the next number is 1001 of 18446744073709551615; how fast they go is not known yet")
	checktest.Equal(t, "the name", fine.Subject.Name, "app.mails.id at "+s.host)
	for range 24 {
		s.exec(t, `INSERT INTO mails (subject) VALUES `+strings.TrimSuffix(strings.Repeat(`('fine'),`, 10), `,`))
		checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, p.after(t, time.Hour)["app.mails/id"]).Reason, "")
	}

	// The upgrade copies the table without the property, and then without its key.
	s.exec(t, `ALTER TABLE mails MODIFY id bigint unsigned NOT NULL`)
	checktest.Equal(t, "the day", p.now.Format(time.DateOnly), "2024-02-29")
	const text = "it is no longer numbered by AUTO_INCREMENT (bigint unsigned), which it still was at 2024-02-29 07:00 UTC: a row that is stored without a number of its own is refused"
	lost := checktest.WantCondition(t, p.after(t, time.Hour)["app.mails/id"], watch.NumberingLost, text)
	const statement = `SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES'); ALTER TABLE "app"."mails" MODIFY "id" bigint unsigned NOT NULL AUTO_INCREMENT`
	code := "state-" + lost.Remedy[strings.Index(lost.Remedy, "put state-")+len("put state-"):][:8]
	checktest.Equal(t, "the remedy", lost.Remedy, "Restore it with `"+statement+"` ; rewriting a large table takes its time. If it was meant, put "+code+" under accept of this check.")
	s.exec(t, `ALTER TABLE mails DROP PRIMARY KEY`)
	lost = checktest.WantCondition(t, p.after(t, time.Hour)["app.mails/id"], watch.NumberingLost, text)
	checktest.WantWords(t, "the remedy", lost.Remedy, `ALTER TABLE "app"."mails" ADD UNIQUE ("id"), MODIFY "id" bigint unsigned NOT NULL AUTO_INCREMENT`)
	s.exec(t, `ALTER TABLE mails ADD PRIMARY KEY (id)`)

	// What the message says does restore it, and the numbers go on where they were.
	s.exec(t, statement, `INSERT INTO mails (subject) VALUES ('again')`)
	checktest.Equal(t, "the number", s.one(t, `SELECT MAX(id) FROM mails`), "1241")
	checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, p.after(t, time.Hour)["app.mails/id"]).Reason, "")
}
