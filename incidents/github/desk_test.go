package github_test

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	renderer "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"lapsewatch/incidents/incidenttest"
	"lapsewatch/watch"
)

var (
	comments  = regexp.MustCompile(`(?s)<!--.*?-->`)
	phaseLine = regexp.MustCompile(`<!-- lapsewatch-phase:([a-z]+) -->`)
	windows   = regexp.MustCompile(`<!-- lapsewatch-window:([^/]+)/(\S+) -->`)
)

// Records lists the issues as people see them.
func (f *fake) Records() []incidenttest.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	var records []incidenttest.Record
	for _, issue := range f.issues {
		if issue.gone {
			continue
		}
		record := incidenttest.Record{ID: strconv.Itoa(issue.Number), Title: shown(f.t, issue.Title), Open: issue.State == "open", Key: issue.Body}
		if found := phaseLine.FindStringSubmatch(issue.Body); found != nil {
			record.Phase = found[1]
		}
		if found := windows.FindStringSubmatch(issue.Body); found != nil {
			record.Window = &watch.Window{From: instant(f.t, found[1]), Until: instant(f.t, found[2])}
		}
		said, internal, _ := strings.Cut(issue.Body, "<!-- lapsewatch-internal -->")
		record.Internal = shown(f.t, internal)
		for text := range strings.SplitSeq(said, "<!-- lapsewatch-update:") {
			if text = shown(f.t, "<!-- "+text); text != "" {
				record.Texts = append([]string{text}, record.Texts...)
			}
		}
		for _, comment := range issue.comments {
			switch text := shown(f.t, comment.Body); {
			case strings.Contains(comment.Body, "<!-- lapsewatch-sealed:"):
				record.Draft = text
			case strings.Contains(comment.Body, "<!-- lapsewatch-mark:note-"):
				record.Notes = append(record.Notes, text)
			default:
				record.Told++
			}
		}
		records = append(records, record)
	}
	return records
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// inCode is what does nothing there, and something elsewhere.
var inCode = strings.NewReplacer("@", "·", "#", "·", "<", "·", ">", "·", "](", "··", "://", "···", "javascript:", "···········")

// shown renders Markdown as GitHub does before it looks for mentions and references.
// Elements that Lapsewatch does not write stand in the text as markup.
func shown(t *testing.T, markdown string) string {
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
	var out strings.Builder
	var walk func(*html.Node)
	walk = func(node *html.Node) {
		switch {
		case node.Type == html.TextNode:
			out.WriteString(node.Data)
		case node.Type == html.ElementNode && node.Data == "code":
			out.WriteString(inCode.Replace(node.FirstChild.Data))
			return
		case node.Type == html.ElementNode && !strings.Contains(" html head body p strong code ul li ", " "+node.Data+" "):
			if node.Data != "a" || !strings.HasPrefix(node.Attr[0].Val, "https://inventory.example.com/") {
				out.WriteString("<" + node.Data + " ")
			}
		}
		for child := node.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	walk(document)
	return strings.TrimSpace(comments.ReplaceAllString(out.String(), ""))
}

func (f *fake) named(id string) *fakeIssue {
	number, err := strconv.Atoi(id)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.issues[number-1]
}

func (f *fake) Edit(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	issue := f.named(id)
	issue.Title = "Sign-in fails (see the runbook)"
	// The editor of the web page writes line ends of its own.
	issue.Body = strings.ReplaceAll(strings.Replace(issue.Body, "We are looking into it.", "Anna is looking into it.", 1), "\n", "\r\n")
}

func (f *fake) Delete(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.named(id).gone = true
}

func (f *fake) AddForeign(title, text string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	made := f.add(title, text)
	made.Labels = []fakeLabel{{"incident"}}
	return strconv.Itoa(made.Number)
}

// WriteDraft edits the draft that stands there.
func (f *fake) WriteDraft(id, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, comment := range f.named(id).comments {
		if at := strings.Index(comment.Body, "<!-- lapsewatch-sealed:"); at >= 0 {
			comment.Body = text + "\n\n" + comment.Body[at:]
		}
	}
}
