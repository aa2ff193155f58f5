package incidenttest

import (
	"slices"
	"testing"
	"time"

	"lapsewatch/watch"
)

func (s Suite) created(t *testing.T) {
	o := s.open(t)
	if all := o.List(t); len(all) != 0 {
		t.Fatalf("an empty service lists %v", all)
	}
	stub := o.Stub("orders")
	made := o.Create(t, stub)
	o.settled(t, made)
	records := o.Records()
	if len(records) != 1 {
		t.Fatalf("%d records, want one\n%s", len(records), Dump(records))
	}
	if record := records[0]; record.ID != made.ID || !record.Open || !containsText([]string{record.Title}, stub.Title) || !containsText(record.Texts, stub.Text) {
		t.Errorf("id %s, want %s, open, with title and text of the stub\n%s", record.ID, made.ID, Dump(records))
	}
	if containsText(records[0].Texts, "orders\" expired") || containsText([]string{records[0].Title}, "inventory") {
		t.Errorf("what is for staff only is shown to everybody\n%s", Dump(records))
	}
}

// lifeOf are the phases that a stub goes through, with two texts in one of them.
func lifeOf() []watch.Phase {
	return []watch.Phase{watch.Identified, watch.Monitoring, watch.Over, watch.Identified, watch.Monitoring, watch.Over}
}

func (s Suite) phases(t *testing.T) {
	o := s.open(t)
	stub := o.Stub("orders")
	current := o.Create(t, stub)
	for i, phase := range lifeOf() {
		o.Clock.Advance(time.Hour)
		stub = o.Moved(stub, phase)
		if i > 2 {
			stub.Text = "Again: " + stub.Text
		}
		written := o.Update(t, current, stub)
		o.settled(t, written)
		if written.ID != current.ID {
			t.Fatalf("phase %s has made %s of %s", phase, written.ID, current.ID)
		}
		record := o.record(t, written.ID)
		if record.Open != (phase != watch.Over) || !containsText(record.Texts, stub.Text) {
			t.Fatalf("want phase %s with its text\n%s", phase, Dump(o.Records()))
		}
		current = written
	}
	if records := o.Records(); len(records) != 1 {
		t.Errorf("%d records, want one\n%s", len(records), Dump(records))
	}
}

func (s Suite) beginsIdentified(t *testing.T) {
	o := s.open(t)
	o.settled(t, o.Create(t, o.Moved(o.Stub("orders"), watch.Identified)))
}

func (s Suite) noComponents(t *testing.T) {
	o := s.open(t)
	before := slices.Clone(o.Components())
	stub := o.Stub("orders")
	stub.Components = nil
	current := o.Create(t, stub)
	o.settled(t, current)
	o.settled(t, o.Update(t, current, o.Moved(stub, watch.Over)))
	if after := o.Components(); !slices.Equal(before, after) {
		t.Errorf("components %v, want them as they were: %v", after, before)
	}
}

func (s Suite) hidden(t *testing.T) {
	o := s.open(t)
	if !o.System(t).Traits().Hides {
		t.Log("the system cannot hide")
		return
	}
	before := slices.Clone(o.Components())
	stub := o.Stub("orders")
	stub.Hidden = true
	current := o.Create(t, stub)
	for _, phase := range lifeOf() {
		o.requireQuiet(t, current.ID, true)
		if after := o.Components(); !slices.Equal(before, after) {
			t.Fatalf("of a hidden stub everybody sees that the components stand as %v", after)
		}
		o.Clock.Advance(time.Hour)
		stub = o.Moved(stub, phase)
		current = o.Update(t, current, stub)
		o.settled(t, current)
	}
	o.requireQuiet(t, current.ID, true)
	o.Clock.Advance(time.Hour)
	stub = o.Moved(stub, watch.Identified)
	stub.Hidden, stub.Text = false, "Now everybody is told."
	current = o.Update(t, current, stub)
	o.settled(t, current)
	o.requireQuiet(t, current.ID, false)
}

// requireQuiet requires who sees a record, and that no subscriber was told of it.
func (o *Office) requireQuiet(t *testing.T, id string, hidden bool) {
	t.Helper()
	if record := o.record(t, id); record.Hidden != hidden || record.Told != 0 {
		t.Fatalf("hidden %t, want %t; subscribers were told %d times, want 0\n%s", record.Hidden, hidden, record.Told, Dump(o.Records()))
	}
}

func (s Suite) notified(t *testing.T) {
	o := s.open(t)
	quiet, loud := o.Stub("quiet"), o.Stub("loud")
	loud.Notify = true
	quietly, loudly := o.Create(t, quiet), o.Create(t, loud)
	for _, phase := range lifeOf() {
		o.requireQuiet(t, quietly.ID, false)
		o.Clock.Advance(time.Hour)
		quietly = o.Update(t, quietly, o.Moved(quiet, phase))
		loudly = o.Update(t, loudly, o.Moved(loud, phase))
	}
	o.requireQuiet(t, quietly.ID, false)
	if told := o.record(t, loudly.ID).Told; (told == 0) != s.NoSubscribers {
		t.Errorf("subscribers were told %d times of a stub that says so", told)
	}
}

func (s Suite) repeated(t *testing.T) {
	o := s.open(t)
	stub := o.Stub("orders")
	current := o.Create(t, stub)
	for _, phase := range []watch.Phase{watch.Investigating, watch.Identified, watch.Over, watch.Over} {
		stub = o.Moved(stub, phase)
		current = o.Update(t, current, stub)
		texts := o.record(t, current.ID).Texts
		current = o.Update(t, o.Read(t, current.ID), stub)
		o.settled(t, current)
		if again := o.record(t, current.ID).Texts; !slices.Equal(texts, again) {
			t.Errorf("phase %s, once: %q\ntwice: %q", phase, texts, again)
		}
	}
}
