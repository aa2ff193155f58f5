package report

import (
	"fmt"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

const (
	weeksShown     = 26
	day            = 24 * time.Hour
	week           = 7 * day
	namesPerBucket = 4
)

// timeline counts what runs out by calendar week (Monday to Sunday, UTC), and keeps a
// few names of each, whatever the number of findings.
type timeline struct {
	now     time.Time
	monday  time.Time
	expired bucket
	weeks   [weeksShown]bucket
	later   bucket
	undated int
}

// bucket is one bar of the timeline.
type bucket struct {
	label string
	count watch.Summary
	names []string
}

func newTimeline(now time.Time) *timeline {
	midnight := now.Truncate(day)
	sinceMonday := (int(midnight.Weekday()) + 6) % 7
	t := &timeline{now: now, monday: midnight.AddDate(0, 0, -sinceMonday)}
	t.expired.label = "already run out"
	for i := range t.weeks {
		t.weeks[i].label = "week of " + t.weekStart(i).Format("Mon 2 Jan 2006")
	}
	t.later.label = "after " + t.weekStart(weeksShown).AddDate(0, 0, -1).Format("Mon 2 Jan 2006")
	return t
}

func (t *timeline) weekStart(i int) time.Time { return t.monday.AddDate(0, 0, 7*i) }

func (t *timeline) add(finding watch.Finding) {
	if finding.NotAfter.IsZero() || endless(finding) {
		t.undated++
		return
	}
	into := &t.later
	switch {
	case finding.NotAfter.Before(t.now):
		into = &t.expired
	case finding.NotAfter.Before(t.weekStart(weeksShown)):
		into = &t.weeks[finding.NotAfter.Sub(t.monday)/week]
	}
	into.count.Count(finding.Severity)
	if len(into.names) < namesPerBucket {
		into.names = append(into.names, clean.Text(finding.Name, 60))
	}
}

// buckets gives every bucket in the order of time.
func (t *timeline) buckets() []bucket {
	all := append([]bucket{t.expired}, t.weeks[:]...)
	return append(all, t.later)
}

// filled gives the buckets in which something runs out.
func (t *timeline) filled() []bucket {
	var filled []bucket
	for _, each := range t.buckets() {
		if each.count.Subjects > 0 {
			filled = append(filled, each)
		}
	}
	return filled
}

// description says in words what the chart shows.
func (t *timeline) description() string {
	soon, busiest := 0, 0
	for i, each := range t.weeks {
		soon += each.count.Subjects
		if each.count.Subjects > t.weeks[busiest].count.Subjects {
			busiest = i
		}
	}
	text := fmt.Sprintf("Run out: %d. Within %d weeks: %d. Later: %d. Without such a date: %d.",
		t.expired.count.Subjects, weeksShown, soon, t.later.count.Subjects, t.undated)
	if most := t.weeks[busiest].count.Subjects; most > 1 {
		text += fmt.Sprintf(" Busiest: the %s, with %d.", t.weeks[busiest].label, most)
	}
	return text
}

func (b bucket) severities() string {
	var parts []string
	for _, severity := range watch.Severities() {
		if n := b.count.Of(severity); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	return strings.Join(parts, ", ")
}

func (b bucket) examples() string {
	text := strings.Join(b.names, ", ")
	if more := b.count.Subjects - len(b.names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
