package policy

import (
	"time"

	"lapsewatch/watch"
)

// acknowledged reports whether somebody has taken note of the very credential that the
// finding is about, and the time for that is not over.
func (k *Known) acknowledged(finding watch.Finding, now time.Time) bool {
	if k == nil || k.Acknowledged == nil || !now.Before(k.Acknowledged.Until) {
		return false
	}
	if k.Acknowledged.Blind && !finding.Unreadable() {
		return false
	}
	was, is := k.Acknowledged.Identity, finding.Identity
	return was == "" || is == "" || was == is
}

func (k Known) acknowledgement() *watch.Acknowledgement {
	if k.Acknowledged == nil {
		return nil
	}
	acknowledgement := k.Acknowledged.Acknowledgement
	return &acknowledgement
}

func good(kind watch.EventType) bool { return kind == watch.Resolved || kind == watch.Improved }

// settleBy notes what an event that is told says of how the subject comes and goes.
func (k *Known) settleBy(before *Known, kind watch.EventType, now time.Time, settle time.Duration) {
	switch {
	case good(kind):
		k.GoodAt, k.Unsettled = now, false
	case (kind == watch.Opened || kind == watch.Worsened) && before != nil && !before.GoodAt.IsZero() && now.Sub(before.GoodAt) < settle:
		k.Unsettled = true
	}
}

// withhold keeps good news back while a subject that comes and goes has not stayed
// better for long enough: it stays known as it was at its worst.
func (t Telling) withhold(before Known, finding watch.Finding, since, now time.Time) (Known, *watch.Event) {
	after := before
	after.CalmSince = since
	if !before.acknowledged(before.Finding, now) {
		after.Acknowledged = nil
	}
	if tellable(finding) && after.Acknowledged == nil && t.due(before, finding, now) {
		told := withLastKnown(&before, finding, now)
		if last := before.Finding; last.Severity.Grade() > told.Severity.Grade() {
			// It is still said to be what it was at its worst.
			told.Severity, told.Reason = last.Severity, last.Reason
		}
		event := newEvent(watch.Reminder, "", &before, told, now)
		after.ToldAt = now
		after.tell(event.Type, event.Finding)
		return after, &event
	}
	return after, t.standing(after, before.Finding, now)
}

// Still is the event that says only that what is known is open still; nil where nobody
// wants it.
func (t Telling) Still(known Known, now time.Time) *watch.Event {
	return t.standing(known, known.Finding, now)
}

// standing is the event that says only that the subject is open still; nil where nobody
// wants it, or somebody has taken note.
func (t Telling) standing(known Known, finding watch.Finding, now time.Time) *watch.Event {
	if !t.Standing || !known.open() || known.Acknowledged != nil {
		return nil
	}
	if !finding.NotAfter.IsZero() {
		days := daysLeft(finding.NotAfter, now)
		finding.DaysLeft = &days
	}
	event := newEvent(watch.Standing, "", &known, withLastKnown(&known, finding, now), now)
	return &event
}

func (r Reminders) settle() time.Duration {
	if r.Settle > 0 {
		return time.Duration(r.Settle)
	}
	return defaultSettle
}
