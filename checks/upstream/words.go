package upstream

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// state is what an item of a feed says of its incident.
type state int

// The states. Whatever says nothing of itself is open.
const (
	open state = iota
	// underWay is a maintenance that has begun, upcoming one that has not.
	underWay
	upcoming
	over
	// unclear: it speaks of an end where none is declared, or contradicts itself.
	unclear
)

func (s state) word() string {
	return map[state]string{open: "open", underWay: "in progress", upcoming: "scheduled", over: "over", unclear: "unclear"}[s]
}

// vocabulary is what stands alone where feeds put the status of an item: in brackets, before
// or behind a dash or colon of the title, first in bold in the text, as a category. Only
// whole texts count, so that "Unresolved" and "not resolved" are none of them.
func vocabulary() map[string]state {
	return map[string]state{
		"resolved": over, "completed": over, "closed": over, "cancelled": over, "canceled": over, "postmortem": over, "post-mortem": over,
		"service is operating normally": over,
		"investigating":                 open, "identified": open, "monitoring": open, "update": open, "ongoing": open, "active": open, "open": open,
		"unresolved": open, "reopened": open, "mitigating": open, "mitigated": open, "outage": open, "degraded": open,
		"in progress": underWay, "verifying": underWay, "maintenance in progress": underWay,
		"scheduled": upcoming, "maintenance scheduled": upcoming,
	}
}

// longestTitle is far longer than what a person writes.
const longestTitle = 2000

var (
	bracketed = regexp.MustCompile(`\[([^\[\]]{1,40})\]`)
	separator = regexp.MustCompile(`\s+[-–—]\s+|:\s+`)
	// ending is a word of an end, wherever it stands.
	ending = regexp.MustCompile(`(?i)(^|[^\pL])(resolved|completed|closed|fixed|restored|recovered|operating normally)([^\pL]|$)`)
)

// stateOf puts together what the places for a status say.
func stateOf(title, bold, prose string, tags []string) state {
	if len(title) > longestTitle {
		return unclear
	}
	var said []state
	hear := func(text string) {
		if found, known := vocabulary()[word(text)]; known {
			said = append(said, found)
		}
	}
	for _, match := range bracketed.FindAllStringSubmatch(title, -1) {
		hear(match[1])
	}
	for _, part := range edges(title) {
		hear(part)
	}
	hear(bold)
	for _, tag := range tags {
		hear(tag)
	}
	if len(said) > 0 {
		return agreed(said)
	}
	if ending.MatchString(title) || ending.MatchString(prose) {
		return unclear
	}
	return open
}

// agreed is what several places say together. An end beside anything but its own
// announcement is a contradiction.
func agreed(said []state) state {
	has := map[state]bool{}
	for _, one := range said {
		has[one] = true
	}
	switch {
	case has[over] && (has[open] || has[underWay]):
		return unclear
	case has[over]:
		return over
	case has[open]:
		return open
	case has[underWay]:
		return underWay
	}
	return upcoming
}

// word is a text as vocabulary has it.
func word(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	text = strings.TrimSpace(strings.TrimPrefix(text, "status:"))
	return strings.TrimSpace(strings.Trim(text, "-–—:.!"))
}

// edges are the first and the last part of a title, and all of it where it has one part.
func edges(title string) []string {
	parts := separator.Split(bracketed.ReplaceAllString(title, ""), -1)
	return []string{parts[0], parts[len(parts)-1]}
}

// bare is a title without the words of its status, so that those of one incident are equal.
func bare(title string) string {
	known := vocabulary()
	title = bracketed.ReplaceAllStringFunc(title, func(tag string) string {
		if _, status := known[word(strings.Trim(tag, "[]"))]; status {
			return ""
		}
		return tag
	})
	var kept []string
	for _, part := range separator.Split(title, -1) {
		if _, status := known[word(part)]; !status {
			kept = append(kept, strings.Join(strings.Fields(part), " "))
		}
	}
	return strings.Join(kept, " - ")
}

const (
	// announced is what Statuspage puts in bold before the status of a maintenance.
	announced = "this is a scheduled event"
	// mostMarkup of an item is read.
	mostMarkup = 256 << 10
)

// proseOf reads HTML: what is first in bold, where feeds put the newest status, and all of
// its text. A leading line "Status: …" counts as bold.
func proseOf(markup string) (bold, prose string) {
	tokens := html.NewTokenizer(strings.NewReader(markup[:min(len(markup), mostMarkup)]))
	var all, inBold strings.Builder
	deep := 0
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			break
		}
		var name []byte
		if kind == html.StartTagToken || kind == html.EndTagToken {
			name, _ = tokens.TagName()
		}
		strong := string(name) == "b" || string(name) == "strong"
		switch {
		case kind == html.StartTagToken && strong:
			deep++
		case kind == html.EndTagToken && strong && deep > 0:
			if deep--; deep == 0 && bold == "" {
				bold = said(inBold.String())
				inBold.Reset()
			}
		case kind == html.TextToken:
			text := html.UnescapeString(string(tokens.Raw()))
			all.WriteString(text + " ")
			if deep > 0 {
				inBold.WriteString(text)
			}
		}
	}
	prose = strings.Join(strings.Fields(all.String()), " ")
	if match := leading.FindStringSubmatch(prose); bold == "" && match != nil {
		bold = match[1]
	}
	return bold, prose
}

var leading = regexp.MustCompile(`(?i)^status:\s*([\pL-]+( progress)?)([^\pL]|$)`)

func said(bold string) string {
	bold = strings.TrimSpace(bold)
	if strings.HasPrefix(strings.ToLower(bold), announced) {
		return ""
	}
	return bold
}
