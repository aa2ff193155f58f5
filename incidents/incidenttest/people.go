package incidenttest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

func (s Suite) foreign(t *testing.T) {
	o := s.open(t)
	theirs := watch.NewIncidentKey("another installation", "orders", o.Clock.Now()).String()
	ids := []string{
		o.AddForeign("Sign-in of the order service may fail (orders)", "We are looking into it."),
		o.AddForeign("Order service", "Our note "+theirs),
	}
	before := o.records(t, ids)
	stub := o.Stub("orders")
	current := o.Create(t, stub)
	for _, phase := range lifeOf() {
		o.Clock.Advance(time.Hour)
		current = o.Update(t, current, o.Moved(stub, phase))
	}
	if after := o.records(t, ids); !slices.Equal(before, after) {
		t.Errorf("what people wrote was\n%s\nand is\n%s", before, after)
	}
	for _, remote := range o.List(t) {
		if remote.Key != stub.Key {
			t.Errorf("%s %q is listed with the key %q", remote.ID, remote.Title, remote.Key)
		}
	}
	if read := o.Read(t, ids[0]); read.Key != "" || read.ID != ids[0] || read.Title == "" || !read.Open {
		t.Errorf("what a person wrote is read as %+v", read)
	}
}

// records dumps those of the ids, each alone, without the components, which are the page's.
func (o *Office) records(t *testing.T, ids []string) (dumped []string) {
	t.Helper()
	for _, id := range ids {
		record := o.record(t, id)
		record.Components = nil
		dumped = append(dumped, string(Dump([]Record{record})))
	}
	return dumped
}

func (s Suite) twoInstallations(t *testing.T) {
	o := s.open(t)
	ours := o.Create(t, o.Stub("orders"))
	other := o.Stub("orders")
	other.Key = watch.NewIncidentKey("staging", "orders", o.Clock.Now()).String()
	staging := o.New(t, o.Env("staging"), o.URL)
	theirs, err := staging.Create(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "what is listed here", o.One(t, ours.Key), ours)
	if all := o.List(t); len(all) != 1 {
		t.Errorf("%d stubs are listed, want one: %v", len(all), all)
	}
	all, err := staging.List(t.Context(), longAgo())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d stubs are listed there, error %v; want one", len(all), err)
	}
	same(t, "what is listed there", all[0], theirs)
}

func (s Suite) twoStubs(t *testing.T) {
	o := s.open(t)
	orders, mail := o.Stub("orders"), o.Stub("mail")
	mail.Title, mail.Components = "Mail is late", nil
	first, second := o.Create(t, orders), o.Create(t, mail)
	o.Clock.Advance(time.Hour)
	first = o.Update(t, first, o.Moved(orders, watch.Over))
	o.settled(t, first)
	o.settled(t, second)
}

func (s Suite) edited(t *testing.T) {
	o := s.open(t)
	written := o.Create(t, o.Stub("orders"))
	o.Edit(written.ID)
	for what, remote := range map[string]incidents.Remote{"listed": o.One(t, written.Key), "read": o.Read(t, written.ID)} {
		if remote.Title == written.Title || slices.Equal(remote.Texts, written.Texts) || remote.Key != written.Key {
			t.Errorf("a person changed title and text, and %s is title %q, texts %q, key %q", what, remote.Title, remote.Texts, remote.Key)
		}
	}
}

func (s Suite) deleted(t *testing.T) {
	o := s.open(t)
	orders := o.Stub("orders")
	made, kept := o.Create(t, orders), o.Create(t, o.Stub("mail"))
	o.Delete(made.ID)
	if _, found, err := o.System(t).Read(t.Context(), made.ID); found || err != nil {
		t.Errorf("what a person deleted is read: found %t, error %v", found, err)
	}
	for _, remote := range o.List(t) {
		if remote.Key != kept.Key {
			t.Errorf("what a person deleted is listed: %+v", remote)
		}
	}
	if _, err := o.System(t).Update(t.Context(), made, o.Moved(orders, watch.Identified)); err == nil {
		t.Error("what a person deleted is updated")
	} else if failure := o.failure(t, err); failure.Retryable {
		t.Errorf("the failure to update what a person deleted is retryable: %v", failure)
	}
	if records := o.Records(); len(records) != 1 {
		t.Errorf("%d records, want one\n%s", len(records), Dump(records))
	}
}

func (s Suite) annotated(t *testing.T) {
	o := s.open(t)
	stub := o.Stub("orders")
	o.Create(t, stub)
	before := o.One(t, stub.Key)
	const said = "A person took this over. The secret expires 2026-12-13 10:00 UTC."
	note := o.Note(said)
	for range 2 {
		err := o.System(t).Annotate(t.Context(), before, note)
		if errors.Is(err, incidents.ErrNoNotes) {
			t.Log("the system has no place for notes")
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		record := o.record(t, before.ID)
		if len(record.Notes) != 1 || !containsText(record.Notes, said) || containsText(record.Texts, said) || record.Told != 0 {
			t.Fatalf("want one note that only staff reads\n%s", Dump(o.Records()))
		}
		same(t, "the annotated stub", o.One(t, stub.Key), before)
	}
	o.Clock.Advance(time.Hour)
	if err := o.System(t).Annotate(t.Context(), before, o.Note("The secret was renewed.")); err != nil {
		t.Fatal(err)
	}
	if record := o.record(t, before.ID); !containsText(record.Notes, "The secret was renewed.") {
		t.Errorf("the second note is missing\n%s", Dump(o.Records()))
	}
	same(t, "the annotated stub", o.One(t, stub.Key), before)
}

func (s Suite) drafted(t *testing.T) {
	o := s.open(t)
	stub := o.Stub("orders")
	current := o.Update(t, o.Create(t, stub), o.Moved(stub, watch.Over))
	for _, text := range []string{"Summary\n\nIt expired.", "Summary\n\nIt expired, and nobody was told."} {
		o.Clock.Advance(time.Minute)
		err := o.System(t).Draft(t.Context(), current, o.Note(text))
		if errors.Is(err, incidents.ErrNoDrafts) {
			t.Log("the system has no place for drafts")
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		record := o.record(t, current.ID)
		if !containsText([]string{record.Draft}, text) || record.Published || record.Told != 0 || containsText(record.Texts, text) {
			t.Fatalf("want the draft %q, unpublished\n%s", text, Dump(o.Records()))
		}
		o.settled(t, current)
	}
	person, can := o.Desk.(Draftsman)
	if !can {
		return
	}
	person.WriteDraft(current.ID, "What really happened.")
	if err := o.System(t).Draft(t.Context(), current, o.Note("Ours")); err != nil {
		t.Fatal(err)
	}
	if record := o.record(t, current.ID); record.Draft != "What really happened." {
		t.Errorf("the draft of a person is replaced by %q", record.Draft)
	}
}
