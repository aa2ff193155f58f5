package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/watch"
)

// oracle knows what should have been told, by arithmetic of its own on the world.
type oracle struct {
	t     *testing.T
	world *yearWorld
	// heard is what somebody was told of a thing, by "channel recipient check/id".
	heard map[string]*heard
	// said are the deliveries so far, by their ids.
	said map[string]bool
	// fineSince is since when a thing has been in order.
	fineSince map[*thing]time.Time
	opened    map[string]int
	counts    map[watch.EventType]int
	failures  int
}

type heard struct {
	open, dark bool
	at         time.Time
	grade      int
}

func newOracle(t *testing.T, world *yearWorld) *oracle {
	return &oracle{
		t: t, world: world, heard: map[string]*heard{}, said: map[string]bool{}, fineSince: map[*thing]time.Time{},
		opened: map[string]int{}, counts: map[watch.EventType]int{},
	}
}

func (o *oracle) wrong(format string, args ...any) {
	o.t.Helper()
	if o.failures++; o.failures <= 40 {
		o.t.Errorf("day %d (%s): %s", o.world.day, o.world.now.Format("2006-01-02 15:04"), fmt.Sprintf(format, args...))
	}
}

func interval(grade int) time.Duration {
	if grade >= gradeCritical {
		return aDay
	}
	return 7 * aDay
}

func (o *oracle) of(who string, t *thing) *heard {
	key := who + " " + t.check + "/" + t.id
	if o.heard[key] == nil {
		o.heard[key] = &heard{}
	}
	return o.heard[key]
}

// follow takes what a run that judged as of now has sent.
func (o *oracle) follow(sent []alerts.Message, now time.Time, trusted bool) {
	digests := map[string]int{}
	for _, message := range sent {
		who := message.Channel + " " + message.Recipient
		if o.said[message.ID] {
			o.wrong("%s is sent delivery %s twice", who, message.ID)
		}
		o.said[message.ID] = true
		if !message.CreatedAt.Equal(now) {
			if message.Channel != "app-team" || !refusing.before(o.world.day) {
				o.wrong("%s is sent a message of %s", who, message.CreatedAt)
			}
			continue
		}
		if message.Note == "" {
			digests[who]++
		} else {
			who = "app-team " // the fallback stands in for it
		}
		for _, event := range message.Events {
			o.counts[event.Type]++
			o.event(who, event, now, trusted)
		}
	}
	for who, number := range digests {
		if number > 1 {
			o.wrong("%s is sent %d messages", who, number)
		}
	}
	if trusted {
		o.nothingMissed(now)
	}
}

func (o *oracle) event(who string, event watch.Event, now time.Time, trusted bool) {
	at := slices.IndexFunc(o.world.things, func(t *thing) bool { return t.check+"/"+t.id == event.Finding.ID })
	if at < 0 {
		o.otherSubject(who, event)
		return
	}
	about := o.world.things[at]
	if !trusted {
		o.distrusted(who, event, about)
		return
	}
	if channel, _, _ := strings.Cut(who, " "); !slices.Contains(audience(about), who) && slices.Contains(event.StoodIn, channel) {
		who = "app-team " // whoever stood in for it hears the end
	}
	if !slices.Contains(audience(about), who) {
		o.wrong("%s is told of %s, which is not theirs", who, event.Finding.ID)
	}
	is, known := o.truth(about, now), o.of(who, about)
	if known.at.After(now) {
		known.at = now
	}
	if why := o.objection(event, about, is, *known, now); why != "" {
		o.wrong("%s is told %q %s of %s: %s (%+v, told before %+v)", who, event.Type, event.Why, event.Finding.ID, why, is, *known)
	}
	o.checkDate(who, event, is, now)
	if event.Type == watch.Worsened && !is.dark {
		about.acknowledge.worsens(now)
	}
	if event.Type == watch.Opened {
		o.opened[who+" "+event.Finding.ID]++
	}
	*known = heard{open: event.Type != watch.Resolved, dark: is.dark, at: now, grade: is.grade}
	if is.dark || !is.seen {
		known.grade = gradeFromWords(event)
	}
}

// gradeFromWords is the grade that was known when nobody could look.
func gradeFromWords(event watch.Event) int {
	switch {
	case event.Finding.Severity == watch.Critical || event.Previous == watch.Critical:
		return gradeCritical
	default:
		return gradeWarning
	}
}

