package cachet

import (
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

// mark is what version 2 keeps of us at the end of a message.
type mark struct {
	key string
	// said is the digest of the text that was written last.
	said string
	// left is what it keeps of each component.
	left map[int]left2
}

// left2 is how the stub left a component when it set it last, and how somebody else had left
// it before, where it was not well.
type left2 struct{ state, before int }

// markLine is a definition of a link that no text refers to: Markdown shows nothing of it
// (https://spec.commonmark.org/0.31.2/#link-reference-definitions).
var markLine = regexp.MustCompile(`(?:^|\n)\[//\]: # \(lapsewatch (lw[0-9a-z-]{1,40}) ([0-9a-f]{16})((?: [0-9]+:[0-9](?::[0-9])?)*)\)\s*$`)

func (m mark) line() string {
	line := "[//]: # (lapsewatch " + m.key + " " + m.said
	for _, id := range slices.Sorted(maps.Keys(m.left)) {
		line += " " + strconv.Itoa(id) + ":" + strconv.Itoa(m.left[id].state)
		if before := m.left[id].before; before != 0 {
			line += ":" + strconv.Itoa(before)
		}
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
	found = mark{key: key.String(), said: message[at[4]:at[5]], left: map[int]left2{}}
	for written := range strings.FieldsSeq(message[at[6]:at[7]]) {
		parts := strings.Split(written, ":")
		if id, err := strconv.Atoi(parts[0]); err == nil {
			left := left2{state: digit(parts[1])}
			if len(parts) > 2 {
				left.before = digit(parts[2])
			}
			found.left[id] = left
		}
	}
	return stubtext.Tidy(message[:at[0]]), found
}

// digit is a state, which the pattern takes of one digit only.
func digit(text string) int { return int(text[0] - '0') }

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
