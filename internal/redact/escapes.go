package redact

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// nesting is how many encoders may have escaped an echo, one after the other: JSON within
// JSON, a URL within a query.
const nesting = 2

// character is one of a value, and how it may appear: as it is, or as an escape, of whose
// characters each may be escaped once more.
type character struct {
	literal string
	escapes []pattern
	// anyCase: it is part of an escape, which is written in either case.
	anyCase bool
}

// pattern is a text of which any character may be escaped.
type pattern []character

// newPattern follows the forms of each character rather than a list of encodings, since
// encoders differ in what they escape.
func newPattern(value string, depth int, anyCase bool) pattern {
	var made pattern
	for at := 0; at < len(value); {
		char, size := utf8.DecodeRuneInString(value[at:])
		next := character{literal: value[at : at+size], anyCase: anyCase}
		at += size
		if depth > 0 {
			for _, escape := range escapesOf(char, next.literal) {
				next.escapes = append(next.escapes, newPattern(escape, depth-1, true))
			}
		}
		made = append(made, next)
	}
	return made
}

// ends lists where matches end that begin at a position. There may be several, as "%25"
// begins with "%".
func (p pattern) ends(text string, at int) []int {
	ends := []int{at}
	for _, next := range p {
		var after []int
		for _, end := range ends {
			for _, reached := range next.ends(text, end) {
				if !slices.Contains(after, reached) {
					after = append(after, reached)
				}
			}
		}
		if len(after) == 0 {
			return nil
		}
		ends = after
	}
	return ends
}

func (c character) ends(text string, at int) []int {
	var ends []int
	if end := at + len(c.literal); end <= len(text) && c.is(text[at:end]) {
		ends = append(ends, end)
	}
	if at < len(text) && strings.IndexByte(introducers, text[at]) >= 0 {
		for _, escape := range c.escapes {
			ends = append(ends, escape.ends(text, at)...)
		}
	}
	return ends
}

func (c character) is(shown string) bool {
	return shown == c.literal || c.anyCase && strings.EqualFold(shown, c.literal)
}

// introducers begin every escape, however deep it is.
const introducers = `%\&+`

// starts lists where matches begin that end at a position.
func (p pattern) starts(text string, at int) []int {
	starts := []int{at}
	for _, next := range slices.Backward(p) {
		var before []int
		for _, start := range starts {
			for _, reached := range next.starts(text, start) {
				if !slices.Contains(before, reached) {
					before = append(before, reached)
				}
			}
		}
		if len(before) == 0 {
			return nil
		}
		starts = before
	}
	return starts
}

func (c character) starts(text string, at int) []int {
	var starts []int
	if start := at - len(c.literal); start >= 0 && c.is(text[start:at]) {
		starts = append(starts, start)
	}
	for _, escape := range c.escapes {
		starts = append(starts, escape.starts(text, at)...)
	}
	return starts
}

// replaceEscaped replaces a value of which any character may be escaped. No encoder escapes
// letters and digits, so that matches are looked for around the longest run of those.
func replaceEscaped(text, value string) string {
	run, at := longestRun(value)
	if run == "" {
		return replaceMarks(text, value)
	}
	before, after := newPattern(value[:at], nesting, false), newPattern(value[at+len(run):], nesting, false)
	var clean strings.Builder
	kept := 0
	for from := 0; ; {
		found := strings.Index(text[from:], run)
		if found < 0 {
			return clean.String() + text[kept:]
		}
		found += from
		from = found + 1
		ends := after.ends(text, found+len(run))
		if len(ends) == 0 {
			continue
		}
		// What was replaced already is no part of another match.
		if starts := before.starts(text[kept:], found-kept); len(starts) > 0 {
			clean.WriteString(text[kept:kept+slices.Min(starts)] + mark)
			kept = slices.Max(ends)
			from = kept
		}
	}
}

// replaceMarks replaces a value without letters and digits.
func replaceMarks(text, value string) string {
	pattern := newPattern(value, nesting, false)
	first := introducers + value[:1]
	var clean strings.Builder
	kept := 0
	for at := 0; at < len(text); {
		skipped := strings.IndexAny(text[at:], first)
		if value[0] >= utf8.RuneSelf {
			skipped = 0
		}
		if skipped < 0 {
			break
		}
		at += skipped
		ends := pattern.ends(text, at)
		if len(ends) == 0 {
			at++
			continue
		}
		clean.WriteString(text[kept:at] + mark)
		at = slices.Max(ends)
		kept = at
	}
	return clean.String() + text[kept:]
}

// longestRun is the longest part of letters and digits, and where it begins.
func longestRun(value string) (run string, at int) {
	begins := 0
	for end := 0; end <= len(value); end++ {
		if end < len(value) && plain(rune(value[end])) {
			continue
		}
		if end-begins > len(run) {
			run, at = value[begins:end], begins
		}
		begins = end + 1
	}
	return run, at
}

// htmlNames are the character references that encoders write by name.
var htmlNames = map[rune]string{
	'&': "amp", '<': "lt", '>': "gt", '"': "quot", '\'': "apos", '+': "plus", '/': "sol", '=': "equals", '%': "percnt", '\\': "bsol", '#': "num", ';': "semi",
}

// jsonShort are the escapes of RFC 8259 section 7 that do not repeat the character.
var jsonShort = map[rune]string{'\b': "b", '\f': "f", '\n': "n", '\r': "r", '\t': "t"}

// escapesOf lists how a character may be escaped: percent-encoded (RFC 3986 section 2.1),
// in JSON, and as an HTML character reference.
func escapesOf(char rune, encoded string) []string {
	if plain(char) {
		return nil
	}
	escapes := []string{percent(encoded), unicodeEscape(char), fmt.Sprintf("&#%d;", char), fmt.Sprintf("&#x%x;", char)}
	if name, ok := htmlNames[char]; ok {
		escapes = append(escapes, "&"+name+";")
	}
	if short, ok := jsonShort[char]; ok {
		escapes = append(escapes, `\`+short)
	} else if char < utf8.RuneSelf {
		escapes = append(escapes, `\`+encoded)
	}
	if char == ' ' {
		escapes = append(escapes, "+")
	}
	return escapes
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
