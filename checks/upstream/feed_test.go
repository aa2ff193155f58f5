package upstream_test

import (
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/upstream"
	"lapsewatch/watch"
)

// The items that real feeds are made of.
const (
	statuspageOpen = `<item><title>Elevated errors</title><description>
&lt;p&gt;&lt;small&gt;Nov &lt;var data-var='date'&gt;22&lt;/var&gt;, &lt;var data-var='time'&gt;08:00&lt;/var&gt; UTC&lt;/small&gt;&lt;br&gt;&lt;strong&gt;Identified&lt;/strong&gt; - This is not resolved.&lt;/p&gt;
</description><pubDate>Sun, 22 Nov 2026 08:00:00 +0000</pubDate><link>https://s.example.com/incidents/a</link></item>`
	statuspageOver = `<item><title>Elevated errors</title><description>
&lt;p&gt;&lt;strong&gt;Resolved&lt;/strong&gt; - This incident has been resolved.&lt;/p&gt;&lt;p&gt;&lt;strong&gt;Investigating&lt;/strong&gt; - We look.&lt;/p&gt;
</description><pubDate>Sat, 21 Nov 2026 08:00:00 +0000</pubDate></item>`
	statuspagePlanned = `<item><title>New switches</title><description>&lt;p&gt;&lt;strong&gt;THIS IS A SCHEDULED EVENT Nov 23, 13:00 UTC&lt;/strong&gt;&lt;/p&gt;
&lt;p&gt;&lt;strong&gt;Scheduled&lt;/strong&gt; - We will be at work.&lt;/p&gt;</description></item>`
	statuspageAtWork  = `<item><title>New switches</title><description>&lt;p&gt;&lt;strong&gt;In progress&lt;/strong&gt; - We are at work.&lt;/p&gt;</description></item>`
	incidentIOOver    = `<item><title><![CDATA[Latency]]></title><description><![CDATA[<b>Status: Resolved</b><br/><br/>All recovered.<br/><b>Affected components</b><ul><li>Login (Operational)</li></ul>]]></description></item>`
	incidentIOOpen    = `<item><title><![CDATA[Latency]]></title><description><![CDATA[<b>Status: Investigating</b><br/>Nothing is resolved.]]></description></item>`
	betterStackOpen   = `<item><title>[Investigating] Database</title><link>https://s.example.com/incidents/98765#u1</link><pubDate>Sun, 22 Nov 2026 07:00:00 +0000</pubDate></item>`
	betterStackOver   = `<item><title>[Resolved] Database</title><link>https://s.example.com/incidents/98765#u2</link><pubDate>Sun, 22 Nov 2026 07:30:00 +0000</pubDate></item>`
	betterStackAgain  = `<item><title>[Investigating] Database</title><link>https://s.example.com/incidents/98765#u3</link><pubDate>Sun, 22 Nov 2026 07:45:00 +0000</pubDate></item>`
	betterStackEarly  = `<item><title>[Resolved] Database</title><link>https://s.example.com/incidents/98765#u0</link><pubDate>Sun, 22 Nov 2026 06:30:00 +0000</pubDate></item>`
	betterStackOthers = `<item><title>[Resolved] Website</title><link>https://s.example.com/incidents/98765#u9</link><pubDate>Sun, 22 Nov 2026 07:30:00 +0000</pubDate></item>`
)

