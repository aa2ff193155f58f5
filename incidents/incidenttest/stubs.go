package incidenttest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// Stub is an ordinary stub of that cause in its first phase, tied to the desk's first two
// components.
func (o *Office) Stub(cause string) incidents.Stub {
	now := o.Clock.Now()
	stub := incidents.Stub{
		Key:   watch.NewIncidentKey(Source, cause, alerttest.Now()).String(),
		Title: "Sign-in of the order service may fail (" + cause + ")",
		Internal: "Affected: order import, order confirmations.\n\n" +
			"Client secret of the app \"orders\" expired 2026-11-22 05:00 UTC.\n\nhttps://inventory.example.com/credentials/42",
		StartedAt: now.Add(-time.Hour),
	}
	for _, component := range o.first(2) {
		stub.Components = append(stub.Components, watch.Component{ID: component.ID, Name: component.Name})
	}
	return o.Moved(stub, watch.Investigating)
}

func (o *Office) first(n int) []watch.Component {
	all := o.Components()
	return all[:min(n, len(all))]
}

var texts = map[watch.Phase]string{
	watch.Scheduled:     "A credential of the order service is replaced.\n\nSign-in may fail for a minute.",
	watch.Investigating: "Sign-in of the order service may fail.\n\nWe are looking into it.",
	watch.Identified:    "The credential expired 2026-11-22 05:00 UTC, and its owner is told.",
	watch.Monitoring:    "The credential was replaced. We are watching.",
	watch.Over:          "Sign-in works again.\n\nIt was seen well three times.",
}

// Moved is the stub in another phase, as of the office's clock, with the text and the
// components of that phase: well again from monitoring on, and under maintenance while the
// window of what was announced lasts.
func (o *Office) Moved(stub incidents.Stub, phase watch.Phase) incidents.Stub {
	stub.Phase, stub.Text, stub.At = phase, texts[phase], o.Clock.Now()
	stub.Mark = fmt.Sprintf("%s-%s-%d", stub.Key, phase, stub.At.Unix())
	worst := watch.Degraded
	switch phase {
	case watch.Over, watch.Monitoring:
		worst = watch.Operational
	case watch.Scheduled:
		worst = watch.Operational
		if stub.Window != nil && !stub.At.Before(stub.Window.From) {
			worst = watch.UnderMaintenance
		}
	case watch.Identified:
		worst = watch.MajorOutage
	default:
	}
	stub.Components = slices.Clone(stub.Components)
	stub.Impact = watch.Operational
	for i := range stub.Components {
		stub.Components[i].Status = worst
		if i > 0 && worst == watch.MajorOutage {
			stub.Components[i].Status = watch.PartialOutage
		}
		stub.Impact = worst
	}
	return stub
}

// Note is a note for staff as of the office's clock.
func (o *Office) Note(text string) incidents.Note {
	at := o.Clock.Now()
	return incidents.Note{Mark: fmt.Sprintf("note-%d", at.Unix()), Text: text, At: at}
}

// TellALife takes a stub through its life, for golden files: hidden at first where the
// system can hide, found out, mended, open again and over, with a note and a draft where
// there is a place for them.
func (o *Office) TellALife(t *testing.T) {
	t.Helper()
	stub := o.Stub("orders")
	stub.Hidden = o.System(t).Traits().Hides
	current := o.Create(t, stub)
	for _, phase := range lifeOf() {
		o.Clock.Advance(time.Hour)
		stub = o.Moved(stub, phase)
		stub.Hidden = stub.Hidden && phase == watch.Identified
		current = o.Update(t, current, stub)
	}
	for _, err := range []error{
		o.System(t).Annotate(t.Context(), current, o.Note("The finding is resolved: the new secret expires 2027-11-22 05:00 UTC.")),
		o.System(t).Draft(t.Context(), current, o.Note("# Summary\n\nThe client secret of the app expired.\n\n# Timeline\n\n…")),
	} {
		if err != nil && !errors.Is(err, incidents.ErrNoNotes) && !errors.Is(err, incidents.ErrNoDrafts) {
			t.Fatal(err)
		}
	}
}
