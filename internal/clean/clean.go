// Package clean makes text from outside (certificate names, host names, replies of
// servers) fit to be shown: one line of visible, valid UTF-8 of bounded length. It does
// not escape: markup, mentions, formulas and terminal colours remain the business of
// each renderer, which knows what is special to it.
package clean

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// replacement stands for whatever cannot be seen, so that it is seen.
	replacement = '\uFFFD'
	ellipsis    = '…'
	// maxMarks is more accents on one letter than any script needs; towers of them
	// spill over the neighbouring lines.
	maxMarks = 4
)

// Text gives s as one line of at most maxRunes runes. A run of control characters, line
// breaks, bidirectional overrides, zero-width and other invisible characters, private
// use characters or invalid UTF-8 becomes one U+FFFD; every space becomes U+0020. What is
// cut off is marked by an ellipsis, which counts as one rune.
func Text(s string, maxRunes int) string {
	if len(s) <= maxRunes && plain(s) {
		return s
	}
	var out strings.Builder
	runes, marks, last := 0, 0, rune(0)
	for _, r := range s {
		shown := visible(r)
		marks = following(marks, shown)
		if shown == replacement && last == replacement || marks > maxMarks {
			continue
		}
		if runes++; runes > maxRunes {
			return cut(out.String())
		}
		out.WriteRune(shown)
		last = shown
	}
	return out.String()
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// visible gives the rune to show for r. Ranging over a string yields U+FFFD for invalid
// UTF-8, so that needs no case of its own.
func visible(r rune) rune {
	switch {
	case unicode.Is(unicode.Zs, r):
		return ' '
	case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return replacement
	case unicode.IsPrint(r) && r != brailleBlank:
		return r
	default:
		return replacement
	}
}

// brailleBlank counts as a symbol but shows nothing.
const brailleBlank = '\u2800'

func following(marks int, r rune) int {
	if unicode.Is(unicode.M, r) {
		return marks + 1
	}
	return 0
}

func cut(s string) string {
	_, size := utf8.DecodeLastRuneInString(s)
	if size == 0 {
		return ""
	}
	return s[:len(s)-size] + string(ellipsis)
}
