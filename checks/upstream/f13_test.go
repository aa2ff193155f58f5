package upstream_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/upstream"
	"lapsewatch/internal/fakestatus"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

const azureFeed = `<?xml version="1.0" encoding="utf-8"?>
<rss xmlns:a10="http://www.w3.org/2005/Atom" version="2.0"><channel><title>Azure Status</title><link>https://status.azure.com/en-us/status/</link>
<description>Azure Status</description><language>en-US</language><lastBuildDate>Sun, 22 Nov 2026 08:29:09 Z</lastBuildDate>ITEMS</channel></rss>`

func azure(items string) string { return strings.Replace(azureFeed, "ITEMS", items, 1) }

// later is a feed that was made anew after the first pass.
func later(feed string) string {
	return strings.Replace(feed, "22 Nov 2026 08:29:09", "22 Nov 2026 08:44:09", 1)
}

const westUS = `<item><guid isPermaLink="false">7K2P-HC8</guid><link>https://status.azure.com/en-us/status/</link><category>Network Infrastructure</category><category>West US</category>
<title>Issues connecting to resources in West US</title><description>&lt;p&gt;Impact statement: customers may be unable to connect.&lt;/p&gt;</description>
<pubDate>Sun, 22 Nov 2026 08:20:09 Z</pubDate></item>`

func TestF13_WhatIsNoPageIsNeverWell(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"status":`, 200_000)
	for name, c := range map[string]struct {
		answer vendortest.Answer
		reason watch.Reason
		says   string
	}{
		"a web page with 200":             {vendortest.Page(200), watch.Unparsable, "with a web page where JSON belongs"},
		"a web page with 200 in disguise": {vendortest.Reply(200, "application/json", vendortest.HostilePage), watch.Unparsable, "with a web page where JSON belongs"},
		"a redirect to a login":           {vendortest.Redirect("https://login.example.com"), watch.Unreadable, "leads elsewhere and is not followed"},
		"an empty object":                 {vendortest.Reply(200, "application/json", `{}`), watch.Unparsable, "no whole summary of a status page"},
		"no lists":                        {vendortest.Reply(200, "application/json", `{"page":{"name":"x"},"status":{"indicator":"none"}}`), watch.Unparsable, "no whole summary of a status page"},
		"another JSON":                    {vendortest.Reply(200, "application/json", `["none"]`), watch.Unparsable, "no summary of a status page"},
		"two documents":                   {vendortest.Reply(200, "application/json", `{"page":{}}{"page":{}}`), watch.Unparsable, "no summary of a status page"},
		"JSON without a bottom":           {vendortest.Reply(200, "application/json", deep), watch.TooLarge, "larger than 1048576 bytes"},
		"deep JSON":                       {vendortest.Reply(200, "application/json", deep[:900_000]), watch.Unparsable, "no summary of a status page"},
		"an answer without end":           {vendortest.Endless(), watch.TooLarge, "larger than 1048576 bytes"},
		"a bomb of gzip":                  {bomb, watch.TooLarge, "larger than 1048576 bytes"},
		"an outage of the page":           {vendortest.Status(500, ""), watch.Unreadable, "500 Internal Server Error"},
		"half an answer":                  {vendortest.CutShort(), watch.Unreadable, "closed the connection"},
		"throttling":                      {vendortest.Status(429, "3600"), watch.Throttled, "429 Too Many Requests"},
		"a page behind a sign-in":         {vendortest.Status(401, ""), watch.PermissionDenied, "401 Unauthorized"},
		"a page that is gone":             {vendortest.Status(404, ""), watch.NotFound, "404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _, _ := page(t, rings(), always(c.answer))
			checktest.WantProblem(t, d.pass(t), c.reason, "statuspage at 127.0.0.1:", c.says)
		})
	}
}

// bomb unpacks to some hundred times of what is read.
func bomb(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	for range 100 {
		_, _ = zip.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	_ = zip.Close()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(packed.Bytes())
}

func TestF13_AFeedThatIsNoneIsNeverWell(t *testing.T) {
	t.Parallel()
	const entities = `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;"><!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;">]>`
	for name, c := range map[string]struct{ text, says string }{
		"a web page":                 {vendortest.HostilePage, "declares a document type"},
		"a web page that is XML":     {`<html><body><p>Sign in</p></body></html>`, "begins with <html>"},
		"an error of a store":        {`<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`, "begins with <Error>"},
		"a bomb of entities":         {entities + azure(""), "declares a document type"},
		"a file by an entity":        {`<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + azure(`<item><title>&x;</title></item>`), "declares a document type"},
		"an entity without a type":   {azure(`<item><title>&lol;</title></item>`), "no well-formed XML"},
		"a bomb of depth":            {azure(strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000)), "nested too deep"},
		"a bomb of elements":         {azure(strings.Repeat("<a/>", 100_001)), "too many elements"},
		"a feed of somebody else":    {strings.Replace(azure(""), "<title>Azure Status</title>", "<title>Example Blog\x1b</title>", 1), "no well-formed XML"},
		"a feed with another title":  {strings.Replace(azure(""), "<title>Azure Status</title>", "<title>Example Blog</title>", 1), `its title is "Example Blog", and not "Azure Status": it is another feed`},
		"a feed without a title":     {strings.Replace(azure(""), "<title>Azure Status</title>", "", 1), `its title is "", and not "Azure Status"`},
		"a feed in Atom":             {`<feed xmlns="http://www.w3.org/2005/Atom"><title>Azure Status</title></feed>`, "no feed in RSS"},
		"two channels":               {strings.Replace(azure(westUS), "</channel>", "</channel><channel><title>Azure Status</title></channel>", 1), "no channel, or several"},
		"two documents":              {azure("") + azure(westUS), "more than one root"},
		"an item where none belongs": {azure("<image>" + westUS + "</image>"), "stand where no items belong"},
		"a charset that hides":       {strings.Replace(azure(""), `encoding="utf-8"`, `encoding="utf-7"`, 1), "no well-formed XML in UTF-8"},
		"half a feed":                {azure(westUS)[:400], "no well-formed XML"},
		"nothing":                    {"", "begins with <>"},
		"JSON":                       {`{"version":"https://jsonfeed.org/version/1.1","title":"Azure Status","items":[]}`, "begins with <>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, &document{"application/rss+xml", c.text})
			d := newDesk(server.CAFile, upstream.Source{Kind: upstream.AzureRSS, URL: server.URL + "/feed/"})
			checktest.WantProblem(t, d.pass(t), watch.Unparsable, "azure_rss at 127.0.0.1:", c.says)
		})
	}
}

