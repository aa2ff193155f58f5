package cachet

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

const (
	// maxTitle is the service's limit. It names none for a message: ours fits into the
	// 65,535 bytes of a column of MySQL.
	maxTitle = 255
	maxText  = 15_000
)

// continued is a story with what is said now behind it. What does not fit is left out of its
// beginning.
func continued(story, now string) string {
	const between = "\n\n"
	now = stubtext.Cut(now, maxText)
	room := maxText - utf8.RuneCountInString(now) - utf8.RuneCountInString(between)
	runes := []rune(story)
	switch {
	case room < 1 || story == "":
		return now
	case len(runes) > room:
		story = "…" + string(runes[len(runes)-room+1:])
	}
	return story + between + now
}

// digest tells texts apart.
func digest(text string) string {
	sum := sha256.Sum256([]byte(stubtext.Tidy(text)))
	return hex.EncodeToString(sum[:8])
}

// mark is what version 2 keeps of us at the end of a message.
type mark struct {
	key string
	// said is the digest of the text that was written last.
	said string
	// left is how the stub left each component when it set it last.
	left map[int]int
}

// markLine is a definition of a link that no text refers to: Markdown shows nothing of it
// (https://spec.commonmark.org/0.31.2/#link-reference-definitions).
var markLine = regexp.MustCompile(`(?:^|\n)\[//\]: # \(lapsewatch (lw[0-9a-z-]{1,40}) ([0-9a-f]{16})((?: [0-9]+:[0-9])*)\)\s*$`)

func (m mark) line() string {
	line := "[//]: # (lapsewatch " + m.key + " " + m.said
	for _, id := range slices.Sorted(maps.Keys(m.left)) {
		line += " " + strconv.Itoa(id) + ":" + strconv.Itoa(m.left[id])
	}
	return line + ")"
}

// marked is the text with the mark behind it.
func (m mark) marked(text string) string { return text + "\n\n" + m.line() }

// unmarked reads the text and the mark of the installation behind it, if there is one.
func unmarked(message, source string) (text string, found mark) {
	message = stubtext.Tidy(message)
	at := markLine.FindStringSubmatchIndex(message)
	if at == nil {
		return message, mark{}
	}
	key, ours := watch.FindIncidentKey(message[at[2]:at[3]], source)
	if !ours {
		return message, mark{}
	}
	found = mark{key: key.String(), said: message[at[4]:at[5]], left: map[int]int{}}
	for pair := range strings.FieldsSeq(message[at[6]:at[7]]) {
		id, state, _ := strings.Cut(pair, ":")
		if number, err := strconv.Atoi(id); err == nil {
			found.left[number], _ = strconv.Atoi(state) // the pattern takes one digit only
		}
	}
	return stubtext.Tidy(message[:at[0]]), found
}

// sorted gives the fields by their names.
func sorted(fields map[string][]string) iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if !yield(name, fields[name]) {
				return
			}
		}
	}
}

// joined joins sentences.
func joined(texts []string) string {
	var all []string
	for _, text := range texts {
		if text = strings.TrimSuffix(strings.TrimSpace(text), "."); text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}
