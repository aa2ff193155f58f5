package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"lapsewatch/runner"
	"lapsewatch/watch"
)

// habit is how a credential of the world comes to be replaced.
type habit string

const (
	promptly    habit = "promptly"    // some days after its people were told
	late        habit = "late"        // when it is critical
	afterExpiry habit = "afterExpiry" // when it has expired
	byMachine   habit = "byMachine"   // after two thirds of its life, if nothing fails
	beside      habit = "beside"      // a new one is put beside it, and it is taken out of use
	removal     habit = "removal"     // it is removed
	restored    habit = "restored"    // it is removed, and comes back for a week
)

// thing is one subject of the world, with the credential that it carries now.
type thing struct {
	check, id   string
	form        watch.Form
	owners      []string
	life        time.Duration
	habit       habit
	delay       time.Duration // of its people, or of its machine after a failure
	serial      int
	from, until time.Time
	// renewal is when the next credential comes; zero while nobody thinks of it.
	renewal time.Time
	// fails is the serial whose renewal by machine fails.
	fails int
	// dark is when it is out of reach.
	dark span
	// twinUntil: every other day until then its network serves the certificate before.
	twinUntil   time.Time
	before      *thing
	absent      []span
	unusedFrom  time.Time
	successor   *thing
	acknowledge *acknowledging
	// stopgap is how long its next credential lasts, if that is not a whole life.
	stopgap time.Duration
}

// span is a time; the zero value is never.
type span struct{ from, to time.Time }

func (s span) holds(at time.Time) bool { return !at.Before(s.from) && at.Before(s.to) }

// acknowledging is that somebody takes note, so long after they were told.
type acknowledging struct {
	after, lasts time.Duration
	due, until   time.Time
	serial       int
}

func (a *acknowledging) holds(serial int, at time.Time) bool {
	return a != nil && !a.until.IsZero() && a.serial == serial && at.Before(a.until)
}

// worsens ends it: who took note of something milder has not taken note of this.
func (a *acknowledging) worsens(now time.Time) {
	if a != nil && now.Before(a.until) {
		a.until = now
	}
}

// yearWorld is what is there to be seen, and how people and machines treat it.
type yearWorld struct {
	random *rand.Rand
	// now is the true time, and day the number of the run.
	now    time.Time
	day    int
	things []*thing
	// blind is when a check cannot read its source, and halved when it sees a part of it.
	blind, halved map[string]span
}

const aDay = 24 * time.Hour

func (w *yearWorld) days(low, high int) time.Duration {
	return time.Duration(low)*aDay + time.Duration(w.random.Int64N(int64(time.Duration(high-low)*aDay)))
}

// put adds a thing at a random point of its credential's life.
func (w *yearWorld) put(check, id string, form watch.Form, life time.Duration, treated habit, owners ...string) *thing {
	added := &thing{check: check, id: id, form: form, owners: owners, life: life, habit: treated, fails: -1, delay: w.days(1, 5)}
	age := time.Duration(w.random.Int64N(int64(life)))
	if treated == byMachine {
		age = age * 2 / 3
	} else if life-age < 35*aDay {
		age = life - w.days(35, 90)
	}
	added.carry(w.now.Add(-age).Truncate(time.Second))
	w.things = append(w.things, added)
	return added
}

// endingOn makes the credential of a thing end so many days after the first run.
func (t *thing) endingOn(day int) *thing {
	t.carry(yearBegins().Add(time.Duration(day)*aDay + 7*time.Hour - t.life))
	return t
}

// carry gives the thing a credential that is made at the instant. It is dated an hour
// back, as issuers do for the sake of clocks that are behind.
func (t *thing) carry(made time.Time) {
	t.from, t.renewal = made.Add(-time.Hour), time.Time{}
	t.until = t.from.Add(t.life)
	if t.habit == byMachine && t.serial != t.fails {
		t.renewal = made.Add(t.life * 2 / 3).Truncate(time.Second)
	}
}

// advance lets everything happen that happens until the instant.
func (w *yearWorld) advance(to time.Time) {
	w.now = to
	for _, each := range slices.Clone(w.things) {
		for !each.renewal.IsZero() && !to.Before(each.renewal) {
			each.replace(w)
		}
	}
}

