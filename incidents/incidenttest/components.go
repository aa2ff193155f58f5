package incidenttest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// shown is how people see a component that is wanted in a state.
func (s Suite) shown(phase watch.Phase, status watch.ComponentStatus) watch.ComponentStatus {
	if s.HurtsUntilOver && phase != watch.Over && phase != watch.Scheduled && status == watch.Operational {
		return watch.Degraded
	}
	return status
}

// requireComponents requires how the parts of the page stand that a stub speaks of, and
// that the others stand as before.
func (o *Office) requireComponents(t *testing.T, before []watch.Component, stub incidents.Stub) {
	t.Helper()
	want := slices.Clone(before)
	for i := range want {
		for _, component := range stub.Components {
			if component.ID == want[i].ID {
				want[i].Status = o.suite.shown(stub.Phase, component.Status)
			}
		}
	}
	if got := o.Components(); !slices.Equal(got, want) {
		t.Errorf("in phase %s the components stand as %v, want %v", stub.Phase, got, want)
	}
}

func (s Suite) components(t *testing.T) {
	o := s.open(t)
	before := slices.Clone(o.Components())
	if len(before) == 0 {
		t.Log("the system knows no components")
		return
	}
	stub := o.Stub("orders")
	current := o.Create(t, stub)
	o.requireComponents(t, before, stub)
	for _, phase := range lifeOf() {
		o.Clock.Advance(time.Hour)
		stub = o.Moved(stub, phase)
		current = o.Update(t, current, stub)
		o.requireComponents(t, before, stub)
		if current.Components != nil && !s.HurtsUntilOver && !sameStatuses(current.Components, stub.Components) {
			t.Errorf("in phase %s the remote has the components %v, want %v or none", phase, current.Components, stub.Components)
		}
	}
}

func sameStatuses(got, want []watch.Component) bool {
	return maps.Equal(statuses(got), statuses(want))
}

func statuses(components []watch.Component) map[string]watch.ComponentStatus {
	all := map[string]watch.ComponentStatus{}
	for _, component := range components {
		all[component.ID] = component.Status
	}
	return all
}

func (s Suite) switchedComponents(t *testing.T) {
	o := s.open(t)
	board, can := o.Desk.(Switchboard)
	if !can {
		t.Log("nobody sets a component there without an incident, or the service does not show it")
		return
	}
	stub := o.Stub("orders")
	current := o.Create(t, stub)
	switched := o.Components()[0].ID
	board.SetComponent(switched, watch.UnderMaintenance)
	for _, phase := range []watch.Phase{watch.Identified, watch.Over} {
		o.Clock.Advance(time.Hour)
		stub = o.Moved(stub, phase)
		current = o.Update(t, current, stub)
		for _, component := range o.Components() {
			if component.ID == switched && component.Status != watch.UnderMaintenance {
				t.Errorf("phase %s has set the component to %s, which somebody else had set", phase, component.Status)
			}
		}
	}
}

// worseBefore sets components before the stub is made, which would make them better at once
// or in the end.
func (s Suite) worseBefore(t *testing.T) {
	o := s.open(t)
	board, can := o.Desk.(Switchboard)
	if !can {
		t.Log("nobody sets a component there without an incident, or the service does not show it")
		return
	}
	stub := o.Stub("orders")
	left := map[string]watch.ComponentStatus{}
	for i, component := range stub.Components {
		left[component.ID] = []watch.ComponentStatus{watch.PartialOutage, watch.MajorOutage}[i]
		board.SetComponent(component.ID, left[component.ID])
	}
	require := func(phase watch.Phase) {
		t.Helper()
		for _, component := range o.Components() {
			before, set := left[component.ID]
			if set && (before.Worse(component.Status) || phase == watch.Over && component.Status != before) {
				t.Errorf("phase %s has made the component %s, which somebody else had set to %s", phase, component.Status, before)
			}
		}
	}
	current := o.Create(t, stub)
	require(stub.Phase)
	for _, phase := range lifeOf() {
		o.Clock.Advance(time.Hour)
		stub = o.Moved(stub, phase)
		current = o.Update(t, current, stub)
		require(phase)
	}
}

// untied takes a component out of the stub while it is open, as a change of the
// configuration does.
func (s Suite) untied(t *testing.T) {
	o := s.open(t)
	before := slices.Clone(o.Components())
	if len(before) == 0 {
		t.Log("the system knows no components")
		return
	}
	stub := o.Stub("orders")
	current := o.Create(t, stub)
	stub.Components = nil
	for _, phase := range []watch.Phase{watch.Identified, watch.Over} {
		o.Clock.Advance(time.Hour)
		stub = o.Moved(stub, phase)
		current = o.Update(t, current, stub)
		o.settled(t, current)
	}
	if after := o.Components(); !slices.Equal(before, after) {
		t.Errorf("in the end the components stand as %v, want %v", after, before)
	}
}

// sharedComponent takes two stubs through their lives that have a component in common, each
// time with the worst that both want of it, as the runner does.
func (s Suite) sharedComponent(t *testing.T) {
	worst, milder := watch.MajorOutage, watch.Degraded
	for name, statuses := range map[string][3]watch.ComponentStatus{
		// How the first is made, how the second is made, what the second wants of it alone.
		"the first is the worse":  {worst, worst, milder},
		"the second is the worse": {milder, worst, worst},
		"both are alike":          {milder, milder, milder},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.open(t)
			before := slices.Clone(o.Components())
			if len(before) == 0 {
				t.Log("the system knows no components")
				return
			}
			wanting := func(stub incidents.Stub, status watch.ComponentStatus) incidents.Stub {
				stub.Components = slices.Clone(stub.Components[:1])
				stub.Components[0].Status, stub.Impact = status, status
				return stub
			}
			first := o.Create(t, wanting(o.Stub("orders"), statuses[0]))
			o.Clock.Advance(time.Hour)
			second := o.Create(t, wanting(o.Stub("mail"), statuses[1]))
			o.Clock.Advance(time.Hour)
			o.Update(t, first, wanting(o.Moved(o.Stub("orders"), watch.Over), statuses[2]))
			o.Clock.Advance(time.Hour)
			o.Update(t, second, wanting(o.Moved(o.Stub("mail"), watch.Over), watch.Operational))
			if after := o.Components(); !slices.Equal(before, after) {
				t.Errorf("in the end the components stand as %v, want %v", after, before)
			}
		})
	}
}
