package main

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

const numberingConfig = `    public: true
    rules:
      - match: {reason: numbering_lost}
        at_expiry: public
      - match: {kind: schema}
    components:
      - {match: {kind: schema, name: "app.mails.id*"}, component: Inbox, at_expiry: major_outage}
    affected:
      - {match: {kind: schema, name: "app.mails.id*"}, names: [incoming mail, outgoing mail]}
checks:
  - name: numbering
    kind: schema
    owners: [ada@example.com]
    options:
      database: {url: "mysql://root@$DATABASE/app", tls: require}
      tables: [{table: mails}, {table: deliveries}]
`

func mariaDB(t *testing.T) (address string, db *sql.DB) {
	t.Helper()
	pair, err := pki.SelfSigned(pki.Spec{Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	address = parts.MariaDB(t, pair).Addr
	settings := mysql.NewConfig()
	settings.User, settings.Net, settings.Addr = "root", "tcp", address
	connector, err := mysql.NewConnector(settings)
	if err != nil {
		t.Fatal(err)
	}
	db = sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	do(t, db, "CREATE DATABASE app", "USE app")
	return address, db
}

// A storage upgrade dropped what numbers each mail, on a leap day, and no mail could be
// stored for hours. The week before the numbers of another table were about to run out.
func TestO5_TheReplayFindsTheLostNumberingOnALeapDay(t *testing.T) {
	address, db := mariaDB(t)
	do(t, db, "CREATE TABLE mails (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, subject varchar(200))",
		"INSERT INTO mails SELECT seq, 'fine' FROM seq_1_to_1000",
		"CREATE TABLE deliveries (id smallint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, mail bigint unsigned)",
		"ALTER TABLE deliveries AUTO_INCREMENT = 61000", "INSERT INTO deliveries (mail) VALUES (1)")
	r := newReplay(t, "O5: a storage upgrade drops the numbering of mails, 29 February 2024")
	r.configure(numberingConfig, "$DATABASE", address)
	r.calls(address, "db.example.com:3306")
	r.calls("127.0.0.1", "db.example.com")

	for day := moment(t, "2024-02-21 07:50"); day.Day() < 28; day = day.AddDate(0, 0, 1) {
		r.pass(day.Format(replayTimes), "a day like any other: 120 deliveries")
		do(t, db, "INSERT INTO deliveries (mail) SELECT seq FROM seq_1_to_120", "INSERT INTO mails (subject) SELECT 'fine' FROM seq_1_to_90")
	}
	do(t, db, "ALTER TABLE deliveries MODIFY id bigint unsigned NOT NULL AUTO_INCREMENT")
	r.pass("2024-02-28 07:50", "deliveries have larger numbers now")
	r.pass("2024-02-29 07:50", "all is well on the leap day")
	do(t, db, "ALTER TABLE mails MODIFY id bigint unsigned NOT NULL")
	found := r.pass("2024-02-29 08:10", "the storage was upgraded at 08:00")
	for _, at := range []string{"08:20", "12:00", "16:00"} {
		r.pass("2024-02-29 "+at, "mail cannot be stored")
	}
	var statement string
	for _, event := range found.Events {
		if event.Finding.Reason == watch.NumberingLost {
			statement = strings.Split(event.Finding.Remedy, "`")[1]
		}
	}
	for one := range strings.SplitSeq(statement, "; ") {
		do(t, db, one)
	}
	do(t, db, "INSERT INTO mails (subject) VALUES ('again')")
	for minute := 20; minute <= 50; minute += 10 {
		r.pass(fmt.Sprintf("2024-02-29 16:%d", minute), "the statement of the remedy was run at 16:10, and mail is stored again")
	}
	r.pass(moment(t, "2024-02-29 07:50").AddDate(0, 0, 1).Format(replayTimes), "the day after")
	if day := moment(t, "2024-02-29 07:50").Add(24 * time.Hour); day.Month() != time.March {
		t.Errorf("the day after is %s", day)
	}
	r.end("o5-numbering")
}
