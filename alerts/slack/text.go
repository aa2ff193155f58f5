package slack

import (
	"regexp"
	"sort"
	"strings"
	"unicode/utf16"

	"lapsewatch/internal/clean"
)

// entities are the three characters that steer Slack: mentions, links and dates begin
// with "<". https://docs.slack.dev/messaging/formatting-message-text/#escaping
var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// formatting are marks that mrkdwn has no escape for: look-alikes stand for them.
var formatting = strings.NewReplacer("*", "∗", "~", "∼", "`", "'")

// emphasis is an underscore that could open or close italics; the one inside a word, as
// in client_secret, cannot.
var emphasis = regexp.MustCompile(`(^|[^\p{L}\p{N}])_|_([^\p{L}\p{N}]|$)`)

// quotation opens a block quote, of all lines that follow with three.
var quotation = regexp.MustCompile(`^[ >]*>`)

// prose makes text from outside mean nothing but itself in mrkdwn.
func prose(text string) string {
	text = formatting.Replace(quotation.ReplaceAllStringFunc(text, func(opening string) string { return strings.ReplaceAll(opening, ">", "›") }))
	// Each replacement may make room for the next: "__" holds two.
	for emphasis.MatchString(text) {
		text = emphasis.ReplaceAllString(text, "${1}＿${2}")
	}
	return entities.Replace(text)
}

// code shows text from outside as it is, letter by letter.
func code(text string) string { return "`" + inCode(text) + "`" }

func inCode(text string) string { return entities.Replace(clean.Prose(text)) }

// link shows an address that weblink.HTTPS has passed. No label: readers see where it
// leads.
func link(address string) string { return "<" + entities.Replace(address) + ">" }

// linked is prose in which an address is a link.
func linked(text, address string) string {
	before, after, found := strings.Cut(text, address)
	if address == "" || !found {
		return prose(text)
	}
	return prose(before) + link(address) + prose(after)
}

// fit cuts text so that it has at most most units when it is marked up.
func fit(text string, most int, markUp func(string) string) string {
	runes := sort.Search(most, func(n int) bool { return units(markUp(clean.Text(text, n+1))) > most })
	return markUp(clean.Text(text, runes))
}

// units counts as Slack's limits may: in UTF-16, which is never less than characters.
func units(text string) int {
	count := 0
	for _, r := range text {
		count += utf16.RuneLen(r)
	}
	return count
}
