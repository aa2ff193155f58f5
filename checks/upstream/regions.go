package upstream

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"lapsewatch/internal/clean"
)

// azureRegions are those that can be chosen, and that Azure's feed names in prose
// (learn.microsoft.com/azure/reliability/regions-list). What is said of one that is missing
// here counts for everybody.
func azureRegions() []string {
	return []string{
		"Australia Central", "Australia Central 2", "Australia East", "Australia Southeast", "Austria East", "Belgium Central", "Brazil South",
		"Brazil Southeast", "Canada Central", "Canada East", "Central India", "Central US", "Central US EUAP", "Chile Central", "China East", "China East 2", "China North",
		"China North 2", "China North 3", "Denmark East", "East Asia", "East US", "East US 2", "East US 2 EUAP", "France Central", "France South", "Germany North",
		"Germany West Central", "Indonesia Central", "Israel Central", "Italy North", "Japan East", "Japan West", "Jio India Central", "Jio India West",
		"Korea Central", "Korea South", "Malaysia West", "Mexico Central", "New Zealand North", "North Central US", "North Europe", "Norway East",
		"Norway West", "Poland Central", "Qatar Central", "South Africa North", "South Africa West", "South Central US", "South India", "Southeast Asia",
		"Spain Central", "Sweden Central", "Sweden South", "Switzerland North", "Switzerland West", "UAE Central", "UAE North", "UK South", "UK West",
		"US DoD Central", "US DoD East", "US Gov Arizona", "US Gov Texas", "US Gov Virginia", "West Central US", "West Europe", "West India", "West US",
		"West US 2", "West US 3",
	}
}

// canonical is a region's name as all spellings of it are: "West Europe" and "westeurope".
func canonical(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// regionSet are the regions that count, all of them if there are none, beside those that are
// known.
type regionSet struct{ chosen, known map[string]bool }

func regionsOf(chosen []string) regionSet {
	set := regionSet{map[string]bool{}, map[string]bool{}}
	for _, one := range chosen {
		set.chosen[canonical(one)] = true
	}
	for _, one := range azureRegions() {
		set.known[canonical(one)] = true
	}
	return set
}

// count reports whether what Azure names as the place of an event may be in a region that
// counts: it is one, no region at all, or none that is known here.
func (s regionSet) count(place string) bool {
	name := canonical(place)
	return len(s.chosen) == 0 || s.chosen[name] || !s.known[name]
}

// regionFault is why a name cannot be chosen: one that Azure never says would make the rest
// look well.
func regionFault(name string) error {
	wanted, least, meant := canonical(name), len(canonical(name)), ""
	if wanted == "" {
		return errName
	}
	for _, one := range azureRegions() {
		known := canonical(one)
		if known == wanted {
			return nil
		}
		distance := differs(wanted, known)
		if mixed(name) == mixed(one) {
			distance = 0
		}
		if distance < least {
			least, meant = distance, one
		}
	}
	hint := "; leave regions out where it is one that is new"
	if least <= mostTypos {
		hint = fmt.Sprintf(" (did you mean %q?)", meant) + hint
	}
	return fmt.Errorf("%q is no region of Azure that is known here%s", clean.Text(name, maxName), hint)
}

// mostTypos in a name still show which region is meant.
const mostTypos = 3

// mixed is a name whatever the order of its words.
func mixed(name string) string {
	words := lower(wordsOf(name))
	slices.Sort(words)
	return strings.Join(words, "")
}

// differs is how many letters have to be changed, added or taken out to make one text of
// the other (Levenshtein).
func differs(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
