package discord

import (
	"regexp"
	"sort"
	"strings"
	"unicode/utf16"

	"lapsewatch/internal/clean"
)

// marks are the characters of Discord's Markdown that mean something wherever they
// stand. A backslash takes the meaning of any.
// https://support.discord.com/hc/en-us/articles/210298617
var marks = strings.NewReplacer(
	`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "'", "|", `\|`, "<", `\<`, ">", `\>`,
	"[", `\[`, "]", `\]`, "(", `\(`, ")", `\)`, "#", `\#`,
	// Without its colon an address is no link.
	"://", `\://`,
)

// opening are the marks that make a list of a line that begins with them.
var opening = regexp.MustCompile(`^( *)([-+]|[0-9]+\.)`)

// everybody is whom Discord would notify, wherever the word stands; a backslash does not
// keep it from that.
var everybody = regexp.MustCompile(`(?i)@(everyone|here)`)

// prose makes text from outside mean nothing but itself in Discord's Markdown.
func prose(text string) string {
	text = marks.Replace(text)
	text = opening.ReplaceAllStringFunc(text, func(found string) string {
		last := len(found) - 1
		return found[:last] + `\` + found[last:]
	})
	return withoutEverybody(text)
}

func withoutEverybody(text string) string { return everybody.ReplaceAllString(text, "＠$1") }

// strong is prose in bold.
func strong(text string) string { return "**" + prose(text) + "**" }

// inCode shows text from outside as it is, letter by letter, between back-ticks.
func inCode(text string) string { return withoutEverybody(clean.Prose(text)) }

// link shows an address that weblink.HTTPS has passed. No label: readers see where it
// leads. The brackets keep Discord from adding a preview.
func link(address string) string { return "<" + address + ">" }

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

// units counts as Discord's limits may: in UTF-16, which is never less than characters.
func units(text string) int {
	count := 0
	for _, r := range text {
		count += utf16.RuneLen(r)
	}
	return count
}
