package github

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/internal/githubissues"
	"lapsewatch/watch"
)

func FuzzAnyBodyIsReadAndWrittenOver(f *testing.F) {
	f.Add("", "text")
	f.Add("Our note <!-- lapsewatch-incident:lwkz3q-d4kq37vnzpm3-hgy2c -->", "text")
	f.Add("<!-- lapsewatch-update:a -->\r\n**2026-11-22 06:00 UTC**\r\n\r\nold\r\n<!-- lapsewatch-phase:resolved -->", "`new")
	f.Add("<!-- lapsewatch-window:x/y -->\n<!-- lapsewatch-update -->\n<!-- lapsewatch-update: -->", "a\nb")
	f.Fuzz(func(t *testing.T, body, text string) {
		s := &system{env: incidents.Env{Source: "here"}}
		key := watch.NewIncidentKey("here", "orders", alerttest.Now()).String()
		s.remote(githubissues.Issue{Number: 1, State: "open", Body: body})
		stub := incidents.Stub{Key: key, Mark: "mark", Phase: watch.Identified, Text: githubissues.Quote(text), Internal: "for staff", At: alerttest.Now()}
		written := sealed(stub, partsOf(body), true)
		if length := utf8.RuneCountInString(written); length > githubissues.MaxBody && utf8.RuneCountInString(body) < githubissues.MaxBody {
			t.Errorf("a body of %d characters", length)
		}
		read := s.remote(githubissues.Issue{Number: 1, State: "open", Body: written})
		if read.Key != key || read.Phase != watch.Identified {
			t.Errorf("key %q, phase %q of %q", read.Key, read.Phase, written)
		}
		if edited(written, key) || !edited(written+"\nAnna's", key) || !edited("Anna's\n"+written, key) {
			t.Errorf("it is not known who wrote %q", written)
		}
		again := sealed(stub, partsOf(written), true)
		if again != written {
			t.Errorf("written twice it is\n%q\nand once\n%q", again, written)
		}
		if public := sealed(stub, nil, false); strings.Contains(public, "for staff") {
			t.Error("what is for staff stands in a public body")
		}
	})
}

func TestOfManyUpdatesTheOldestGo(t *testing.T) {
	key := watch.NewIncidentKey("here", "orders", alerttest.Now()).String()
	body := ""
	for i := range 60 {
		stub := incidents.Stub{Key: key, Mark: strings.Repeat("m", i+1), Phase: watch.Identified, Text: strings.Repeat("long ", 1000) + string(rune('A'+i)), At: alerttest.Now()}
		body = sealed(stub, partsOf(body), false)
	}
	texts := textsOf(partsOf(body))
	if utf8.RuneCountInString(body) > githubissues.MaxBody || len(texts) < 5 || len(texts) > maxUpdates || !strings.HasSuffix(texts[len(texts)-1], string(rune('A'+59))) {
		t.Errorf("%d characters, %d texts, the last ends with %q", utf8.RuneCountInString(body), len(texts), texts[len(texts)-1][len(texts[len(texts)-1])-5:])
	}
}

func TestLabelsOfPeopleStay(t *testing.T) {
	s := &system{options: defaults(), env: incidents.Env{Env: alerts.Env{}}}
	stub := incidents.Stub{Phase: watch.Monitoring, Components: []watch.Component{{ID: "api", Name: "API, inner"}, {ID: "web"}}}
	got := s.labels(stub, []githubissues.Label{{Name: "team: platform"}, {Name: "phase: identified"}, {Name: "component: mail"}, {Name: "Incident"}})
	want := []string{"incident", "phase: monitoring", "component: API; inner", "component: web", "team: platform"}
	if !slices.Equal(got, want) {
		t.Errorf("labels %q, want %q", got, want)
	}
}
