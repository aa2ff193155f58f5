package googlechat

import (
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
)

const (
	// maxBytes bounds a message with all that is in it.
	// https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create
	maxBytes = 32_000
	// maxEntries stays below 100 widgets, behind which a card shows nothing.
	// https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#card
	maxEntries = 90

	// maxText bounds the text above the card, in bytes: Google documents no limit of its own
	// for it, and the card is what matters.
	maxText = 4096

	maxTitle   = 300
	maxName    = 800
	maxMessage = 2000
	maxAlso    = 400
	maxPeople  = 1000
	maxRemedy  = 2000
	maxNote    = 1000
	// longestLink is what may be shown of links, which stand there twice.
	longestLink = 1000

	newLine = "<br>"
)

// payload is a message with one card.
type payload struct {
	// Text stands above the card, and in notifications.
	Text   string       `json:"text"`
	Cards  []cardWithID `json:"cardsV2"`
	Thread *thread      `json:"thread,omitempty"`
}

type thread struct {
	Key string `json:"threadKey"`
}

type cardWithID struct {
	ID   string `json:"cardId"`
	Card card   `json:"card"`
}

type card struct {
	Sections []section `json:"sections"`
}

type section struct {
	Header  string   `json:"header,omitempty"`
	Widgets []widget `json:"widgets"`
}

type widget struct {
	Paragraph paragraph `json:"textParagraph"`
}

type paragraph struct {
	Text string `json:"text"`
}

func sectionOf(header string, texts ...string) section {
	made := section{Header: header}
	for _, text := range texts {
		made.Widgets = append(made.Widgets, widget{paragraph{text}})
	}
	return made
}

// compose puts as much of the message into a card as Google Chat takes. The plot of the
// clocks has what room the entries leave.
func compose(message alerts.Message, env alerts.Env, threaded bool) payload {
	if len(env.ReportURL) > longestLink {
		env.ReportURL = ""
	}
	var in *thread
	if threaded {
		in = &thread{Key: digest.Key("channel " + env.Name)}
	}
	made := func(told digest.Digest, entries []section) payload {
		sections := append(head(told), entries...)
		return payload{
			Text: clean.Text(told.Title(), maxTitle), Thread: in,
			Cards: []cardWithID{{ID: "lapsewatch", Card: card{Sections: append(sections, tail(told))}}},
		}
	}
	// Measured with everything left out, what stands around the entries is at its longest.
	frame := size(made(digest.New(message, env, 0), nil))
	shown := digest.Fit(message, maxEntries, func(shown int) bool {
		return frame+size(groups(digest.New(message, env, shown))) <= maxBytes
	})
	told := digest.New(message, env, shown)
	whole := made(told, groups(told))
	plotted := whole
	plotted.Text += clocks(told)
	if len(plotted.Text) > maxText || size(plotted) > maxBytes {
		return whole
	}
	return plotted
}

// clocks is the plot in lines of its own; empty if there is none. It stands in the text,
// since nothing in a card is monospaced.
// https://developers.google.com/workspace/chat/format-messages
func clocks(told digest.Digest) string {
	if told.Clocks == nil {
		return ""
	}
	return "\n```\n" + inCode(strings.Join(told.Clocks, "\n")) + "\n```"
}

func head(told digest.Digest) []section {
	lines := markup.Opening(told, maxNote)
	if lines == nil {
		return nil
	}
	return []section{sectionOf("", lines...)}
}

func tail(told digest.Digest) section {
	footer := prose(told.Footer())
	if report := markup.Report(told); report != "" {
		return sectionOf("", report, footer)
	}
	return sectionOf("", footer)
}

func groups(told digest.Digest) []section {
	var made []section
	for _, group := range told.Groups {
		var entries []string
		for _, entry := range group.Entries {
			entries = append(entries, describe(group, entry))
		}
		made = append(made, sectionOf(chat.Sign(group.Severity)+" "+group.Title, entries...))
	}
	return made
}

// describe is one entry. All its lines together are far below what a message takes.
func describe(group digest.Group, entry digest.Entry) string {
	lines := []string{markup.Named(entry, maxName), markup.Fit(entry.Message, maxMessage, prose)}
	if !digest.Over(group.Severity) {
		for _, also := range entry.Also {
			lines = append(lines, "Also: "+markup.Fit(also, maxAlso, prose))
		}
		lines = append(lines, remedy(entry.Remedy)...)
	}
	lines = append(lines, markup.People(entry, maxPeople))
	if entry.Link != "" && len(entry.Link) <= longestLink {
		lines = append(lines, link(entry.Link))
	}
	return strings.Join(lines, newLine)
}

// remedy says what to do, with each command on a line of its own. A command is shown whole
// or not at all: nobody should run half of one.
func remedy(words string) []string {
	var lines []string
	room := maxRemedy
	for _, part := range clean.Parts(words) {
		line := markup.Fit(part.Text, max(room, 0), prose)
		if part.Command {
			line = entities.Replace(part.Text)
		}
		if room -= len(line); room < 0 {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		lines[0] = "<b>What to do:</b> " + lines[0]
	}
	return lines
}

func size(value any) int {
	encoded, err := chat.Encode(value)
	if err != nil {
		return maxBytes
	}
	return len(encoded)
}
