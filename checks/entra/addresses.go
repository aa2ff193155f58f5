package entra

import (
	"strings"
)

const (
	// maxOwners bounds who is told about one credential.
	maxOwners = 20
	// longestNotes is beyond what Entra stores.
	longestNotes = 4096
)

// addressesIn finds whom the text of a holder names: behind "NotifyEmail=", a convention
// in notes, with several addresses separated by commas or semicolons.
func addressesIn(notes string) []string {
	const mark = "notifyemail"
	var found []string
	rest := notes[:min(len(notes), longestNotes)]
	for len(found) < maxOwners {
		at := indexFold(rest, mark)
		if at < 0 {
			break
		}
		rest = rest[at+len(mark):]
		value := strings.TrimLeft(rest, " \t")
		if value == "" || value[0] != '=' && value[0] != ':' {
			continue
		}
		line, _, _ := strings.Cut(value[1:], "\n")
		found = append(found, leadingAddresses(line)...)
	}
	return found
}

// leadingAddresses are the addresses that a list begins with, up to the first word that is
// none.
func leadingAddresses(line string) []string {
	var found []string
	for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) }) {
		address := plainAddress(strings.Trim(word, `<>"'.`))
		if address == "" {
			break
		}
		found = append(found, address)
	}
	return found
}

// indexFold finds an ASCII word in whatever case.
func indexFold(text, word string) int {
	for i := 0; i+len(word) <= len(text); i++ {
		if strings.EqualFold(text[i:i+len(word)], word) {
			return i
		}
	}
	return -1
}

// noted are the addresses that people wrote on the holder itself.
func (h *holder) noted() []string {
	found := leadingAddresses(h.reference[:min(len(h.reference), longestNotes)])
	return append(found, addressesIn(h.notes)...)
}

// distinct keeps the first of addresses that differ only in case, at most maxOwners.
func distinct(addresses []string) []string {
	var kept []string
	seen := make(map[string]bool, len(addresses))
	for _, address := range addresses {
		if folded := strings.ToLower(address); !seen[folded] && len(kept) < maxOwners {
			seen[folded] = true
			kept = append(kept, address)
		}
	}
	return kept
}
