package main

import (
	"strings"
	"time"

	"lapsewatch/watch"
)

// The grades of a date.
const (
	gradeFine     = 0
	gradeWarning  = 2
	gradeCritical = 3
	gradeExpired  = 4
)

// truth is how a thing is at an instant.
type truth struct {
	there, seen, dark bool
	grade             int
	carried           *thing
}

func (t truth) bad() bool { return t.there && (t.dark || t.grade > gradeFine) }

// aMonthBefore is the same day of the month before, or its last day, and never less than
// 30 days.
func aMonthBefore(date time.Time) time.Time {
	year, month, day := date.Date()
	lastDay := time.Date(year, month, 0, 0, 0, 0, 0, time.UTC).Day()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	before := time.Date(year, month-1, min(day, lastDay), 0, 0, 0, 0, time.UTC).Add(date.Sub(midnight))
	if date.Sub(before) < 30*aDay {
		return date.Add(-30 * aDay)
	}
	return before
}

func gradeAt(t *thing, now time.Time) int {
	warn, critical := aMonthBefore(t.until), t.until.Add(-min(7*aDay, t.life/12))
	if t.form == watch.Certificate && t.life <= 100*aDay {
		warn = t.until.Add(-t.life / 4)
	}
	switch {
	case now.After(t.until):
		return gradeExpired
	case !now.Before(critical):
		return gradeCritical
	case !now.Before(warn):
		return gradeWarning
	}
	return gradeFine
}

func (o *oracle) truth(t *thing, now time.Time) truth {
	is := truth{there: t.there(o.world.now), seen: o.world.seen(t), dark: t.dark.holds(o.world.now), carried: o.world.shown(t)}
	is.grade = gradeAt(is.carried, now)
	if t.successor != nil && !o.world.now.Before(t.unusedFrom) {
		is.grade = gradeFine
	}
	return is
}

// audience is who should know of a thing.
func audience(t *thing) []string {
	var all []string
	switch t.check {
	case "public", "acme":
		all = append(all, "web-team ")
	case "apps":
		all = append(all, "app-team ")
	}
	for _, owner := range t.owners {
		if strings.HasSuffix(owner, "@example.com") {
			all = append(all, "mail "+owner)
		}
	}
	if len(all) == 0 {
		all = append(all, "mail "+yearOps)
	}
	return all
}

// otherSubject is what is told of checks and of Lapsewatch itself.
func (o *oracle) otherSubject(who string, event watch.Event) {
	day := o.world.day
	unreadable := o.world.blind["apps"].holds(o.world.now) || o.world.blind["apps"].holds(o.world.now.Add(-aDay))
	halved := o.world.halved["devices"].holds(o.world.now) || o.world.halved["devices"].holds(o.world.now.Add(-aDay))
	allowed := false
	switch event.Finding.ID {
	case "apps/source":
		allowed = who == "app-team " && unreadable
	case "devices/page":
		allowed = who == "mail "+yearOps && halved
	case "lapsewatch/runs":
		allowed = who == "mail "+yearOps && (day == missed.end || day == missed.end+1)
	case "lapsewatch/channel/app-team":
		allowed = who == "mail "+yearOps && day > refusing.first && day <= refusing.end+1
	}
	if !allowed {
		o.wrong("%s is told %q of %s: %s", who, event.Type, event.Finding.ID, event.Finding.Message)
	}
}
