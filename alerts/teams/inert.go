package teams

import (
	"regexp"
	"strings"
)

// mentionTag begins or ends a mention: the workflow itself may look for some that the card
// does not declare.
// https://learn.microsoft.com/en-us/connectors/teams/#get-an-@mention-token-for-a-user
var mentionTag = regexp.MustCompile(`(?i)<(/?at)\b`)

// inert takes out of a text what a client or the workflow would act on in a text run, where
// no Markdown is read: {{DATE(…)}} and {{TIME(…)}}, and mentions.
// https://learn.microsoft.com/en-us/adaptive-cards/authoring-cards/text-features
func inert(text string) string {
	for strings.Contains(text, "{{") {
		text = strings.ReplaceAll(text, "{{", "{ {")
	}
	return mentionTag.ReplaceAllString(text, "< $1")
}
