package googlechat

import (
	"sort"
	"strings"

	"lapsewatch/internal/clean"
)

// entities are the characters that steer a card's text, which is HTML of a few tags. The
// markup of text messages means nothing in it: no <users/all>, no <url|label>, no *bold*.
// https://developers.google.com/workspace/chat/format-messages#card-formatting
var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// prose makes text from outside mean nothing but itself in a card.
func prose(text string) string { return entities.Replace(clean.Prose(text)) }

// strong is prose in bold.
func strong(text string) string { return "<b>" + prose(text) + "</b>" }

// link shows an address that weblink.HTTPS has passed, and which so holds no quotation
// mark. It is its own label: readers see where it leads.
func link(address string) string {
	escaped := entities.Replace(address)
	return `<a href="` + escaped + `">` + escaped + "</a>"
}

// linked is prose in which an address is a link.
func linked(text, address string) string {
	before, after, found := strings.Cut(text, address)
	if address == "" || !found {
		return prose(text)
	}
	return prose(before) + link(address) + prose(after)
}

// fit cuts text so that it has at most most bytes when it is marked up.
func fit(text string, most int, markUp func(string) string) string {
	runes := sort.Search(most, func(n int) bool { return len(markUp(clean.Text(text, n+1))) > most })
	return markUp(clean.Text(text, runes))
}
