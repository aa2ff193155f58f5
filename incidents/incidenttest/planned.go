package incidenttest

import (
	"slices"
	"testing"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// announced is a maintenance of an hour, two days from now.
func (o *Office) announced() incidents.Stub {
	stub := o.Stub("orders")
	from := o.Clock.Now().Add(48 * time.Hour)
	stub.Window = &watch.Window{From: from, Until: from.Add(time.Hour)}
	return o.Moved(stub, watch.Scheduled)
}

func (o *Office) requireWindow(t *testing.T, id string, want watch.Window) {
	t.Helper()
	if got := o.record(t, id).Window; got == nil || !got.From.Equal(want.From) || !got.Until.Equal(want.Until) {
		t.Fatalf("window %v, want %v", got, want)
	}
}

func (s Suite) planned(t *testing.T) {
	o := s.open(t)
	if !o.System(t).Traits().Plans {
		t.Log("the system has no scheduled maintenances")
		return
	}
	before := slices.Clone(o.Components())
	stub := o.announced()
	current := o.Create(t, stub)
	o.settled(t, current)
	o.requireWindow(t, current.ID, *stub.Window)
	if s.MovesWindows {
		stub.Window = &watch.Window{From: stub.Window.From.Add(24 * time.Hour), Until: stub.Window.Until.Add(24 * time.Hour)}
	}
	stub.Text += " It is still to come."
	current = o.Update(t, current, stub)
	o.settled(t, current)
	o.requireWindow(t, current.ID, *stub.Window)
	o.requireComponents(t, before, o.Moved(stub, watch.Scheduled))
	o.Clock.Advance(stub.Window.From.Sub(o.Clock.Now()) + 10*time.Minute)
	text := stub.Text
	stub = o.Moved(stub, watch.Scheduled)
	stub.Text = text
	current = o.Update(t, current, stub)
	o.settled(t, current)
	o.requireComponents(t, before, stub)
	o.Clock.Advance(30 * time.Minute)
	stub = o.Moved(stub, watch.Over)
	current = o.Update(t, current, stub)
	o.settled(t, current)
	o.requireComponents(t, before, stub)
	if records := o.Records(); len(records) != 1 || records[0].Open {
		t.Errorf("want one maintenance, which is over\n%s", Dump(records))
	}
}

func (s Suite) cancelledMaintenance(t *testing.T) {
	o := s.open(t)
	if !o.System(t).Traits().Plans {
		t.Log("the system has no scheduled maintenances")
		return
	}
	before := slices.Clone(o.Components())
	stub := o.announced()
	current := o.Create(t, stub)
	o.Clock.Advance(time.Hour)
	current = o.Update(t, current, o.Moved(stub, watch.Over))
	for range 2 {
		o.settled(t, current)
		if records := o.Records(); len(records) != 1 || records[0].Open {
			t.Errorf("want one maintenance, which is over\n%s", Dump(records))
		}
		if after := o.Components(); !slices.Equal(before, after) {
			t.Errorf("the components stand as %v, want %v", after, before)
		}
		o.Clock.Advance(47*time.Hour + 10*time.Minute)
	}
}
