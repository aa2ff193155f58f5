package jose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// members are those of a JSON object, whose names are compared letter by letter; package
// encoding/json would take "EXP" for "exp".
type members struct {
	byName map[string]json.RawMessage
	// twice lists names that occur more than once, of which the last counts (RFC 7519, 4).
	twice []string
}

var (
	errNoObject = errors.New("is no JSON object")
	errDeep     = fmt.Errorf("is nested deeper than %d levels", maxDepth)
	errMany     = fmt.Errorf("has more than %d members", maxMembers)
)

// readMembers reads one JSON object and nothing after it. Its errors are clauses, and
// repeat nothing of what they are about.
func readMembers(text []byte) (members, error) {
	if deeperThan(text, maxDepth) {
		return members{}, errDeep
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return members{}, errNoObject
	}
	read := members{byName: map[string]json.RawMessage{}}
	for count := 0; decoder.More(); count++ {
		if count >= maxMembers {
			return members{}, errMany
		}
		name, err := decoder.Token()
		text, isName := name.(string)
		var value json.RawMessage
		if err != nil || !isName || decoder.Decode(&value) != nil {
			return members{}, errNoObject
		}
		if _, known := read.byName[text]; known && !slices.Contains(read.twice, text) {
			read.twice = append(read.twice, text)
		}
		read.byName[text] = value
	}
	if _, err := decoder.Token(); err != nil {
		return members{}, errNoObject
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return members{}, errNoObject
	}
	return read, nil
}

// deeperThan counts brackets outside of strings.
func deeperThan(text []byte, limit int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch char := text[i]; {
		case quoted && char == '\\':
			i++
		case char == '"':
			quoted = !quoted
		case quoted:
		case char == '{' || char == '[':
			if depth++; depth > limit {
				return true
			}
		case char == '}' || char == ']':
			depth--
		}
	}
	return false
}

// text is a member that is a string; empty if it is none.
func (m members) text(name string) string {
	var text string
	if json.Unmarshal(m.byName[name], &text) != nil {
		return ""
	}
	return text
}

// texts is a member that is a string or a list of them; at most so many, and what is no
// string is left out.
func (m members) texts(name string, most int) []string {
	if text := m.text(name); text != "" {
		return []string{text}
	}
	var list []json.RawMessage
	if json.Unmarshal(m.byName[name], &list) != nil {
		return nil
	}
	var texts []string
	for _, raw := range list {
		var text string
		if len(texts) < most && json.Unmarshal(raw, &text) == nil && text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}