func TestF13_AnEmptyFeedCountsOnlyWhereThatIsHowTheProviderSaysSo(t *testing.T) {
	t.Parallel()
	server := serve(t, &document{"application/rss+xml", azure("")})
	d := newDesk(server.CAFile, upstream.Source{Kind: upstream.AzureRSS, URL: server.URL + "/feed/"})
	wantWords(t, server, d.pass(t), "ok: the provider says that all is well")
	d = newDesk(server.CAFile, upstream.Source{Kind: upstream.Feed, URL: server.URL + "/feed/", Title: "Azure Status"})
	wantWords(t, server, d.pass(t), "unknown incomplete: could not be read: feed at {HOST}: it holds no items, which proves nothing")
	d.options.Upstreams[0].Sources[0].EmptyIsWell = true
	wantWords(t, server, d.pass(t), "ok: the provider says that all is well")
}

func TestF13_AnEmptyFeedAfterAnOutageIsBelievedOnlyThreeTimesInARow(t *testing.T) {
	t.Parallel()
	feed := &document{"application/rss+xml", azure(westUS)}
	server := serve(t, feed)
	d := newDesk(server.CAFile, upstream.Source{Kind: upstream.AzureRSS, URL: server.URL + "/feed/"})
	wantWords(t, server, d.pass(t), `warning upstream_degraded: the provider says that part of it is not well: "Issues connecting to resources in West US" (open, since 2026-11-22 08:20 UTC)`)
	feed.text = later(azure(""))
	wantWords(t, server, d.pass(t), "warning upstream_degraded: the provider says that all is well; it was degraded until 2026-11-22 08:30 UTC at least, 1 of 3 positive reads in a row so far")
	wantWords(t, server, d.pass(t), "warning upstream_degraded: the provider says that all is well; it was degraded until 2026-11-22 08:30 UTC at least, 2 of 3 positive reads in a row so far")
	wantWords(t, server, d.pass(t), "ok: the provider says that all is well")
	checktest.Equal(t, "what is remembered", d.Kept(), 0)
}

