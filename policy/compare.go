package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lapsewatch/watch"
)

// Known is what the ledger remembers of one subject between passes.
type Known struct {
	// Finding is the last one that came from reading the subject; while the subject
	// could never be read, the last unreadable one.
	Finding watch.Finding `json:"finding"`
	// Blind is the reason why the subject cannot be read now; empty when it can.
	Blind watch.Reason `json:"blind,omitempty"`
	// ToldAt is when an event was last raised for the subject; zero if never.
	ToldAt time.Time `json:"told_at,omitzero"`
	// Untold: the latest event led to nobody, or never arrived, so it is as if it had
	// not been raised.
	Untold bool `json:"untold,omitempty"`
	// Concerned are the owners whom the events named since the subject was opened.
	Concerned []string `json:"concerned,omitempty"`
	// Worst is the gravest severity, and Reasons are all the reasons, that were told since
	// the subject was opened.
	Worst   watch.Severity `json:"worst,omitempty"`
	Reasons []watch.Reason `json:"reasons,omitempty"`
	// StoodIn are the channels that were told of it in place of others since then.
	StoodIn []string `json:"stood_in,omitempty"`
	// Acknowledged silences reminders; nil while nobody has taken note.
	Acknowledged *Acknowledged `json:"acknowledged,omitempty"`
	// GoodAt is when good news of the subject was last told, and Unsettled says that
	// bad news followed within the settling time: it comes and goes.
	GoodAt    time.Time `json:"good_at,omitzero"`
	Unsettled bool      `json:"unsettled,omitempty"`
	// CalmSince is since when an unsettled subject has been better than Finding says;
	// zero while it is not.
	CalmSince time.Time `json:"calm_since,omitzero"`
	// Gone: the subject has vanished, and is known for a while still in case it comes
	// back.
	Gone bool `json:"gone,omitempty"`
	// Shown is what the subject last showed of itself that may change while it is well, such
	// as its version.
	Shown map[string][]string `json:"shown,omitempty"`
}

// Acknowledged is an acknowledgement of one credential.
type Acknowledged struct {
	watch.Acknowledgement
	// Identity is the credential that was acknowledged; its successor is not.
	Identity string `json:"identity,omitempty"`
	// Blind: it was acknowledged that nobody can look, which says nothing of what is
	// there to be seen.
	Blind bool `json:"blind,omitempty"`
}

// Telling decides what of a pass is told.
type Telling struct {
	Reminders
	// Standing: what is open and has not changed yields an event too.
	Standing bool
	// RecordLost: what was told before is not known, so that what is found may be no
	// news.
	RecordLost bool
	// Stubs are the status systems on which incident stubs are kept.
	Stubs StubPlan
}

// maxConcerned bounds what is kept of owners, who come from outside.
const maxConcerned = 50

// maxEarly is how much too early a reminder may come: a daily job never starts at quite
// the same second, and must not skip a day for that.
const maxEarly = time.Hour

// Compare judges a finding against what was known of its subject. It yields what is
// known from now on, and the event to tell, if any: only warnings, critical findings
// and unreadable subjects are told, and the end of each.
func (t Telling) Compare(before *Known, finding watch.Finding, now time.Time) (Known, *watch.Event) {
	finding.Acknowledged = nil
	after := t.known(before, finding, now)
	kind, why := t.change(before, finding, now)
	if before != nil && good(kind) && before.Unsettled {
		if since := cmp.Or(before.CalmSince, now); now.Sub(since) < t.settle() {
			return t.withhold(*before, finding, since, now)
		}
	}
	if kind == "" {
		return after, t.standing(after, finding, now)
	}
	if kind == watch.Worsened && (!finding.Unreadable() || before.Blind != "") {
		// Somebody took note of something milder.
		after.Acknowledged = nil
	}
	event := newEvent(kind, why, before, withLastKnown(before, finding, now), now)
	event.Finding.Acknowledged = after.acknowledgement()
	after.ToldAt, after.Untold = now, false
	after.settleBy(before, kind, now, t.settle())
	after.tell(kind, event.Finding)
	return after, &event
}

// tell notes what was told of the subject since it was opened.
func (k *Known) tell(kind watch.EventType, told watch.Finding) {
	if kind == watch.Resolved {
		k.Worst, k.Reasons, k.StoodIn = "", nil, nil
		return
	}
	k.Concerned = union(k.Concerned, told.Owners)
	for _, judged := range append([]watch.Judgement{{Severity: told.Severity}}, told.Also...) {
		if judged.Severity.Grade() > k.Worst.Grade() {
			k.Worst = judged.Severity
		}
	}
	for _, reason := range told.Reasons(watch.Warning) {
		if !slices.Contains(k.Reasons, reason) {
			k.Reasons = append(slices.Clone(k.Reasons), reason)
		}
	}
}

// StandIn notes that a channel is told of the subject in place of another.
func (k *Known) StandIn(channel string) {
	if !slices.Contains(k.StoodIn, channel) {
		k.StoodIn = append(slices.Clone(k.StoodIn), channel)
	}
}

// known carries over what a new finding does not change.
func (t Telling) known(before *Known, finding watch.Finding, now time.Time) Known {
	after := Known{Finding: finding}
	if before != nil {
		after = *before
		after.Finding, after.Blind, after.CalmSince, after.Gone = finding, "", time.Time{}, false
	}
	after.Shown = shownAfter(after.Shown, finding)
	if !tellable(finding) {
		after.Concerned = nil
	}
	if !before.acknowledged(finding, now) || !tellable(finding) {
		after.Acknowledged = nil
	}
	if finding.Unreadable() {
		after.Blind = finding.Reason
		if before != nil && !before.Finding.Unreadable() {
			// What was read before stays known: unknown never resolves it.
			after.Finding = before.Finding
		}
	}
	return after
}

