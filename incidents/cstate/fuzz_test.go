package cstate

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

func FuzzAnyPageIsReadAndWrittenOver(f *testing.F) {
	f.Add("---\ntitle: a\ndate: 2018-04-13 15:54:00\nresolved: true\naffected:\n  - API\nsection: issue\n---\n\n*Update* - Fixed. {{< track \"2018-04-13 17:30:00\" >}}\n", "text", "title")
	f.Add("---\nlapsewatch: {key: 1, components: {a: [b]}, from: x}\nAffected: API\n---\n", "{{< track \"x\" >}}", "---")
	f.Add("---\na: &a [*a]\n? b\n: c\n---", "", "!!binary x")
	f.Add("---\r\ntitle: |\r\n  x\r\n---\r\nx", "a\n---\nb", "\"")
	f.Fuzz(func(t *testing.T, content, text, title string) {
		s := &system{env: incidents.Env{Source: "here"}}
		standing, err := parse([]byte(content))
		if err != nil {
			standing = page{}
		}
		s.remote("a.md", standing)
		key := watch.NewIncidentKey("here", "orders", alerttest.Now()).String()
		stub := incidents.Stub{
			Key: key, Mark: "mark", Phase: watch.Identified, Title: quote(clean.Text(title, 100)), Text: quote(clean.Text(text, 1000)), At: alerttest.Now(),
			Components: []watch.Component{{ID: "API", Status: watch.PartialOutage}},
		}
		written, err := standing.shape(stub).render()
		if err != nil {
			return // what people put into a front matter may be what cannot be written
		}
		read, err := parse(written)
		if err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		remote := s.remote("a.md", read)
		if !read.sealed || read.edited() || remote.Key != key || remote.Phase != watch.Identified || !slices.Equal(remote.Components, stub.Components) {
			t.Errorf("sealed %t, %+v of\n%s", read.sealed, remote, written)
		}
		if last := remote.Texts[len(remote.Texts)-1]; last != strings.TrimSpace(stub.Text) || remote.Title != stub.Title {
			t.Errorf("title %q, text %q\nwant  %q,      %q", remote.Title, last, stub.Title, stub.Text)
		}
	})
}

func FuzzAQuotedTextHoldsNoShortcode(f *testing.F) {
	f.Add("{{{< x >}}}")
	f.Add(`a"b\c`)
	f.Fuzz(func(t *testing.T, text string) {
		quoted := quote(clean.Text(text, 200))
		if strings.Contains(quoted, "{{") || strings.ContainsAny(quoted, "\"\\<>\n") || !utf8.ValidString(quoted) {
			t.Errorf("%q", quoted)
		}
		if quoted != inert(quoted) || quoted != harmless(quoted) {
			t.Errorf("%q is changed again", quoted)
		}
	})
}
