// Package columns measures and cuts text by the columns that it takes on a terminal and
// in other monospaced text, in which East Asian characters are twice as wide as others.
// It breaks no lines, and it cleans nothing: its input is one line of visible text.
package columns

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Of is how many columns a character takes.
func Of(char rune) int {
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

// In is how many columns a text takes.
func In(text string) int {
	columns := 0
	for _, char := range text {
		columns += Of(char)
	}
	return columns
}

// Padded fills text up to so many columns.
func Padded(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-In(text)))
}

// Fitted cuts text to so many columns and shows with … that it did.
func Fitted(text string, columns int) string {
	if In(text) <= columns {
		return text
	}
	head, _ := Split(text, columns-1)
	return head + "…"
}

// Split divides text after so many columns, but never before its first character.
func Split(text string, columns int) (head, tail string) {
	used := 0
	for i, char := range text {
		if used += Of(char); used > columns && i > 0 {
			return text[:i], text[i:]
		}
	}
	return text, ""
}
