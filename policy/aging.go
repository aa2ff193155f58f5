package policy

import (
	"fmt"
	"slices"
	"time"

	"lapsewatch/watch"
)

// laidToRest are the reasons by which a date hurts nobody, however near it is. It is
// read-only.
var laidToRest = []watch.Reason{watch.Superseded, watch.OutOfService, watch.LeftOver}

// aged is what was last read of a subject, with its date as it is now: the date draws
// nearer while nobody can look.
func aged(last watch.Finding, now time.Time) watch.Finding {
	if last.NotAfter.IsZero() || last.NeverExpires || last.Unreadable() || slices.Contains(laidToRest, last.Reason) {
		return last
	}
	days := daysLeft(last.NotAfter, now)
	last.DaysLeft = &days
	lowered := datedReason(last.Reason) && !tellable(last)
	severity, reason := byDate(last, now)
	if lowered || severity == "" {
		return last
	}
	if severity.Grade() > last.Severity.Grade() || reason == watch.Expired && datedReason(last.Reason) {
		last.Severity, last.Reason, last.Remedy = severity, reason, verdicts[reason].remedy
	}
	return last
}

// byDate judges by the instants that were worked out when the subject was last read; it
// is empty while the date is far off.
func byDate(last watch.Finding, now time.Time) (watch.Severity, watch.Reason) {
	soon := watch.ExpiresSoon
	if datedReason(last.Reason) {
		soon = last.Reason
	}
	switch {
	case !now.Before(last.NotAfter):
		return watch.Critical, watch.Expired
	case !last.CriticalFrom.IsZero() && !now.Before(last.CriticalFrom):
		return watch.Critical, soon
	case !last.WarnFrom.IsZero() && !now.Before(last.WarnFrom):
		return watch.Warning, soon
	default:
		return "", ""
	}
}

// passesUntold reports whether a date that nobody could look at has become graver than
// anything that was told since the subject was opened.
func (k Known) passesUntold(date watch.Finding) bool {
	if !tellable(date) || !datedReason(date.Reason) && date.Reason != watch.Expired {
		return false
	}
	told := max(k.Worst.Grade(), k.Finding.Severity.Grade())
	return date.Severity.Grade() > told || date.Reason == watch.Expired && k.Finding.Reason != watch.Expired && !slices.Contains(k.Reasons, watch.Expired)
}

// age keeps the judgement of the date, and the words of what was last read.
func (k *Known) age(date watch.Finding) {
	k.Finding.Severity, k.Finding.Reason, k.Finding.Remedy = date.Severity, date.Reason, date.Remedy
}

func lastRead(last watch.Finding, now time.Time) string {
	if last.NotAfter.IsZero() {
		return "when it was last read: " + last.Message
	}
	return fmt.Sprintf("when it was last read, its notAfter was %s, %s", stamp(last.NotAfter), distance(last.NotAfter, now))
}

// Unseen is for a subject that its check, which saw only a part of its source, could not
// list this time. Its date draws nearer all the same: it is opened, gets worse and is
// reminded of by what was last read.
func (t Telling) Unseen(before Known, now time.Time) (Known, *watch.Event) {
	if !before.acknowledged(before.Finding, now) {
		before.Acknowledged = nil
	}
	finding := aged(before.Finding, now)
	var kind watch.EventType
	switch {
	case !before.open() && (before.Untold && before.Bad() || before.Blind == "" && before.passesUntold(finding)):
		kind = watch.Opened
	case !before.open():
	case before.passesUntold(finding):
		kind, before.Acknowledged = watch.Worsened, nil
	case before.Acknowledged == nil && t.due(before, finding, now):
		kind = watch.Reminder
	}
	if kind == "" {
		return before, t.standing(before, before.Finding, now)
	}
	told := finding
	if !told.NotAfter.IsZero() {
		told.Message = "could not be looked at this time; " + lastRead(told, now)
	}
	event := newEvent(kind, "", &before, told, now)
	before.ToldAt, before.Untold = now, false
	before.age(finding)
	before.tell(kind, event.Finding)
	return before, &event
}
