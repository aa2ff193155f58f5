package policy

import (
	"fmt"
	"slices"
	"time"

	"lapsewatch/watch"
)

const (
	// failingAfter is how long a message may wait before its channel counts as failing:
	// a daily job has tried twice by then.
	failingAfter = 20 * time.Hour
	// overdueAfter is how many usual intervals may pass without a complete run.
	overdueAfter = 3
	// patientFor is how long nobody wonders, however often runs come: some are made by
	// hand, and an alarm from outside watches whether any come at all.
	patientFor = 48 * time.Hour
	// endlessRuns in a row that did not end are no accident.
	endlessRuns = 2
)

// ChannelHealth is what is known of the deliveries by one channel.
type ChannelHealth struct {
	Channel string
	// Owed and Lost count the messages that wait and those that were given up lately, and
	// Refused those of the waiting that the service does not take.
	Owed, Refused, Lost int
	// OldestOwed is when the pass judged whose message waits longest.
	OldestOwed time.Time
	LastSent   time.Time
	LastError  string
}

// Condition says whether the channel can be relied on.
func (h ChannelHealth) Condition(now time.Time) watch.Condition {
	condition := watch.Condition{
		Subject: watch.Subject{ID: "channel/" + h.Channel, Name: "channel " + h.Channel},
		Text:    "owes nothing",
	}
	if !h.LastSent.IsZero() {
		condition.Text += ", and delivered last at " + stamp(h.LastSent)
	}
	waiting := h.Owed > 0 && now.Sub(h.OldestOwed) >= failingAfter
	switch {
	case waiting:
		condition.Reason = watch.DeliveryFailing
		condition.Text = fmt.Sprintf("has failed to deliver: %s since %s", counted(h.Owed, "message waits", "messages wait"), stamp(h.OldestOwed))
	case h.Refused > 0:
		condition.Reason = watch.DeliveryFailing
		condition.Text = fmt.Sprintf("has failed to deliver for good: %s", counted(h.Refused, "message waits for somebody to mend it", "messages wait for somebody to mend it"))
	case h.Lost > 0:
		condition.Reason = watch.DeliveryFailing
		condition.Text = counted(h.Lost, "message was", "messages were") + " given up within the last week"
	case h.Owed > 0:
		condition.Text = fmt.Sprintf("has %s to be sent", counted(h.Owed, "message that waits", "messages that wait"))
	}
	if condition.Reason != "" && h.LastError != "" {
		condition.Text += "; the last error: " + h.LastError
	}
	return condition
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// RunHealth is what is known of the runs before this one.
type RunHealth struct {
	// Judged are the instants as of which the latest runs judged, the newest first.
	Judged []time.Time
	// Ended says of each whether it came to its end.
	Ended []bool
}

// Condition says whether runs end, and come as often as they use to.
func (h RunHealth) Condition(now time.Time) watch.Condition {
	condition := watch.Condition{Subject: watch.Subject{ID: "runs", Name: "scheduled runs"}, Text: "this is the first run"}
	last := slices.Index(h.Ended, true)
	switch {
	case len(h.Judged) == 0:
		return condition
	case last < 0:
		condition.Text = fmt.Sprintf("none of the last %d runs came to its end", len(h.Judged))
	default:
		condition.Text = fmt.Sprintf("the last complete run judged at %s", stamp(h.Judged[last]))
	}
	usual := h.usual()
	switch {
	case last >= endlessRuns || last < 0 && len(h.Judged) >= endlessRuns:
		condition.Reason = watch.RunOverdue
		if last > 0 {
			condition.Text += fmt.Sprintf("; the %d since then did not come to their end", last)
		}
	case usual > 0 && now.Sub(h.Judged[0]) > max(overdueAfter*usual, patientFor):
		condition.Reason = watch.RunOverdue
		condition.Text += fmt.Sprintf("; until now none was made, though they are usually %s apart", roughly(usual))
	}
	return condition
}

func roughly(span time.Duration) string {
	switch {
	case span >= 2*day:
		return fmt.Sprintf("%d days", span.Round(day)/day)
	case span >= time.Hour:
		return counted(int(span.Round(time.Hour)/time.Hour), "hour", "hours")
	default:
		return counted(int(span.Round(time.Minute)/time.Minute), "minute", "minutes")
	}
}

// usual is the median of the gaps between runs; zero while there are too few.
func (h RunHealth) usual() time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(h.Judged); i++ {
		gaps = append(gaps, h.Judged[i-1].Sub(h.Judged[i]))
	}
	if len(gaps) < 2 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// RecordCondition says whether what was seen and said before can be used. Why it cannot
// is a clause; empty if it can.
func RecordCondition(whyNot string) watch.Condition {
	condition := watch.Condition{Subject: watch.Subject{ID: "ledger", Name: "ledger"}, Text: "is sound"}
	if whyNot != "" {
		condition.Reason, condition.Text = watch.RecordUnusable, whyNot
	}
	return condition
}

// DependsOnClock reports whether a finding says something else when the clock of its pass
// is wrong.
func DependsOnClock(finding watch.Finding) bool {
	return !finding.NotAfter.IsZero() || finding.Reason == watch.RunOverdue || finding.Reason == watch.DeliveryFailing
}

// AwaitsReferences reports whether a finding cannot be judged before the references answer,
// which is a finding of its own: that on the own clock.
func AwaitsReferences(finding watch.Finding) bool {
	awaits := func(judged watch.Judgement) bool { return judged.Reason == watch.NoMajority }
	return finding.ID != FindingID(watch.Itself, ownClockID) && (finding.Reason == watch.NoMajority || slices.ContainsFunc(finding.Also, awaits))
}
