package teams

// The message of a workflow and the parts of an Adaptive Card that are used of version 1.2,
// which every Teams client renders. All text stands in text runs: no client reads Markdown
// in them, as it does in text blocks and facts.
// https://adaptivecards.io/explorer/AdaptiveCard.html
// https://learn.microsoft.com/en-us/adaptive-cards/schema-explorer/text-run
const (
	cardType      = "application/vnd.microsoft.card.adaptive"
	cardSchema    = "http://adaptivecards.io/schemas/adaptive-card.json"
	cardVersion   = "1.2"
	monospace     = "monospace"
	bolder        = "bolder"
	large         = "large"
	small         = "small"
	mediumSpacing = "medium"
	noSpacing     = "none"
)

type envelope struct {
	Type        string       `json:"type"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	// ContentURL is null: the card is in the message.
	ContentURL *string `json:"contentUrl"`
	Content    card    `json:"content"`
}

type card struct {
	Type         string    `json:"type"`
	Schema       string    `json:"$schema"`
	Version      string    `json:"version"`
	FallbackText string    `json:"fallbackText"`
	MSTeams      teamsCard `json:"msteams"`
	Body         []element `json:"body"`
	Actions      []openURL `json:"actions,omitempty"`
}

// teamsCard are Teams' own properties of a card.
type teamsCard struct {
	Width string `json:"width"`
}

// element is a container, a richText or an actionSet.
type element interface{ isElement() }

type container struct {
	Type      string    `json:"type"`
	Style     string    `json:"style,omitempty"`
	Bleed     bool      `json:"bleed,omitempty"`
	Separator bool      `json:"separator,omitempty"`
	Spacing   string    `json:"spacing,omitempty"`
	Items     []element `json:"items"`
}

type richText struct {
	Type    string    `json:"type"`
	Spacing string    `json:"spacing,omitempty"`
	Inlines []textRun `json:"inlines"`
}

type textRun struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Size     string `json:"size,omitempty"`
	Weight   string `json:"weight,omitempty"`
	Color    string `json:"color,omitempty"`
	FontType string `json:"fontType,omitempty"`
	Subtle   bool   `json:"isSubtle,omitempty"`
}

type actionSet struct {
	Type    string    `json:"type"`
	Actions []openURL `json:"actions"`
}

type openURL struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

func (container) isElement() {}
func (richText) isElement()  {}
func (actionSet) isElement() {}

func newContainer(style string, items ...element) container {
	return container{Type: "Container", Style: style, Items: items}
}

func newLine(runs ...textRun) richText { return richText{Type: "RichTextBlock", Inlines: runs} }

// newRun takes text from anywhere.
func newRun(text string) textRun { return textRun{Type: "TextRun", Text: inert(text)} }

func newSubtle(text string) textRun {
	run := newRun(text)
	run.Subtle = true
	return run
}

func newOpenURL(title, url string) openURL {
	return openURL{Type: "Action.OpenUrl", Title: title, URL: url}
}
