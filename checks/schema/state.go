package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/sqlread"
)

// The ways in which a column is numbered, beside the words that the catalog statements have
// for what a column counts by itself ("AUTO_INCREMENT", "identity, always").
const (
	// bySequence: its default is the next number of a sequence.
	bySequence = "sequence"
	// byExpression: its default is computed in another way.
	byExpression = "expression"
	// inGroups is added where a counter counts for each value of other columns by itself:
	// MyISAM and Aria allow that of one that no index begins with.
	inGroups = " in each group"
)

// state is how a column is numbered, as far as a change of it matters.
type state struct {
	// Kind is empty where it is not numbered.
	Kind string `json:"kind,omitempty"`
	Type string `json:"type"`
	// Sequence is what a default draws from.
	Sequence sequenceName `json:"sequence,omitzero"`
	// Increment, and the Lowest and Highest that both the type and the sequence allow, are
	// empty where they are not known.
	Increment string `json:"increment,omitempty"`
	Lowest    string `json:"lowest,omitempty"`
	Highest   string `json:"highest,omitempty"`
	Cycle     bool   `json:"cycle,omitempty"`
	// Expression is the default itself, shortened, where that is all that is known.
	Expression string `json:"expression,omitempty"`
}

const maxExpression = 100

// sequenceName is remembered as it is, whatever characters it holds: the text of a table's
// name can be read again only if all of it can be seen.
type sequenceName sqlread.TableName

func (n sequenceName) String() string { return sqlread.TableName(n).String() }

func (s state) numbered() bool { return s.Kind != "" }

// described is the numbering in words.
func (s state) described() string {
	typed := " (" + shown(s.Type) + ")"
	switch s.Kind {
	case bySequence:
		return "numbered by the sequence " + shown(s.Sequence.String()) + typed
	case byExpression:
		return "numbered by the default " + shown(s.Expression) + typed
	default:
		return "numbered by " + s.Kind + typed
	}
}

// text differs where the state does.
func (s state) text() string {
	encoded, err := json.Marshal(s)
	if err != nil {
		// A struct of texts and a boolean can always be written.
		return fmt.Sprintf("%#v", s)
	}
	return string(encoded)
}

// digest is one of parts, in hexadecimal digits.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// wider reports whether nothing but the range has changed, and that is no smaller.
func (s state) wider(before state) bool {
	like := s
	like.Type, like.Lowest, like.Highest = before.Type, before.Lowest, before.Highest
	if like != before {
		return false
	}
	lowest, okLowest := number(s.Lowest)
	highest, okHighest := number(s.Highest)
	lowestBefore, okLowestBefore := number(before.Lowest)
	highestBefore, okHighestBefore := number(before.Highest)
	if !okLowest || !okHighest || !okLowestBefore || !okHighestBefore {
		return s == before
	}
	return lowest.Cmp(lowestBefore) <= 0 && highest.Cmp(highestBefore) >= 0
}

// differences says in clauses what changed since before.
func (s state) differences(before state) []string {
	var found []string
	say := func(what, now, was string) {
		if now != was {
			found = append(found, fmt.Sprintf("%s %s (was %s)", what, orNone(now), orNone(was)))
		}
	}
	say("it is numbered by", s.Kind, before.Kind)
	say("its type is", s.Type, before.Type)
	say("its sequence is", named(s.Sequence), named(before.Sequence))
	say("its default is", s.Expression, before.Expression)
	if s.Increment == "" || before.Increment == "" {
		// The range of one of them is not known.
		return found
	}
	say("its increment is", s.Increment, before.Increment)
	say("its smallest number is", s.Lowest, before.Lowest)
	say("its largest number is", s.Highest, before.Highest)
	if s.Cycle && !before.Cycle {
		found = append(found, "once it is used up it begins again, with numbers that are taken")
	}
	if before.Cycle && !s.Cycle {
		found = append(found, "once it is used up it ends (it began again before)")
	}
	return found
}

func named(sequence sequenceName) string {
	if sequence.Table == "" {
		return ""
	}
	return sequence.String()
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return shown(text)
}

// maxShown bounds a text of the server in a sentence.
const maxShown = 150

// shown makes a text of the server fit for a sentence.
func shown(text string) string { return clean.Prose(clean.Text(text, maxShown)) }
