package clean

import (
	"regexp"
	"strings"
)

// Part is a stretch of a text: prose, or a command to be copied.
type Part struct {
	// Text is bare: no back-ticks, and no space at either end.
	Text    string
	Command bool
}

// quotation is a command between back-ticks. As in Markdown, a back-tick opens before
// and closes behind something else than a space; and each stands at the edge of a word,
// so that a stray one elsewhere quotes nothing.
var quotation = regexp.MustCompile("(?:^|\\s)`([^\\s`](?:[^`]*[^\\s`])?)`[.,;:!?]*(?:\\s|$)")

// Parts splits text, which is one line, into prose and the commands in back-ticks. The
// mark that ends a sentence behind a command is left out: whoever copies the line would
// copy it too. What is in back-ticks counts as a command whoever wrote it: names from
// outside go through Prose before they become part of such a text.
func Parts(text string) []Part {
	var parts []Part
	prose := func(text string) {
		if text = strings.TrimSpace(Prose(text)); text != "" {
			parts = append(parts, Part{Text: text})
		}
	}
	for {
		found := quotation.FindStringSubmatchIndex(text)
		if found == nil {
			prose(text)
			return parts
		}
		begin, end := found[2], found[3]
		prose(text[:begin-1])
		parts = append(parts, Part{Text: text[begin:end], Command: true})
		// The space behind one command may be the space before the next.
		text = strings.TrimLeft(text[end+1:], ".,;:!?")
	}
}

// Prose makes every back-tick of text an apostrophe: it opens no quotation for Parts,
// and a shell into which the line is pasted runs nothing that stands behind it.
func Prose(text string) string { return strings.ReplaceAll(text, "`", "'") }
