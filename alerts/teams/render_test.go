package teams_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
)

// rendered is a card as a reader sees it.
type rendered struct {
	body []byte
	// texts are all that is shown, titles of buttons and where they lead included.
	texts []string
	// page is the card in lines: "# " stands before the head of a group, "[…](…)" is a
	// button.
	page string
}

// The message as Power Automate and Teams read it: a field that they do not know, a value
// that they do not list or a missing text fails the test.
type (
	wireMessage struct {
		Type        string `json:"type"`
		Attachments []struct {
			ContentType string          `json:"contentType"`
			ContentURL  *string         `json:"contentUrl"`
			Content     json.RawMessage `json:"content"`
		} `json:"attachments"`
	}
	wireCard struct {
		Type         string `json:"type"`
		Schema       string `json:"$schema"`
		Version      string `json:"version"`
		FallbackText string `json:"fallbackText"`
		MSTeams      struct {
			Width string `json:"width"`
		} `json:"msteams"`
		Body    []json.RawMessage `json:"body"`
		Actions []json.RawMessage `json:"actions"`
	}
	wireContainer struct {
		Type      string            `json:"type"`
		Style     string            `json:"style"`
		Bleed     bool              `json:"bleed"`
		Separator bool              `json:"separator"`
		Spacing   string            `json:"spacing"`
		Items     []json.RawMessage `json:"items"`
	}
	wireText struct {
		Type    string    `json:"type"`
		Spacing string    `json:"spacing"`
		Inlines []wireRun `json:"inlines"`
	}
	wireRun struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		Size     string `json:"size"`
		Weight   string `json:"weight"`
		Color    string `json:"color"`
		FontType string `json:"fontType"`
		IsSubtle bool   `json:"isSubtle"`
	}
	wireActions struct {
		Type    string            `json:"type"`
		Actions []json.RawMessage `json:"actions"`
	}
	wireOpenURL struct {
		Type  string `json:"type"`
		Title string `json:"title"`
		URL   string `json:"url"`
	}
)

var listed = map[string][]string{
	"style":    {"", "default", "emphasis", "good", "attention", "warning", "accent"},
	"spacing":  {"", "none", "small", "default", "medium", "large", "extraLarge", "padding"},
	"size":     {"", "small", "default", "medium", "large", "extraLarge"},
	"weight":   {"", "lighter", "default", "bolder"},
	"color":    {"", "default", "dark", "light", "accent", "good", "warning", "attention"},
	"fontType": {"", "default", "monospace"},
}

type reader struct {
	t *testing.T
	rendered
}

func render(t *testing.T, body []byte) rendered {
	t.Helper()
	r := reader{t: t, rendered: rendered{body: body}}
	if len(body) > 24*1024 {
		t.Errorf("the body has %d bytes", len(body))
	}
	// Teams keeps the card as a string within its own document of 28,672 bytes.
	if quoted, _ := json.Marshal(string(body)); len(quoted) > 27*1024 {
		t.Errorf("the body has %d bytes as a string", len(quoted))
	}
	var message wireMessage
	r.decode(body, &message)
	if message.Type != "message" || len(message.Attachments) != 1 || message.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" {
		t.Fatalf("message %s", body)
	}
	var card wireCard
	r.decode(message.Attachments[0].Content, &card)
	if card.Type != "AdaptiveCard" || card.Version != "1.2" || card.Schema != "http://adaptivecards.io/schemas/adaptive-card.json" || card.MSTeams.Width != "Full" {
		t.Errorf("card %+v", card)
	}
	r.texts = append(r.texts, card.FallbackText)
	r.elements(card.Body)
	if len(card.Actions) > 6 {
		t.Errorf("%d actions; Teams shows 6", len(card.Actions))
	}
	r.actions(card.Actions)
	return r.rendered
}

func (r *reader) decode(document []byte, into any) {
	r.t.Helper()
	if err := alerttest.DecodeStrictly(document, into); err != nil {
		r.t.Fatalf("%v in %s", err, document)
	}
}

func (r *reader) value(field, got string) {
	r.t.Helper()
	if !slices.Contains(listed[field], got) {
		r.t.Errorf("%s %q", field, got)
	}
}

func (r *reader) elements(documents []json.RawMessage) {
	r.t.Helper()
	if len(documents) == 0 {
		r.t.Error("a list of elements is empty")
	}
	for _, document := range documents {
		var kind struct{ Type string }
		if err := json.Unmarshal(document, &kind); err != nil {
			r.t.Fatal(err)
		}
		switch kind.Type {
		case "Container":
			var container wireContainer
			r.decode(document, &container)
			r.value("style", container.Style)
			r.value("spacing", container.Spacing)
			if container.Style == "" {
				r.page += "\n"
			} else {
				r.page += "\n# " + container.Style + ": "
			}
			r.elements(container.Items)
		case "RichTextBlock":
			var text wireText
			r.decode(document, &text)
			r.value("spacing", text.Spacing)
			r.runs(text.Inlines)
		case "ActionSet":
			var set wireActions
			r.decode(document, &set)
			r.actions(set.Actions)
		default:
			r.t.Errorf("an element of type %q: what is in it may be read as Markdown", kind.Type)
		}
	}
}

func (r *reader) runs(runs []wireRun) {
	r.t.Helper()
	var line strings.Builder
	for _, run := range runs {
		if run.Type != "TextRun" || run.Text == "" {
			r.t.Errorf("text run %+v", run)
		}
		r.value("size", run.Size)
		r.value("weight", run.Weight)
		r.value("color", run.Color)
		r.value("fontType", run.FontType)
		r.texts = append(r.texts, run.Text)
		line.WriteString(run.Text)
	}
	r.page += line.String() + "\n"
}

func (r *reader) actions(documents []json.RawMessage) {
	r.t.Helper()
	for _, document := range documents {
		var action wireOpenURL
		r.decode(document, &action)
		if action.Type != "Action.OpenUrl" || action.Title == "" || !strings.HasPrefix(action.URL, "https://") {
			r.t.Errorf("action %s", document)
		}
		r.texts = append(r.texts, action.Title, action.URL)
		r.page += fmt.Sprintf("[%s](%s)\n", action.Title, action.URL)
	}
}
