package discord

import (
	"regexp"
	"strings"

	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
)

// markup is Discord's Markdown.
var markup = chat.Markup{Prose: prose, Name: strong, Command: fenced, Link: link, Size: chat.UTF16, ToDo: "**What to do:**"}

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

func fenced(command string) string { return "\n```\n" + inCode(command) + "\n```\n" }

// inCode shows text from outside as it is, letter by letter, between back-ticks.
func inCode(text string) string { return withoutEverybody(clean.Prose(text)) }

// link shows an address that weblink.HTTPS has passed. No label: readers see where it
// leads. The brackets keep Discord from adding a preview.
func link(address string) string { return "<" + address + ">" }
