package policy

import (
	"cmp"
	"fmt"
	"time"

	"lapsewatch/watch"
)

// Vanish is for a subject that its check, complete, no longer lists, or whose check is
// not watched any more. The event is nil when nobody was told of it. What is kept is nil
// when there is nothing more to be known; a subject that may come back, as addresses of a
// name do, is known for the settling time.
func (t Telling) Vanish(before Known, watched bool, now time.Time) (kept *Known, event *watch.Event) {
	switch {
	case before.Gone:
		if now.Sub(before.GoodAt) < t.settle() {
			return &before, nil
		}
		return nil, nil
	case !before.open():
		return nil, nil
	case watched && before.Unsettled:
		if since := cmp.Or(before.CalmSince, now); now.Sub(since) < t.settle() {
			before.CalmSince = since
			return &before, t.standing(before, before.Finding, now)
		}
	}
	why := watch.Removed
	switch {
	case !watched:
		why = watch.NoLongerWatched
	case before.Finding.Unreadable():
		why = watch.NoLongerSeen
	}
	finding := before.Finding
	finding.Message, finding.Remedy = fmt.Sprintf("is %s; when it was last looked at: %s", why, finding.Message), ""
	if why == watch.NoLongerSeen {
		finding.Message = "this is no longer so: it can be read again, or was removed; before: " + before.Finding.Message
	}
	told := newEvent(watch.Resolved, why, &before, finding, now)
	if !watched {
		return nil, &told
	}
	return &Known{Finding: gone(before.Finding), GoodAt: now, Gone: true}, &told
}

// gone is what is kept of a finding on a subject that has vanished: that it was there.
func gone(last watch.Finding) watch.Finding {
	return watch.Finding{ID: last.ID, Check: last.Check, Kind: last.Kind, Name: last.Name, Severity: watch.OK, Message: "has vanished"}
}
