package upstream_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/upstream"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakestatus"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// The work grows as what is read does: what was cubic would take hours here.
func TestAHostileFeedIsReadInTheTimeOfAFriendlyOne(t *testing.T) {
	t.Parallel()
	var items strings.Builder
	pad := strings.Repeat("a", 1900)
	for i := range 1000 {
		title, at := pad, start.Add(time.Duration(i-2000)*time.Second)
		if i >= 500 {
			title = "[Resolved] " + pad
		}
		if i == 999 {
			title, at = pad, start.Add(-time.Second)
		}
		fmt.Fprintf(&items, "<item><link>https://e.example/%s</link><title>%s</title><pubDate>%s</pubDate></item>", strings.Repeat("b", 1900), title, at.Format(time.RFC1123Z))
	}
	server := serve(t, &document{"application/rss+xml", azure(items.String())})
	d := newDesk(server.CAFile, upstream.Source{Kind: upstream.Feed, URL: server.URL + "/feed.rss"})
	d.options.MaxBytes = 16 << 20
	checktest.WantWords(t, "told", words(d.pass(t)), "warning upstream_degraded: ")
}

func TestAPageThatHoldsFarTooMuchIsNotRead(t *testing.T) {
	t.Parallel()
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	statuspage := func(components, incidents string) string {
		return `{"page":{"name":"x"},"status":{"indicator":"major"},"scheduled_maintenances":[],"components":[` + components + `],"incidents":[` + incidents + `]}`
	}
	for name, c := range map[string]struct {
		kind       upstream.SourceKind
		text, says string
	}{
		"components":               {upstream.Statuspage, statuspage(many(10_001, "{}"), ""), "more components than a status page does"},
		"incidents":                {upstream.Statuspage, statuspage("", many(2001, "{}")), "more incidents or maintenances than a status page does"},
		"incidents of Instatus":    {upstream.Instatus, `{"page":{"name":"x","status":"UP"},"activeIncidents":[` + many(2001, "{}") + `]}`, "more incidents or maintenances"},
		"incidents of incident.io": {upstream.IncidentIO, `{"page_title":"x","ongoing_incidents":[` + many(2001, "{}") + `],"in_progress_maintenances":[],"scheduled_maintenances":[]}`, "more incidents or maintenances"},
		"items":                    {upstream.Feed, azure(many(1001, "<item/>")), "more items than a feed of incidents does"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			media := "application/json"
			server := serve(t, &document{media, c.text})
			checktest.WantProblem(t, newDesk(server.CAFile, upstream.Source{Kind: c.kind, URL: server.URL}).pass(t), watch.TooLarge, c.says)
		})
	}
}

func TestAllThatAPageMayHoldIsRead(t *testing.T) {
	t.Parallel()
	var components, hit strings.Builder
	for i := range 9999 {
		fmt.Fprintf(&components, `,{"id":"i%d","name":"c%d","status":"major_outage"}`, i, i)
		fmt.Fprintf(&hit, `,{"id":"x%d","name":"y%d"}`, i, i)
	}
	server := serve(t, &document{"application/json", `{"page":{"name":"x"},"status":{"indicator":"major"},"scheduled_maintenances":[],"components":[{"name":"x","status":"operational"}` +
		components.String() + `],"incidents":[{"name":"Late","status":"identified","components":[{}` + hit.String() + `]}]}`})
	d := newDesk(server.CAFile, upstream.Source{Kind: upstream.Statuspage, URL: server.URL})
	d.options.MaxBytes = 16 << 20
	checktest.WantWords(t, "told", words(d.pass(t)), "critical upstream_down: ", "and 9996 more")
}

func TestF13_AnOldCopyOfAnEmptyFeedIsNoGoodNews(t *testing.T) {
	t.Parallel()
	feed := &document{"application/rss+xml", azure(westUS)}
	server := serve(t, feed)
	d := newDesk(server.CAFile, upstream.Source{Kind: upstream.AzureRSS, URL: server.URL + "/feed/"})
	d.pass(t)
	feed.text = strings.Replace(azure(""), "22 Nov 2026 08:29:09", "20 Nov 2026 08:29:09", 1)
	const old = "unknown incomplete: could not be read: azure_rss at {HOST}: it is empty and of 2026-11-20 08:29:09 UTC, from before the last read that was bad, of 2026-11-22 08:30:00 UTC: an old copy; " +
		"it was degraded on 2026-11-22 08:30 UTC, and counts as such until it is known to be better"
	for range 4 {
		wantWords(t, server, d.pass(t), old)
	}
	feed.text = later(azure(""))
	for _, want := range []string{"warning", "warning", "ok: "} {
		checktest.WantWords(t, "told", words(d.pass(t)), want)
	}
}

