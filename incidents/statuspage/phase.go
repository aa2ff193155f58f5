package statuspage

import (
	"slices"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// phases are the words of the service for the phases: of an incident, and of a scheduled
// maintenance. It is read-only.
var phases = []struct {
	phase             watch.Phase
	incident, planned string
}{
	{watch.Scheduled, "", "scheduled"},
	{watch.Investigating, "investigating", "in_progress"},
	{watch.Identified, "identified", "in_progress"},
	{watch.Monitoring, "monitoring", "verifying"},
	{watch.Over, "resolved", "completed"},
	// One that was announced and is under way.
	{watch.Scheduled, "", underWay},
}

const underWay = "in_progress"

// word is the service's for the stub's phase. An announced maintenance is under way from the
// beginning of its window on.
func word(now incident, stub incidents.Stub, at time.Time) string {
	planned := stub.Window != nil || !now.ScheduledFor.IsZero()
	if stub.Phase == watch.Scheduled && planned && begun(now, stub, at) {
		return underWay
	}
	for _, row := range phases {
		if row.phase != stub.Phase {
			continue
		}
		if planned || row.incident == "" {
			return row.planned
		}
		return row.incident
	}
	return ""
}

// begun reports that the window of a maintenance has come. Of a stub whose window was
// forgotten it is the one that stands there.
func begun(now incident, stub incidents.Stub, at time.Time) bool {
	from := now.ScheduledFor.Time
	if stub.Window != nil {
		from = stub.Window.From
	}
	return !at.Before(from)
}

// phaseOf is ours for the service's word. That of an incident with a published post-mortem
// is "postmortem". A maintenance that is under way is one that was announced.
func phaseOf(status string) watch.Phase {
	if status == "postmortem" {
		return watch.Over
	}
	for _, row := range slices.Backward(phases) {
		if status == row.incident && status != "" || status == row.planned {
			return row.phase
		}
	}
	return ""
}

// impacts are the service's words for the worst of the components. It is read-only.
var impacts = map[watch.ComponentStatus]string{
	watch.Operational: "none", watch.UnderMaintenance: "maintenance", watch.Degraded: "minor",
	watch.PartialOutage: "major", watch.MajorOutage: "critical",
}

// impact is what is set; none where the service keeps what it has: that of a maintenance,
// and that of an incident that is over.
func impact(stub incidents.Stub) string {
	if stub.Window != nil || stub.Phase == watch.Over {
		return ""
	}
	return impacts[stub.Impact]
}
