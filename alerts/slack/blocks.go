package slack

import (
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/chat"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
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

	maxNote = 500
	// longestLink is what may be shown of links: what is longer would crowd out the rest.
	longestLink = 600
)

// bounds let an entry fit into a section as a rule.
var bounds = chat.Bounds{Entry: maxSection, Name: 300, Message: 800, Also: 200, People: 400, Remedy: 800, Link: longestLink}

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
	// Expand shows a section whole, without a click.
	Expand bool `json:"expand,omitempty"`
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

// compose puts as much of the message into blocks as Slack takes. The plot of the clocks
// has what room the entries leave.
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
	blocks, end := append(head(told, message.ID), entries(told)...), tail(told)
	if plot := clocks(told); len(blocks)+len(plot)+len(end) <= maxBlocks && cost(blocks)+cost(plot)+cost(end) <= maxCost {
		blocks = append(blocks, plot...)
	}
	return payload{Text: prose(told.Title()), Blocks: append(blocks, end...)}
}

// clocks is the plot, whole or not at all.
func clocks(told digest.Digest) []block {
	plot := section("```" + inCode(strings.Join(told.Clocks, "\n")) + "```")
	if told.Clocks == nil || chat.UTF16(plot.Text.Text) > maxSection {
		return nil
	}
	plot.Expand = true
	return []block{plot}
}

// head names the message in its block_id: neither kind of posting knows a duplicate.
func head(told digest.Digest, id string) []block {
	blocks := []block{{
		Type: "header", BlockID: "lapsewatch-" + clean.Text(id, 200),
		Text: &text{Type: "plain_text", Text: clean.Text(told.Title(), maxHeader)},
	}}
	for _, line := range markup.Opening(told, maxNote) {
		blocks = append(blocks, section(line))
	}
	return blocks
}

func tail(told digest.Digest) []block {
	var blocks []block
	if report := markup.Report(told); report != "" {
		blocks = append(blocks, section(report))
	}
	return append(blocks, block{Type: "context", Elements: []text{mrkdwn(prose(told.Footer()))}})
}

func entries(told digest.Digest) []block {
	var blocks []block
	for _, group := range told.Groups {
		for _, entry := range group.Entries {
			heading := chat.Sign(group.Severity) + " *" + group.Title + "*: "
			blocks = append(blocks, section(markup.Entry(heading, entry, group.Severity, bounds)))
		}
	}
	return blocks
}

// cost is what blocks take of maxCost.
func cost(blocks []block) int {
	encoded, err := chat.Encode(blocks)
	if err != nil {
		return maxCost
	}
	return len(encoded) + len(blocks)*costOfABlock
}
