package upstream_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/upstream"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakestatus"
	"lapsewatch/internal/vendortest"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// start is the instant of the first pass: that of outage O3, three years later.
var start = time.Date(2026, time.November, 22, 8, 30, 0, 0, time.UTC)

// desk is a check's surroundings over several passes.
type desk struct {
	checktest.Memory
	now     time.Time
	env     checks.Env
	options upstream.Options
}

// newDesk watches one provider, "Rings", by the sources.
func newDesk(caFile string, sources ...upstream.Source) *desk {
	d := &desk{now: start, env: checktest.Env(start)}
	d.env.Now, d.env.Memory = func() time.Time { return d.now }, d
	d.options = upstream.Options{
		GoodReads: 3, StaleAfter: watch.Duration(72 * time.Hour), MaxBytes: 1 << 20, CAFile: caFile,
		Upstreams: []upstream.Upstream{{Entry: entry.Entry{Name: "Rings", Owners: []string{"ops@example.com"}}, Sources: sources}},
	}
	return d
}

// pass reads once, a quarter of an hour after the pass before, and gives what is told of the
// one provider.
func (d *desk) pass(t testing.TB) watch.Fact {
	t.Helper()
	told := checktest.Pass(t, checktest.Build(t, upstream.Kind, d.options, d.env))
	d.now = d.now.Add(15 * time.Minute)
	if len(told) != 1 {
		t.Fatalf("told %+v", told)
	}
	return told[0]
}

// words are a fact as an operator reads it.
func words(fact watch.Fact) string {
	finding := policy.Judge{}.Finding(policy.Origin{Check: "providers", Kind: "upstream"}, fact, start)
	return strings.TrimSpace(fmt.Sprintf("%s %s", finding.Severity, finding.Reason)) + ": " + finding.Message
}

// wantWords compares what an operator reads. {HOST} stands for the server.
func wantWords(t testing.TB, server *vendortest.Server, fact watch.Fact, want string) {
	t.Helper()
	checktest.Equal(t, "told", words(fact), strings.ReplaceAll(want, "{HOST}", strings.TrimPrefix(server.URL, "https://")))
}

const (
	api  = "8l4ygp009s5s"
	git  = "kr09ddfgbfsf"
	mail = "h2ftsgbw7kmk"
)

// rings is a provider that is well, as its page says.
func rings() fakestatus.Page {
	return fakestatus.Page{
		Name: "Rings Status", Updated: start.Add(-time.Hour), Indicator: "none",
		Components: []fakestatus.Component{{ID: api, Name: "API Requests", Status: "operational"}, {ID: git, Name: "Git Operations", Status: "operational"}, {ID: mail, Name: "Mail", Status: "operational"}},
	}
}

// out is the same provider when one ring has lost its power.
func out(page *fakestatus.Page) {
	page.Updated, page.Indicator = start.Add(-time.Minute), "major"
	page.Components[0].Status = "major_outage"
	page.Incidents = []fakestatus.Incident{{ID: "p31zjtct2jer", Name: "Power lost in ring A", Status: "investigating", Impact: "major", Started: start.Add(-10 * time.Minute), Components: []string{api}}}
}

// over is the page once the provider says that all is well again.
func over(at time.Time) func(*fakestatus.Page) {
	return func(page *fakestatus.Page) {
		*page = rings()
		page.Updated = at
	}
}

// serve serves a fake that behaves, but for the manners that are given.
func serve(t testing.TB, fake http.Handler, manners ...vendortest.Manner) *vendortest.Server {
	t.Helper()
	server := vendortest.Start(t, fake, manners...)
	if len(manners) == 0 {
		server.Misbehave()
	}
	return server
}

// page serves a page by Statuspage.
func page(t testing.TB, of fakestatus.Page, manners ...vendortest.Manner) (*desk, *fakestatus.Provider, *vendortest.Server) {
	t.Helper()
	provider := fakestatus.New(of)
	server := serve(t, provider, manners...)
	return newDesk(server.CAFile, upstream.Source{Kind: upstream.Statuspage, URL: server.URL}), provider, server
}

// document serves one text, whatever is asked for, as what it is said to be.
type document struct{ media, text string }

func (d *document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	vendortest.Reply(http.StatusOK, d.media, d.text)(w, r, nil)
}

// always answers every request so.
func always(answer vendortest.Answer) vendortest.Manner {
	return vendortest.Manner{Times: vendortest.Always, Answer: answer}
}
