package discord

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

const (
	// https://docs.discord.com/developers/resources/webhook#execute-webhook
	maxContent = 2000
	// https://docs.discord.com/developers/resources/message#embed-object-embed-limits
	maxDescription = 4096
	maxEmbeds      = 6000 // all titles, descriptions and footers together
	maxFooter      = 500  // 2048 by Discord; the entries need the room

	maxEntry   = 2000
	maxName    = 250
	maxMessage = 600
	maxAlso    = 200
	maxPeople  = 300
	maxRemedy  = 600
	maxNote    = 500
	// longestLink is what may be shown of links: what is longer would crowd out the rest.
	longestLink = 500
)

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

// content stands above the entries, and in notifications.
func content(told digest.Digest) string {
	shown := lines{room: maxContent}
	shown.add("**" + clean.Text(told.Title(), maxNote) + "**")
	shown.add(prose(told.TestNotice()))
	shown.add(fit(told.Note, maxNote, prose))
	if rest := told.Rest(); rest != "" {
		shown.add(linked(rest, told.ReportURL))
	} else if told.ReportURL != "" {
		shown.add("The whole report: " + link(told.ReportURL))
	}
	return shown.text()
}

// embeds has the message's ID in the last footer, as Discord knows no duplicate by
// itself: readers do.
func embeds(told digest.Digest, id string) []embed {
	var made []embed
	for _, group := range told.Groups {
		var described []string
		for _, entry := range group.Entries {
			described = append(described, describe(group, entry))
		}
		made = append(made, embed{Title: signs[group.Severity] + " " + group.Title, Description: strings.Join(described, "\n\n"), Color: colour(group)})
	}
	if len(made) > 0 {
		made[len(made)-1].Footer = &footer{Text: clean.Text(withoutEverybody(told.Footer()+", message "+id), maxFooter)}
	}
	return made
}

// signs tell the severities apart at a glance; the word stands beside each.
var signs = map[watch.Severity]string{
	watch.Critical: "🔴", watch.Warning: "🟠", watch.Unknown: "🟣", watch.Notice: "🔵", watch.OK: "🟢", digest.Resolved: "✅",
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
		if units(embed.Description) > maxDescription {
			return false
		}
		total += units(embed.Title) + units(embed.Description)
		if embed.Footer != nil {
			total += units(embed.Footer.Text)
		}
	}
	return total <= maxEmbeds
}

// describe is one entry: what can be spared comes last, where it may not fit any more.
func describe(group digest.Group, entry digest.Entry) string {
	told := lines{room: maxEntry - len("\n…")}
	told.add(fit(entry.Name, maxName, strong) + " (" + fit(entry.Change, maxName, prose) + ")")
	told.add(fit(entry.Message, maxMessage, prose))
	if group.Severity != digest.Resolved {
		told.add(remedy(entry.Remedy))
	}
	if entry.Link != "" && len(entry.Link) <= longestLink {
		told.add(link(entry.Link))
	}
	people := "Check: " + entry.Check
	if entry.Owners != "" {
		people = "Owners: " + entry.Owners + ". " + people
	}
	told.add(fit(people, maxPeople, prose))
	if group.Severity != digest.Resolved {
		for _, also := range entry.Also {
			told.add("Also: " + fit(also, maxAlso, prose))
		}
	}
	return told.text()
}

// remedy says what to do. A command is shown whole or not at all: nobody should run half
// of one.
func remedy(words string) string {
	if words == "" {
		return ""
	}
	shown, room := "**What to do:**", maxRemedy
	for _, part := range clean.Parts(words) {
		piece := fit(part.Text, room-len(" "), prose)
		switch {
		case part.Command:
			piece = "\n```\n" + inCode(part.Text) + "\n```\n"
		case !strings.HasSuffix(shown, "\n"):
			piece = " " + piece
		}
		if room -= units(piece); room < 0 {
			return shown + " …"
		}
		shown += piece
	}
	return strings.TrimSpace(shown)
}

// lines is a text that grows as long as there is room.
type lines struct {
	room int
	kept []string
	cut  bool
}

func (l *lines) add(line string) {
	if line == "" {
		return
	}
	need := units(line) + len("\n")
	if need > l.room {
		l.cut = true
		return
	}
	l.room -= need
	l.kept = append(l.kept, line)
}

func (l *lines) text() string {
	if l.cut {
		return strings.Join(append(l.kept, "…"), "\n")
	}
	return strings.Join(l.kept, "\n")
}

// encode leaves <, > and & as they are: nobody reads this JSON inside HTML.
func encode(value any) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return body.Bytes(), err
}
