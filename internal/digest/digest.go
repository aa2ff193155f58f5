// Package digest puts a message into words that every channel shows alike: what changed,
// what is due when, what to do next. Its texts are single clean lines of bounded length;
// it escapes nothing, and it knows no service's limits: a channel asks Fit how much of
// the message its service takes.
package digest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/weblink"
	"lapsewatch/watch"
)

const (
	// Product is how Lapsewatch calls itself in messages.
	Product     = "Lapsewatch"
	maxName     = 200
	maxMessage  = 1000
	maxNote     = 500
	maxInstance = 100
	maxOwners   = 5
	maxAlso     = 5
	stampForm   = "2006-01-02 15:04 UTC"
)

// Digest is a message as a reader sees it.
type Digest struct {
	Test bool
	// Note says why the message comes this way; empty as a rule.
	Note string
	// Counts and First are "1 critical, 2 warnings" and "first expires 2026-12-13 (21
	// days)"; First is empty when nothing open has a date.
	Counts, First string
	// Groups hold the entries that are shown, the gravest first.
	Groups []Group
	// Clocks are the lines of a plot, in monospaced text, of how far the clocks are off that
	// the message concerns, whether shown or not; nil if it concerns none. No line has a
	// back-tick.
	Clocks []string
	// LeftOut counts the events that are not shown.
	LeftOut int
	Channel string
	// Judged is when the pass judged, as "2026-11-22 06:00 UTC".
	Judged  string
	Version string
	// Instance is how this installation calls itself; empty if it has no name.
	Instance string
	// ReportURL is where the whole report is; empty if nowhere.
	ReportURL string
}

// Group are the entries of one severity, or those that are resolved.
type Group struct {
	// Severity is Resolved or Unwatched for what has ended.
	Severity watch.Severity
	Title    string
	// Colour is #rrggbb and stands out on white by 4.5 to 1 or more.
	Colour  string
	Entries []Entry
}

// Entry is one event. Empty texts are not to be shown.
type Entry struct {
	// Key names the subject in services that keep one record for each.
	Key  string
	Name string
	// Change is what is new: "new", "reminder", "worse than before: was warning".
	Change  string
	Message string
	Also    []string
	Owners  string
	// Check is its name and kind: "public-sites (tls)".
	Check  string
	Remedy string
	// Link is a safe https URL.
	Link string
	// Headline is the entry in one line.
	Headline string
}

// New words a message, of which the first shown events, the most urgent, are listed.
func New(message alerts.Message, env alerts.Env, shown int) Digest {
	listed := message.Events[:min(len(message.Events), max(shown, 0))]
	made := Digest{
		Test: message.Test, Note: clean.Text(message.Note, maxNote),
		Counts: counts(message.Events), First: first(message.Events),
		Clocks: clocks(message.Events), LeftOut: len(message.Events) - len(listed), Channel: clean.Text(message.Channel, maxName),
		Judged: message.CreatedAt.UTC().Format(stampForm), Version: env.Version,
		Instance: clean.Text(env.Instance, maxInstance), ReportURL: weblink.HTTPS(env.ReportURL),
	}
	for _, section := range sections() {
		group := Group{Severity: section.severity, Title: section.title, Colour: section.colour}
		for _, event := range listed {
			if SeverityOf(event) == section.severity {
				group.Entries = append(group.Entries, NewEntry(event))
			}
		}
		if len(group.Entries) > 0 {
			made.Groups = append(made.Groups, group)
		}
	}
	return made
}

