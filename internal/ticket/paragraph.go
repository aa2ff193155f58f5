package ticket

import (
	"slices"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
)

// Nature says what a stretch of text is, and so how a service must show it.
type Nature int

// The natures of text.
const (
	// Ours are words of Lapsewatch and names that the service gave: they may be markup.
	Ours Nature = iota
	// Theirs comes from outside and must do nothing.
	Theirs
	// Command is to be copied. It comes from outside too.
	Command
	// Link is an https URL without characters that end one.
	Link
)

// Span is a stretch of text of one nature.
type Span struct {
	Nature Nature
	Text   string
}

// Paragraph is what a ticket says in one line, which never begins with a text from outside.
type Paragraph struct {
	// Label stands before it: "What to do". Empty if nothing does.
	Label string
	Spans []Span
}

// keeper tells whoever reads the ticket what will become of it.
const keeper = digest.Product + " comments here when this changes, and closes this ticket when it is over."

// paragraphs cuts texts from outside to room runes, where it is not zero.
func (s Story) paragraphs(room int) []Paragraph {
	page := page{room: room}
	page.add("", Ours, s.digest.TestNotice())
	page.add("Note", Theirs, s.digest.Note)
	page.add("", Ours, s.reopening())
	page.add(s.heading, Theirs, s.entry.Change)
	page.spans("What", page.cut(Theirs, s.entry.Name), Span{Ours, ": "}, page.cut(Theirs, s.entry.Message))
	if !s.Resolved {
		s.whatToDo(&page)
	}
	page.add("Link", Link, s.entry.Link)
	page.add("Whole report", Link, s.digest.ReportURL)
	page.add("Earlier ticket", Ours, s.Earlier)
	if page.wasCut {
		page.add("", Ours, "Shortened, because the service takes no longer text: the report says it all.")
	}
	page.add("", Ours, s.closing())
	page.add("", Theirs, s.digest.Footer())
	return page.paragraphs
}

func (s Story) whatToDo(page *page) {
	for _, also := range s.entry.Also {
		page.add("Also", Theirs, also)
	}
	page.add("Owners", Theirs, s.entry.Owners)
	page.add("Check", Theirs, s.entry.Check)
	var spans []Span
	for _, part := range clean.Parts(s.entry.Remedy) {
		nature := Theirs
		if part.Command {
			nature = Command
		}
		spans = append(spans, page.cut(nature, part.Text))
	}
	page.spans("What to do", spans...)
}

// reopening says why a closed ticket is open again.
func (s Story) reopening() string {
	switch {
	case !s.Reopened:
		return ""
	case s.again:
		return "Open again: this ticket was closed, and the finding is back."
	default:
		return "Still open: this ticket was closed, but the finding is not resolved."
	}
}

func (s Story) closing() string {
	if s.Resolved || s.Test {
		return digest.Product + " closes this ticket."
	}
	return keeper
}

// page collects paragraphs.
type page struct {
	room       int
	wasCut     bool
	paragraphs []Paragraph
}

func (p *page) add(label string, nature Nature, text string) {
	p.spans(label, p.cut(nature, text))
}

func (p *page) spans(label string, spans ...Span) {
	spans = slices.DeleteFunc(spans, func(span Span) bool { return span.Text == "" })
	if len(spans) > 0 {
		p.paragraphs = append(p.paragraphs, Paragraph{Label: label, Spans: spans})
	}
}

// cut shortens what may be shortened: half a link leads nowhere, and half a command does
// something else.
func (p *page) cut(nature Nature, text string) Span {
	if nature == Ours || p.room == 0 {
		return Span{nature, text}
	}
	room := p.room
	if nature == Link {
		room *= roomOfLinks
	}
	short := clean.Text(text, room)
	if short == text {
		return Span{nature, text}
	}
	p.wasCut = true
	if nature == Link || nature == Command {
		short = ""
	}
	return Span{nature, short}
}

// roomOfLinks is how much more room than a text a link gets, which cannot be shortened.
const roomOfLinks = 4
