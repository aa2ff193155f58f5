package upstream_test

import (
	"html"
	"strings"
	"testing"

	"lapsewatch/checks/upstream"
)

// feedOf serves items as the feed of some provider, and gives what an operator reads.
func feedOf(t *testing.T, items string) string {
	t.Helper()
	server := serve(t, &document{"application/rss+xml", azure(items)})
	return words(newDesk(server.CAFile, upstream.Source{Kind: upstream.Feed, URL: server.URL + "/feed.rss"}).pass(t))
}

func TestF13_BoldIsAStatusOnlyWhereItLeads(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"<p>DNS is <b>resolved</b>, but mail is still down.</p>":                                           "unknown unparsable: ",
		"<p>This is not <b>resolved</b>. All mail is lost.</p>":                                            "unknown unparsable: ",
		"<p>Next update when <strong>resolved</strong>.</p>":                                               "unknown unparsable: ",
		"<p>All of mail is down. Tickets are being <strong>closed</strong> automatically.</p>":             "unknown unparsable: ",
		"<p><b>Resolved</b> in one ring only</p>":                                                          "unknown unparsable: ",
		"<p><b>Resolved</b> <b>in one ring only</b></p>":                                                   "unknown unparsable: ",
		"<p><small>Mail is NOT</small> <b>resolved</b></p>":                                                "unknown unparsable: ",
		"<p><small>Of 3 rings not one is <b>resolved</b></small></p>":                                      "unknown unparsable: ",
		"<p>NOT <b>resolved</b></p>":                                                                       "unknown unparsable: ",
		"Status: resolved is what we hope for":                                                             "unknown unparsable: ",
		"<p>We are at work.</p><p><b>Status: Resolved</b></p>":                                             "unknown unparsable: ",
		"<p>Mail is <b>cancelled</b></p>":                                                                  "unknown unparsable: ",
		"<p>We look at <b>mail</b></p>":                                                                    "warning upstream_degraded: ",
		"<b>Resolved</b>":                                                                                  "ok: ",
		"<p><b>Resolved:</b> all is well</p>":                                                              "ok: ",
		"<p><b>Resolved</b> – all is well</p>":                                                             "ok: ",
		"<b>Status: Resolved</b><br/>All is well":                                                          "ok: ",
		"<p>Status: <b>Resolved</b></p>":                                                                   "ok: ",
		"<p>Status: Resolved - all is well</p>":                                                            "ok: ",
		"<p>Nov 22, 2026 at 08:00 UTC <b>Resolved</b> - all is well</p>":                                   "ok: ",
		"<p><small>Nov 22, 08:00 PST</small><br><strong>Resolved</strong> - All is well</p>":               "ok: ",
		"<p><small>22 novembre 2026, 08:00</small><br><strong>Resolved</strong> - All is well</p>":         "ok: ",
		"<p><strong>Completed</strong> - done</p><p><strong>Scheduled</strong> - We will be at work.</p>":  "ok: ",
		"<p><small>Nov 22</small><br><strong>Monitoring</strong> - This is <strong>resolved</strong>.</p>": "warning upstream_degraded: ",
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			if got := feedOf(t, "<item><title>Mail is down</title><description>"+html.EscapeString(body)+"</description></item>"); !strings.HasPrefix(got, want) {
				t.Errorf("it is told as %s", got)
			}
		})
	}
}

func TestF13_AWordAtTheEndOfATitleIsNoGoodNews(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Orders stuck in status: Completed":     "unknown unparsable: ",
		"Customers see all tickets [Closed]":    "unknown unparsable: ",
		"Checkout is down - Scheduled":          "unknown unparsable: ",
		"Payments marked: cancelled":            "unknown unparsable: ",
		"Exports hang - In progress":            "unknown unparsable: ",
		"[Scheduled] Exports hang - Completed":  "unknown unparsable: ",
		"Mail is late - Investigating":          "warning upstream_degraded: ",
		"[Investigating] Tickets show [Closed]": "warning upstream_degraded: ",
		"[Resolved] Mail is late - Resolved":    "ok: ",
		"Resolved - Mail is late":               "ok: ",
		"[Scheduled] New switches":              "ok: ",
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			if got := feedOf(t, "<item><title>"+title+"</title></item>"); !strings.HasPrefix(got, want) {
				t.Errorf("it is told as %s", got)
			}
		})
	}
}

func TestF13_AnIncidentIsEndedByItsOwnEndOnly(t *testing.T) {
	t.Parallel()
	const early, late = "Sun, 22 Nov 2026 08:00:00 GMT", "Sun, 22 Nov 2026 08:20:00 GMT"
	item := func(id, link, title, at string) string {
		return "<item><guid>" + id + "</guid><link>" + link + "</link><title>" + title + "</title><pubDate>" + at + "</pubDate></item>"
	}
	const home, incident = "https://s.example.com/", "https://s.example.com/incidents/1"
	for name, c := range map[string]struct{ items, want string }{
		"another one of the same name, with the page's link": {
			item("A", home, "[Investigating] Errors", early) + item("B", home, "[Resolved] Errors", late), "unknown unparsable: ",
		},
		"another one of the same name, with the feed's own link": {
			item("A", "https://status.azure.com/en-us/status/", "Errors", early) + item("B", "https://status.azure.com/en-us/status/", "RESOLVED: Errors", late), "unknown unparsable: ",
		},
		"another one where a link is shared": {
			item("A", incident, "Errors", early) + item("B", incident, "RESOLVED: Errors", late) + item("C", incident, "RESOLVED: Delays", late), "unknown unparsable: ",
		},
		"the same one by its name in the feed": {item("A", home, "Errors", early) + item("A", home, "RESOLVED: Errors", late), "ok: "},
		"the same one by its link":             {item("A", incident, "Errors", early) + item("B", incident, "RESOLVED: Errors", late), "ok: "},
		"one without a link":                   {item("A", "", "Errors", early) + item("B", "", "RESOLVED: Errors", late), "warning upstream_degraded: "},
		"one that is open again":               {item("A", incident, "Errors", early) + item("B", incident, "RESOLVED: Errors", early) + item("C", incident, "Errors", late), "warning upstream_degraded: "},
		"an end that is as old":                {item("A", incident, "Errors", late) + item("B", incident, "RESOLVED: Errors", late), "warning upstream_degraded: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := feedOf(t, c.items); !strings.HasPrefix(got, c.want) {
				t.Errorf("it is told as %s", got)
			}
		})
	}
}
