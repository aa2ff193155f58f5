package ticket

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

// Story is one message as a ticket tells it. Its texts are clean single lines; escaping
// them is the channel's.
type Story struct {
	// Key is the finding's, and Mark the message's: both are letters, digits and "-".
	Key, Mark string
	// At is when the event was judged, CreatedAt when the message was made, which may be
	// days later.
	At, CreatedAt time.Time
	Severity      watch.Severity
	Resolved      bool
	Test          bool
	// Reopened: the ticket was closed, and was opened again to tell this.
	Reopened bool
	// Earlier is the name of the ticket that this one replaces; empty as a rule.
	Earlier string

	finding watch.Finding
	again   bool
	heading string
	entry   digest.Entry
	digest  digest.Digest
}

// NewStory words a message of one event. source names the installation where several
// keep their tickets at one place, and is empty as a rule.
func NewStory(message alerts.Message, env alerts.Env, source string) Story {
	event := message.Events[0]
	made := Story{
		Mark: mark(message.ID), At: cmp.Or(event.At, message.CreatedAt).UTC(), CreatedAt: message.CreatedAt.UTC(),
		Severity: event.Finding.Severity, Resolved: event.Type == watch.Resolved, Test: message.Test,
		finding: event.Finding, again: event.Type == watch.Opened, heading: digest.Product,
		entry: digest.NewEntry(event), digest: digest.New(message, env, 1),
	}
	made.Key = made.entry.Key
	if source != "" {
		made.Key = digest.Key(source + "\x00" + event.Finding.ID)
	}
	if len(made.digest.Groups) > 0 {
		made.heading = made.digest.Groups[0].Title
	}
	return made
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$`)

// Marks are short, and too long to be part of another text by chance. The ids of messages
// are both.
const shortestMark, longestMark = 16, 64

// mark is the message's id, or the hash of one that could break out of where it stands.
func mark(id string) string {
	if len(id) >= shortestMark && len(id) <= longestMark && plainID.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// MarkLine is the mark where people see it, for services that have no better place.
func (s Story) MarkLine() Paragraph {
	return Paragraph{Spans: []Span{{Nature: Ours, Text: "Message " + s.Mark}}}
}

// markLine is nothing but a mark. No text from outside begins a line.
var markLine = regexp.MustCompile(`(?m)^Message ([A-Za-z0-9-]+)\r?$`)

// MarksIn lists the marks whose lines stand in a text.
func MarksIn(text string) []string { return Submatches(markLine, text) }

// Submatches lists what the first group of a pattern matches in a text.
func Submatches(pattern *regexp.Regexp, text string) []string {
	var found []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// Title is the finding in one line of at most limit runes that stays true while days go
// by: "Lapsewatch: shop.example.com:443 expires 2026-11-26". quote makes text from
// outside harmless, and may lengthen it.
func (s Story) Title(limit int, quote func(string) string) string {
	prefix, suffix := digest.Product+": ", ""
	if s.Test {
		prefix = digest.Product + " test: "
	}
	name := s.entry.Name
	dated := s.finding.Reason == watch.ExpiresSoon || s.finding.Reason == watch.Expired
	if dated && !s.finding.NotAfter.IsZero() && !s.finding.NeverExpires {
		suffix = fmt.Sprintf(" %s %s", expiry[s.finding.Reason], s.finding.NotAfter.UTC().Format(time.DateOnly))
	} else {
		name += ": " + s.entry.Message
	}
	for room := limit; ; room-- {
		title := prefix + quote(clean.Text(name, room)) + suffix
		if over := utf8.RuneCountInString(title) - limit; over <= 0 || room <= 1 {
			return title
		}
	}
}

var expiry = map[watch.Reason]string{watch.ExpiresSoon: "expires", watch.Expired: "expired"}

// CloseNotes is why the ticket is closed, in one line.
func (s Story) CloseNotes() string {
	if s.Test {
		return "This was a test of " + digest.Product + "."
	}
	return fmt.Sprintf("%s: %s. %s", s.heading, s.entry.Change, s.entry.Message)
}

// roomsForTexts are the lengths to which texts from outside are cut, one after the
// other, until the whole fits. Zero is as they come.
var roomsForTexts = []int{0, 500, 250, 120, 60}

// Text renders the story within limit runes. It cuts texts, never the rendering, so that
// no markup is broken.
func (s Story) Text(limit int, render func([]Paragraph) string) string {
	var text string
	for _, room := range roomsForTexts {
		text = render(s.paragraphs(room))
		if utf8.RuneCountInString(text) <= limit {
			break
		}
	}
	return text
}