// objection says why an event is false; empty if it is true.
func (o *oracle) objection(event watch.Event, about *thing, is truth, known heard, now time.Time) string {
	switch event.Type {
	case watch.Opened:
		switch {
		case known.open:
			return "it is open already"
		case !is.bad():
			return "nothing is wrong with it"
		}
	case watch.Worsened:
		worse := is.there && (is.dark && !known.dark || is.grade > known.grade)
		if !known.open || !worse {
			return "it is no worse than before"
		}
	case watch.Reminder:
		span := interval(max(known.grade, is.grade))
		ended := event.Why == watch.AcknowledgementEnded
		switch {
		case !known.open:
			return "it was never opened"
		case is.seen && !is.bad():
			return "nothing is wrong with it any more"
		case about.acknowledge.holds(is.carried.serial, now):
			return "somebody has taken note of it"
		case !ended && now.Sub(known.at) < span-time.Hour:
			return "it is not due yet"
		}
	case watch.Improved:
		if !known.open || !is.bad() || is.dark || !known.dark && is.grade >= known.grade {
			return "it is no better than before"
		}
	case watch.Resolved:
		if !known.open || is.bad() || !is.seen {
			return "it has not ended"
		}
	case watch.Standing:
		return "nobody asked for it"
	}
	return ""
}

func (o *oracle) checkDate(who string, event watch.Event, is truth, now time.Time) {
	if is.dark || !is.seen || !is.there {
		return
	}
	left := int64(0)
	for span := is.carried.until.Sub(now); span < 0; span += aDay {
		left--
	}
	if span := is.carried.until.Sub(now); span >= 0 {
		left = int64(span.Hours() / 24)
	}
	if !event.Finding.NotAfter.Equal(is.carried.until) || event.Finding.DaysLeft == nil || *event.Finding.DaysLeft != left {
		o.wrong("%s is told that %s ends %s, want %s, in %d days", who, event.Finding.ID, event.Finding.NotAfter, is.carried.until, left)
	}
}

// distrusted is for a run whose clock is wrong and that knows it: it says nothing that
// depends on a date, and nothing good.
func (o *oracle) distrusted(who string, event watch.Event, about *thing) {
	dark := about.dark.holds(o.world.now)
	news := event.Type == watch.Opened || event.Type == watch.Worsened
	if !dark || !news && event.Type != watch.Reminder || event.Finding.Severity != watch.Unknown {
		o.wrong("%s is told %q of %s by a clock that is not trusted: %s", who, event.Type, event.Finding.ID, event.Finding.Message)
		return
	}
	known := o.of(who, about)
	known.open, known.dark, known.at = true, true, event.At
}

// nothingMissed wants everybody to know what is wrong now. That each was told before its
// credential expired, if any run came in time, follows from its holding after each run.
func (o *oracle) nothingMissed(now time.Time) {
	for _, each := range o.world.things {
		is := o.truth(each, now)
		if is.bad() || !is.seen {
			delete(o.fineSince, each)
		} else if o.fineSince[each].IsZero() {
			o.fineSince[each] = now
		}
		for _, who := range audience(each) {
			if why := o.missing(each, is, o.of(who, each), now); why != "" {
				o.wrong("%s: %s/%s: %s (%+v, told %+v)", who, each.check, each.id, why, is, *o.of(who, each))
			}
		}
	}
}

func (o *oracle) missing(each *thing, is truth, known *heard, now time.Time) string {
	if known.at.After(now) {
		known.at = now
	}
	// Runs come some minutes early or late, which is no reason to skip one.
	const early = 45 * time.Minute
	late := known.open && now.Sub(known.at) >= interval(known.grade)-early && !each.acknowledge.holds(is.carried.serial, now)
	switch {
	case is.seen && !is.bad():
		// What comes and goes may take its settling time to end.
		if known.open && now.Sub(o.fineSince[each]) > 3*aDay {
			return "its end was not told"
		}
	case late:
		return "no reminder came"
	case !is.seen:
	case !known.open:
		return "it was not told"
	case is.dark != known.dark:
		return "that it is out of reach, or no more, was not told"
	case !is.dark && known.grade < is.grade:
		return "that it is worse was not told"
	}
	return ""
}