func TestF13_AnOldCopyOfAnyFeedIsNoGoodNews(t *testing.T) {
	t.Parallel()
	const atom = `<feed xmlns="http://www.w3.org/2005/Atom"><title>Status</title><updated>2026-11-22T%s:00Z</updated><entry><title>%s</title><id>x</id></entry></feed>`
	feed := &document{"application/atom+xml", fmt.Sprintf(atom, "08:00", "Latency")}
	server := serve(t, feed)
	d := newDesk(server.CAFile, upstream.Source{Kind: upstream.Feed, URL: server.URL + "/history.atom"})
	checktest.WantWords(t, "told", words(d.pass(t)), "warning upstream_degraded")
	feed.text = fmt.Sprintf(atom, "07:00", "[Resolved] Latency")
	checktest.WantWords(t, "told", words(d.pass(t)), "its page is of 2026-11-22 07:00:00 UTC, older than the one that was read before, of 2026-11-22 08:00:00 UTC: an old copy")
	feed.text = fmt.Sprintf(atom, "08:40", "[Resolved] Latency")
	checktest.WantWords(t, "told", words(d.pass(t)), "1 of 3 positive reads")
}

func TestASourcesOwnAddressIsShownNowhere(t *testing.T) {
	t.Parallel()
	const query, segment = "/feed?token=CANARY-0123456789", "/CANARY0123456789abcdef/feed.rss"
	refuses := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, `{"error":"no route","path":%q}`, r.URL.RequestURI())
	}
	atom := func(w http.ResponseWriter, r *http.Request) {
		at := "https://" + r.Host + r.URL.RequestURI()
		_, _ = fmt.Fprintf(w, `<feed xmlns="http://www.w3.org/2005/Atom"><title>%s</title><link href="%s"/><entry><title>Down %s</title><link href="%s#1"/></entry></feed>`, at, at, r.URL.RequestURI(), at)
	}
	for name, serves := range map[string]http.HandlerFunc{"a refusal": refuses, "a feed": atom} {
		for _, path := range []string{query, segment} {
			t.Run(name+" of "+path, func(t *testing.T) {
				t.Parallel()
				server := serve(t, serves)
				d := newDesk(server.CAFile, upstream.Source{Kind: upstream.Feed, URL: server.URL + path})
				told := d.pass(t)
				checktest.WantNone(t, []string{"CANARY"}, map[string]string{"what is shown": checktest.Shown(t, told), "what is said": words(told), "the link": told.About().Link, "the memory": d.Ever()})
				checktest.Equal(t, "the link", told.About().Link, "https://"+strings.TrimPrefix(server.URL, "https://"))
			})
		}
	}
	server := serve(t, http.HandlerFunc(atom))
	d := newDesk(server.CAFile, upstream.Source{Kind: upstream.Feed, URL: server.URL + query, Title: "another"})
	checktest.WantNone(t, []string{"CANARY"}, map[string]string{"what is said": words(d.pass(t))})
}

// signIns lets each sign-in of the Azure CLI be counted, and does then what the lines say.
func signIns(t *testing.T, lines string) (count func() int) {
	t.Helper()
	folder := t.TempDir()
	log := filepath.Join(folder, "log")
	script := "#!/bin/sh\necho x >>'" + log + "'\n" + lines
	if err := os.WriteFile(filepath.Join(folder, "az"), []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() int {
		content, err := os.ReadFile(log) //nolint:gosec // the path is the test's own
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(content), "x")
	}
}

