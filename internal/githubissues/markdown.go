package githubissues

import (
	"net/url"
	"regexp"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/ticket"
)

// Quote makes text from outside harmless: what could mean anything stands as code, in
// which GitHub looks for no mention, no reference, no link and no HTML.
func Quote(text string) string {
	if text = strings.TrimSpace(text); ticket.Inert(text) {
		return text
	}
	return Code(text)
}

// Code is a code span. Nothing ends it early, since no back-tick is left in the text.
func Code(text string) string {
	text = strings.TrimSpace(clean.Prose(text))
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// work are the paths of which GitHub turns links into references, which write into the
// timeline of what they point at.
var work = regexp.MustCompile(`(?i)/(issues|pulls?|discussions|commits?|compare|advisories)(/|$)`)

// PointsAtWork reports that GitHub would note the link where it leads.
func PointsAtWork(link string) bool {
	address, err := url.Parse(link)
	return err != nil || work.MatchString(address.Path)
}

// Cut shortens quoted text to at most limit characters, with an ellipsis. A code span that
// the cut would leave open is closed, so that what stands in it stays code.
func Cut(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	const end = "`…"
	kept := string(runes[:max(0, limit-len([]rune(end)))])
	if strings.Count(kept[strings.LastIndexByte(kept, '\n')+1:], "`")%2 == 1 {
		return kept + end
	}
	return kept + "…"
}
