package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

func (j Judge) judgeClock(finding *watch.Finding, clock watch.Clock, now time.Time) {
	if clock.Limits.Critical == 0 {
		clock.Limits = watch.DefaultClockLimits()
	}
	if clock.At.IsZero() {
		clock.At = now
	}
	class, jumped := classify(clock), jumpOf(clock)
	finding.Details = clockDetails(clock, class, jumped)
	first := judgeOffset(clock, class)
	judgements := []watch.Judgement{first}
	remedy := clock.Remedy
	switch {
	case jumped.by == 0:
	case first.Reason == watch.ClockDrift:
		judgements = append(judgements, watch.Judgement{Reason: watch.ClockJump, Severity: first.Severity, Message: jumped.text()})
		finding.Extent = jumped.seen.Unix()
		remedy = cmp.Or(remedy, verdicts[watch.ClockDrift].remedy+" "+verdicts[watch.ClockJump].remedy)
	default:
		judgements[0].Message += "; it " + jumped.text()
	}
	for _, observation := range clock.Observations {
		judged, _ := judgeObservation(observation, leads{}, now)
		judgements = append(judgements, judged)
	}
	decide(finding, j.overridden(*finding, judgements))
	if finding.Reason != "" && finding.Reason != first.Reason {
		finding.Message += "; its " + first.Message
	}
	if finding.Reason == first.Reason && first.Severity != watch.OK {
		finding.Remedy = cmp.Or(remedy, finding.Remedy)
	}
}

// judgeOffset grades by what is proven, which is the offset less its uncertainty, and calls
// nothing ok that may as well be beyond its limit.
func judgeOffset(clock watch.Clock, class clockError) watch.Judgement {
	proven := clock.Offset.Abs() - clock.Uncertainty
	warn, critical := clock.Limits.Warn+clock.Slack, clock.Limits.Critical+clock.Slack
	judged := watch.Judgement{Severity: watch.OK, Message: clockText(clock)}
	switch {
	case clock.NoReference:
		judged.Reason, judged.Severity = watch.NoReference, watch.Unknown
		judged.Message += ", which proves nothing: no references are given"
	case clock.Unverified != "":
		judged.Reason, judged.Severity = watch.NoMajority, watch.Unknown
		judged.Message += ", which proves nothing: " + clock.Unverified
	case clock.Own && proven >= watch.DistrustFrom:
		judged.Reason, judged.Severity = watch.ClockJump, watch.Critical
	case proven >= critical:
		judged.Reason, judged.Severity = watch.ClockDrift, watch.Critical
	case proven >= warn:
		judged.Reason, judged.Severity = watch.ClockDrift, watch.Warning
	case clock.Uncertainty >= clock.Limits.Warn:
		judged.Reason, judged.Severity = watch.ClockUncertain, watch.Unknown
		judged.Message += fmt.Sprintf(", which is less exact than the limit of %s", watch.Span(clock.Limits.Warn))
	case clock.Offset.Abs() >= warn:
		judged.Reason, judged.Severity = watch.ClockUncertain, watch.Unknown
		judged.Message += fmt.Sprintf(", which may be beyond the limit of %s", watch.Span(warn))
	}
	if judged.Reason == watch.ClockDrift || judged.Reason == watch.ClockJump {
		judged.Message += dial(clock) + class.clause() + breakage(clock, proven)
	}
	if clock.Slack > 0 {
		judged.Message += fmt.Sprintf("; for a leap second %s more are allowed today", watch.Span(clock.Slack))
	}
	return judged
}

func clockText(clock watch.Clock) string {
	direction := "ahead of"
	if clock.Offset < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("clock is %s %s %s (± %s)", watch.Span(clock.Offset), direction, clock.Reference, watch.Span(clock.Uncertainty))
}

const dialFrom = time.Minute

// dial shows what the clock says beside what it should say, where a person can see the
// difference.
func dial(clock watch.Clock) string {
	if clock.Offset.Abs() < dialFrom || clock.SelfReported {
		return ""
	}
	layout := "2006-01-02 15:04:05 UTC"
	return fmt.Sprintf(": it says %s where %s is right", clock.At.Add(clock.Offset).UTC().Format(layout), clock.At.UTC().Format(layout))
}

// breakage says what fails at this offset, and what will fail next.
func breakage(clock watch.Clock, proven time.Duration) string {
	var broken []string
	next := ""
	for _, tolerance := range watch.Tolerances() {
		switch {
		case !tolerance.Common && tolerance.Name != clock.Limits.For:
		case proven >= tolerance.Limit:
			broken = append(broken, tolerance.Breaks)
		case next == "":
			next = tolerance.Breaks
		}
	}
	if len(broken) > 0 {
		return ". At this offset " + strings.Join(broken, ", ")
	}
	if next == "" {
		return ""
	}
	return ". Further off, " + next
}

// jump is that a clock was set between two readings, of which the later one saw it.
type jump struct {
	by          time.Duration
	since, seen time.Time
}

// jumpOf is how the clock was set when it left its limits, and once it is within them
// again, how it was set right. It is zero where nothing was set, or by less than would
// matter.
func jumpOf(clock watch.Clock) jump {
	now := watch.ClockReading{At: clock.At, Offset: clock.Offset, Uncertainty: clock.Uncertainty, Own: clock.OwnOffset}
	within := clock.Offset.Abs()-clock.Uncertainty < clock.Limits.Warn
	switch {
	case clock.Unverified != "":
		return jump{}
	case clock.Since == nil && clock.Before != nil:
		return between(*clock.Before, now, clock.Limits)
	case clock.Since != nil && within:
		return between(*clock.Since, now, clock.Limits)
	case clock.Since != nil && clock.Before != nil:
		return between(*clock.Before, *clock.Since, clock.Limits)
	}
	return jump{}
}

func between(from, to watch.ClockReading, limits watch.ClockLimits) jump {
	if !from.SetBefore(to, limits.Warn) {
		return jump{}
	}
	return jump{watch.Minus(to.Offset, from.Offset), from.At, to.At}
}

func (j jump) text() string {
	direction := "forwards"
	if j.by < 0 {
		direction = "backwards"
	}
	return fmt.Sprintf("was set %s by %s since %s", direction, watch.Span(j.by), stamp(j.since))
}

func clockDetails(clock watch.Clock, class clockError, jumped jump) map[string]any {
	details := map[string]any{
		"offset_seconds": clock.Offset.Seconds(), "uncertainty_seconds": clock.Uncertainty.Seconds(), "reference": clock.Reference,
		"warn_seconds": clock.Limits.Warn.Seconds(), "critical_seconds": clock.Limits.Critical.Seconds(),
	}
	if clock.Limits.For != "" {
		details["limit"] = clock.Limits.For
	}
	if class.name != "" {
		details["clock_error"] = class.name
	}
	if ppm, known := driftOf(clock); known && jumped.by == 0 {
		details["drift_ppm"] = ppm
	}
	if jumped.by != 0 {
		details["jump_seconds"] = jumped.by.Seconds()
	}
	for _, key := range slices.Sorted(maps.Keys(clock.Details)) {
		if _, taken := details[key]; !taken {
			details[key] = clock.Details[key]
		}
	}
	return details
}
