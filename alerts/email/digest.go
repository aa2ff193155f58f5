package email

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/weblink"
	"lapsewatch/watch"
)

const (
	// maxListed and maxRows, in bytes of HTML, keep the mail below the 102 KB at which
	// Gmail cuts it off.
	maxListed  = 100
	maxRows    = 95 << 10
	maxName    = 200
	maxMessage = 1000
	maxOwners  = 5
	maxAlso    = 5
)

// digest is what both forms of the mail show. Its texts are single clean lines; each
// form escapes them for itself.
type digest struct {
	Test    bool
	Counts  string
	First   string
	Groups  []group
	LeftOut int
	Channel string
	Judged  string
	Version string
}

type group struct {
	Title   string
	Colour  string
	Entries []entry
}

type entry struct {
	Name    string
	Change  string
	Message string
	Also    []string
	Owners  string
	Check   string
	Remedy  string
	Link    string
}

// section is one group of events and how it is named in counts.
type section struct {
	severity watch.Severity
	title    string
	one      string
	many     string
	colour   string
}

// resolved stands for the events of that type, whatever their severity.
const resolved watch.Severity = "resolved"

// sections are in the order in which they are shown. The colours stand out on white by
// 4.5 to 1 or more.
func sections() []section {
	return []section{
		{watch.Critical, "Critical", "critical", "critical", "#b3261e"},
		{watch.Warning, "Warning", "warning", "warnings", "#9a5b00"},
		{watch.Unknown, "Could not be read", "unreadable", "unreadable", "#5c4a8a"},
		{watch.Notice, "Notice", "notice", "notices", "#1f5fa8"},
		{watch.OK, "In order", "in order", "in order", "#2b6b3f"},
		{resolved, "Resolved", "resolved", "resolved", "#2b6b3f"},
	}
}

func sectionOf(event watch.Event) watch.Severity {
	if event.Type == watch.Resolved {
		return resolved
	}
	return event.Finding.Severity
}

func newDigest(message alerts.Message, version string) digest {
	listed := fitting(message.Events)
	made := digest{
		Test: message.Test, Counts: counts(message.Events), First: first(message.Events),
		LeftOut: len(message.Events) - len(listed), Channel: clean.Text(message.Channel, maxName),
		Judged: message.CreatedAt.UTC().Format("2006-01-02 15:04 UTC"), Version: version,
	}
	for _, section := range sections() {
		shown := group{Title: section.title, Colour: section.colour}
		for _, event := range listed {
			if sectionOf(event) == section.severity {
				shown.Entries = append(shown.Entries, newEntry(event))
			}
		}
		if len(shown.Entries) > 0 {
			made.Groups = append(made.Groups, shown)
		}
	}
	return made
}

// fitting gives the first events, which are the most urgent, as far as the mail has room.
func fitting(events []watch.Event) []watch.Event {
	var rows bytes.Buffer
	for i, event := range events[:min(len(events), maxListed)] {
		// A buffer fails no write, and page reports whatever else can go wrong.
		_ = row(group{Colour: "#000000"}, newEntry(event)).Render(context.Background(), &rows)
		if rows.Len() > maxRows {
			return events[:i]
		}
	}
	return events[:min(len(events), maxListed)]
}

func newEntry(event watch.Event) entry {
	finding := event.Finding
	made := entry{
		Name: clean.Text(finding.Name, maxName), Change: change(event), Message: clean.Text(finding.Message, maxMessage),
		Check:  clean.Text(fmt.Sprintf("%s (%s)", finding.Check, finding.Kind), maxName),
		Remedy: clean.Text(finding.Remedy, maxMessage), Link: weblink.HTTPS(finding.Link),
	}
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

// change says what is new since the mail before.
func change(event watch.Event) string {
	switch event.Type {
	case watch.Opened:
		return "new"
	case watch.Worsened:
		return "worse than before: was " + string(cmp.Or(event.Previous, watch.OK))
	case watch.Improved:
		return "better than before: was " + string(cmp.Or(event.Previous, watch.OK))
	case watch.Reminder:
		return "reminder"
	case watch.Resolved:
		return string(cmp.Or(event.Why, watch.Corrected))
	default:
		return clean.Text(string(event.Type), maxName)
	}
}

// counts says how many events there are of each section: "1 critical, 2 warnings".
func counts(events []watch.Event) string {
	number := make(map[watch.Severity]int)
	for _, event := range events {
		number[sectionOf(event)]++
	}
	var parts []string
	for _, section := range sections() {
		switch n := number[section.severity]; n {
		case 0:
		case 1:
			parts = append(parts, "1 "+section.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, section.many))
		}
	}
	return strings.Join(parts, ", ")
}

// first says which date comes first among what is still open: "first expires
// 2026-12-13 (21 days)". It is empty when nothing open has a date.
func first(events []watch.Event) string {
	var dated []watch.Finding
	for _, event := range events {
		date := event.Finding.NotAfter
		if event.Type != watch.Resolved && !date.IsZero() && !event.Finding.NeverExpires {
			dated = append(dated, event.Finding)
		}
	}
	if len(dated) == 0 {
		return ""
	}
	earliest := slices.MinFunc(dated, func(a, b watch.Finding) int { return a.NotAfter.Compare(b.NotAfter) })
	verb, span := "expires", ""
	if earliest.DaysLeft != nil {
		span = fmt.Sprintf(" (%s)", days(*earliest.DaysLeft))
		if *earliest.DaysLeft < 0 {
			verb = "expired"
		}
	}
	return fmt.Sprintf("first %s %s%s", verb, earliest.NotAfter.UTC().Format(time.DateOnly), span)
}

// days puts the floor of days left into words. −1 is anything up to a day ago.
func days(left int64) string {
	switch {
	case left == 0:
		return "within a day"
	case left == 1:
		return "1 day"
	case left > 1:
		return fmt.Sprintf("%d days", left)
	case left == -1:
		return "within the last day"
	case left == -2:
		return "1 day ago"
	default:
		return fmt.Sprintf("%d days ago", -left-1)
	}
}