// Fit is the largest number of events, at most the message's own and at most most, for
// which fits holds. More events never fit where fewer do not.
func Fit(message alerts.Message, most int, fits func(shown int) bool) int {
	low, high := 0, min(len(message.Events), most)
	for low < high {
		middle := (low + high + 1) / 2
		if fits(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// NewEntry words one event.
func NewEntry(event watch.Event) Entry {
	finding := event.Finding
	made := Entry{
		Key: Key(finding.ID), Name: clean.Text(finding.Name, maxName), Change: change(event),
		Message: clean.Text(finding.Message, maxMessage),
		Check:   clean.Text(fmt.Sprintf("%s (%s)", finding.Check, finding.Kind), maxName),
		Remedy:  clean.Text(finding.Remedy, maxMessage), Link: weblink.HTTPS(finding.Link),
	}
	made.Headline = fmt.Sprintf("%s: %s (%s)", sectionTitle(event), made.Name, made.Change)
	for _, also := range finding.Also[:min(len(finding.Also), maxAlso)] {
		made.Also = append(made.Also, clean.Text(also.Message, maxMessage))
	}
	var owners []string
	for _, owner := range finding.Owners[:min(len(finding.Owners), maxOwners)] {
		owners = append(owners, clean.Text(owner, maxName))
	}
	if more := len(finding.Owners) - len(owners); more > 0 {
		owners = append(owners, fmt.Sprintf("%d more", more))
	}
	made.Owners = strings.Join(owners, ", ")
	return made
}

// Key is a name of the finding that fits every service: the same at every pass, of 32
// hexadecimal digits behind a prefix.
func Key(findingID string) string {
	sum := sha256.Sum256([]byte(findingID))
	return "lapsewatch-" + hex.EncodeToString(sum[:16])
}

// Title is the digest in one line: "Lapsewatch: 1 critical - first expires 2026-11-26 (4
// days)". It is plain ASCII, so that a mail header needs no encoding.
func (d Digest) Title() string {
	text := Product + ": " + d.Counts
	if d.Test {
		text = Product + " test: " + d.Counts
	}
	if d.First != "" {
		text += " - " + d.First
	}
	return text
}

// TestNotice is the line that stands first in a test message; empty in others.
func (d Digest) TestNotice() string {
	if !d.Test {
		return ""
	}
	return "This is a test of the channel. Nothing has happened."
}

// Rest says what was left out and where it stands; empty if nothing was.
func (d Digest) Rest() string {
	where := "see the run's own report (lapsewatch run --output html --out FILE)."
	if d.ReportURL != "" {
		where = "see " + d.ReportURL
	}
	switch d.LeftOut {
	case 0:
		return ""
	case 1:
		return "1 more, the least urgent, is not listed here: " + where
	default:
		return fmt.Sprintf("%d more, the least urgent, are not listed here: %s", d.LeftOut, where)
	}
}

// Footer says who speaks, by which channel and as of when.
func (d Digest) Footer() string {
	who := Product + " " + d.Version
	if d.Instance != "" {
		who += " on " + d.Instance
	}
	return fmt.Sprintf("%s, channel %s, as of %s", who, d.Channel, d.Judged)
}

func worse(event watch.Event) string {
	was := cmp.Or(event.Previous, watch.OK)
	switch {
	case event.Finding.Reason == watch.Expired && !slices.Contains(event.Was, watch.Expired):
		return "has expired"
	case event.Finding.Unreadable() && passed(event):
		return "has expired meanwhile"
	case event.Finding.Unreadable() && was != watch.OK && was != watch.Unknown && !slices.Contains(event.Was, event.Finding.Reason):
		return "cannot be looked at now: was " + string(was)
	case event.Finding.Severity == was:
		return "worse than before"
	default:
		return "worse than before: was " + string(was)
	}
}

// passed: the date of what nobody can look at has passed, and that is news.
func passed(event watch.Event) bool {
	expired := func(also watch.Judgement) bool { return also.Reason == watch.Expired }
	return slices.ContainsFunc(event.Finding.Also, expired) && !slices.Contains(event.Was, watch.Expired)
}

// change says what is new since the message before.
func change(event watch.Event) string {
	switch event.Type {
	case watch.Opened:
		return "new"
	case watch.Worsened:
		return worse(event)
	case watch.Improved:
		if event.Why != "" && event.Finding.Severity == event.Previous {
			return fmt.Sprintf("%s, still %s", event.Why, event.Previous)
		}
		return "better than before: was " + string(cmp.Or(event.Previous, watch.OK))
	case watch.Reminder:
		if event.Why != "" {
			return "reminder, " + string(event.Why)
		}
		return "reminder"
	case watch.Standing:
		return "still so"
	case watch.Resolved:
		if event.Why == watch.NoLongerWatched {
			return "its check is not configured any more, or has another name"
		}
		return string(cmp.Or(event.Why, watch.Corrected))
	default:
		return clean.Text(string(event.Type), maxName)
	}
}
