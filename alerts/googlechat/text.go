package googlechat

import (
	"strings"

	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
)

// markup is that of a card's text. Its sizes are in bytes, as the limit of a message is.
var markup = chat.Markup{Prose: prose, Name: strong, Link: link, Size: func(text string) int { return len(text) }}

// entities are the characters that steer a card's text, which is HTML of a few tags. The
// markup of text messages means nothing in it: no <users/all>, no <url|label>, no *bold*.
// https://developers.google.com/workspace/chat/format-messages#card-formatting
var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// prose makes text from outside mean nothing but itself in a card.
func prose(text string) string { return entities.Replace(clean.Prose(text)) }

// steering are the marks that steer a text message: <users/all>, <url|label>, and whatever
// begins like an address. Whether they still do between back-ticks is not documented, and
// there is no escape: look-alikes of the same width stand for them.
// https://developers.google.com/workspace/chat/format-messages#format-texts
var steering = strings.NewReplacer("<", "‹", ">", "›", "://", ":∕∕")

// inCode shows text from outside between the back-ticks of a text message.
func inCode(text string) string { return steering.Replace(clean.Prose(text)) }

// strong is prose in bold.
func strong(text string) string { return "<b>" + prose(text) + "</b>" }

// link shows an address that weblink.HTTPS has passed, and which so holds no quotation
// mark. It is its own label: readers see where it leads.
func link(address string) string {
	escaped := entities.Replace(address)
	return `<a href="` + escaped + `">` + escaped + "</a>"
}
