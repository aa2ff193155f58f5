package incidents_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// natured names a reason for each nature, in the order of the documentation.
var natured = []struct {
	nature string
	reason watch.Reason
}{
	{"expired", watch.Expired}, {"sign_in", watch.SignInClientRefused}, {"certificate", watch.ChainBroken}, {"domain", watch.DomainSuspended},
	{"numbering", watch.NumbersUsedUp}, {"mail_failed", watch.MailLost}, {"response_failed", watch.ResponseTimedOut}, {"mail_slow", watch.MailSlow},
	{"response_slow", watch.DivergentMember}, {"clock", watch.ClockJump}, {"records", watch.FutureRecords}, {"provider", watch.UpstreamDown},
	{"provider_maintenance", watch.UpstreamMaintenance}, {"expiring", watch.ExpiresSoon}, {"unseen", watch.Unreachable}, {"other", watch.NoOwner},
}

func TestEachNatureHasItsSentences(t *testing.T) {
	for _, language := range []string{"en", "fr"} {
		own := incidents.Texts{Internal: "{{.Nature}}", Note: "{{.Problem}}\n{{.Past}}\n{{.Recovery}}"}
		words := newWords(t, language, own, nil)
		var out strings.Builder
		for _, row := range natured {
			for _, components := range [][]watch.Component{nil, {{Name: "Shop"}}, {{Name: "Shop"}, {Name: "Ticketing"}}} {
				story := incidents.Story{Phase: watch.Investigating, Causes: []incidents.Cause{{Reason: row.reason}}, Components: components}
				texts := everyText(t, words, story)
				if texts["internal"] != row.nature {
					t.Errorf("%s is of nature %q, want %q", row.reason, texts["internal"], row.nature)
				}
				fmt.Fprintf(&out, "%s: %s\n%s\n\n", row.nature, texts["title"], texts["note"])
			}
		}
		golden(t, language+"-natures.txt", out.String())
	}
}

func TestEachReasonHasItsNature(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{Internal: "{{.Nature}}"}, nil)
	var out strings.Builder
	for _, reason := range watch.Reasons() {
		story := incidents.Story{Phase: watch.Investigating, Causes: []incidents.Cause{{Reason: reason}}}
		fmt.Fprintf(&out, "%s: %s\n", reason, everyText(t, words, story)["internal"])
	}
	golden(t, "reasons.txt", out.String())
}

func TestWhatCustomersSeeDecidesTheNatureWhateverTheOrder(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{Internal: "{{.Nature}}"}, nil)
	causes := []incidents.Cause{{Reason: watch.UpstreamDown}, {Reason: watch.NoOwner}, {Reason: watch.ResponseSlow}, {Reason: watch.Expired}}
	for range causes {
		causes = append(causes[1:], causes[0])
		if got := everyText(t, words, incidents.Story{Phase: watch.Identified, Causes: causes})["internal"]; got != "expired" {
			t.Errorf("got %q", got)
		}
	}
}

func TestPublicTextsStayAsTheyAreWhileTimeGoesBy(t *testing.T) {
	for _, language := range []string{"en", "fr"} {
		words := newWords(t, language, incidents.Texts{}, nil)
		for i, story := range incidents.Samples() {
			before := everyText(t, words, story)
			story.At = story.At.Add(50 * time.Hour)
			for c := range story.Causes {
				story.Causes[c].DaysLeft -= 2
				story.Causes[c].Message = "another"
			}
			after := everyText(t, words, story)
			if before["title"] != after["title"] || before["text"] != after["text"] {
				t.Errorf("%s, %s: %q became %q", language, sampleNames[i], before["text"], after["text"])
			}
		}
	}
}

func TestTheTitleIsTheSameFromTheBeginningToTheEnd(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{}, nil)
	for _, story := range incidents.Samples()[3:6] {
		if got, want := everyText(t, words, story)["title"], "Customer portal, Order confirmations, Ticketing and 2 more: expired credential"; got != want {
			t.Errorf("%s: got %q, want %q", story.Phase, got, want)
		}
	}
}

