package jira_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"regexp"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/jira"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	ownMarkup = regexp.MustCompile(`(?m)^\*[A-Z][A-Za-z ]+:\* |\{\{|\}\}|\[https://(?:inventory|lapsewatch)\.example\.com/[^][|{}]*\]`)
	entity    = regexp.MustCompile(`&#[0-9]+;`)
	// wikiMarkup is what the renderer of Jira looks for: macros, links, mentions, images,
	// phrases, dashes, lists, headings, tables, emoticons, and addresses.
	wikiMarkup = regexp.MustCompile(`[\\{}\[\]*_^~+!|#@<>%$"` + "`" + `]|://|\?\?|(?:^|[^\pL\pN])--?|--|(?m)^(?:h[1-6]|bq)\. |&[^#]|(?m)^\s*-|(^|[^\pL\pN])[A-Z][A-Z0-9_]+-[0-9]|www\.`)
)

// wikiShown fails the test where text from outside is markup, and gives the text with its
// character references as they look, or as a dot where a plain text would do something.
func wikiShown(t testing.TB, text string) string {
	t.Helper()
	rest := ownMarkup.ReplaceAllString(text, "")
	if found := wikiMarkup.FindString(entity.ReplaceAllString(rest, "·")); found != "" {
		t.Errorf("%q is markup in %q", found, rest)
	}
	return entity.ReplaceAllStringFunc(rest, func(reference string) string {
		if reference == "&#46;" {
			return "."
		}
		return "·"
	})
}

var a5 = []string{
	"[~user] {code}x{code}", "{noformat}", "{html}<script>{html}", "[renew|https://evil.example.org]", "https://evil.example.org", "www.evil.example.org",
	"mailto:x@evil.example.org", "!http://evil.example.org/x.png!", "*strong* _em_ -del- +ins+ ^sup^ ~sub~ ??cite?? {{mono}}", "h1. heading", "bq. quote",
	"# list", "- list", "|| table ||", "---- ", "a -- b --- c", ":) (y) (!)", "OPS-1", `\[~user\] \\{code}`, "&#91;~user&#93;", "@user", "{{x}} }}", "line \\\\ break", "[#anchor]", "[^attachment]",
}

func TestA5_NoNameMentionsLinksOrRunsAMacro(t *testing.T) {
	for _, text := range a5 {
		t.Run(text, func(t *testing.T) {
			clock := tickettest.NewClock(alerttest.Now())
			office := tickettest.Open(t, newFake(t, clock, false), clock)
			message := alerttest.Message()
			message.Events = message.Events[:1]
			finding := &message.Events[0].Finding
			finding.Name, finding.Message, finding.Remedy, finding.Check = text, text, text+" `"+text+"`", text
			finding.Owners, finding.Also, message.Note = []string{text}, []watch.Judgement{{Message: text}}, text
			office.Tell(t, message)
			message.Events[0].Type, message.ID = watch.Reminder, "another"
			office.Tell(t, message)
			record := office.Records()[0]
			for _, part := range append([]string{record.Text}, record.Comments...) {
				wikiShown(t, part)
			}
		})
	}
}

func FuzzWikiText(f *testing.F) {
	for _, text := range a5 {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { wikiShown(t, jira.WikiText(clean.Text(text, 200))) })
}

func TestA6_AValueOfJQLStaysOne(t *testing.T) {
	for value, want := range map[string]string{"OPS": `"OPS"`, `a" OR project = "B`: `"a\" OR project = \"B"`, `a\`: `"a\\"`} {
		if got := jira.Quoted(value); got != want {
			t.Errorf("%s becomes %s, want %s", value, got, want)
		}
	}
}

func TestTheIssuesOfAnOrdinaryMessage(t *testing.T) {
	golden(t, "cloud.txt", told(t, true, alerttest.Message()))
	golden(t, "data-center.txt", told(t, false, alerttest.Message()))
}

func TestF15_AHostileMessageReadsAsTheGoldenFileSays(t *testing.T) {
	golden(t, "hostile-cloud.txt", told(t, true, alerttest.HostileMessage()))
	golden(t, "hostile-data-center.txt", told(t, false, alerttest.HostileMessage()))
}

// told delivers each event of a message and gives what people see.
func told(t *testing.T, cloud bool, message alerts.Message) []byte {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	office := tickettest.Open(t, newFake(t, clock, cloud), clock)
	for _, event := range message.Events {
		one := message
		one.Events = []watch.Event{event}
		office.Tell(t, one)
	}
	return tickettest.Dump(office.Records())
}

func TestADescriptionIsTheDocumentOfTheGoldenFile(t *testing.T) {
	clock := tickettest.NewClock(alerttest.Now())
	f := newFake(t, clock, true)
	office := tickettest.Open(t, f, clock)
	office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
	var indented bytes.Buffer
	if err := json.Indent(&indented, f.issues[0].description, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "description.json", append(indented.Bytes(), '\n'))
}

func TestALifeReadsAsTheGoldenFileSays(t *testing.T) {
	clock := tickettest.NewClock(alerttest.Now())
	office := tickettest.Open(t, newFake(t, clock, true), clock)
	office.TellALife(t)
	golden(t, "life.txt", tickettest.Dump(office.Records()))
}

func TestATestMessageReadsAsTheGoldenFileSays(t *testing.T) {
	message := alerttest.Message()
	message.Events, message.Test = message.Events[:1], true
	golden(t, "test.txt", told(t, true, message))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	alerttest.Golden(t, name, got, *update)
}
