package servicenow

import (
	"regexp"
	"strings"

	"lapsewatch/internal/ticket"
)

// plain writes the text of a field, which has no markup but [code] in work notes.
// Commands stand on lines of their own, for copying.
func plain(paragraphs []ticket.Paragraph) string {
	var out strings.Builder
	for _, paragraph := range paragraphs {
		if paragraph.Label != "" {
			out.WriteString(paragraph.Label + ": ")
		}
		for i, span := range paragraph.Spans {
			if i > 0 {
				out.WriteString(between(paragraph.Spans[i-1].Nature, span.Nature))
			}
			out.WriteString(span.Text)
		}
		out.WriteString("\n")
	}
	return withoutCode(strings.TrimSpace(out.String()))
}

func between(before, after ticket.Nature) string {
	switch {
	case after == ticket.Command:
		return "\n    "
	case before == ticket.Command:
		// Indented, because a text from outside begins no line.
		return "\n  "
	case before == ticket.Ours || after == ticket.Ours:
		return ""
	default:
		return " "
	}
}

// codeTag opens or closes what work notes show as HTML.
var codeTag = regexp.MustCompile(`(?i)\[(\s*/?\s*code\s*)\]`)

// withoutCode turns the brackets of such tags into parentheses. What comes of it holds no
// tag: a replacement adds no bracket.
func withoutCode(text string) string { return codeTag.ReplaceAllString(text, "($1)") }
