package discord

import (
	"strconv"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
)

const (
	// https://docs.discord.com/developers/resources/webhook#execute-webhook
	maxContent = 2000
	// https://docs.discord.com/developers/resources/message#embed-object-embed-limits
	maxDescription = 4096
	maxEmbeds      = 6000 // all titles, descriptions and footers together
	maxFooter      = 500  // 2048 by Discord; the entries need the room

	maxNote = 500
	// longestLink is what may be shown of links: what is longer would crowd out the rest.
	longestLink = 500
)

// bounds let two of the longest entries fit into an embed.
var bounds = chat.Bounds{Entry: 2000, Name: 250, Message: 600, Also: 200, People: 300, Remedy: 600, Link: longestLink}

// payload is the body of Execute Webhook.
type payload struct {
	Content  string          `json:"content"`
	Embeds   []embed         `json:"embeds"`
	Mentions allowedMentions `json:"allowed_mentions"`
}

// allowedMentions without any type notifies nobody.
type allowedMentions struct {
	Parse []string `json:"parse"`
}

// embed are the entries of one severity: there are fewer of these than of embeds that
// Discord takes.
type embed struct {
	Title       string  `json:"title"`
	Description string  `json:"description"`
	Color       int64   `json:"color"`
	Footer      *footer `json:"footer,omitempty"`
}

type footer struct {
	Text string `json:"text"`
}

// compose puts as much of the message into embeds as Discord takes.
func compose(message alerts.Message, env alerts.Env) payload {
	if len(env.ReportURL) > longestLink {
		env.ReportURL = ""
	}
	shown := digest.Fit(message, len(message.Events), func(shown int) bool {
		return fits(embeds(digest.New(message, env, shown), message.ID))
	})
	told := digest.New(message, env, shown)
	return payload{Content: content(told), Embeds: embeds(told, message.ID), Mentions: allowedMentions{Parse: []string{}}}
}

// content stands above the entries, and in notifications. It holds the plot of the clocks
// as well, if there is room: an embed is narrower than a message, too narrow for the plot.
func content(told digest.Digest) string {
	shown := chat.NewLines(maxContent, chat.UTF16)
	shown.Add("**" + clean.Text(told.Title(), maxNote) + "**")
	for _, line := range markup.Opening(told, maxNote) {
		shown.Add(line)
	}
	shown.Add(markup.Report(told))
	text := shown.Text()
	if plot := clocks(told); chat.UTF16(text+plot) <= maxContent {
		return text + plot
	}
	return text
}

// clocks is the plot in lines of its own; empty if there is none.
func clocks(told digest.Digest) string {
	if told.Clocks == nil {
		return ""
	}
	return strings.TrimSuffix(fenced(strings.Join(told.Clocks, "\n")), "\n")
}

// embeds has the message's ID in the last footer, as Discord knows no duplicate by
// itself: readers do.
func embeds(told digest.Digest, id string) []embed {
	var made []embed
	for _, group := range told.Groups {
		var described []string
		for _, entry := range group.Entries {
			described = append(described, markup.Entry("", entry, group.Severity, bounds))
		}
		made = append(made, embed{Title: chat.Sign(group.Severity) + " " + group.Title, Description: strings.Join(described, "\n\n"), Color: colour(group)})
	}
	if len(made) > 0 {
		made[len(made)-1].Footer = &footer{Text: clean.Text(withoutEverybody(told.Footer()+", message "+id), maxFooter)}
	}
	return made
}

// colour is the group's as Discord wants it, a number; black if it has none.
func colour(group digest.Group) int64 {
	number, err := strconv.ParseInt(strings.TrimPrefix(group.Colour, "#"), 16, 32)
	if err != nil {
		return 0
	}
	return number
}

func fits(embeds []embed) bool {
	total := 0
	for _, embed := range embeds {
		if chat.UTF16(embed.Description) > maxDescription {
			return false
		}
		total += chat.UTF16(embed.Title) + chat.UTF16(embed.Description)
		if embed.Footer != nil {
			total += chat.UTF16(embed.Footer.Text)
		}
	}
	return total <= maxEmbeds
}
