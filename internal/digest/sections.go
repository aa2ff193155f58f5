package digest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

// Resolved stands for the events of that type, whatever their severity.
const Resolved watch.Severity = "resolved"

// Unwatched stands for those of them that end only because nobody looks any more, which is
// no good news.
const Unwatched watch.Severity = "unwatched"

// Over reports whether a group is of what has ended, one way or the other.
func Over(severity watch.Severity) bool { return severity == Resolved || severity == Unwatched }

// section is one group of events and how it is named in counts.
type section struct {
	severity watch.Severity
	title    string
	one      string
	many     string
	colour   string
}

// sections are in the order in which they are shown.
func sections() []section {
	return []section{
		{watch.Critical, "Critical", "critical", "critical", "#b3261e"},
		{watch.Warning, "Warning", "warning", "warnings", "#9a5b00"},
		{watch.Unknown, "Could not be read", "unreadable", "unreadable", "#5c4a8a"},
		{watch.Notice, "Notice", "notice", "notices", "#1f5fa8"},
		{watch.OK, "In order", "in order", "in order", "#2b6b3f"},
		{Resolved, "Resolved", "resolved", "resolved", "#2b6b3f"},
		{Unwatched, "No longer watched", "no longer watched", "no longer watched", "#1f5fa8"},
	}
}

// SeverityOf is that of the group in which an event is shown.
func SeverityOf(event watch.Event) watch.Severity {
	switch {
	case event.Type != watch.Resolved:
		return event.Finding.Severity
	case event.Why == watch.NoLongerWatched:
		return Unwatched
	default:
		return Resolved
	}
}

func sectionTitle(event watch.Event) string {
	of := SeverityOf(event)
	for _, section := range sections() {
		if section.severity == of {
			return section.title
		}
	}
	return Product
}

// counts says how many events there are of each section: "1 critical, 2 warnings".
func counts(events []watch.Event) string {
	number := make(map[watch.Severity]int)
	for _, event := range events {
		number[SeverityOf(event)]++
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
