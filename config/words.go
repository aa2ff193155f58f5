package config

import (
	"slices"
	"strconv"
	"strings"
)

// list writes "a, b or c".
func list(words []string, joint string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + joint + " " + words[last]
}

// quoted shows a word from the file, safely and not at any length.
func quoted(word string) string {
	const longest = 40
	if runes := []rune(word); len(runes) > longest {
		word = string(runes[:longest]) + "…"
	}
	return strconv.Quote(word)
}

// vocabulary are the words that may stand in some place.
type vocabulary struct {
	words []string
	known map[string]bool
}

func newVocabulary(words []string) vocabulary {
	v := vocabulary{words: slices.Sorted(slices.Values(words)), known: map[string]bool{}}
	for _, word := range words {
		v.known[word] = true
	}
	return v
}

// remedy is what to write in place of an unknown word: the one that was probably meant,
// or those that there are.
func (v vocabulary) remedy(word string) string {
	const shown = 16
	if meant := v.similar(word); meant != "" {
		return " (did you mean " + strconv.Quote(meant) + "?)"
	}
	switch {
	case len(v.words) == 0:
		return ""
	case len(v.words) > shown:
		return " (known: " + strings.Join(v.words[:shown], ", ") + ", …)"
	default:
		return " (known: " + strings.Join(v.words, ", ") + ")"
	}
}

// similar finds the word that was probably meant; there is none when it is empty.
func (v vocabulary) similar(word string) string {
	// Comparing is slow, and somebody may have made thousands of mistakes.
	const longest, most = 64, 500
	if len(word) > longest || len(v.words) > most {
		return ""
	}
	nearest, meant := max(len(word), 3)/3+1, ""
	for _, candidate := range v.words {
		if d := distance(strings.ToLower(word), strings.ToLower(candidate)); d < nearest {
			nearest, meant = d, candidate
		}
	}
	return meant
}

// distance is how many letters must be added, taken away, replaced or swapped with their
// neighbour to make b of a (the optimal string alignment distance).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			rows[i][j] = min(replaced, rows[i][j-1]+1, rows[i-1][j]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
