// Package hiddenline writes and finds lines in Markdown that machines read and people do
// not see: comments of HTML with a name and a value, alone on their line. No text from
// outside begins a line, so that none can be one. It also seals texts, so that a change
// by a person is noticed. It keeps nothing secret and proves nothing against forgery.
package hiddenline

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"lapsewatch/internal/stubtext"
)

const prefix = "lapsewatch-"

var line = regexp.MustCompile(`^<!-- lapsewatch-([a-z]+)(?::([A-Za-z0-9:/_.-]*))? -->$`)

// Write is the line of that name: "<!-- lapsewatch-name:value -->". The value must be one
// that Mark gives, or otherwise hold letters, digits and :/_.- without double hyphens.
func Write(name, value string) string {
	if value != "" {
		name += ":" + value
	}
	return "<!-- " + prefix + name + " -->"
}

// Read reads a line of any origin.
func Read(text string) (name, value string, found bool) {
	match := line.FindStringSubmatch(strings.TrimRight(text, " \t\r"))
	if match == nil {
		return "", "", false
	}
	return match[1], match[2], true
}

// Has reports that a line with the name and the value stands in a text.
func Has(text, name, value string) bool {
	for one := range strings.SplitSeq(text, "\n") {
		if n, v, found := Read(one); found && n == name && v == value {
			return true
		}
	}
	return false
}

// maxMark bounds a mark.
const maxMark = 100

var plainMark = regexp.MustCompile(`^[A-Za-z0-9]+(?:[:_.-][A-Za-z0-9]+)*$`)

// Mark is the text as a value that cannot end the comment: the text itself, or the digest
// of one that could.
func Mark(text string) string {
	if len(text) <= maxMark && plainMark.MatchString(text) {
		return text
	}
	return digest(text)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

const sealName = "sealed"

// Seal is the text with a last line that belongs to it and to the owner, a mark.
func Seal(text, owner string) string {
	text = stubtext.Tidy(text)
	return text + "\n\n" + Write(sealName, Mark(owner)+"/"+digest(text))
}

// Sealed reads what Seal wrote: ours is a text with the owner's seal, and untouched one
// that nobody has changed since.
func Sealed(text, owner string) (ours, untouched bool) {
	text = "\n" + stubtext.Tidy(text)
	at := strings.LastIndex(text, "\n<!-- "+prefix+sealName+":")
	if at < 0 {
		return false, false
	}
	seal, after, _ := strings.Cut(text[at+1:], "\n")
	name, value, found := Read(seal)
	signer, sum, _ := strings.Cut(value, "/")
	if !found || name != sealName || signer != Mark(owner) {
		return false, false
	}
	return true, after == "" && sum == digest(stubtext.Tidy(text[:at]))
}
