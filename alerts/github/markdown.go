package github

import (
	"regexp"
	"strings"

	"lapsewatch/internal/githubissues"
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
		return githubissues.Code(span.Text)
	case ticket.Link:
		if githubissues.PointsAtWork(span.Text) {
			return githubissues.Code(span.Text)
		}
		return "<" + span.Text + ">"
	default:
		return githubissues.Quote(span.Text)
	}
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
