package statuspage

import (
	"slices"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// phases are the words of the service for the phases: of an incident, and of a scheduled
// maintenance. A maintenance is under way whatever is known of it. It is read-only.
var phases = []struct {
	phase             watch.Phase
	incident, planned string
}{
	{watch.Scheduled, "", "scheduled"},
	{watch.Investigating, "investigating", "in_progress"},
	{watch.Identified, "identified", "in_progress"},
	{watch.Monitoring, "monitoring", "verifying"},
	{watch.Over, "resolved", "completed"},
}

// word is the service's for the stub's phase.
func word(stub incidents.Stub) string {
	for _, row := range phases {
		if row.phase != stub.Phase {
			continue
		}
		if stub.Window != nil || row.incident == "" {
			return row.planned
		}
		return row.incident
	}
	return ""
}

// phaseOf is ours for the service's word. That of an incident with a published post-mortem
// is "postmortem". Of a maintenance that is under way it is not known what is known of it:
// it counts as identified.
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