func union(concerned, owners []string) []string {
	all := slices.Clone(concerned)
	for _, owner := range owners {
		if len(all) < maxConcerned && !slices.Contains(all, owner) {
			all = append(all, owner)
		}
	}
	return all
}

// withLastKnown adds to a finding that says only that nobody could look what is known
// from before, above all the date.
func withLastKnown(before *Known, finding watch.Finding, now time.Time) watch.Finding {
	if before == nil || !finding.Unreadable() || before.Finding.Unreadable() {
		return finding
	}
	last := aged(before.Finding, now)
	finding.NotBefore, finding.NotAfter, finding.Identity = last.NotBefore, last.NotAfter, last.Identity
	if !last.NotAfter.IsZero() {
		finding.DaysLeft = last.DaysLeft
	}
	bad := tellable(last) && last.Reason != ""
	if bad || !last.NotAfter.IsZero() {
		finding.Message += "; " + lastRead(last, now)
	}
	if bad {
		finding.Also = append(slices.Clone(finding.Also), watch.Judgement{Reason: last.Reason, Severity: last.Severity, Message: lastGrade(before.Finding, last)})
	}
	return finding
}

// lastGrade says where the grade of what nobody can look at comes from: it may have grown
// with the date since.
func lastGrade(read, last watch.Finding) string {
	if read.Severity != last.Severity || read.Reason != last.Reason {
		return fmt.Sprintf("is %s by now for its date", last.Severity)
	}
	return fmt.Sprintf("was %s when it was last read", last.Severity)
}

func (t Telling) change(before *Known, finding watch.Finding, now time.Time) (watch.EventType, watch.Why) {
	open := before != nil && before.open()
	switch {
	case !open && tellable(finding) && before == nil && t.RecordLost:
		return watch.Reminder, watch.RecordLost
	case !open && tellable(finding) && before.acknowledged(finding, now) && !graver(before.Finding, finding):
		return "", ""
	case !open && tellable(finding):
		return watch.Opened, ""
	case !open:
		return "", ""
	case !tellable(finding):
		return watch.Resolved, whyResolved(*before, finding)
	}
	blindBefore, blindNow := before.Blind != "", finding.Unreadable()
	switch {
	case blindNow && !blindBefore:
		return watch.Worsened, ""
	case blindNow && before.passesUntold(aged(before.Finding, now)):
		return watch.Worsened, ""
	case blindBefore && !blindNow && before.Finding.Unreadable():
		return watch.Opened, ""
	case !blindNow && graver(before.Finding, finding):
		return watch.Worsened, ""
	case !blindNow && extended(before.Finding, finding) && !before.Unsettled && !before.acknowledged(finding, now):
		// What comes and goes, or was taken note of, is not told for its extent.
		return watch.Worsened, ""
	case blindBefore && !blindNow:
		return watch.Improved, whyReadable(*before, finding)
	case !blindNow && graver(finding, before.Finding):
		return watch.Improved, whyResolved(*before, finding)
	}
	switch {
	case before.acknowledged(finding, now):
		return "", ""
	case before.Acknowledged != nil:
		return watch.Reminder, watch.AcknowledgementEnded
	case t.due(*before, finding, now):
		return watch.Reminder, ""
	}
	return "", ""
}

func (r Reminders) due(before Known, finding watch.Finding, now time.Time) bool {
	known := before.Finding
	if finding.Unreadable() {
		known = aged(known, now)
	}
	interval := r.interval(known, finding)
	return now.Sub(before.ToldAt) >= interval-min(interval/20, maxEarly)
}

// open reports whether somebody was told of the subject and not yet of its end.
func (k Known) open() bool { return !k.Untold && k.Bad() }

// Bad reports whether the subject was last known to be such that somebody is told of it.
func (k Known) Bad() bool { return k.Blind != "" || tellable(k.Finding) }

func tellable(finding watch.Finding) bool { return finding.Severity.AtLeast(watch.Warning) }

// graver reports whether finding b is worse news than a: a higher severity, or at the
// same severity a reason that a did not have and that is no milder than a's own.
func graver(a, b watch.Finding) bool {
	if a.Severity.Grade() != b.Severity.Grade() {
		return b.Severity.Grade() > a.Severity.Grade()
	}
	had := a.Reasons(watch.Warning)
	wasExpired := slices.Contains(had, watch.Expired)
	for _, reason := range b.Reasons(watch.Warning) {
		milder := wasExpired && datedReason(reason)
		if !milder && !slices.Contains(had, reason) {
			return true
		}
	}
	return false
}

// extended reports whether b is the same as a to a larger extent. A smaller one is no news.
func extended(a, b watch.Finding) bool {
	return tellable(b) && a.Reason == b.Reason && b.Extent > a.Extent && a.Extent > 0
}

func datedReason(reason watch.Reason) bool {
	return reason == watch.ExpiresSoon || reason == watch.RenewalOverdue
}

func (r Reminders) interval(known, finding watch.Finding) time.Duration {
	if finding.Severity == watch.Critical || known.Severity == watch.Critical {
		if r.Critical > 0 {
			return time.Duration(r.Critical)
		}
		return defaultCriticalReminder
	}
	if r.Warning > 0 {
		return time.Duration(r.Warning)
	}
	return defaultWarningReminder
}
