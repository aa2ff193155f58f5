package jira

import (
	"encoding/json"
	"strings"

	"lapsewatch/internal/ticket"
)

// node is one node of the Atlassian Document Format
// (https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/). Text
// nodes hold no markup, so that nothing is to be escaped; mentions and links are nodes
// and marks of their own, which only Lapsewatch makes.
type node struct {
	Type    string `json:"type"`
	Version int    `json:"version,omitempty"`
	Text    string `json:"text,omitempty"`
	Marks   []mark `json:"marks,omitempty"`
	Content []node `json:"content,omitempty"`
}

type mark struct {
	Type  string     `json:"type"`
	Attrs *linkAttrs `json:"attrs,omitempty"`
}

type linkAttrs struct {
	Href string `json:"href"`
}

// adf writes a document as JSON.
func adf(paragraphs []ticket.Paragraph) string {
	document := node{Type: "doc", Version: 1}
	for _, paragraph := range paragraphs {
		line := node{Type: "paragraph"}
		if paragraph.Label != "" {
			line.Content = append(line.Content, node{Type: "text", Text: paragraph.Label + ":", Marks: []mark{{Type: "strong"}}}, node{Type: "text", Text: " "})
		}
		for i, span := range paragraph.Spans {
			if i > 0 && span.Nature != ticket.Ours && paragraph.Spans[i-1].Nature != ticket.Ours {
				line.Content = append(line.Content, node{Type: "text", Text: " "})
			}
			line.Content = append(line.Content, textNode(span))
		}
		document.Content = append(document.Content, line)
	}
	// Nodes hold nothing that JSON cannot.
	encoded, _ := json.Marshal(document)
	return string(encoded)
}

func textNode(span ticket.Span) node {
	text := node{Type: "text", Text: span.Text}
	switch span.Nature {
	case ticket.Command:
		text.Marks = []mark{{Type: "code"}}
	case ticket.Link:
		text.Marks = []mark{{Type: "link", Attrs: &linkAttrs{Href: span.Text}}}
	case ticket.Ours, ticket.Theirs:
	}
	return text
}

// shown is what is read of a document: people may have written any kind of node into it.
type shown struct {
	Type    string  `json:"type"`
	Text    string  `json:"text"`
	Content []shown `json:"content"`
}

// marksIn lists the marks in a text of either product.
func marksIn(raw json.RawMessage) []string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return ticket.MarksIn(text)
	}
	var document shown
	if json.Unmarshal(raw, &document) != nil {
		return nil
	}
	var lines strings.Builder
	document.write(&lines)
	return ticket.MarksIn(lines.String())
}

// write gives each block a line of its own.
func (s shown) write(lines *strings.Builder) {
	lines.WriteString(s.Text)
	for _, part := range s.Content {
		part.write(lines)
	}
	if s.Type != "text" {
		lines.WriteString("\n")
	}
}