func (t *thing) replace(w *yearWorld) {
	at := t.renewal
	t.renewal = time.Time{}
	switch t.habit {
	case beside:
		made := &thing{check: t.check, id: t.id + "-next", form: t.form, owners: t.owners, life: t.life, habit: beside, fails: -1, delay: t.delay}
		made.carry(at)
		w.things = append(w.things, made)
		t.successor, t.unusedFrom = made, at.Add(4*aDay)
		t.absent = []span{{at.Add(14 * aDay), at.AddDate(9, 0, 0)}}
	case removal:
		t.absent = []span{{at, at.AddDate(9, 0, 0)}}
	case restored:
		t.absent = []span{{at, at.Add(4 * aDay)}, {at.Add(11 * aDay), at.AddDate(9, 0, 0)}}
	default:
		was := *t
		was.before = nil
		t.before = &was
		t.serial++
		if t.stopgap > 0 {
			at, t.stopgap = at.Add(t.stopgap-t.life), 0
		}
		t.carry(at)
	}
}

// hear is that somebody who looks after the thing is told that its date is near or past.
func (t *thing) hear(now time.Time) {
	if a := t.acknowledge; a != nil && a.due.IsZero() {
		a.due = now.Add(a.after)
	}
	// Whoever looks, and finds that it was renewed already, does nothing.
	renewed := t.until.Sub(now) > 40*aDay
	removed := t.absent != nil && t.habit != late
	if renewed || removed || !t.renewal.IsZero() || t.successor != nil {
		return
	}
	t.renewal = now.Add(t.delay)
	switch {
	case t.habit == late && now.Before(t.until):
		t.renewal = t.until.Add(-t.delay)
	case t.habit == afterExpiry && now.Before(t.until):
		t.renewal = t.until.Add(t.delay)
	}
	t.renewal = t.renewal.Truncate(time.Second)
}

func (t *thing) there(at time.Time) bool {
	return !slices.ContainsFunc(t.absent, func(s span) bool { return s.holds(at) })
}

// shown is the thing with the credential that it serves on the day.
func (w *yearWorld) shown(t *thing) *thing {
	if t.before != nil && w.now.Before(t.twinUntil) && w.day%2 == 0 {
		return t.before
	}
	return t
}

func (t *thing) identity() string { return fmt.Sprintf("%s number %d", t.id, t.serial) }

func (t *thing) subject() watch.Subject { return watch.Subject{ID: t.id, Name: t.id, Owners: t.owners} }

// seen reports whether the check's listing goes as far as the thing.
func (w *yearWorld) seen(t *thing) bool {
	if w.blind[t.check].holds(w.now) {
		return false
	}
	return !w.halved[t.check].holds(w.now) || len(t.id)%2 == 0
}

// yearCheck reads the things of one check as they are at the true time.
type yearCheck struct {
	world *yearWorld
	name  string
}

func (c yearCheck) Collect(_ context.Context, sink watch.Sink) error {
	w := c.world
	if w.blind[c.name].holds(w.now) {
		return errors.New("the directory answers 503 Service Unavailable")
	}
	for _, each := range w.things {
		if each.check == c.name && each.there(w.now) && w.seen(each) {
			sink(w.fact(each))
		}
	}
	if w.halved[c.name].holds(w.now) {
		sink(watch.Problem{Subject: watch.Subject{ID: "page", Name: "second page of the list"}, Reason: watch.Incomplete, Err: errors.New("the list broke off")})
	}
	return nil
}

func (w *yearWorld) fact(t *thing) watch.Fact {
	if t.dark.holds(w.now) {
		return watch.Problem{Subject: t.subject(), Reason: watch.Unreachable, Err: errors.New("connect: no route to host"), Confined: true}
	}
	carried := w.shown(t)
	credential := watch.Credential{Subject: t.subject(), Form: t.form, Identity: carried.identity(), NotBefore: carried.from, NotAfter: carried.until}
	if t.form == watch.ClientSecret {
		credential.Use = watch.Use{State: watch.InUse, LastUsed: w.now}
	}
	if t.successor != nil {
		credential.Replacement = &watch.Replacement{Name: t.successor.id, NotBefore: t.successor.from, NotAfter: t.successor.until}
		if !w.now.Before(t.unusedFrom) {
			credential.Use = watch.Use{State: watch.Unused, LastUsed: t.unusedFrom}
		}
	}
	return credential
}

func (w *yearWorld) checks() []runner.Check {
	var all []runner.Check
	for _, name := range []string{"public", "acme", "apps", "devices"} {
		all = append(all, runner.Check{Name: name, Kind: "world", Check: yearCheck{w, name}})
	}
	return all
}