func TestF13_UnresolvedIsNotResolved(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Unresolved":                                     "warning upstream_degraded: ",
		"[Unresolved] Mail is late":                      "warning upstream_degraded: ",
		"Mail is late - Unresolved":                      "warning upstream_degraded: ",
		"Mail is late":                                   "warning upstream_degraded: ",
		"Mail is late - not yet resolved":                "unknown unparsable: ",
		"Resolved in one ring. The other is affected":    "unknown unparsable: ",
		"RESOLVED: Mail is late - Investigating":         "unknown unparsable: ",
		"We believe that this is resolved":               "unknown unparsable: ",
		"[Resolved] Mail is late":                        "ok: ",
		"RESOLVED: Mail is late":                         "ok: ",
		"Mail is late – Resolved":                        "unknown unparsable: ",
		"Informational message: [RESOLVED] Mail is late": "ok: ",
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := serve(t, &document{"application/rss+xml", azure("<item><title>" + title + "</title></item>")})
			d := newDesk(server.CAFile, upstream.Source{Kind: upstream.Feed, URL: server.URL + "/feed.rss"})
			if got := words(d.pass(t)); !strings.HasPrefix(got, want) {
				t.Errorf("%q is told as %s", title, got)
			}
		})
	}
}

func TestF13_ANewValueIsUnknownAndNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*fakestatus.Page)
		want   string
	}{
		"of the indicator":     {func(p *fakestatus.Page) { p.Indicator = "catastrophic\x1b[31m`rm`" }, "its indicator is \"catastrophic\ufffd[31m'rm'\", which is not known"},
		"no indicator":         {func(p *fakestatus.Page) { p.Indicator = "" }, "its indicator is missing"},
		"of a component":       {func(p *fakestatus.Page) { p.Components[1].Status = "on_fire" }, `its component Git Operations's status is "on_fire", which is not known`},
		"of a maintenance":     {func(p *fakestatus.Page) { p.Maintenances = []fakestatus.Incident{{Name: "m", Status: "paused"}} }, `its maintenance's status is "paused", which is not known`},
		"in another case":      {func(p *fakestatus.Page) { p.Indicator = "None" }, `its indicator is "None", which is not known`},
		"beside a maintenance": {func(p *fakestatus.Page) { p.Indicator, p.Components[0].Status = "maintenance", "new" }, `its component API Requests's status is "new", which is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, provider, server := page(t, rings())
			provider.Change(c.change)
			wantWords(t, server, d.pass(t), "unknown unparsable: could not be read: statuspage at {HOST}: "+c.want)
			// What is bad by something else stays bad.
			provider.Change(func(p *fakestatus.Page) {
				p.Incidents = []fakestatus.Incident{{Name: "Late", Status: "new", Impact: "new"}}
			})
			checktest.WantWords(t, "told", words(d.pass(t)), "warning upstream_degraded: ")
		})
	}
}

func TestF13_AnOldPageProvesNothingWhileAnIncidentIsOpen(t *testing.T) {
	t.Parallel()
	d, provider, server := page(t, rings())
	d.options.Upstreams[0].Components = []string{"Git Operations"}
	provider.Change(func(p *fakestatus.Page) {
		out(p) // which concerns another component
		p.Updated = start.AddDate(0, 0, -4)
	})
	wantWords(t, server, d.pass(t), "unknown incomplete: could not be read: statuspage at {HOST}: it was changed last on 2026-11-18 08:30 UTC, while an incident is open, so that it may be an old copy")
	provider.Change(func(p *fakestatus.Page) { p.Updated = start })
	wantWords(t, server, d.pass(t), "ok: the provider says that what counts of it is well: Git Operations")
}

func TestF13_ACopyOfBeforeTheOutageIsNoEndOfIt(t *testing.T) {
	t.Parallel()
	d, provider, server := page(t, rings())
	provider.Change(out)
	wantWords(t, server, d.pass(t), `critical upstream_down: the provider says that it, or part of it, does not work: "Power lost in ring A" (investigating, since 2026-11-22 08:20 UTC); API Requests: major_outage`)
	provider.Change(over(start.Add(-time.Hour)))
	for range 5 {
		wantWords(t, server, d.pass(t), "unknown incomplete: could not be read: statuspage at {HOST}: its page is of 2026-11-22 07:30:00 UTC, older than the one that was read before, of 2026-11-22 08:29:00 UTC: an old copy; it was down on 2026-11-22 08:30 UTC, and counts as such until it is known to be better")
	}
	provider.Change(over(start.Add(time.Hour)))
	for _, want := range []string{"critical", "critical", "ok"} {
		checktest.WantWords(t, "told", words(d.pass(t)), want)
	}
}

func TestF13_AFlappingProviderIsOneSteadyFinding(t *testing.T) {
	t.Parallel()
	d, provider, _ := page(t, rings())
	for i := range 40 {
		want := "critical upstream_down"
		switch at := start.Add(time.Duration(i) * time.Minute); i % 3 {
		case 0:
			provider.Change(out)
		case 1:
			provider.Change(over(at))
		case 2:
			provider.Change(func(p *fakestatus.Page) { p.Indicator = "minor" })
		}
		checktest.WantWords(t, "told", words(d.pass(t)), want)
	}
}

func TestF13_WhatIsNotKnownBreaksTheRowOfPositiveReads(t *testing.T) {
	t.Parallel()
	d, provider, server := page(t, rings())
	provider.Change(out)
	d.pass(t)
	provider.Change(over(start))
	const recovering = "critical upstream_down: the provider says that all is well; it was down until 2026-11-22 08:30 UTC at least, "
	wantWords(t, server, d.pass(t), recovering+"1 of 3 positive reads in a row so far")
	wantWords(t, server, d.pass(t), recovering+"2 of 3 positive reads in a row so far")
	server.Misbehave(always(vendortest.Status(502, "")))
	wantWords(t, server, d.pass(t), "unknown unreadable: could not be read: statuspage at {HOST}: read https://{HOST}: it answered 502 Bad Gateway; it was down on 2026-11-22 08:30 UTC, and counts as such until it is known to be better")
	server.Misbehave()
	wantWords(t, server, d.pass(t), recovering+"1 of 3 positive reads in a row so far")
	wantWords(t, server, d.pass(t), recovering+"2 of 3 positive reads in a row so far")
	wantWords(t, server, d.pass(t), "ok: the provider says that all is well")
}

func TestF13_OneLiarAmongTwoVantagePointsIsNotBelieved(t *testing.T) {
	t.Parallel()
	liar := serve(t, &document{"application/rss+xml", later(azure(""))})
	honest := &document{"application/rss+xml", azure(westUS)}
	server := serve(t, honest)
	both := bundle(t, liar, server)
	d := newDesk(both, upstream.Source{Kind: upstream.AzureRSS, URL: liar.URL + "/feed/"}, upstream.Source{Kind: upstream.AzureRSS, URL: server.URL + "/feed/"})
	told := d.pass(t)
	checktest.WantWords(t, "told", words(told), "warning upstream_degraded: ", "Issues connecting to resources in West US")
	details := told.(watch.Condition).Details
	checktest.Equal(t, "sources", strings.Join(details["sources"].([]string), "; "), "azure_rss at "+strings.TrimPrefix(liar.URL, "https://")+": well; azure_rss at "+strings.TrimPrefix(server.URL, "https://")+": degraded")
	// The other one falls silent: the liar alone proves nothing.
	server.Misbehave(always(vendortest.Status(503, "")))
	for range 4 {
		checktest.WantWords(t, "told", words(d.pass(t)), "unknown unreadable: ")
	}
	server.Misbehave()
	honest.text = later(azure(""))
	for _, want := range []string{"warning", "warning", "ok: the provider says that all is well (2 sources)"} {
		checktest.WantWords(t, "told", words(d.pass(t)), want)
	}
}

func TestF13_TwoFailuresAreUnknownAndOneIsNot(t *testing.T) {
	t.Parallel()
	d, _, server := page(t, rings(), vendortest.Manner{Answer: vendortest.Page(200)})
	wantWords(t, server, d.pass(t), "ok: the provider says that all is well")
	checktest.Equal(t, "requests", len(server.Requests()), 2)
	server.Misbehave(vendortest.Manner{Times: 2, Answer: vendortest.Page(200)})
	checktest.WantProblem(t, d.pass(t), watch.Unparsable, "with a web page where JSON belongs")
	checktest.Equal(t, "requests", len(server.Requests()), 4)
}
