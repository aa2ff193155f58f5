package jira

import (
	"fmt"
	"strings"
	"unicode"

	"lapsewatch/internal/ticket"
)

// wiki writes the markup of Jira Data Center
// (https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all).
func wiki(paragraphs []ticket.Paragraph) string {
	var out strings.Builder
	for _, paragraph := range paragraphs {
		if paragraph.Label != "" {
			out.WriteString("*" + paragraph.Label + ":* ")
		}
		for i, span := range paragraph.Spans {
			if i > 0 && span.Nature != ticket.Ours && paragraph.Spans[i-1].Nature != ticket.Ours {
				out.WriteString(" ")
			}
			out.WriteString(wikiSpan(span))
		}
		out.WriteString("\n\n")
	}
	return strings.TrimSpace(out.String())
}

func wikiSpan(span ticket.Span) string {
	switch span.Nature {
	case ticket.Ours:
		return span.Text
	case ticket.Command:
		return "{{" + entities(span.Text) + "}}"
	case ticket.Link:
		return "[" + strings.NewReplacer("[", "%5B", "]", "%5D").Replace(span.Text) + "]"
	default:
		return wikiText(span.Text)
	}
}

// wikiText makes text from outside harmless.
func wikiText(text string) string {
	if text = strings.TrimSpace(text); ticket.Inert(text) {
		return text
	}
	return entities(text)
}

// entities writes whatever could be markup as a character reference. A backslash does not
// do: it cannot stand before itself, and macros and links are looked for before it is.
func entities(text string) string {
	var out strings.Builder
	runes := []rune(text)
	for i, r := range runes {
		inName := r == '.' && i > 0 && i+1 < len(runes) && ordinary(runes[i-1]) && ordinary(runes[i+1]) && !strings.HasSuffix(strings.ToLower(out.String()), "www")
		if ordinary(r) || r == ' ' || r > unicode.MaxASCII || inName {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "&#%d;", r)
		}
	}
	return out.String()
}

func ordinary(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
