package incidents

import (
	"fmt"
	"strings"
	"time"

	"lapsewatch/watch"
)

// language is what cannot stand in a template.
type language struct {
	code             string
	phases           map[watch.Phase]string
	statuses         map[watch.ComponentStatus]string
	noComponent, and string
	more             func(count int) string
	oneDay, manyDays string
	lessThanAMinute  string
	// duplicate has a place for a key.
	duplicate string
	// singular reports whether a noun behind the number has no plural mark.
	singular func(count int) bool
}

func english() language {
	return language{
		code: "en",
		phases: map[watch.Phase]string{
			watch.Scheduled: "scheduled", watch.Investigating: "investigating", watch.Identified: "identified",
			watch.Monitoring: "monitoring", watch.Over: "resolved",
		},
		statuses: map[watch.ComponentStatus]string{
			watch.Operational: "operational", watch.UnderMaintenance: "under maintenance", watch.Degraded: "degraded performance",
			watch.PartialOutage: "partial outage", watch.MajorOutage: "major outage",
		},
		noComponent: "a service", and: "and",
		more:   func(count int) string { return fmt.Sprintf("%d more", count) },
		oneDay: "day", manyDays: "days", lessThanAMinute: "less than a minute",
		duplicate: "This is a duplicate of %s, where updates go on, and is closed.",
		singular:  func(count int) bool { return count == 1 || count == -1 },
	}
}

func french() language {
	return language{
		code: "fr",
		phases: map[watch.Phase]string{
			watch.Scheduled: "planifié", watch.Investigating: "en cours d'analyse", watch.Identified: "cause identifiée",
			watch.Monitoring: "sous surveillance", watch.Over: "résolu",
		},
		statuses: map[watch.ComponentStatus]string{
			watch.Operational: "opérationnel", watch.UnderMaintenance: "en maintenance", watch.Degraded: "performances dégradées",
			watch.PartialOutage: "panne partielle", watch.MajorOutage: "panne majeure",
		},
		noComponent: "un service", and: "et",
		more: func(count int) string {
			if count == 1 {
				return "1 autre"
			}
			return fmt.Sprintf("%d autres", count)
		},
		oneDay: "jour", manyDays: "jours", lessThanAMinute: "moins d'une minute",
		duplicate: "Cet incident fait double emploi avec %s, où le suivi continue ; il est clos.",
		singular:  func(count int) bool { return count > -2 && count < 2 },
	}
}

// languageOf finds a built-in language by its code; English has no code as well.
func languageOf(code string) (language, bool) {
	if code == "" {
		return english(), true
	}
	for _, known := range []language{english(), french()} {
		if known.code == code {
			return known, true
		}
	}
	return language{}, false
}

func (l language) plural(count int, one, many string) string {
	if l.singular(count) {
		return one
	}
	return many
}

func (l language) quantity(count int, one, many string) string {
	return fmt.Sprintf("%d %s", count, l.plural(count, one, many))
}

// enumerate writes "a, b and c", or "a, b and 7 more".
func (l language) enumerate(names []string, most int) string {
	if left := len(names) - most; left > 0 {
		names = append(names[:most:most], l.more(left))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + l.and + " " + names[last]
}

// span writes how long it is from one instant to a later one, to the minute: "2 days 3 h",
// "2 h 5 min".
func (l language) span(from, until time.Time) string {
	minutes := int(until.Sub(from) / time.Minute)
	days, hours := minutes/(24*60), minutes/60%24
	var parts []string
	if days > 0 {
		parts = append(parts, l.quantity(days, l.oneDay, l.manyDays))
	}
	if hours > 0 {
		parts = append(parts, fmt.Sprintf("%d h", hours))
	}
	if days == 0 && minutes%60 > 0 {
		parts = append(parts, fmt.Sprintf("%d min", minutes%60))
	}
	if len(parts) == 0 {
		return l.lessThanAMinute
	}
	return strings.Join(parts, " ")
}
