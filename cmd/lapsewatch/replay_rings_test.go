package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/internal/fakestatus"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/vendortest"
)

const ringsConfig = `    rules:
      - match: {kind: endpoint}
        together: label:service
        upstreams: [providers]
    components:
      - match: {kind: endpoint}
        component: Order confirmations
        at_expiry: partial_outage
    affected:
      - match: {kind: endpoint}
        names: [order confirmations]
        query:
          database: {url: "postgres://postgres@$DATABASE/postgres", tls: require}
          statement: SELECT 'order ' || number FROM public.confirmations WHERE ring = 2 AND in_flight ORDER BY number
checks:
  - name: rings
    kind: endpoint
    labels: [{name: service, value: orders}]
    options:
      groups:
        - name: rings
          members: [{name: ring-1, url: "http://$RING1/health"}, {name: ring-2, url: "http://$RING2/health"}]
      timeout: 1s
      warn: 900ms
      samples: 1
      peers: {at_least: 900ms}
  - name: providers
    kind: upstream
    options:
      upstreams: [{name: Datacentre, sources: [{kind: statuspage, url: "$PROVIDER"}]}]
      ca_file: $PROVIDERCA
`

// ring answers as long as there is power.
type ring struct {
	address string
	dead    atomic.Bool
}

func startRing(t *testing.T) *ring {
	t.Helper()
	r := &ring{}
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if r.dead.Load() {
			select {
			case <-done:
			case <-request.Context().Done():
			}
			return
		}
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(done) })
	r.address = server.Listener.Addr().(*net.TCPAddr).String()
	return r
}

// A datacentre lost its power, and one of two rings timed out. Staff pointed what hung on
// it to the other, and kept the incident open until the provider had closed its own.
func TestO3_TheReplayNamesTheRingAndStaysOpenWithTheProvider(t *testing.T) {
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "localhost", NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	database := parts.PostgreSQL(t, pair)
	db := opened(t, database)
	do(t, db, "CREATE TABLE confirmations (number int PRIMARY KEY, ring int NOT NULL, in_flight bool NOT NULL)",
		"INSERT INTO confirmations SELECT n, 1 + n % 2, n > 4710 FROM generate_series(4701, 4717) n")
	first, second := startRing(t), startRing(t)
	page := fakestatus.New(fakestatus.Page{Name: "Datacentre", Indicator: "none", Updated: moment(t, "2023-10-19 12:00"), Components: []fakestatus.Component{{ID: "power", Name: "Power", Status: "operational"}}})
	provider := vendortest.Start(t, page)
	provider.Misbehave()
	r := newReplay(t, "O3: a datacentre loses its power, 20 October 2023")
	r.configure(ringsConfig, "$DATABASE", database.Addr, "$RING1", first.address, "$RING2", second.address, "$PROVIDERCA", provider.CAFile, "$PROVIDER", provider.URL)
	r.calls(strings.TrimPrefix(provider.URL, "https://"), "status.datacentre.example")
	r.calls(first.address, "ring-1.example.com")
	r.calls(second.address, "ring-2.example.com")
	r.differs(`\d+(\.\d+)? ms`, "N ms")

	r.pass("2023-10-20 08:20", "all is well")
	second.dead.Store(true)
	r.pass("2023-10-20 08:30", "the second ring has no power")
	page.Change(func(p *fakestatus.Page) {
		p.Indicator, p.Updated = "major", moment(t, "2023-10-20 08:38")
		p.Components[0].Status = "major_outage"
		p.Incidents = []fakestatus.Incident{{ID: "power", Name: "Loss of power", Status: "investigating", Impact: "major", Started: moment(t, "2023-10-20 08:31"), Components: []string{"power"}}}
	})
	do(t, db, "INSERT INTO confirmations VALUES (4719, 2, true), (4718, 2, true)", "UPDATE confirmations SET in_flight = false WHERE number = 4713")
	r.pass("2023-10-20 08:40", "the provider says so; two more orders are stuck, and one got through")
	r.pass("2023-10-20 09:00", "the ring has no power yet")
	// Staff re-points the name, and ends the confirmations in flight.
	second.dead.Store(false)
	do(t, db, "UPDATE confirmations SET in_flight = false")
	r.pass("2023-10-20 09:30", "staff has pointed what hung on the second ring to the first, and ended the confirmations in flight")
	for _, at := range []string{"10:00", "10:30", "11:00", "11:30"} {
		r.pass("2023-10-20 "+at, "both names answer; the provider's incident is open")
	}
	provider.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Status(http.StatusInternalServerError, "")})
	for _, at := range []string{"12:00", "12:30", "13:00", "13:30"} {
		r.pass("2023-10-20 "+at, "the provider's page answers with errors")
	}
	provider.Misbehave()
	r.pass("2023-10-20 14:00", "the provider's page is back, with its incident")
	page.Change(func(p *fakestatus.Page) {
		p.Indicator, p.Updated, p.Incidents = "none", moment(t, "2023-10-20 15:00"), nil
		p.Components[0].Status = "operational"
	})
	for _, at := range []string{"15:00", "15:30", "16:00", "16:30", "17:00", "17:30"} {
		r.pass("2023-10-20 "+at, "the provider has closed its incident")
	}
	r.end("o3-rings")
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(replayTimes, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
