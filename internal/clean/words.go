package clean

import "strings"

// Words splits text where a line may be broken. What stands between back-ticks stays
// one word: a command that is broken over two lines and pasted line by line is another
// command.
func Words(text string) []string {
	var words []string
	quoted := false
	for _, field := range strings.Fields(text) {
		if quoted {
			words[len(words)-1] += " " + field
		} else {
			words = append(words, field)
		}
		if strings.Count(field, "`")%2 == 1 {
			quoted = !quoted
		}
	}
	if quoted {
		// An odd back-tick quotes nothing.
		return strings.Fields(text)
	}
	return words
}
