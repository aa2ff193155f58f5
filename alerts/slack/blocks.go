package slack

import (
	"bytes"
	"encoding/json"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

const (
	// https://docs.slack.dev/reference/block-kit/blocks
	maxBlocks = 50
	// https://docs.slack.dev/reference/block-kit/blocks/header-block
	maxHeader = 150
	// https://docs.slack.dev/reference/block-kit/blocks/section-block
	maxSection = 3000
	// maxCost bounds all blocks together. Slack documents no limit, and answers
	// msg_blocks_too_long from about 13,200 characters on, of which each block takes
	// some 125 besides its text: https://github.com/slackapi/bolt-js/issues/2509
	maxCost = 12_000
	// costOfABlock is what Slack adds to a block's JSON.
	costOfABlock = 50

	maxName    = 300
	maxMessage = 800
	maxAlso    = 200
	maxPeople  = 400
	maxRemedy  = 800
	maxNote    = 500
	// longestLink is what may be shown of links: what is longer would crowd out the rest.
	longestLink = 600
)

// payload is a message of an incoming webhook, and of chat.postMessage with Channel.
type payload struct {
	Channel string `json:"channel,omitempty"`
	// Text is what notifications show.
	Text           string  `json:"text"`
	Blocks         []block `json:"blocks"`
	UnfurlLinks    bool    `json:"unfurl_links"`
	UnfurlMedia    bool    `json:"unfurl_media"`
	ThreadTS       string  `json:"thread_ts,omitempty"`
	ReplyBroadcast bool    `json:"reply_broadcast,omitempty"`
}

type block struct {
	Type     string `json:"type"`
	BlockID  string `json:"block_id,omitempty"`
	Text     *text  `json:"text,omitempty"`
	Elements []text `json:"elements,omitempty"`
}

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
	// Verbatim keeps Slack from making links and mentions of bare words.
	Verbatim bool `json:"verbatim,omitempty"`
}

func mrkdwn(marked string) text { return text{Type: "mrkdwn", Text: marked, Verbatim: true} }

func section(marked string) block {
	shown := mrkdwn(marked)
	return block{Type: "section", Text: &shown}
}

// compose puts as much of the message into blocks as Slack takes.
func compose(message alerts.Message, env alerts.Env) payload {
	if len(env.ReportURL) > longestLink {
		env.ReportURL = ""
	}
	frame := func(told digest.Digest) []block { return append(head(told, message.ID), tail(told)...) }
	// Measured with everything left out, the frame is at its longest.
	bare := frame(digest.New(message, env, 0))
	shown := digest.Fit(message, maxBlocks-len(bare), func(shown int) bool {
		return cost(bare)+cost(entries(digest.New(message, env, shown))) <= maxCost
	})
	told := digest.New(message, env, shown)
	blocks := append(head(told, message.ID), entries(told)...)
	return payload{Text: prose(told.Title()), Blocks: append(blocks, tail(told)...)}
}

// head names the message in its block_id: neither kind of posting knows a duplicate.
func head(told digest.Digest, id string) []block {
	blocks := []block{{
		Type: "header", BlockID: "lapsewatch-" + clean.Text(id, 200),
		Text: &text{Type: "plain_text", Text: clean.Text(told.Title(), maxHeader)},
	}}
	for _, line := range []string{told.TestNotice(), told.Note} {
		if line != "" {
			blocks = append(blocks, section(fit(line, maxNote, prose)))
		}
	}
	return blocks
}

func tail(told digest.Digest) []block {
	var blocks []block
	if rest := told.Rest(); rest != "" {
		blocks = append(blocks, section(linked(rest, told.ReportURL)))
	} else if told.ReportURL != "" {
		blocks = append(blocks, section("The whole report: "+link(told.ReportURL)))
	}
	return append(blocks, block{Type: "context", Elements: []text{mrkdwn(prose(told.Footer()))}})
}

// signs tell the severities apart at a glance; the word stands beside each.
var signs = map[watch.Severity]string{
	watch.Critical: "🔴", watch.Warning: "🟠", watch.Unknown: "🟣", watch.Notice: "🔵", watch.OK: "🟢", digest.Resolved: "✅",
}

func entries(told digest.Digest) []block {
	var blocks []block
	for _, group := range told.Groups {
		for _, entry := range group.Entries {
			blocks = append(blocks, section(describe(group, entry)))
		}
	}
	return blocks
}

// describe is one entry: what can be spared comes last, where it may not fit any more.
func describe(group digest.Group, entry digest.Entry) string {
	told := lines{room: maxSection - len("\n…")}
	told.add(signs[group.Severity] + " *" + group.Title + "*: " + fit(entry.Name, maxName, code) + " (" + fit(entry.Change, maxName, prose) + ")")
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
			told.add("• Also: " + fit(also, maxAlso, prose))
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
	shown, room := "*What to do:*", maxRemedy
	for _, part := range clean.Parts(words) {
		piece := fit(part.Text, room-len(" "), prose)
		switch {
		case part.Command:
			piece = "\n```" + inCode(part.Text) + "```\n"
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

// cost is what blocks take of maxCost.
func cost(blocks []block) int {
	encoded, err := encode(blocks)
	if err != nil {
		return maxCost
	}
	return len(encoded) + len(blocks)*costOfABlock
}

// encode leaves <, > and & as they are: nobody reads this JSON inside HTML.
func encode(value any) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return body.Bytes(), err
}
