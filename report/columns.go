package report

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// columnsOf is how many terminal columns a character takes.
func columnsOf(char rune) int {
	if unicode.In(char, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(char).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

func columnsIn(text string) int {
	columns := 0
	for _, char := range text {
		columns += columnsOf(char)
	}
	return columns
}

// padded fills text up to so many columns.
func padded(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-columnsIn(text)))
}

// fitted cuts text to so many columns and shows with … that it did.
func fitted(text string, columns int) string {
	if columnsIn(text) <= columns {
		return text
	}
	head, _ := splitAt(text, columns-1)
	return head + "…"
}

// splitAt divides text after so many columns, but never before its first character.
func splitAt(text string, columns int) (head, tail string) {
	used := 0
	for i, char := range text {
		if used += columnsOf(char); used > columns && i > 0 {
			return text[:i], text[i:]
		}
	}
	return text, ""
}

// wrapped breaks text into lines of at most so many columns, at spaces where it can;
// 0 columns means no limit.
func wrapped(text string, columns int) []string {
	if columns <= 0 || columnsIn(text) <= columns {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && columnsIn(line)+1+columnsIn(word) <= columns {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for line = word; columnsIn(line) > columns; {
			var head string
			head, line = splitAt(line, columns)
			lines = append(lines, head)
		}
	}
	return append(lines, line)
}
