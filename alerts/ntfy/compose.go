package ntfy

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

const (
	// maxMessage bounds the text in bytes: a server makes an attachment of a longer one,
	// older servers also of one with exactly 4,096 bytes.
	// https://docs.ntfy.sh/publish/#limitations
	maxMessage = 4095
	// maxBody bounds the request, which servers read up to twice the message's limit.
	maxBody = 2*4096 - 1
	// maxReport leaves room for the entries beside the report's address, which stands
	// in a message three times.
	maxReport = 500
)

var (
	errNoEvents = errors.New("the message holds no events")
	errTooLarge = errors.New("the text does not fit into 4,096 bytes, not even with a single event")
)

// publication is what servers take as JSON.
type publication struct {
	Topic    string   `json:"topic"`
	Title    string   `json:"title"`
	Message  string   `json:"message"`
	Priority int      `json:"priority"`
	Tags     []string `json:"tags"`
	Click    string   `json:"click,omitempty"`
	Actions  []action `json:"actions,omitempty"`
	// Markdown is off, so that nothing in a text is rendered.
	Markdown bool `json:"markdown"`
	// SequenceID is the same on every attempt: clients show a repetition in place of the
	// first one. Servers before 2.16 ignore it.
	// https://docs.ntfy.sh/publish/#updating-deleting-notifications
	SequenceID string `json:"sequence_id"`
}

// action is a button that opens a page.
type action struct {
	Action string `json:"action"`
	Label  string `json:"label"`
	URL    string `json:"url"`
}

// extent is how long the texts of an entry may become, in bytes.
type extent struct{ name, message, also, remedy, owners, link, note, footer int }

var (
	// whole leaves texts as long as the digest makes them.
	whole = extent{
		name: math.MaxInt, message: math.MaxInt, also: math.MaxInt, remedy: math.MaxInt,
		owners: math.MaxInt, link: math.MaxInt, note: math.MaxInt, footer: math.MaxInt,
	}
	// brief lets every single event fit, whatever it is made of.
	brief = extent{name: 150, message: 300, also: 60, remedy: 300, owners: 100, link: 300, note: 400, footer: 300}
)

// encode writes the publication with as many of the most urgent events as it takes.
func encode(message alerts.Message, env alerts.Env, topic string) ([]byte, error) {
	if len(env.ReportURL) > maxReport {
		env.ReportURL = ""
	}
	for _, bounds := range []extent{whole, brief} {
		render := func(shown int) (publication, []byte, error) {
			made := compose(message, digest.New(message, env, shown), topic, bounds)
			body, err := marshal(made)
			return made, body, err
		}
		shown := digest.Fit(message, math.MaxInt, func(shown int) bool {
			made, body, err := render(shown)
			return err == nil && len(made.Message) <= maxMessage && len(body) <= maxBody
		})
		if shown > 0 {
			_, body, err := render(shown)
			return body, err
		}
	}
	return nil, errTooLarge
}

func marshal(made publication) ([]byte, error) {
	body, err := chat.Encode(made)
	if err != nil {
		return nil, fmt.Errorf("encode the message: %w", err)
	}
	return bytes.TrimSpace(body), nil
}

func compose(message alerts.Message, shown digest.Digest, topic string, bounds extent) publication {
	priority, tag := urgency(message)
	made := publication{
		Topic: topic, Title: shown.Title(), Message: text(shown, bounds), Priority: priority,
		Tags: []string{tag, "lapsewatch"}, SequenceID: message.ID,
	}
	if shown.ReportURL != "" {
		made.Click = shown.ReportURL
		made.Actions = []action{{Action: "view", Label: "Open the report", URL: shown.ReportURL}}
	}
	if len(message.Events) == 1 && len(shown.Groups) == 1 {
		if link := shown.Groups[0].Entries[0].Link; link != "" && len(link) <= bounds.link {
			made.Actions = append(made.Actions, action{Action: "view", Label: "Open the finding", URL: link})
		}
	}
	return made
}

// urgency is the priority, from 1 to 5, and the tag, which clients show as an emoji, of the
// most urgent event. A test wakes nobody up.
// https://docs.ntfy.sh/publish/#message-priority and https://docs.ntfy.sh/emojis/
func urgency(message alerts.Message) (priority int, tag string) {
	if message.Test {
		return 3, "test_tube"
	}
	worst := watch.OK
	for _, event := range message.Events {
		of := digest.SeverityOf(event)
		if of == digest.Unwatched {
			// Nobody looks any more: that is to be read, like a notice.
			of = watch.Notice
		}
		if of != digest.Resolved && of.Urgency() < worst.Urgency() {
			worst = of
		}
	}
	switch worst {
	case watch.Critical:
		return 5, "rotating_light"
	case watch.Warning:
		return 4, "warning"
	case watch.Unknown:
		return 4, "grey_question"
	case watch.Notice:
		return 3, "information_source"
	default:
		return 2, "white_check_mark"
	}
}

func text(shown digest.Digest, bounds extent) string {
	var out strings.Builder
	for _, opening := range []string{shown.TestNotice(), cut(shown.Note, bounds.note)} {
		if opening != "" {
			out.WriteString(opening + "\n\n")
		}
	}
	for _, group := range shown.Groups {
		fmt.Fprintf(&out, "%s (%d)\n", strings.ToUpper(group.Title), len(group.Entries))
		for _, entry := range group.Entries {
			write(&out, entry, group.Severity, bounds)
			out.WriteString("\n")
		}
	}
	if rest := shown.Rest(); rest != "" {
		out.WriteString(rest + "\n\n")
	}
	out.WriteString(cut(shown.Footer(), bounds.footer))
	return out.String()
}

// write gives an entry its lines, one that is over without what to do.
func write(out *strings.Builder, entry digest.Entry, severity watch.Severity, bounds extent) {
	fmt.Fprintf(out, "• %s (%s)\n%s\n", cut(entry.Name, bounds.name), entry.Change, cut(entry.Message, bounds.message))
	if !digest.Over(severity) {
		for _, also := range entry.Also {
			fmt.Fprintf(out, "Also: %s\n", cut(also, bounds.also))
		}
		writeToDo(out, cut(entry.Remedy, bounds.remedy))
		if entry.Owners != "" {
			fmt.Fprintf(out, "Owner: %s\n", cut(entry.Owners, bounds.owners))
		}
		fmt.Fprintf(out, "Check: %s\n", cut(entry.Check, bounds.owners))
	}
	if entry.Link != "" && len(entry.Link) <= bounds.link {
		out.WriteString(entry.Link + "\n")
	}
}

// writeToDo gives each command a line of its own with nothing else on it, so that it can be
// copied as it stands.
func writeToDo(out *strings.Builder, remedy string) {
	label := "To do: "
	for _, part := range clean.Parts(remedy) {
		if part.Command && label != "" {
			out.WriteString(strings.TrimSpace(label) + "\n")
			label = ""
		}
		out.WriteString(label + part.Text + "\n")
		label = ""
	}
}

// cut gives at most the number of bytes of a clean text.
func cut(text string, most int) string {
	const ellipsis = "…"
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len(ellipsis)], "") + ellipsis
}
