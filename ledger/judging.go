package ledger

import (
	"time"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// runAhead is how far ahead of a pass an instant may lie without its clock having been
// wrong: a pass is dated by its beginning, and what happens during it is not.
const runAhead = time.Hour

// judging compares findings with what was known, by policy's rules, with the exceptions
// that are due to clocks and to a record that was lost.
type judging struct {
	telling policy.Telling
	// trusted: the pass believes its own clock. dated: it knows the time, be that by its own
	// clock or by others'.
	trusted, dated bool
	now            time.Time
	lost           *recordLost
	// clamped counts the subjects that were dated in the future.
	clamped int
}

func judgingOf(clock watch.OwnClock, telling policy.Telling, now time.Time) judging {
	return judging{telling: telling, trusted: clock.Trusted, dated: clock.Trusted || clock.Corrected, now: now}
}

func (j *judging) compare(before *policy.Known, finding watch.Finding) (policy.Known, *watch.Event) {
	telling := j.telling
	telling.RecordLost = telling.RecordLost || j.lost.of(finding.Check)
	if before != nil && telling.RecordLost && before.Untold && before.ToldAt.IsZero() {
		before = nil // it was only seen, by a pass that could not judge it
	}
	if !j.dated && policy.DependsOnClock(finding) || policy.AwaitsReferences(finding) {
		return j.undecided(before, finding)
	}
	if before != nil && j.dated {
		j.clamp(before)
	}
	if before != nil && !j.trusted {
		return j.distrust(telling, *before, finding)
	}
	return telling.Compare(before, finding, j.now)
}

// undecided is for what a pass cannot judge, for it does not know the time or has nothing to
// compare a clock with, which is told by itself: what was known stands, and what was not
// known is for the next pass to judge.
func (j *judging) undecided(before *policy.Known, finding watch.Finding) (policy.Known, *watch.Event) {
	if before == nil {
		// Its severity is of a clock that is wrong.
		finding.Severity, finding.Reason = watch.OK, ""
		return policy.Known{Finding: finding, Untold: true}, nil
	}
	return *before, j.standing(*before)
}

// distrust is for a pass that does not believe its own clock. It brings no good news,
// and ends no acknowledgement.
func (j *judging) distrust(telling policy.Telling, before policy.Known, finding watch.Finding) (policy.Known, *watch.Event) {
	endless := before
	if before.Acknowledged != nil {
		extended := *before.Acknowledged
		extended.Until = j.now.AddDate(1, 0, 0)
		endless.Acknowledged = &extended
	}
	after, event := telling.Compare(&endless, finding, j.now)
	if event != nil && (event.Type == watch.Resolved || event.Type == watch.Improved) {
		return before, j.standing(before)
	}
	if before.CalmSince.IsZero() {
		after.CalmSince = time.Time{}
	}
	if after.Acknowledged != nil {
		after.Acknowledged = before.Acknowledged
	}
	if event != nil && event.Finding.Acknowledged != nil {
		event.Finding.Acknowledged = &before.Acknowledged.Acknowledgement
	}
	return after, event
}

// unseen is for a subject of which the pass does not say whether it has gone.
func (j *judging) unseen(before policy.Known) (policy.Known, *watch.Event) {
	if !j.trusted {
		return before, j.standing(before)
	}
	j.clamp(&before)
	return j.telling.Unseen(before, j.now)
}

// standing repeats what is open for the services that would forget it, and reminds
// nobody.
func (j *judging) standing(before policy.Known) *watch.Event { return j.telling.Still(before, j.now) }

// clamp undoes what a clock that ran ahead has left in a subject. An instant that lies
// ahead counts as now, so that reminders resume within one interval.
func (j *judging) clamp(known *policy.Known) {
	clamped := known.ToldAt.After(j.now.Add(runAhead))
	if known.ToldAt.After(j.now) {
		known.ToldAt = j.now
	}
	for _, instant := range []*time.Time{&known.GoodAt, &known.CalmSince} {
		if instant.After(j.now.Add(runAhead)) {
			*instant, clamped = j.now, true
		}
	}
	if noted := known.Acknowledged; noted != nil && noted.At.After(j.now.Add(runAhead)) {
		// It lasts as long as it was meant to.
		shifted := *noted
		shifted.At, shifted.Until = j.now, noted.Until.Add(-noted.At.Sub(j.now))
		known.Acknowledged, clamped = &shifted, true
	}
	if clamped {
		j.clamped++
	}
}

// inForce is the acknowledgement of a subject that holds at the instant; nil without one.
func inForce(known policy.Known, now time.Time) *watch.Acknowledgement {
	if known.Acknowledged == nil || !now.Before(known.Acknowledged.Until) {
		return nil
	}
	return &known.Acknowledged.Acknowledgement
}