func TestAFeedIsReadItemByItem(t *testing.T) {
	t.Parallel()
	old := strings.Replace(statuspageOpen, "22 Nov", "01 Oct", 1)
	for name, c := range map[string]struct {
		items  string
		within time.Duration
		want   string
	}{
		"an open incident of Statuspage":              {statuspageOver + statuspageOpen, 0, `warning upstream_degraded: the provider says that part of it is not well: "Elevated errors" (open, since 2026-11-22 08:00 UTC)`},
		"incidents that are over":                     {statuspageOver + incidentIOOver, 0, "ok: the provider says that all is well"},
		"a maintenance ahead":                         {statuspageOver + statuspagePlanned, 0, "ok: the provider says that all is well"},
		"a maintenance":                               {statuspageOver + statuspageAtWork, 0, `notice upstream_maintenance: the provider is at work on it: "New switches" (in progress)`},
		"an open incident of incident.io":             {incidentIOOpen, 0, `warning upstream_degraded: the provider says that part of it is not well: "Latency" (open)`},
		"an update that a newer end overtakes":        {betterStackOver + betterStackOpen, 0, "ok: the provider says that all is well"},
		"an end that a newer update overtakes":        {betterStackAgain + betterStackOver + betterStackOpen, 0, `warning upstream_degraded: the provider says that part of it is not well: "[Investigating] Database" (open, since 2026-11-22 07:45 UTC), "[Investigating] Database" (open, since 2026-11-22 07:00 UTC)`},
		"an end of before":                            {betterStackOpen + betterStackEarly, 0, `warning upstream_degraded: the provider says that part of it is not well: "[Investigating] Database" (open, since 2026-11-22 07:00 UTC)`},
		"the end of something else at the same place": {betterStackOthers + betterStackOpen, 0, `warning upstream_degraded: the provider says that part of it is not well: "[Investigating] Database" (open, since 2026-11-22 07:00 UTC)`},
		"an old item that nobody closed":              {old, 0, `warning upstream_degraded: the provider says that part of it is not well: "Elevated errors" (open, since 2026-10-01 08:00 UTC)`},
		"an old item that is taken to be over":        {old, 14 * 24 * time.Hour, "ok: the provider says that all is well"},
		"an item without a date is never old":         {incidentIOOpen, 14 * 24 * time.Hour, `warning upstream_degraded: the provider says that part of it is not well: "Latency" (open)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, &document{"application/rss+xml", azure(c.items)})
			d := newDesk(server.CAFile, upstream.Source{Kind: upstream.Feed, URL: server.URL + "/history.rss?token=abcdef", ItemsFor: watch.Duration(c.within)})
			told := d.pass(t)
			wantWords(t, server, told, c.want)
			checktest.WantNone(t, []string{"abcdef"}, map[string]string{"what is shown": checktest.Shown(t, told)})
		})
	}
}

func TestAnAtomFeedIsRead(t *testing.T) {
	t.Parallel()
	const feed = `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Status</title><entry><title type="html"><![CDATA[Latency]]></title><id>x</id>
<link href="https://s.example.com/incidents/x"/><updated>2026-11-22T08:00:00.000Z</updated><content type="html"><![CDATA[<b>Status: WORD</b><br/>We look.]]></content></entry></feed>`
	for word, want := range map[string]string{
		"Monitoring": `warning upstream_degraded: the provider says that part of it is not well: "Latency" (open, since 2026-11-22 08:00 UTC)`,
		"Resolved":   "ok: the provider says that all is well",
	} {
		server := serve(t, &document{"application/atom+xml", strings.Replace(feed, "WORD", word, 1)})
		d := newDesk(server.CAFile, upstream.Source{Kind: upstream.Feed, URL: server.URL + "/history.atom"})
		wantWords(t, server, d.pass(t), want)
	}
}

func TestOnlyTheChosenRegionsOfAzureCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		title, tag, text string
		regions          []string
		counts           bool
	}{
		"the region":                                  {"Storage - West Europe - Errors", "", "", []string{"West Europe"}, true},
		"another region":                              {"Storage - North Europe - Errors", "", "", []string{"West Europe"}, false},
		"a region whose name begins so":               {"Storage - West US 2 - Errors", "", "", []string{"West US"}, false},
		"a region whose name ends so":                 {"Storage - North Central US - Errors", "", "", []string{"Central US"}, false},
		"a number behind it that is none of its name": {"Storage - West US - 2 services are hit", "", "", []string{"West US"}, true},
		"a number that is longer":                     {"Storage - West US 25", "", "", []string{"West US"}, true},
		"a word that ends so":                         {"Storage - Southwest Europe and East US", "", "", []string{"West Europe"}, true},
		"the second of two":                           {"Storage - East US,West  europe", "", "", []string{"West Europe"}, true},
		"by its category":                             {"Storage errors", "West Europe", "", []string{"west europe"}, true},
		"another one by its category":                 {"Storage errors", "East US", "", []string{"West Europe"}, false},
		"in the text alone":                           {"Storage - East US - Errors", "", "Resources in West Europe are hit too.", []string{"West Europe"}, true},
		"no region at all":                            {"Storage errors", "", "Traffic goes by East US.", []string{"West Europe"}, true},
		"many regions of which one is named":          {"Errors in multiple regions, including East US", "", "", []string{"West Europe"}, true},
		"a region that is new":                        {"Storage - Mars North - Errors", "", "", []string{"West Europe"}, true},
		"in Azure's own spelling":                     {"Storage - West Europe - Errors", "", "", []string{"westeurope"}, true},
		"in Azure's own spelling there":               {"Storage - errors", "northeurope", "", []string{"West Europe"}, false},
		"more than one region in a word":              {"Multi-region outage - West US", "", "", []string{"West Europe"}, true},
		"none of them":                                {"Non-regional services - West US", "", "", []string{"West Europe"}, true},
		"a part of the world beside a region":         {"Outage in West US and Europe", "", "", []string{"West Europe"}, true},
		"parts of the world beside a region":          {"Outage in West US, Asia and the Americas", "", "", []string{"West Europe"}, true},
		"a number of regions":                         {"Outage in East US + 5 regions", "", "", []string{"West Europe"}, true},
		"half of a name":                              {"Outage in East US and West/North Europe", "", "", []string{"West Europe"}, true},
		"half of a name with an ampersand":            {"Outage in West &amp; North Europe", "", "", []string{"West Europe"}, true},
		"half of a name in the text":                  {"Outage in East US", "", "Resources in West/North Europe are hit too.", []string{"West Europe"}, true},
		"no regions are chosen":                       {"Storage - East US - Errors", "", "", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, &document{"application/rss+xml", azure("<item><title>" + c.title + "</title><category>" + c.tag + "</category><description>" + c.text + "</description></item>")})
			d := newDesk(server.CAFile, upstream.Source{Kind: upstream.AzureRSS, URL: server.URL + "/feed/"})
			d.options.Upstreams[0].Regions = c.regions
			condition := checktest.As[watch.Condition](t, d.pass(t))
			checktest.Equal(t, "counts", condition.Reason != "", c.counts)
		})
	}
}
