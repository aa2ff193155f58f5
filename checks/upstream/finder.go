package upstream

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// finder finds the regions that a text names: their words in lower case by the first one,
// longest first. "West US 2" is no "West US", nor is "North Central US" a "Central US".
type finder map[string][][]string

// finderOf knows the regions of Azure, in all spellings.
func finderOf() finder {
	found := finder{}
	add := func(words []string) { found[words[0]] = append(found[words[0]], words) }
	for _, name := range azureRegions() {
		words := lower(wordsOf(name))
		add(words)
		add([]string{strings.Join(words, "")})
		if words[0] == "us" { // the portal of that cloud writes "USGov Virginia"
			add(append([]string{words[0] + words[1]}, words[2:]...))
		}
	}
	for _, all := range found {
		slices.SortFunc(all, func(a, b []string) int { return cmp.Compare(len(b), len(a)) })
	}
	return found
}

// spelt is a word of a text.
type spelt struct {
	lower string
	// apart: something else than white space stands before it.
	apart bool
}

func wordsOf(text string) []spelt {
	var words []spelt
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }
	for text != "" {
		from := strings.IndexFunc(text, inWord)
		if from < 0 {
			break
		}
		gap, rest := text[:from], text[from:]
		to := strings.IndexFunc(rest, func(r rune) bool { return !inWord(r) })
		if to < 0 {
			to = len(rest)
		}
		words = append(words, spelt{lower: strings.ToLower(rest[:to]), apart: strings.TrimSpace(gap) != ""})
		text = rest[to:]
	}
	return words
}

func lower(words []spelt) []string {
	all := make([]string, len(words))
	for i, word := range words {
		all[i] = word.lower
	}
	return all
}

// in gives the regions that a text names, and its other words.
func (f finder) in(text string) (named, others []string) {
	for words := wordsOf(text); len(words) > 0; {
		i := slices.IndexFunc(f[words[0].lower], func(name []string) bool { return begins(words, name) })
		if i < 0 {
			others = append(others, words[0].lower)
			words = words[1:]
			continue
		}
		name := f[words[0].lower][i]
		named = append(named, strings.Join(name, ""))
		words = words[len(name):]
	}
	return named, others
}

func begins(words []spelt, name []string) bool {
	if len(words) < len(name) {
		return false
	}
	for i, word := range name {
		if words[i].lower != word || i > 0 && words[i].apart {
			return false
		}
	}
	return true
}

var (
	// everywhere is how a title says that there is more than what it names: in so many
	// words, by a part of the world, or by half of a region's name ("West/North Europe").
	everywhere = regexp.MustCompile(`^(all|any|every|everywhere|global|globally|worldwide|multiple|multi|multiregion|several|many|numerous|other|others|more|various|` +
		`regions|regional|regionally|nonregional|nonregionally|cross|geo|geos|geography|geographies|areas|` +
		`.*europe.*|.*asia.*|.*africa.*|americas?|.*american?|emea|apac|latam|oceania|us|usa|usgov|usdod|united|states|kingdom|uk|uae|emirates|gov|government|dod|jio|pacific|atlantic|nordics?|` +
		`australia|austria|belgium|brazil|canada|chile|china|denmark|france|germany|india|indonesia|israel|italy|japan|korea|malaysia|mexico|zealand|norway|` +
		`poland|qatar|spain|sweden|switzerland)$`)
	// halves are words of a region's name that stand without the rest of it.
	halves = regexp.MustCompile(`^(north|south|east|west|central|northeast|northwest|southeast|southwest|northern|southern|eastern|western)$`)
)

// concerns reports whether a text that says where something happened (scope), and what else
// is said of it, is about one of the regions. One that names none may be about all, and so
// may one that speaks of more than it names.
func (f finder) concerns(wanted regionSet, scope, rest string) bool {
	named, others := f.in(scope)
	if len(wanted.chosen) == 0 || len(named) == 0 || slices.ContainsFunc(others, everywhere.MatchString) || slices.ContainsFunc(others, halves.MatchString) {
		return true
	}
	further, others := f.in(rest)
	if slices.ContainsFunc(others, halves.MatchString) {
		return true
	}
	return slices.ContainsFunc(append(named, further...), func(one string) bool { return wanted.chosen[one] })
}
