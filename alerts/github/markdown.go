package github

import (
	"net/url"
	"regexp"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/ticket"
)

// render writes GitHub Flavored Markdown.
func render(paragraphs []ticket.Paragraph) string {
	var out strings.Builder
	for _, paragraph := range paragraphs {
		if paragraph.Label != "" {
			out.WriteString("**" + paragraph.Label + ":** ")
		}
		for i, span := range paragraph.Spans {
			if i > 0 && span.Nature != ticket.Ours && paragraph.Spans[i-1].Nature != ticket.Ours {
				out.WriteString(" ")
			}
			out.WriteString(markdown(span))
		}
		out.WriteString("\n\n")
	}
	return out.String()
}

func markdown(span ticket.Span) string {
	switch span.Nature {
	case ticket.Ours:
		return span.Text
	case ticket.Command:
		return code(span.Text)
	case ticket.Link:
		if pointsAtWork(span.Text) {
			return code(span.Text)
		}
		return "<" + span.Text + ">"
	default:
		return quote(span.Text)
	}
}

// quote makes text from outside harmless: what could mean anything stands as code, in
// which GitHub looks for no mention, no reference, no link and no HTML.
func quote(text string) string {
	if text = strings.TrimSpace(text); ticket.Inert(text) {
		return text
	}
	return code(text)
}

// code is a code span. Nothing ends it early, since no back-tick is left in the text.
func code(text string) string {
	text = strings.TrimSpace(clean.Prose(text))
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// work are the paths of which GitHub turns links into references, which write into the
// timeline of what they point at.
var work = regexp.MustCompile(`(?i)/(issues|pulls?|discussions|commits?|compare|advisories)(/|$)`)

func pointsAtWork(link string) bool {
	address, err := url.Parse(link)
	return err != nil || work.MatchString(address.Path)
}

// marker is a comment of HTML, which nobody sees. Keys and marks cannot end it: they
// hold letters, digits and single hyphens.
func marker(key string) string { return "<!-- lapsewatch:" + key + " -->" }

func messageMarker(mark string) string { return "<!-- lapsewatch-message:" + mark + " -->" }

// Only a line that holds nothing else is a marker: a name may read like one, and no text
// from outside begins a line.
var (
	markerLine        = regexp.MustCompile(`(?m)^<!-- lapsewatch:([A-Za-z0-9-]+) -->\r?$`)
	messageMarkerLine = regexp.MustCompile(`(?m)^<!-- lapsewatch-message:([A-Za-z0-9-]+) -->\r?$`)
)
