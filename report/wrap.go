package report

import (
	"strings"

	"lapsewatch/internal/columns"
)

// wrapped breaks text into lines of at most so many columns, at spaces where it can;
// 0 columns means no limit.
func wrapped(text string, most int) []string {
	if most <= 0 || columns.In(text) <= most {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && columns.In(line)+1+columns.In(word) <= most {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for line = word; columns.In(line) > most; {
			var head string
			head, line = columns.Split(line, most)
			lines = append(lines, head)
		}
	}
	return append(lines, line)
}
