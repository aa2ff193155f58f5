// Package chat writes the entries of a digest as people read them in a chat: which lines
// in which order, which of them can be spared, and that a command is shown whole or not at
// all. It knows no service: a channel gives its marks, its measure and its bounds, and
// builds its own message around the texts.
package chat

import (
	"bytes"
	"encoding/json"
	"sort"
	"strings"
	"unicode/utf16"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

// Markup is how a service writes text. Each function makes text from outside mean nothing
// but itself there.
type Markup struct {
	Prose func(text string) string
	// Name stands out, as the name of what an entry is about.
	Name func(text string) string
	// Command can be copied as it stands, on lines of its own: it begins and ends with a
	// line break.
	Command func(text string) string
	// Link shows an address that weblink.HTTPS has passed, without a label: readers see
	// where it leads.
	Link func(address string) string
	// Size counts as the service's limits do.
	Size func(text string) int
	// ToDo and Bullet stand before what to do, and before a further judgement.
	ToDo, Bullet string
}

// Bounds are the largest sizes of the parts of an entry, and of the whole.
type Bounds struct{ Entry, Name, Message, Also, People, Remedy, Link int }

// Sign tells the severities apart at a glance. It stands beside the word, never for it.
func Sign(severity watch.Severity) string {
	switch severity {
	case watch.Critical:
		return "🔴"
	case watch.Warning:
		return "🟠"
	case watch.Unknown:
		return "🟣"
	case watch.Notice:
		return "🔵"
	case digest.Resolved:
		return "✅"
	case digest.Unwatched:
		return "⚪"
	default:
		return "🟢"
	}
}

// Fit cuts text so that it has at most the size when it is marked up.
func (m Markup) Fit(text string, most int, markUp func(string) string) string {
	runes := sort.Search(most, func(n int) bool { return m.Size(markUp(clean.Text(text, n+1))) > most })
	return markUp(clean.Text(text, runes))
}

// Linked is prose in which an address is a link.
func (m Markup) Linked(text, address string) string {
	before, after, found := strings.Cut(text, address)
	if address == "" || !found {
		return m.Prose(text)
	}
	return m.Prose(before) + m.Link(address) + m.Prose(after)
}

// Opening are the lines that stand first, if any: that it is a test, and why the message
// comes this way.
func (m Markup) Opening(told digest.Digest, most int) []string {
	var lines []string
	for _, line := range []string{told.TestNotice(), told.Note} {
		if line != "" {
			lines = append(lines, m.Fit(line, most, m.Prose))
		}
	}
	return lines
}

// Report says what is left out and where the whole report is; empty if neither is so.
func (m Markup) Report(told digest.Digest) string {
	if rest := told.Rest(); rest != "" {
		return m.Linked(rest, told.ReportURL)
	}
	if told.ReportURL != "" {
		return "The whole report: " + m.Link(told.ReportURL)
	}
	return ""
}

// Named is what an entry is about and what is new of it.
func (m Markup) Named(entry digest.Entry, most int) string {
	return m.Fit(entry.Name, most, m.Name) + " (" + m.Fit(entry.Change, most, m.Prose) + ")"
}

// People says whose an entry is and which check found it.
func (m Markup) People(entry digest.Entry, most int) string {
	people := "Check: " + entry.Check
	if entry.Owners != "" {
		people = "Owners: " + entry.Owners + ". " + people
	}
	return m.Fit(people, most, m.Prose)
}

// Entry is one entry behind a heading. What can be spared comes last, where it may not fit
// any more.
func (m Markup) Entry(heading string, entry digest.Entry, severity watch.Severity, bounds Bounds) string {
	told := NewLines(bounds.Entry-len("\n…"), m.Size)
	told.Add(heading + m.Named(entry, bounds.Name))
	told.Add(m.Fit(entry.Message, bounds.Message, m.Prose))
	if !digest.Over(severity) {
		told.Add(m.Remedy(entry.Remedy, bounds.Remedy))
	}
	if entry.Link != "" && len(entry.Link) <= bounds.Link {
		told.Add(m.Link(entry.Link))
	}
	told.Add(m.People(entry, bounds.People))
	if !digest.Over(severity) {
		for _, also := range entry.Also {
			told.Add(m.Bullet + "Also: " + m.Fit(also, bounds.Also, m.Prose))
		}
	}
	return told.Text()
}

// Remedy says what to do. A command is shown whole or not at all: nobody should run half
// of one.
func (m Markup) Remedy(words string, most int) string {
	if words == "" {
		return ""
	}
	shown, room := m.ToDo, most
	for _, part := range clean.Parts(words) {
		piece := m.Fit(part.Text, room-len(" "), m.Prose)
		switch {
		case part.Command:
			piece = m.Command(part.Text)
		case !strings.HasSuffix(shown, "\n"):
			piece = " " + piece
		}
		if room -= m.Size(piece); room < 0 {
			return shown + " …"
		}
		shown += piece
	}
	return strings.TrimSpace(shown)
}

// UTF16 is the size of text in UTF-16, which is never less than its characters.
func UTF16(text string) int {
	count := 0
	for _, r := range text {
		count += utf16.RuneLen(r)
	}
	return count
}

// Encode leaves <, > and & as they are: nobody reads this JSON inside HTML, and escaped
// they would take six bytes each.
func Encode(value any) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return body.Bytes(), err
}
