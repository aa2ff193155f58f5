package github_test

import (
	"bytes"
	"flag"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	renderer "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/github"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

// ownLinks are those that Lapsewatch shows as links.
var ownLinks = []string{alerttest.ReportURL, "https://inventory.example.com/certificates/42"}

// actsElsewhere is what does something in a text that is no code.
var actsElsewhere = regexp.MustCompile("http|www|[^A-Za-z0-9. ]")

// shown renders Markdown as GitHub does before it looks for mentions and references, and
// gives the texts in which it looks. Elements that Lapsewatch does not write stand among
// them as markup; what is code is shown without the characters that do something
// elsewhere, because in code they do nothing.
func shown(t testing.TB, markdown string) []string {
	t.Helper()
	var page bytes.Buffer
	convert := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(renderer.WithUnsafe()))
	if err := convert.Convert([]byte(markdown), &page); err != nil {
		t.Fatal(err)
	}
	document, err := html.Parse(&page)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	var walk func(*html.Node)
	walk = func(node *html.Node) {
		switch {
		case node.Type == html.TextNode:
			texts = append(texts, node.Data)
		case node.Type == html.ElementNode && node.Data == "code":
			texts = append(texts, actsElsewhere.ReplaceAllString(node.FirstChild.Data, "·"))
			return
		case node.Type == html.ElementNode && node.Data == "a" && slices.Contains(ownLinks, node.Attr[0].Val):
			return
		case node.Type == html.ElementNode && !slices.Contains([]string{"html", "head", "body", "p", "strong", "code"}, node.Data):
			texts = append(texts, "<"+node.Data+" ")
		}
		for child := node.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	walk(document)
	return texts
}

// dangers are what GitHub acts upon in a text that is no code.
var dangers = regexp.MustCompile(`@|#|\b(?i:gh-[0-9])|://|(^|[\s*_~(])www\.|<`)

var a5 = []string{
	"@org/team please", "fixes #1", "GH-1", "acme/infra#1", "closes acme/infra#12", "see 5d41402abc4b2a76b9719d911017c592",
	"`code` @org `", "``` @org", "`@org/team`", "--> @org <!--", "<!-- lapsewatch:x -->", "--> <!-- lapsewatch:lapsewatch-00000000000000000000000000000000 -->",
	"<img src=x onerror=alert(1)>", "&#64;org &lt;img&gt;", "[renew](https://evil.example.org)", "https://evil.example.org", "www.evil.example.org",
	"mail@evil.example.org", "![x](//evil.example.org/x.png)", "\\@org \\`@org\\`", "- [x] done", "1. one", "# heading", "| a | b |", "*strong* _em_ ~~del~~",
	"https://github.com/acme/infra/issues/1", "$`@org`$", ":tada:", "[^1]", "* * *", "===",
}

func TestA5_NoNameMentionsRefersOrLinks(t *testing.T) {
	for _, text := range a5 {
		t.Run(text, func(t *testing.T) {
			clock := tickettest.NewClock(alerttest.Now())
			office := tickettest.Open(t, newFake(t, clock), clock)
			message := first(alerttest.Message())
			finding := &message.Events[0].Finding
			finding.Name, finding.Message, finding.Remedy, finding.Check, finding.Reason = text, text, text+" `"+text+"`", text, watch.NameMismatch
			finding.Owners, finding.Also = []string{text}, []watch.Judgement{{Message: text}}
			message.Note = text
			finding.Link = "https://github.com/acme/other/issues/1"
			office.Tell(t, message)
			message.Events[0].Type = watch.Reminder
			message.ID = "another"
			office.Tell(t, message)
			record := office.Records()[0]
			for _, part := range append([]string{record.Title, record.Text}, record.Comments...) {
				if strings.Count(part, "-->") > 2 && !strings.Contains(text, "-->") {
					t.Errorf("a marker is broken: %s", part)
				}
				for _, shown := range shown(t, part) {
					if danger := dangers.FindString(shown); danger != "" {
						t.Errorf("%q acts in %q", danger, shown)
					}
				}
			}
			if marks := strings.Count(record.Text, "\n<!-- lapsewatch:") + strings.Count(record.Text, "\n<!-- lapsewatch-message:"); marks != 2 {
				t.Errorf("%d markers in %s", marks, record.Text)
			}
		})
	}
}

func FuzzQuote(f *testing.F) {
	for _, text := range a5 {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, line := range []string{"", "**What:** "} {
			for _, shown := range shown(t, line+github.Quote(clean.Text(text, 200))) {
				if danger := dangers.FindString(shown); danger != "" {
					t.Errorf("%q acts in %q", danger, shown)
				}
			}
		}
	})
}

func TestTheIssuesOfAnOrdinaryMessage(t *testing.T) {
	golden(t, "issues.md", told(t, alerttest.Message()))
}

func TestF15_AHostileMessageReadsAsTheGoldenFileSays(t *testing.T) {
	golden(t, "hostile.md", told(t, alerttest.HostileMessage()))
}

// told delivers each event of a message and gives what people see.
func told(t *testing.T, message alerts.Message) []byte {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	office := tickettest.Open(t, newFake(t, clock), clock)
	for _, event := range message.Events {
		one := message
		one.Events = []watch.Event{event}
		office.Tell(t, one)
	}
	return tickettest.Dump(office.Records())
}

func TestALifeReadsAsTheGoldenFileSays(t *testing.T) {
	clock := tickettest.NewClock(alerttest.Now())
	office := tickettest.Open(t, newFake(t, clock), clock)
	office.TellALife(t)
	golden(t, "life.md", tickettest.Dump(office.Records()))
}

func TestATestMessageReadsAsTheGoldenFileSays(t *testing.T) {
	message := first(alerttest.Message())
	message.Test = true
	golden(t, "test.md", told(t, message))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	alerttest.Golden(t, name, got, *update)
}