func TestF9_AWrongSecretOfAzureIsSentOnce(t *testing.T) {
	for name, try := range map[string]bool{"in a pass": false, "in a trial": true} {
		t.Run(name, func(t *testing.T) {
			d, _, _ := health(t, nil)
			sent := signIns(t, "echo 'ERROR: AADSTS7000215: Invalid client secret provided.' >&2; exit 1\n")
			source := d.options.Upstreams[0].Sources[0]
			d.options.Upstreams, d.env.Concurrency = nil, 256
			for i := range 20 {
				d.options.Upstreams = append(d.options.Upstreams, upstream.Upstream{Entry: entry.Entry{Name: fmt.Sprint(i)}, Sources: []upstream.Source{source}})
			}
			check := checktest.Build(t, upstream.Kind, d.options, d.env)
			if try {
				checktest.Equal(t, "abilities", len(check.(watch.Trier).Try(t.Context())), 20)
			} else {
				for _, fact := range checktest.Pass(t, check) {
					checktest.As[watch.Problem](t, fact)
				}
			}
			checktest.Equal(t, "sign-ins", sent(), 1)
		})
	}
}

func TestAnOutageOfAzureCostsNoSecondSignIn(t *testing.T) {
	d, _, server := health(t, nil, always(vendortest.Status(503, "")))
	script, err := os.ReadFile(filepath.Join(filepath.SplitList(os.Getenv("PATH"))[0], "az"))
	if err != nil {
		t.Fatal(err)
	}
	sent := signIns(t, strings.TrimPrefix(string(script), "#!/bin/sh\n"))
	checktest.WantProblem(t, d.pass(t), watch.Unreadable, "503 Service Unavailable")
	checktest.Equal(t, "sign-ins", sent(), 1)
	checktest.Equal(t, "requests", len(server.Requests()), 2)
}

func TestTheSourcesOfAProviderAreReadAtTheSameTime(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	all.Add(3)
	meets := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all.Done()
		all.Wait() // for the requests to the other two
		vendortest.Reply(http.StatusOK, "application/rss+xml", azure("<item><title>[Resolved] Late</title></item>"))(w, r, nil)
	})
	server := serve(t, meets)
	var sources []upstream.Source
	for i := range 3 {
		sources = append(sources, upstream.Source{Kind: upstream.Feed, URL: fmt.Sprintf("%s/%d", server.URL, i)})
	}
	checktest.WantWords(t, "told", words(newDesk(server.CAFile, sources...).pass(t)), "ok: the provider says that all is well (3 sources)")
}

func TestASourceThatAsksForItIsLeftAloneOverRuns(t *testing.T) {
	t.Parallel()
	d, _, server := page(t, rings(), always(vendortest.Status(429, "1200")))
	checktest.WantWords(t, "told", words(d.pass(t)), "unknown throttled", "it answered 429 Too Many Requests")
	asked := len(server.Requests())
	wantWords(t, server, d.pass(t), "unknown throttled: could not be read: statuspage at {HOST}: it asked to be left alone until 2026-11-22 08:50:00 UTC")
	checktest.Equal(t, "requests", len(server.Requests()), asked)
	server.Misbehave()
	trial := checktest.Build(t, upstream.Kind, d.options, d.env).(watch.Trier).Try(t.Context())
	checktest.Equal(t, "the trial", trial[0].Err, nil)
	wantWords(t, server, d.pass(t), "ok: the provider says that all is well")
	checktest.Equal(t, "what is remembered", d.Kept(), 0)
}

func TestAnIncidentWithoutImpactIsANotice(t *testing.T) {
	t.Parallel()
	d, provider, server := page(t, rings())
	newsletter := func(p *fakestatus.Page) {
		p.Incidents = []fakestatus.Incident{{ID: "x", Name: "Newsletter", Status: "monitoring", Impact: "none", Started: start.Add(-time.Hour)}}
	}
	provider.Change(newsletter)
	wantWords(t, server, d.pass(t), `notice upstream_maintenance: the provider has something to tell, and says that nothing is affected: "Newsletter" (monitoring, since 2026-11-22 07:30 UTC)`)
	provider.Change(func(p *fakestatus.Page) { p.Incidents[0].Components = []string{api} })
	checktest.WantWords(t, "told", words(d.pass(t)), "warning upstream_degraded: ")
	provider.Change(func(p *fakestatus.Page) { newsletter(p); p.Indicator = "minor" })
	checktest.WantWords(t, "told", words(d.pass(t)), "warning upstream_degraded: ")
}
