package cstate_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// site is a status page that the real Hugo builds. Its templates read what cState
// documents; the theme itself is not part of the tests.
type site struct {
	*desk
	clock  *tickettest.Clock
	system incidents.System
	top    string
}

func newSite(t *testing.T) *site {
	t.Helper()
	if _, err := exec.LookPath("hugo"); err != nil {
		t.Fatalf("hugo is missing (%v): run `make test-parts`", err)
	}
	s := &site{clock: tickettest.NewClock(alerttest.Now()), desk: newDesk(t, nil), top: t.TempDir()}
	if err := os.CopyFS(s.top, os.DirFS("testdata/site")); err != nil {
		t.Fatal(err)
	}
	s.folder = filepath.Join(s.top, "content", "issues")
	if err := os.MkdirAll(s.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	s.system = s.New(t, incidents.Env{Env: alerts.Env{Name: "status", Now: s.clock.Now}, Source: "example"}, "")
	return s
}

// build runs Hugo as of the site's clock, and gives the overview that it makes.
func (s *site) build() (overview overview) {
	s.t.Helper()
	command := exec.Command("hugo", "--quiet", "--clock", s.clock.Now().Add(time.Minute).Format(time.RFC3339), "--cleanDestinationDir", "--cacheDir", filepath.Join(s.top, "cache"))
	command.Dir = s.top
	if out, err := command.CombinedOutput(); err != nil || strings.Contains(string(out), "WARN") {
		s.t.Fatalf("hugo: %v\n%s", err, out)
	}
	text := s.read(filepath.Join(s.top, "public", "index.json"))
	if err := json.Unmarshal([]byte(text), &overview); err != nil {
		s.t.Fatalf("%v in\n%s", err, text)
	}
	return overview
}

type overview struct {
	SummaryStatus string
	PinnedIssues  []string
	Systems       []struct {
		Name             string
		UnresolvedIssues []struct{ Title, Severity, Permalink, CreatedAt, Filename string }
	}
}

// public is the built page of a stub, "" where there is none.
func (s *site) public(remote incidents.Remote) string {
	s.t.Helper()
	path := filepath.Join(s.top, "public", strings.TrimPrefix(remote.URL, "https://status.example.com/"), "index.html")
	content, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return string(content)
}

func (s *site) stub(phase watch.Phase, status watch.ComponentStatus, text string) incidents.Stub {
	now := s.clock.Now()
	return incidents.Stub{
		Key: watch.NewIncidentKey("example", "orders", alerttest.Now()).String(), Mark: string(phase) + now.Format("150405"), Phase: phase,
		Title: "Sign-in of the order service may fail", Text: text, Internal: "Client secret of the app orders.",
		Components: []watch.Component{{ID: "API", Status: status}}, Impact: status, StartedAt: alerttest.Now().Add(-time.Hour), At: now,
	}
}

func (s *site) requirePage(remote incidents.Remote, parts ...string) {
	s.t.Helper()
	page := s.public(remote)
	for _, part := range parts {
		if !strings.Contains(page, part) {
			s.t.Errorf("%q is missing from the page\n%s", part, page)
		}
	}
	if strings.Contains(page, "app orders") {
		s.t.Errorf("what is for staff is on the page\n%s", page)
	}
}

func TestHugoBuildsTheLifeOfAStub(t *testing.T) {
	s := newSite(t)
	made, err := s.system.Create(t.Context(), s.stub(watch.Identified, watch.MajorOutage, "The credential expired."))
	if err != nil {
		t.Fatal(err)
	}
	all := s.build()
	if issues := all.Systems[0].UnresolvedIssues; all.SummaryStatus != "down" || len(issues) != 1 || issues[0].Title != made.Title || issues[0].Severity != "down" ||
		issues[0].Permalink != made.URL || issues[0].CreatedAt != "2026-11-22T05:00:00Z" || issues[0].Filename != filepath.Base(s.path(made.ID)) || len(all.Systems[1].UnresolvedIssues) != 0 {
		t.Errorf("the overview is %+v", all)
	}
	s.requirePage(made, "<h1>Sign-in of the order service may fail</h1>", "[API]", "<p>The credential expired. <small>(2026-11-22 06:00 UTC)</small>")
	s.clock.Advance(2 * time.Hour)
	over, err := s.system.Update(t.Context(), made, s.stub(watch.Over, watch.Operational, "It works again."))
	if err != nil {
		t.Fatal(err)
	}
	if all := s.build(); all.SummaryStatus != "ok" || len(all.Systems[0].UnresolvedIssues) != 0 {
		t.Errorf("the overview is %+v", all)
	}
	s.requirePage(over, "Resolved after 180 minutes", "[API]", "It works again. <small>(2026-11-22 08:00 UTC)</small>", "The credential expired. <small>(2026-11-22 06:00 UTC)</small>")
	page := s.public(over)
	if strings.Index(page, "It works again") > strings.Index(page, "The credential expired") {
		t.Error("the newest is not the first")
	}
}

func TestHugoBuildsNoHiddenStub(t *testing.T) {
	s := newSite(t)
	stub := s.stub(watch.Identified, watch.PartialOutage, "The credential expired.")
	stub.Hidden = true
	made, err := s.system.Create(t.Context(), stub)
	if err != nil {
		t.Fatal(err)
	}
	if all := s.build(); all.SummaryStatus != "ok" || s.public(made) != "" {
		t.Errorf("a draft is built: %+v", all)
	}
	stub.Hidden, stub.Mark = false, "shown"
	if made, err = s.system.Update(t.Context(), made, stub); err != nil {
		t.Fatal(err)
	}
	if all := s.build(); all.SummaryStatus != "disrupted" || s.public(made) == "" {
		t.Errorf("what is no draft any more is not built: %+v", all)
	}
}

func TestHugoAnnouncesAMaintenanceWithoutChangingHowThingsStand(t *testing.T) {
	s := newSite(t)
	stub := s.stub(watch.Scheduled, watch.UnderMaintenance, "A credential is replaced.")
	from := s.clock.Now().Add(48 * time.Hour)
	stub.Window = &watch.Window{From: from, Until: from.Add(time.Hour)}
	made, err := s.system.Create(t.Context(), stub)
	if err != nil {
		t.Fatal(err)
	}
	if all := s.build(); all.SummaryStatus != "ok" || len(all.PinnedIssues) != 1 || all.PinnedIssues[0] != stub.Title {
		t.Errorf("the overview is %+v", all)
	}
	s.requirePage(made, "<strong>2026-11-24 06:00 UTC – 2026-11-24 07:00 UTC</strong>")
}

func TestF15_HugoTakesNothingFromOutsideForMarkup(t *testing.T) {
	for _, hostile := range []string{
		`{{< track "2026-01-01" >}}`, "{{{< nowhere >}}}", "{{% nowhere %}}", "`{{< nowhere >}}`", "---\ntitle: mine\n---", `"}], "summaryStatus": "ok`, `\"`,
		"<script>alert(1)</script>", "[renew](javascript:alert(1))", "https://evil.example.com", "'''", "title: |\n  x", "{{ .Site.Title }}", "<!--more-->", "# x", "!!binary", "&a *a",
	} {
		t.Run(hostile, func(t *testing.T) {
			s := newSite(t)
			name := s.system.Traits().Quote(clean.Text(hostile, 200))
			stub := s.stub(watch.Identified, watch.MajorOutage, "Affected: "+name+"\n\nWe are looking into it.")
			stub.Title = "Down: " + name
			made, err := s.system.Create(t.Context(), stub)
			if err != nil {
				t.Fatal(err)
			}
			all := s.build()
			if len(all.Systems[0].UnresolvedIssues) != 1 || all.Systems[0].UnresolvedIssues[0].Title != made.Title || all.SummaryStatus != "down" {
				t.Errorf("the overview is %+v", all)
			}
			page := s.public(made)
			for _, markup := range []string{"<script", "<a ", "2026-01-01", "Example Status", "<h1>x"} {
				if hostile != `{{< track "2026-01-01" >}}` && strings.Contains(page, markup) {
					t.Errorf("%s acts in\n%s", markup, page)
				}
			}
			if strings.Count(page, "<small>") != 1 {
				t.Errorf("a shortcode acts in\n%s", page)
			}
		})
	}
}
