package slack

import (
	"regexp"
	"strings"

	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
)

// markup is Slack's mrkdwn.
var markup = chat.Markup{Prose: prose, Name: code, Command: fenced, Link: link, Size: chat.UTF16, ToDo: "*What to do:*", Bullet: "• "}

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

func fenced(command string) string { return "\n```" + inCode(command) + "```\n" }

func inCode(text string) string { return entities.Replace(clean.Prose(text)) }

// link shows an address that weblink.HTTPS has passed. No label: readers see where it
// leads.
func link(address string) string { return "<" + entities.Replace(address) + ">" }
