package main

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
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

const outageClockConfig = `
clock: {references: [%s]}
checks:
  - name: servers
    kind: clock
    options:
      targets:
        - {url: "ntp://%s", name: crm}
        - {url: "ntp://%s", name: billing}
        - {url: "ntp://%s", name: messaging}
        - {url: "ntp://%s", name: archive}
  - name: agents
    kind: records
    options:
      database: {url: "postgres://postgres@%s/postgres", tls: require}
      tables: [{table: agent_status, columns: [changed_at], id: [agent]}]
alerts: [{name: program, kind: exec, options: {command: [/bin/sh, -c, "cat >>%s"]}}]
ledger: {dsn: "sqlite:%s"}
`

// One server's date moved by itself into the next year. It was isolated and the others were
// equalised; two hours later tickets stopped, because the status of agents still carried the
// dates that it had written.
func TestO2_OneDivergentClockIsNamedAtTheFirstRunAndSoAreTheRowsThatItLeftBehind(t *testing.T) {
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "localhost", NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	var references []string
	for range 4 {
		references = append(references, "ntp://"+parts.TrueTime(t).NTP)
	}
	right, nextYear := parts.TrueTime(t), parts.ShiftedTime(t, 365*24*time.Hour)
	messaging, database := openHost(t, right), parts.PostgreSQL(t, pair)
	db := opened(t, database)
	do(t, db, "CREATE TABLE agent_status (agent int PRIMARY KEY, changed_at timestamptz NOT NULL)",
		"INSERT INTO agent_status SELECT n, now() - n * interval '1 minute' FROM generate_series(1, 500) n")
	folder := t.TempDir()
	told := filepath.Join(folder, "told")
	p := program{t, filepath.Join(folder, "lapsewatch.yaml")}
	text := fmt.Sprintf(outageClockConfig, strings.Join(references, ", "), right.NTP, right.NTP, messaging.Addr, right.NTP, database.Addr, told, filepath.Join(folder, "ledger.db"))
	text = strings.Replace(text, right.NTP, parts.TrueTime(t).NTP, 1)
	text = strings.Replace(text, right.NTP, parts.TrueTime(t).NTP, 1)
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(moment string, wants ...string) {
		t.Helper()
		out, log := p.run(exitDone, "run")
		for _, want := range wants {
			if !strings.Contains(out+log, want) {
				t.Errorf("%s: the run does not say %q:\n%s\n%s", moment, want, out, log)
			}
		}
	}

	run("10:40, all is well", "told nobody: nothing has changed", "own clock verified")
	messaging.shows(t, nextYear)
	do(t, db, "UPDATE agent_status SET changed_at = changed_at + interval '365 days' WHERE agent IN (17, 42, 99)")
	run("10:50, the date of one server moves", "told program: 2 changes",
		"clock is 365 d ahead of 4 references", "as if the year were typed wrong",
		"3 rows are dated in the future", "agent 17, 42, 99")
	if heard := string(readFile(t, told)); strings.Count(heard, `"clock_jump"`) == 0 || strings.Contains(heard, "billing") {
		t.Errorf("the alert does not name the jump, or names a host that is right:\n%s", heard)
	}
	run("11:30, nothing new", "told nobody: nothing has changed")
	messaging.shows(t, right)
	run("12:30, the clocks are equalised", "told program: 1 change", "it was set backwards by 365 d since", "3 rows are dated in the future")
	run("14:20, tickets stop: the rows still stand", "told nobody: nothing has changed", "3 rows are dated in the future")
	do(t, db, "UPDATE agent_status SET changed_at = changed_at - interval '365 days' WHERE agent IN (17, 42, 99)")
	run("15:20, the rows are mended", "told program: 1 change", "no row is dated later than")
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