func TestAnUnknownPhaseIsAnError(t *testing.T) {
	words := newWords(t, "en", incidents.Texts{}, nil)
	if _, err := words.Text(incidents.Story{Key: "k", Phase: "dreaming"}); err == nil || err.Error() != `word incident "k": phase "dreaming" has no text` {
		t.Errorf("got %v", err)
	}
}

func TestFunctionsOfTemplates(t *testing.T) {
	story := incidents.Samples()[3]
	tests := []struct{ name, template, en, fr string }{
		{"an instant", "{{.StartedAt}}", "2026-11-26 11:30 UTC", "2026-11-26 11:30 UTC"},
		{"its day and its time", "{{date .StartedAt}} {{time .StartedAt}}", "2026-11-26 11:30 UTC", "2026-11-26 11:30 UTC"},
		{"one that is not set is nothing, and false", "[{{.ResolvedAt}}{{date .ResolvedAt}}{{if .ResolvedAt}}x{{end}}]", "[]", "[]"},
		{"what is no instant stays", "{{date .Phase}}", "identified", "identified"},
		{"days", "{{days 0}}, {{days 1}}, {{days 2}}, {{days -1}}, {{days -2}}", "0 days, 1 day, 2 days, -1 day, -2 days", "0 jour, 1 jour, 2 jours, -1 jour, -2 jours"},
		{"days between", "{{daysBetween .FirstWarned .StartedAt}} {{daysBetween .StartedAt .FirstWarned}} {{daysBetween .StartedAt .ResolvedAt}}", "25 0 0", "25 0 0"},
		{"a span of days", "{{span .FirstWarned .StartedAt}}", "25 days 5 h", "25 jours 5 h"},
		{"a span of minutes", "{{span .StartedAt .OpenedAt}}", "30 min", "30 min"},
		{"a span of nothing", "{{span .StartedAt .StartedAt}}", "less than a minute", "moins d'une minute"},
		{"a span that runs backwards", "[{{span .OpenedAt .StartedAt}}]", "[]", "[]"},
		{"joined", `{{join .Affected "; "}}`, "crm-sendout; ticket-intake; order-confirmations", "crm-sendout; ticket-intake; order-confirmations"},
		{"a first letter", `{{upperFirst "été"}}{{upperFirst ""}}`, "Été", "Été"},
		{"a quantity", `{{quantity 0 "a" "b"}} {{plural 2 "a" "b"}}`, "0 b b", "0 a b"},
		{"phases and states", `{{phase "monitoring"}}, {{status "partial_outage"}}, {{phase "x"}}`, "monitoring, partial outage, x", "sous surveillance, panne partielle, x"},
		{"a window that is not there", `[{{if .Window}}x{{end}}{{.Window.From}}]`, "[]", "[]"},
		{"an acknowledgement", `{{with .Acknowledged}}{{.By}} {{.Until}}{{end}}`, "sam@example.com 2026-11-25 00:00 UTC", "sam@example.com 2026-11-25 00:00 UTC"},
		{"comparisons of instants", `{{if lt .FirstWarned .StartedAt}}warned{{end}}`, "warned", "warned"},
		{"a story's field within a loop", `{{range $i, $c := .Causes}}{{if eq $i 1}}{{$.Services}}{{break}}{{end}}{{end}}`, "Customer portal, Order confirmations, Ticketing and 2 more", "Customer portal, Order confirmations, Ticketing et 2 autres"},
		{"lines without ends of spaces", "a  \r\n\n\n\n\tb\x1b", "a\n\n b", "a\n\n b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for language, want := range map[string]string{"en": test.en, "fr": test.fr} {
				words := newWords(t, language, incidents.Texts{Internal: test.template}, nil)
				if got := everyText(t, words, story)["internal"]; got != want {
					t.Errorf("%s: got %q, want %q", language, got, want)
				}
			}
		})
	}
}
