package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/internal/fakestatuspage"
	"lapsewatch/internal/vendortest"
	"lapsewatch/ledger"
)

const (
	statusPage  = "kctbh9vrtdwd"
	statusToken = "canary-of-the-status-page-7Q"
)

// statusDesk is an installation whose certificate has lapsed, with a page of Statuspage.
type statusDesk struct {
	installation
	page   *fakestatuspage.Page
	door   *door
	server *vendortest.Server
	// dsn is the ledger, most and terms are further lines of the status system.
	dsn, terms string
}

func openStatusDesk(t *testing.T) *statusDesk {
	t.Helper()
	d := &statusDesk{installation: installation{t, t.TempDir()}, page: &fakestatuspage.Page{ID: statusPage, Token: statusToken, Now: time.Now, Limited: true}}
	d.page.AddComponent("portal", "Customer portal")
	d.door = &door{page: d.page}
	d.server = vendortest.Start(t, d.door)
	d.server.Misbehave()
	d.certificate("web.pem", -1)
	d.dsn = "sqlite:" + d.path("ledger.db")
	return d
}

// door stands before the page.
type door struct {
	page http.Handler

	mu     sync.Mutex
	all    int
	manner manner
}

// manner gives the answer in place of the page's to the request of that number, from 1 on;
// nil for the page's own.
type manner func(r *http.Request, number int) vendortest.Answer

// behave begins to count anew.
func (d *door) behave(m manner) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.manner, d.all = m, 0
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.all++
	var answer vendortest.Answer
	if d.manner != nil {
		answer = d.manner(r, d.all)
	}
	d.mu.Unlock()
	if answer == nil {
		d.page.ServeHTTP(w, r)
		return
	}
	answer(w, r, d.page)
}

// firstPost answers the first request that makes an incident.
func firstPost(answer vendortest.Answer) manner {
	done := false
	return func(r *http.Request, _ int) vendortest.Answer {
		if done || r.Method != http.MethodPost {
			return nil
		}
		done = true
		return answer
	}
}

// applied does what was asked, and says something else.
func applied(status int) vendortest.Answer {
	return func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
		usual.ServeHTTP(discarded{http.Header{}}, r)
		vendortest.Page(status)(w, r, usual)
	}
}

type discarded struct{ header http.Header }

func (d discarded) Header() http.Header          { return d.header }
func (discarded) Write(text []byte) (int, error) { return len(text), nil }
func (discarded) WriteHeader(int)                {}

// configure writes the configuration with the alerts, one for each line.
func (d *statusDesk) configure(alerts ...string) {
	d.t.Helper()
	listed := "[]"
	if len(alerts) > 0 {
		listed = "\n  - " + strings.Join(alerts, "\n  - ")
	}
	d.write("lapsewatch.yaml", fmt.Sprintf(`
checks: [{name: files, kind: certfiles, options: {paths: [%q]}}]
alerts: %s
ledger: {dsn: %q}
limits: {deadline: 4m}
incidents:
  - name: status
    kind: statuspage
    public: true
    options: {url: %q, ca_file: %q, page: %s, token: {file: %q}, timeout: 2m}
    rules: [{good_passes: 1}]
    components: [{component: portal, name: Customer portal}]
    %s
`, d.path("web.pem"), listed, d.dsn, d.server.URL+"/v1", d.server.CAFile, statusPage, d.write("token", statusToken), d.terms))
}

// wantIncident wants one incident of ours that is not resolved, or all resolved if the
// state is that, and gives it.
func (d *statusDesk) wantIncident(status string) fakestatuspage.Incident {
	d.t.Helper()
	all := d.page.Incidents()
	if len(all) != 1 || all[0].Status != status {
		d.t.Fatalf("%d incidents stand there, want one that is %s: %+v", len(all), status, all)
	}
	return all[0]
}

func (d *statusDesk) open() []fakestatuspage.Incident {
	return slices.DeleteFunc(d.page.Incidents(), func(incident fakestatuspage.Incident) bool { return incident.Status == "resolved" })
}

// posts counts the requests to make an incident.
func (d *statusDesk) posts() int {
	made := 0
	for _, request := range d.server.To("/incidents") {
		if request.Method == http.MethodPost {
			made++
		}
	}
	return made
}

// stubs are those that the ledger in the file knows.
func (d *statusDesk) stubs() []ledger.KeptStub {
	d.t.Helper()
	stubs, err := d.ledger().Stubs(d.t.Context(), time.Now().AddDate(0, 0, -1))
	if err != nil {
		d.t.Fatal(err)
	}
	return stubs
}

func wantSaid(t *testing.T, said string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("%q is not said:\n%s", part, said)
		}
	}
}
