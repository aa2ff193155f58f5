package redact

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// replaceEscaped replaces a value of which any character may be escaped. It follows the
// forms of each character rather than a list of encodings, since encoders differ in what
// they escape, and echoes are often escaped by two of them.
func replaceEscaped(text, value string) string {
	forms := formsOf(value)
	var clean strings.Builder
	from := 0
	for at := 0; at < len(text); {
		end := matchAt(text, at, forms)
		if end < 0 {
			at++
			continue
		}
		clean.WriteString(text[from:at] + mark)
		at, from = end, end
	}
	return clean.String() + text[from:]
}

// matchAt gives the last end of a match that begins at a position, or -1. A character may
// match in two ways, as "%25" begins with "%", so all ends so far are followed.
func matchAt(text string, at int, forms [][]string) int {
	ends := []int{at}
	for _, character := range forms {
		var next []int
		for _, end := range ends {
			for _, form := range character {
				if after := end + len(form); after <= len(text) && matches(text[end:after], form) && !slices.Contains(next, after) {
					next = append(next, after)
				}
			}
		}
		if len(next) == 0 {
			return -1
		}
		ends = next
	}
	return slices.Max(ends)
}

// matches takes escapes in either case, and characters in their own only.
func matches(text, form string) bool {
	return text == form || len(form) > 2 && strings.EqualFold(text, form)
}

// htmlNames are the character references that encoders write by name.
var htmlNames = map[rune]string{'&': "amp", '<': "lt", '>': "gt", '"': "quot", '\'': "apos", '+': "plus", '/': "sol", '=': "equals"}

// jsonShort are the escapes of RFC 8259 section 7 that do not repeat the character.
var jsonShort = map[rune]string{'\b': "b", '\f': "f", '\n': "n", '\r': "r", '\t': "t"}

// formsOf lists for each character of a value how it may appear: as it is,
// percent-encoded (RFC 3986 section 2.1), escaped in JSON, and as an HTML character
// reference. Letters and digits of ASCII are escaped by no encoder.
func formsOf(value string) [][]string {
	var all [][]string
	for at := 0; at < len(value); {
		char, size := utf8.DecodeRuneInString(value[at:])
		encoded := value[at : at+size]
		at += size
		forms := []string{encoded}
		if !plain(char) {
			forms = append(forms, percent(encoded), unicodeEscape(char), fmt.Sprintf("&#%d;", char), fmt.Sprintf("&#x%x;", char))
		}
		if name, ok := htmlNames[char]; ok {
			forms = append(forms, "&"+name+";")
		}
		if short, ok := jsonShort[char]; ok {
			forms = append(forms, `\`+short)
		} else if char < utf8.RuneSelf && !plain(char) {
			forms = append(forms, `\`+encoded)
		}
		if char == ' ' {
			forms = append(forms, "+")
		}
		all = append(all, forms)
	}
	return all
}

func plain(char rune) bool {
	return char >= 'a' && char <= 'z' || char >= 'A' && char <= 'Z' || char >= '0' && char <= '9'
}

func percent(encoded string) string {
	var escape strings.Builder
	for _, octet := range []byte(encoded) {
		fmt.Fprintf(&escape, "%%%02x", octet)
	}
	return escape.String()
}

func unicodeEscape(char rune) string {
	var escape strings.Builder
	for _, unit := range utf16.Encode([]rune{char}) {
		fmt.Fprintf(&escape, `\u%04x`, unit)
	}
	return escape.String()
}
