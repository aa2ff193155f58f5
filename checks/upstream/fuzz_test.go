package upstream

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

var fuzzedAt = time.Date(2026, time.November, 22, 8, 30, 0, 0, time.UTC)

// sound wants of a reading that whatever is not well says why, and that nothing that is
// shown of it can do harm.
func sound(t *testing.T, raw []byte, r reading) {
	t.Helper()
	results := []result{{source: Source{Kind: Statuspage, URL: "https://s.example.com"}, reading: r}}
	l := &look{check: &check{options: Options{GoodReads: 3}}, upstream: Upstream{}}
	told := together(results)
	if told.known && told.grade == well && len(r.doubts)+len(r.incidents)+len(r.components) > 0 {
		t.Errorf("%q is well in spite of %+v", raw, r)
	}
	shown, err := json.Marshal(l.details(results, told, record{}.step(told, results, fuzzedAt, 3)))
	if err != nil {
		t.Fatal(err)
	}
	text := l.says(results, told.grade) + string(shown) + linkOf(results)
	if strings.ContainsAny(text, "\x1b\r\n\u202e`") || len(text) > 64<<10 {
		t.Errorf("%q is shown as %q", raw, text)
	}
}

func FuzzParseStatuspage(f *testing.F) {
	for _, seed := range []string{
		`{"page":{"name":"x","url":"https://x","updated_at":"2026-11-22T08:00:00Z"},"status":{"indicator":"none"},"components":[],"incidents":[],"scheduled_maintenances":[]}`,
		`{"page":{"name":"x"},"status":{"indicator":"major"},"components":[{"id":"a","name":"API","status":"major_outage","group_id":"g"},{"id":"g","group":true,"name":"G"}],"incidents":[{"name":"` + "`" + `\u202e","status":"investigating","components":[{"id":"a"}]}],"scheduled_maintenances":[{"status":"in_progress"}]}`,
		`{"status":7}`, `null`, `[]`,
	} {
		f.Add([]byte(seed), "API")
	}
	f.Fuzz(func(t *testing.T, raw []byte, component string) {
		for _, wanted := range [][]string{nil, {component}} {
			if r, err := parseStatuspage(raw, wanted, fuzzedAt, time.Hour); err == nil {
				sound(t, raw, r)
			}
		}
	})
}

func FuzzParseInstatus(f *testing.F) {
	f.Add([]byte(`{"page":{"name":"x","url":"https://x","status":"UP"}}`))
	f.Add([]byte(`{"page":{"name":"x","status":"HASISSUES"},"activeIncidents":[{"name":"n","started":"Sat Jun 11 2022 18:55:50 GMT+0000 (Coordinated Universal Time)","status":"INVESTIGATING","impact":"MAJOROUTAGE"}],"activeMaintenances":[{"status":"INPROGRESS"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := parseInstatus(raw); err == nil {
			sound(t, raw, r)
		}
	})
}

func FuzzParseIncidentIO(f *testing.F) {
	f.Add([]byte(`{"page_title":"x","page_url":"https://x","ongoing_incidents":[],"in_progress_maintenances":[],"scheduled_maintenances":[]}`))
	f.Add([]byte(`{"page_title":"x","ongoing_incidents":[{"name":"n","status":"identified","current_worst_impact":"full_outage","affected_components":[{"name":"API"}]}],"in_progress_maintenances":[{"status":"maintenance_in_progress"}],"scheduled_maintenances":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, wanted := range [][]string{nil, {"API"}} {
			if r, err := parseIncidentIO(raw, wanted); err == nil {
				sound(t, raw, r)
			}
		}
	})
}

func FuzzParseEvents(f *testing.F) {
	f.Add([]byte(`{"value":[{"name":"BC_1-FXZ","properties":{"eventType":"ServiceIssue","status":"Active","eventLevel":"Error","title":"t","impactStartTime":"2026-11-22T07:00:00Z","impact":[{"impactedService":"Storage","impactedRegions":[{"impactedRegion":"West US","status":"Active"}]}]}}],"nextLink":"https://x"}`))
	f.Add([]byte(`{"value":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		page, err := parseEvents(raw)
		if err != nil {
			return
		}
		sound(t, raw, readEvents(page.Value, nil, nil, fuzzedAt))
		sound(t, raw, readEvents(page.Value, []string{"Storage"}, []string{"West US"}, fuzzedAt))
	})
}

func FuzzParseFeed(f *testing.F) {
	f.Add([]byte(`<rss version="2.0"><channel><title>Azure Status</title></channel></rss>`))
	f.Add([]byte(`<rss><channel><title>x</title><item><title>[Resolved] a</title><category>West US</category><description>&lt;b&gt;Status: Resolved&lt;/b&gt;</description><pubDate>Thu, 23 Jul 2026 16:29:09 Z</pubDate></item><item><title>Unresolved</title></item></channel></rss>`))
	f.Add([]byte(`<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><entry><title type="html">a</title><updated>2026-11-22T08:00:00Z</updated><content type="xhtml"><div>b</div></content></entry></feed>`))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY a "b">]><rss><channel><item>&a;</item></channel></rss>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, what := range []wanted{{}, {root: "rss", title: azureTitle, emptyIsWell: true, regions: regionsOf([]string{"West Europe"})}} {
			r, err := parseFeed(raw, what)
			if err != nil {
				continue
			}
			sound(t, raw, r)
			if empty := !namesItems.Match(raw); what.title == "" && empty && len(r.doubts) == 0 {
				t.Errorf("%q holds nothing, and proves that all is well", raw)
			}
		}
	})
}

// namesItems is in every feed that holds something, and ends in every title that ends it.
var (
	namesItems = regexp.MustCompile(`(?i)item|entry`)
	ends       = regexp.MustCompile(`(?i)resolved|completed|closed|cancell?ed|mortem|operating\s+normally`)
)

func FuzzStateOf(f *testing.F) {
	f.Add("[Resolved] Mail is late", "Resolved")
	f.Add("Unresolved", "Status: Investigating")
	f.Fuzz(func(t *testing.T, title, bold string) {
		if stateOf(title, bold, "", nil) == over && !ends.MatchString(title+" "+bold) {
			t.Errorf("%q with %q is over without a word of it", title, bold)
		}
	})
}
