package upstream

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

const (
	// announced is what Statuspage puts in bold before the status of a maintenance.
	announced = "this is a scheduled event"
	// mostMarkup of an item is read.
	mostMarkup = 256 << 10
	// longestDate is longer than the smallprint of an update's date.
	longestDate = 60
)

// proseOf reads HTML: the status that leads it, where feeds put the newest one, and all of its
// text. Bold leads where nothing but a date stands before it, and a dash, a colon or the end
// of the block behind: anywhere else it is a word of a sentence. A first block "Status: …"
// counts as bold.
func proseOf(markup string) (bold, prose string) {
	p := &prosaist{}
	tokens := html.NewTokenizer(strings.NewReader(markup[:min(len(markup), mostMarkup)]))
	for {
		kind := tokens.Next()
		switch kind {
		case html.TextToken:
			p.text(html.UnescapeString(string(tokens.Raw())))
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := tokens.TagName()
			p.tag(string(name), kind == html.StartTagToken)
		case html.CommentToken, html.DoctypeToken:
		case html.ErrorToken:
			p.block()
			prose = strings.Join(strings.Fields(p.all.String()), " ")
			if match := leading.FindStringSubmatch(p.first); p.lead == "" && match != nil {
				return match[1], prose
			}
			return p.lead, prose
		}
	}
}

// leading is a first block that is a status.
var leading = regexp.MustCompile(`(?i)^status:\s*([\pL-]+( progress)?)\s*([-–—:]|$)`)

// stage is how far the search for a leading status has come.
type stage int

const (
	before stage = iota
	within
	behind
	ended
)

// prosaist reads the text of an item, and what leads it.
type prosaist struct {
	stage stage
	all   strings.Builder
	// ahead is what stands before the bold text, small what is under way in small print.
	ahead, small, bold strings.Builder
	inBold, inSmall    int
	lead               string
	// block texts: the one under way, and the first one that was not empty.
	current strings.Builder
	first   string
}

// text takes what stands between two tags.
func (p *prosaist) text(text string) {
	p.all.WriteString(text + " ")
	if p.first == "" {
		p.current.WriteString(text)
	}
	switch {
	case p.stage == within:
		p.bold.WriteString(text)
	case p.stage == before && p.inSmall > 0:
		p.small.WriteString(text)
	case p.stage == before:
		p.ahead.WriteString(text)
	case p.stage == behind && strings.TrimSpace(text) != "":
		p.decide(joint.MatchString(strings.TrimSpace(text)))
	}
}

var joint = regexp.MustCompile(`^[-–—:]`)

// tag takes a tag. Inline ones say nothing of what leads.
func (p *prosaist) tag(name string, opens bool) {
	switch {
	case name == "b" || name == "strong":
		p.strong(opens)
	case name == "small" && opens:
		p.inSmall++
	case name == "small" && p.inSmall > 0:
		if p.inSmall--; p.inSmall == 0 {
			p.endSmall()
		}
	case slices.Contains(blocks, name):
		p.block()
	}
}

// blocks are the elements that begin or end a line.
var blocks = []string{
	"p", "br", "div", "li", "ul", "ol", "dl", "dt", "dd", "hr", "table", "tr", "td", "th", "section", "article", "header", "blockquote", "pre",
	"h1", "h2", "h3", "h4", "h5", "h6",
}

// endSmall forgets small print that is a date, in whatever language.
func (p *prosaist) endSmall() {
	text := p.small.String()
	p.small.Reset()
	if dated := strings.ContainsAny(text, "0123456789"); !dated || utf8.RuneCountInString(text) > longestDate {
		p.ahead.WriteString(text)
	}
}

func (p *prosaist) strong(opens bool) {
	if !opens {
		if p.inBold = max(p.inBold-1, 0); p.inBold == 0 && p.stage == within {
			p.endBold()
		}
		return
	}
	if p.inBold++; p.stage != before {
		return
	}
	p.stage = within
	if ahead := p.ahead.String() + p.small.String(); !dateOnly(ahead) {
		p.stage = ended
	}
}

func (p *prosaist) endBold() {
	text := strings.TrimSpace(p.bold.String())
	p.bold.Reset()
	if text == "" || strings.HasPrefix(strings.ToLower(text), announced) {
		p.stage = before
		return
	}
	p.stage, p.lead = behind, text
	if strings.HasSuffix(text, ":") {
		p.decide(true)
	}
}

// decide ends the search.
func (p *prosaist) decide(leads bool) {
	p.stage = ended
	if !leads {
		p.lead = ""
	}
}

// block ends one.
func (p *prosaist) block() {
	if p.stage == behind {
		p.decide(true)
	}
	if p.first == "" {
		p.first = strings.Join(strings.Fields(p.current.String()), " ")
		p.current.Reset()
	}
}

var (
	dateWords = regexp.MustCompile(`(?i)^(jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|january|february|march|april|august|september|october|november|december|` +
		`mon|tue|wed|thu|fri|sat|sun|mon|tues|wednes|thurs|fri|satur|sun)(day)?$`)
	zoneWords = regexp.MustCompile(`^(at|on|AM|PM|am|pm|st|nd|rd|th|T|Z|UTC|GMT|[ECMPW]E?[SD]?T|AK[SD]T|HST|BST|MSK|IST|JST|KST|SGT|HKT|A[ECW][SD]T|NZ[SD]T|BRT|ART)$`)
	letters   = regexp.MustCompile(`\pL+`)
)

// dateOnly reports whether a text is a date, or nothing.
func dateOnly(text string) bool {
	if utf8.RuneCountInString(strings.TrimSpace(text)) > longestDate {
		return false
	}
	for _, one := range letters.FindAllString(text, -1) {
		if !dateWords.MatchString(one) && !zoneWords.MatchString(one) {
			return false
		}
	}
	return true
}
