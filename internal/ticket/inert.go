package ticket

import (
	"regexp"
	"strings"
)

// words are letters and digits with single marks between them, in brackets or not.
var words = regexp.MustCompile(`^\(?[\p{L}\p{N}]+(?:[.,:'/-][\p{L}\p{N}]+)*\)?[.,;:]?$`)

// speaking are parts of words that markup gives a meaning all the same: a web address
// without its scheme, the key of an issue (GH-1, OPS-7), and the hash of a commit.
var speaking = regexp.MustCompile(`(?i)(^|[^\p{L}\p{N}])(www\.|[a-z][a-z0-9]*-[0-9]|[0-9a-f]{7,}($|[^\p{L}\p{N}]))`)

// Inert reports that a text means nothing in any markup of a ticket service, so that it
// need not be escaped: it is made of ordinary words and numbers. Most messages are.
func Inert(text string) bool {
	for i, word := range strings.Fields(text) {
		if !words.MatchString(word) || speaking.MatchString(word) {
			return false
		}
		// "1." and "1)" begin a list, "h1." a heading.
		if i == 0 && strings.ContainsAny(word[len(word)-1:], ".)") {
			return false
		}
	}
	return true
}
