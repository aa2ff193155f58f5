package upstream

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// azureRegions are those that Azure's feed names in prose
// (learn.microsoft.com/azure/reliability/regions-list). One that is missing here counts as
// no region, so that an item about it alone counts for everybody.
func azureRegions() []string {
	return []string{
		"Australia Central", "Australia Central 2", "Australia East", "Australia Southeast", "Austria East", "Belgium Central", "Brazil South",
		"Brazil Southeast", "Canada Central", "Canada East", "Central India", "Central US", "Chile Central", "China East", "China East 2", "China North",
		"China North 2", "China North 3", "Denmark East", "East Asia", "East US", "East US 2", "France Central", "France South", "Germany North",
		"Germany West Central", "Indonesia Central", "Israel Central", "Italy North", "Japan East", "Japan West", "Jio India Central", "Jio India West",
		"Korea Central", "Korea South", "Malaysia West", "Mexico Central", "New Zealand North", "North Central US", "North Europe", "Norway East",
		"Norway West", "Poland Central", "Qatar Central", "South Africa North", "South Africa West", "South Central US", "South India", "Southeast Asia",
		"Spain Central", "Sweden Central", "Sweden South", "Switzerland North", "Switzerland West", "UAE Central", "UAE North", "UK South", "UK West",
		"US DoD Central", "US DoD East", "US Gov Arizona", "US Gov Texas", "US Gov Virginia", "West Central US", "West Europe", "West India", "West US",
		"West US 2", "West US 3",
	}
}

// finder finds the regions that a text names: their words in lower case by the first one,
// longest first. "West US 2" is no "West US", nor is "North Central US" a "Central US".
type finder map[string][][]string

// finderOf knows the regions of Azure, and further ones.
func finderOf(further []string) finder {
	names := finder{}
	for _, name := range slices.Concat(azureRegions(), further) {
		if words := wordsOf(name); len(words) > 0 {
			names[words[0].lower] = append(names[words[0].lower], lower(words))
		}
	}
	for _, all := range names {
		slices.SortFunc(all, func(a, b []string) int { return cmp.Compare(len(b), len(a)) })
	}
	return names
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

// in gives the regions that a text names, in lower case.
func (f finder) in(text string) []string {
	var found []string
	for words := wordsOf(text); len(words) > 0; {
		length := 1
		for _, name := range f[words[0].lower] {
			if begins(words, name) {
				found = append(found, strings.Join(name, " "))
				length = len(name)
				break
			}
		}
		words = words[length:]
	}
	return found
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

// everywhere is how a title says that there is more than what it names.
var everywhere = regexp.MustCompile(`(?i)(^|[^\pL])(all|any|every|global|globally|worldwide|multiple|several|many|numerous|other|more|various)([^\pL]|$)`)

// concerns reports whether a text that says where something happened (scope), and what else
// is said of it, is about one of the regions. One that names none may be about all.
func (f finder) concerns(wanted []string, scope, rest string) bool {
	named := f.in(scope)
	if len(wanted) == 0 || len(named) == 0 || everywhere.MatchString(scope) {
		return true
	}
	named = append(named, f.in(rest)...)
	return slices.ContainsFunc(wanted, func(one string) bool {
		return slices.Contains(named, strings.Join(lower(wordsOf(one)), " "))
	})
}
