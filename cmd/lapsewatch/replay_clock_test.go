package main

import (
	"database/sql"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
)

// host answers by NTP with the clock of whichever server it stands for at the moment, as
// one whose date is set.
type host struct {
	Addr      string
	standsFor atomic.Pointer[net.UDPAddr]
}

func (h *host) shows(t *testing.T, server parts.TimeServer) {
	t.Helper()
	address, err := net.ResolveUDPAddr("udp4", server.NTP)
	if err != nil {
		t.Fatal(err)
	}
	h.standsFor.Store(address)
}

func openHost(t *testing.T, first parts.TimeServer) *host {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{Addr: conn.LocalAddr().String()}
	h.shows(t, first)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		packet := make([]byte, 1024)
		for {
			n, client, err := conn.ReadFromUDP(packet)
			if err != nil {
				return // closed
			}
			if answer := relayed(h.standsFor.Load(), packet[:n]); answer != nil {
				_, _ = conn.WriteToUDP(answer, client)
			}
		}
	}()
	return h
}

func relayed(to *net.UDPAddr, request []byte) []byte {
	conn, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		return nil
	}
	defer conn.Close()
	answer := make([]byte, 1024)
	if conn.SetDeadline(time.Now().Add(5*time.Second)) != nil {
		return nil
	}
	if _, err := conn.Write(request); err != nil {
		return nil
	}
	n, err := conn.Read(answer)
	if err != nil {
		return nil
	}
	return answer[:n]
}

func opened(t *testing.T, database parts.Database) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", database.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func do(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

const clockConfig = `    rules:
      - match: {kind: clock}
        together: label:service
      - match: {kind: records, severity: warning}
        together: label:service
    components:
      - {match: {kind: clock}, component: Messaging, at_expiry: major_outage}
      - {match: {kind: records}, component: Ticket distribution, at_expiry: partial_outage}
    affected:
      - {match: {kind: clock}, names: [chat, telephony]}
      - {match: {kind: records}, names: [distribution of tickets]}
clock: {references: [$REFERENCES]}
checks:
  - name: servers
    kind: clock
    labels: [{name: service, value: tickets}]
    options:
      targets:
        - {url: "ntp://$CRM", name: crm}
        - {url: "ntp://$BILLING", name: billing}
        - {url: "ntp://$MESSAGING", name: messaging}
        - {url: "ntp://$ARCHIVE", name: archive}
  - name: agents
    kind: records
    labels: [{name: service, value: tickets}]
    options:
      database: {url: "postgres://postgres@$DATABASE/postgres", tls: require}
      tables: [{table: agent_status, columns: [changed_at], id: [agent]}]
`

// One server's date moved by itself into the next year. It was isolated and the others were
// equalised; two hours later tickets stopped, because the status of agents still carried the
// dates that it had written. The times are those of the day in UTC.
func TestO2_TheReplayNamesTheClockAndTheRowsThatItLeftBehind(t *testing.T) {
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "localhost", NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	var references []string
	for range 4 {
		references = append(references, "ntp://"+parts.TrueTime(t).NTP)
	}
	// A year by the calendar of the day on which the replay is made; 29 February has none.
	now, years := time.Now().UTC(), 1
	if now.Month() == time.February && now.Day() == 29 {
		years = 4
	}
	year := now.AddDate(years, 0, 0).Sub(now)
	right, nextYear := parts.TrueTime(t), parts.ShiftedTime(t, year)
	messaging, database := openHost(t, right), parts.PostgreSQL(t, pair)
	db := opened(t, database)
	do(t, db, "CREATE TABLE agent_status (agent int PRIMARY KEY, changed_at timestamptz NOT NULL)",
		"INSERT INTO agent_status SELECT n, TIMESTAMPTZ '2021-09-15 13:40Z' - n * interval '1 minute' FROM generate_series(1, 500) n")
	values := []string{"$REFERENCES", strings.Join(references, ", "), "$MESSAGING", messaging.Addr, "$DATABASE", database.Addr}
	for _, name := range []string{"$CRM", "$BILLING", "$ARCHIVE"} {
		values = append(values, name, parts.TrueTime(t).NTP)
	}
	r := newReplay(t, "O2: the date of one server moves into the next year, 15 September 2021")
	r.configure(clockConfig, values...)
	r.calls(database.Addr, "db.example.com:5432")
	r.differs(`\b(36[56]|1461) d\b`, "365 d")
	// Clocks run by the time of the machine that replays.
	r.differs(`it says \S+ \S+ UTC where \S+ \S+ UTC is right`, "it says NEXT YEAR where NOW is right")
	r.differs(`(by 365 d since) \S+ \S+ UTC`, "$1 THE PASS BEFORE")
	r.differs(`± [\d.]+ [nµm]?s`, "± N µs")
	r.differs(`clock is [\d.]+ [nµm]?s (ahead of|behind)`, "clock is N µs off")

	r.pass("2021-09-15 13:40", "all is well")
	messaging.shows(t, nextYear)
	do(t, db, "UPDATE agent_status SET changed_at = TIMESTAMPTZ '2022-09-15 13:50Z' + agent * interval '1 second' WHERE agent IN (17, 42, 99)")
	r.pass("2021-09-15 13:55", "the date of one server has moved, and it has written the status of three agents")
	r.pass("2021-09-15 14:30", "the divergent server is looked for")
	messaging.shows(t, right)
	r.pass("2021-09-15 15:30", "the server was isolated, and its clock set right")
	r.pass("2021-09-15 17:20", "tickets are not distributed any more: the rows still stand")
	do(t, db, "UPDATE agent_status SET changed_at = TIMESTAMPTZ '2021-09-15 18:15Z' WHERE agent IN (17, 42, 99)")
	for _, at := range []string{"18:20", "18:30", "18:40", "18:50"} {
		r.pass("2021-09-15 "+at, "the rows were corrected")
	}
	r.end("o2-clock")
}
