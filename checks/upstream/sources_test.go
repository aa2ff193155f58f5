package upstream_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/upstream"
	"lapsewatch/internal/fakestatus"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestAProviderIsReadInEachSystemsOwnWords(t *testing.T) {
	t.Parallel()
	maintained := func(p *fakestatus.Page) {
		p.Indicator = "maintenance"
		p.Maintenances = []fakestatus.Incident{{ID: "m1", Name: "New switches", Status: "in_progress", Started: start.Add(-time.Hour), Components: []string{git}}}
	}
	announced := func(p *fakestatus.Page) {
		p.Maintenances = []fakestatus.Incident{{ID: "m1", Name: "New switches", Status: "scheduled", Started: start.Add(time.Hour)}}
	}
	minor := func(p *fakestatus.Page) {
		p.Indicator, p.Components[1].Status = "minor", "partial_outage"
		p.Incidents = []fakestatus.Incident{{ID: "i1", Name: "Slow `pushes`\u202e", Status: "monitoring", Impact: "minor", Started: start.Add(-time.Hour), Components: []string{git}}}
	}
	const slow = `"Slow 'pushes'` + "\ufffd" + `" (monitoring, since 2026-11-22 07:30 UTC)`
	for name, c := range map[string]struct {
		change func(*fakestatus.Page)
		want   map[upstream.SourceKind]string
	}{
		"well": {func(*fakestatus.Page) {}, map[upstream.SourceKind]string{
			upstream.Statuspage: "ok: the provider says that all is well", upstream.Instatus: "ok: the provider says that all is well", upstream.IncidentIO: "ok: the provider says that all is well",
		}},
		"a maintenance ahead": {announced, map[upstream.SourceKind]string{
			upstream.Statuspage: "ok: the provider says that all is well", upstream.Instatus: "ok: the provider says that all is well", upstream.IncidentIO: "ok: the provider says that all is well",
		}},
		"a maintenance": {maintained, map[upstream.SourceKind]string{
			upstream.Statuspage: `notice upstream_maintenance: the provider is at work on it: "New switches" (in_progress, since 2026-11-22 07:30 UTC)`,
			upstream.Instatus:   `notice upstream_maintenance: the provider is at work on it: "New switches" (INPROGRESS, since 2026-11-22 07:30 UTC)`,
			upstream.IncidentIO: `notice upstream_maintenance: the provider is at work on it: "New switches" (maintenance_in_progress, since 2026-11-22 07:30 UTC)`,
		}},
		"degraded": {minor, map[upstream.SourceKind]string{
			upstream.Statuspage: "warning upstream_degraded: the provider says that part of it is not well: " + slow + "; Git Operations: partial_outage",
			upstream.Instatus:   "warning upstream_degraded: the provider says that part of it is not well: " + strings.Replace(slow, "monitoring", "MONITORING", 1),
			upstream.IncidentIO: "warning upstream_degraded: the provider says that part of it is not well: " + slow,
		}},
		"down": {func(p *fakestatus.Page) { out(p); p.Incidents[0].Impact = "critical" }, map[upstream.SourceKind]string{
			upstream.Statuspage: `critical upstream_down: the provider says that it, or part of it, does not work: "Power lost in ring A" (investigating, since 2026-11-22 08:20 UTC); API Requests: major_outage`,
			upstream.Instatus:   `critical upstream_down: the provider says that it, or part of it, does not work: "Power lost in ring A" (INVESTIGATING, since 2026-11-22 08:20 UTC)`,
			upstream.IncidentIO: `critical upstream_down: the provider says that it, or part of it, does not work: "Power lost in ring A" (investigating, since 2026-11-22 08:20 UTC)`,
		}},
	} {
		for kind, want := range c.want {
			t.Run(name+" by "+string(kind), func(t *testing.T) {
				t.Parallel()
				d, provider, server := page(t, rings())
				provider.Change(c.change)
				d.options.Upstreams[0].Sources[0].Kind = kind
				wantWords(t, server, d.pass(t), want)
			})
		}
	}
}

func TestOnlyTheChosenComponentsCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		components []string
		kind       upstream.SourceKind
		change     func(*fakestatus.Page)
		want       string
	}{
		"another one is down": {[]string{"git operations", mail}, upstream.Statuspage, out, "ok: the provider says that what counts of it is well: git operations, " + mail},
		"it is down":          {[]string{api}, upstream.Statuspage, out, `critical upstream_down: the provider says that it, or part of it, does not work: "Power lost in ring A" (investigating, since 2026-11-22 08:20 UTC); API Requests: major_outage`},
		"an incident that names nothing": {[]string{"Mail"}, upstream.Statuspage, func(p *fakestatus.Page) { out(p); p.Incidents[0].Components = nil },
			`critical upstream_down: the provider says that it, or part of it, does not work: "Power lost in ring A" (investigating, since 2026-11-22 08:20 UTC)`},
		"an incident that names it while its status is well": {[]string{"Mail"}, upstream.Statuspage, func(p *fakestatus.Page) { out(p); p.Incidents[0].Components = []string{api, mail} },
			`warning upstream_degraded: the provider says that part of it is not well: "Power lost in ring A" (investigating, since 2026-11-22 08:20 UTC)`},
		"one that is not there":       {[]string{"Mail", "Fax"}, upstream.Statuspage, func(*fakestatus.Page) {}, `unknown not_found: could not be read: statuspage at {HOST}: it has no component "Fax"`},
		"another one, by incident.io": {[]string{"Mail"}, upstream.IncidentIO, out, "ok: the provider says that what counts of it is well: Mail"},
		"it, by incident.io": {[]string{"API Requests"}, upstream.IncidentIO, out,
			`warning upstream_degraded: the provider says that part of it is not well: "Power lost in ring A" (investigating, since 2026-11-22 08:20 UTC)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, provider, server := page(t, rings())
			provider.Change(c.change)
			d.options.Upstreams[0].Components, d.options.Upstreams[0].Sources[0].Kind = c.components, c.kind
			wantWords(t, server, d.pass(t), c.want)
		})
	}
}

func TestReportsSayWhatTheProviderSays(t *testing.T) {
	t.Parallel()
	d, provider, server := page(t, rings())
	provider.Change(out)
	told := checktest.As[watch.Condition](t, d.pass(t))
	host := strings.TrimPrefix(server.URL, "https://")
	want := map[string]any{
		"state": "down", "sources": []string{"statuspage at " + host + ": down"}, "indicator": []string{"major"}, "components": []string{"API Requests: major_outage"},
		"incidents": []string{`"Power lost in ring A" (investigating, since 2026-11-22 08:20 UTC)`}, "incident_links": []string{server.URL + "/incidents/p31zjtct2jer"},
		"bad_since": "2026-11-22T08:30:00Z", "last_bad": "2026-11-22T08:30:00Z", "good_reads_needed": 3,
	}
	if !reflect.DeepEqual(told.Details, want) {
		t.Errorf("details\n got %v\nwant %v", told.Details, want)
	}
	checktest.Equal(t, "link", told.Subject.Link, server.URL+"/incidents/p31zjtct2jer")
	checktest.Equal(t, "ID", told.Subject.ID, "upstream/Rings")
	provider.Change(over(start))
	told = checktest.As[watch.Condition](t, d.pass(t))
	checktest.Equal(t, "link", told.Subject.Link, server.URL)
	checktest.Equal(t, "good reads", told.Details["good_reads"].(int), 1)
	provider.Change(out)
	d.options.Upstreams[0].Link = "https://rings.example.com/status"
	provider.Change(func(p *fakestatus.Page) { p.Incidents[0].ID = `x" onclick="alert(1)` })
	told = checktest.As[watch.Condition](t, d.pass(t))
	checktest.Equal(t, "link", told.Subject.Link, "https://rings.example.com/status")
	checktest.Equal(t, "bad since", told.Details["bad_since"].(string), "2026-11-22T08:30:00Z")
	if link := told.Details["incident_links"]; link != nil && strings.Contains(link.([]string)[0], `"`) {
		t.Errorf("a hostile link is shown as %v", link)
	}
}

func TestAPageOnABadDayIsReadInTheEnd(t *testing.T) {
	t.Parallel()
	d, _, server := page(t, rings(), vendortest.DefaultManners()...)
	wantWords(t, server, d.pass(t), "unknown unreadable: could not be read: statuspage at {HOST}: read https://{HOST}: the server closed the connection")
	wantWords(t, server, d.pass(t), "ok: the provider says that all is well")
}

func TestAMaintenanceBesideWhatIsNotKnownIsNotKnown(t *testing.T) {
	t.Parallel()
	d, provider, server := page(t, rings())
	provider.Change(func(p *fakestatus.Page) { p.Indicator = "maintenance" })
	other := serve(t, &document{"text/html", "down for maintenance"})
	d.options.CAFile = bundle(t, server, other)
	d.options.Upstreams[0].Sources = append(d.options.Upstreams[0].Sources, upstream.Source{Kind: upstream.Instatus, URL: other.URL})
	checktest.WantWords(t, "told", words(d.pass(t)), "unknown unparsable: could not be read: instatus at "+strings.TrimPrefix(other.URL, "https://"))
}

// TestO3_TheProviderIsFollowedUntilItsOwnEnd is outage O3: a ring is out from 08:20, staff
// work around it by 09:30, and the provider closes its own incident about 15:00.
func TestO3_TheProviderIsFollowedUntilItsOwnEnd(t *testing.T) {
	t.Parallel()
	d, provider, _ := page(t, rings())
	d.now = start.Add(-30 * time.Minute)
	timeline := map[string]func(*fakestatus.Page){
		"08:30": out,
		"09:30": func(p *fakestatus.Page) { p.Incidents[0].Status, p.Updated = "monitoring", start.Add(time.Hour) },
		"15:00": over(start.Add(6*time.Hour + 30*time.Minute)),
	}
	var seen []string
	for before := ""; d.now.Before(start.Add(8 * time.Hour)); {
		at := d.now.Format("15:04")
		if change := timeline[at]; change != nil {
			provider.Change(change)
		}
		told, _, _ := strings.Cut(words(d.pass(t)), ":")
		if told != before {
			seen = append(seen, at+" "+told)
			before = told
		}
	}
	checktest.Equal(t, "the story", strings.Join(seen, ", "), "08:00 ok, 08:30 critical upstream_down, 15:30 ok")
}
