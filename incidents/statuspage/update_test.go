package statuspage_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/internal/fakestatuspage"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

func TestAStubThatALostLedgerCountsAnewSaysEachTextOnce(t *testing.T) {
	o, at := opened(t)
	stub := o.Stub("orders")
	current := o.Create(t, stub)
	for _, phase := range []watch.Phase{watch.Identified, watch.Identified, watch.Monitoring, watch.Over} {
		// Marks begin anew with the ledger.
		mark := stub.Mark
		stub = o.Moved(stub, phase)
		stub.Mark = mark
		current = o.Update(t, current, stub)
	}
	if texts := at.Records()[0].Texts; len(texts) != 4 || slices.Contains(texts, "") {
		t.Errorf("texts %q, want four that say something", texts)
	}
}

func TestWhatIsForStaffIsBroughtUpToDateWithoutSayingAnything(t *testing.T) {
	o, at := opened(t)
	stub := o.Stub("orders")
	current := o.Create(t, stub)
	stub.Internal += " Mail is affected too."
	stub.Mark += ".2"
	o.Lose(0, tickettest.CutAfter)
	same := o.Update(t, current, stub)
	if diff := cmp.Diff(current, same); diff != "" {
		t.Errorf("what people see differs (-before +after):\n%s", diff)
	}
	if record := at.Records()[0]; record.Internal != stub.Internal || record.Told != 0 || len(record.Texts) != 1 {
		t.Errorf("for staff %q, %d texts, told %d times", record.Internal, len(record.Texts), record.Told)
	}
	if o.Update(t, current, stub); o.Written() != 1 {
		t.Errorf("%d writes, want one", o.Written())
	}
}

func TestAMaintenanceIsUnderWayInItsWindowAndNobodyHasToSaySo(t *testing.T) {
	o, at := opened(t)
	stub := o.Stub("orders")
	stub.Window = &watch.Window{From: o.Clock.Now().Add(time.Hour), Until: o.Clock.Now().Add(2 * time.Hour)}
	stub = o.Moved(stub, watch.Scheduled)
	current := o.Create(t, stub)
	var words []string
	for range 3 {
		words = append(words, at.Incidents()[0].Status)
		o.Clock.Advance(30 * time.Minute)
		current = o.Update(t, current, o.Moved(stub, watch.Scheduled))
	}
	if want := []string{"scheduled", "scheduled", "in_progress"}; !slices.Equal(words, want) {
		t.Errorf("it was %v, want %v", words, want)
	}
	// A ledger that was lost knows of no window.
	stub.Window = nil
	o.Update(t, current, o.Moved(stub, watch.Over))
	if status := at.Incidents()[0].Status; status != "completed" {
		t.Errorf("in the end it is %s", status)
	}
	for _, text := range at.Records()[0].Texts {
		if text == "" {
			t.Error("an update says nothing")
		}
	}
}

func TestAListGoesOnBehindAnOldEntry(t *testing.T) {
	o, at := opened(t)
	resolved := o.Update(t, o.Create(t, o.Stub("orders")), o.Moved(o.Stub("orders"), watch.Over))
	// A person enters what happened long ago.
	old := at.AddForeign("Old", "Entered later.")
	at.Change(old, func(incident *fakestatuspage.Incident) { incident.CreatedAt = incident.CreatedAt.AddDate(-1, 0, 0) })
	if one := o.One(t, resolved.Key); one.ID != resolved.ID {
		t.Errorf("listed %+v", one)
	}
}

func TestWhatOthersKeepInTheMetadataStays(t *testing.T) {
	o, at := opened(t)
	current := o.Create(t, o.Stub("orders"))
	at.Change(current.ID, func(incident *fakestatuspage.Incident) {
		incident.Metadata["jira"] = map[string]any{"issue_id": "OPS-7"}
	})
	current = o.Update(t, current, o.Moved(o.Stub("orders"), watch.Over))
	if err := o.System(t).Annotate(t.Context(), current, o.Note("note")); err != nil {
		t.Fatal(err)
	}
	if err := o.System(t).Draft(t.Context(), current, o.Note("draft")); err != nil {
		t.Fatal(err)
	}
	if got := at.Incidents()[0].Metadata["jira"]["issue_id"]; got != "OPS-7" {
		t.Errorf("the metadata of others is %v", got)
	}
}
