package stubtest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/ledger"
	"lapsewatch/watch"
)

// tell plays the story of one certificate, which lapses again after its end. What failed in
// a pass is left to the next.
func tell(t *testing.T, d *Desk) {
	t.Helper()
	for day, finding := range []func(string) watch.Finding{d.Soon, d.Expired, d.Expired, d.Well, d.Well, d.Well, d.Expired, d.Well, d.Well, d.Well} {
		problems := d.Pass(finding("crm.example.com:443"))
		if len(problems) > 0 {
			t.Logf("pass %d: %v", day, problems)
		}
	}
	if problems := d.Pass(d.Well("crm.example.com:443")); len(problems) > 0 {
		t.Errorf("the last pass left: %v", problems)
	}
}

func wholeStory(t *testing.T, suite incidenttest.Suite) {
	d := Open(t, suite)
	foreign := d.AddForeign("Somebody else's incident", "Do not touch.")
	tell(t, d)
	record := d.WantOne(false)
	if record.Told != 0 {
		t.Errorf("subscribers were told %d times", record.Told)
	}
	before := d.describe()
	d.MustPass(d.Well("crm.example.com:443"))
	if after := d.describe(); after != before {
		t.Errorf("a pass without news changed %s to %s", before, after)
	}
	for _, other := range d.Records() {
		if other.ID == foreign && !other.Open {
			t.Error("somebody else's incident was closed")
		}
	}
	if stub := d.stub(); stub.Phase != watch.Over || stub.There.Revision != stub.Revision || stub.There.Attempts != 0 {
		t.Errorf("the ledger knows %+v", stub.There)
	}
}

// lostAnswers loses the answer to each write of the story in turn.
func lostAnswers(t *testing.T, suite incidenttest.Suite) {
	if _, web := Open(t, suite).Desk.(incidenttest.Web); !web {
		return // what is written to a folder has no answer to be lost
	}
	smooth := Open(t, suite)
	tell(t, smooth)
	want := smooth.describe()
	const mostWrites = 40
	for n := 1; n <= mostWrites; n++ {
		done := true
		for _, loss := range []tickettest.Loss{tickettest.CutBefore, tickettest.CutAfter, tickettest.FailedAfter} {
			t.Run(fmt.Sprintf("write %d, %s", n, loss), func(t *testing.T) {
				d := Open(t, suite)
				d.t = t
				d.Lose(n, loss)
				tell(t, d)
				if got := d.describe(); got != want {
					t.Errorf("there stands %s, want %s\n%s", got, want, incidenttest.Dump(d.Ours()))
				}
				done = done && d.Written() < n
			})
		}
		if done {
			return
		}
	}
}

// twins leaves a second record behind, as two runs at once can.
func twins(t *testing.T, suite incidenttest.Suite) {
	d := Open(t, suite)
	d.MustPass(d.Expired("crm.example.com:443"))
	stub := d.stub()
	known, _ := watch.FindIncidentKey(stub.Key, incidenttest.Source)
	second := watch.NewIncidentKey(incidenttest.Source, stub.Cause, d.Clock.Now().Add(time.Minute))
	if !known.SameCause(second) {
		t.Fatal("the keys are of different causes")
	}
	if _, err := d.System(t).Create(t.Context(), incidents.Stub{
		Key: second.String(), Mark: second.String() + ".1", Phase: watch.Identified, Hidden: d.System(t).Traits().Hides, Title: stub.There.Said.Title, Text: stub.There.Said.Text,
		Impact: watch.Operational, StartedAt: d.Clock.Now(), At: d.Clock.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	d.MustPass(d.Expired("crm.example.com:443"))
	open := 0
	for _, record := range d.Ours() {
		if record.Open {
			open++
			if found, _ := watch.FindIncidentKey(record.Key, incidenttest.Source); found != known {
				t.Errorf("the record that the ledger knows was closed")
			}
		}
	}
	if open != 1 {
		t.Errorf("%d records are open:\n%s", open, incidenttest.Dump(d.Ours()))
	}
}

func takenOver(t *testing.T, suite incidenttest.Suite) {
	d := Open(t, suite)
	d.MustPass(d.Expired("crm.example.com:443"))
	d.Edit(d.WantOne(true).ID)
	edited := d.WantOne(true)
	for range 4 {
		d.MustPass(d.Well("crm.example.com:443"))
	}
	record := d.WantOne(true)
	if record.Title != edited.Title || record.Phase != edited.Phase || len(record.Texts) != len(edited.Texts) {
		t.Errorf("what a person wrote was changed:\n%s", incidenttest.Dump(d.Ours()))
	}
	if stub := d.stub(); stub.There.TakenOver.IsZero() || stub.Phase != watch.Over {
		t.Errorf("the ledger knows %s, %+v", stub.Phase, stub.There)
	}
}

func deleted(t *testing.T, suite incidenttest.Suite) {
	d := Open(t, suite)
	d.MustPass(d.Expired("crm.example.com:443"))
	d.Delete(d.WantOne(true).ID)
	d.MustPass(d.Expired("crm.example.com:443"))
	for range 3 {
		d.MustPass(d.Well("crm.example.com:443"))
	}
	if left := d.Ours(); len(left) != 0 {
		t.Errorf("it was made again:\n%s", incidenttest.Dump(left))
	}
}

func lostLedger(t *testing.T, suite incidenttest.Suite) {
	d := Open(t, suite)
	d.MustPass(d.Expired("crm.example.com:443"), d.Expired("shop.example.com:443"))
	d.newLedger()
	d.RecordLost = true
	d.MustPass(d.Expired("crm.example.com:443"), d.Well("shop.example.com:443"))
	d.RecordLost = false
	if all := d.Ours(); len(all) != 2 {
		t.Fatalf("there are %d records:\n%s", len(all), incidenttest.Dump(all))
	}
	for range 4 {
		d.MustPass(d.Expired("crm.example.com:443"), d.Well("shop.example.com:443"))
	}
	open := 0
	for _, record := range d.Ours() {
		if record.Open {
			open++
		}
	}
	if all := d.Ours(); len(all) != 2 || open != 1 {
		t.Errorf("%d of %d records are open, want 1 of 2:\n%s", open, len(all), incidenttest.Dump(all))
	}
}

func twoOnOneComponent(t *testing.T, suite incidenttest.Suite) {
	d := Open(t, suite)
	if len(d.Components()) == 0 {
		return
	}
	d.MustPass(d.Expired("crm.example.com:443"), d.Expired("shop.example.com:443"))
	down := d.Components()[0].Status
	for range 4 {
		d.MustPass(d.Well("crm.example.com:443"), d.Expired("shop.example.com:443"))
		if status := d.Components()[0].Status; status != down {
			t.Fatalf("the component went from %s to %s while the other is down", down, status)
		}
	}
	for range 4 {
		d.MustPass(d.Well("crm.example.com:443"), d.Well("shop.example.com:443"))
	}
	if status := d.Components()[0].Status; status != watch.Operational {
		t.Errorf("the component is %s in the end", status)
	}
}

func reopened(t *testing.T, suite incidenttest.Suite) {
	d := Open(t, suite)
	tell(t, d)
	d.WantOne(false)
	d.MustPass(d.Expired("crm.example.com:443"))
	d.WantOne(true)
}

func lostLease(t *testing.T, suite incidenttest.Suite) {
	d := Open(t, suite)
	lease, err := d.Ledger.Acquire(t.Context(), "the first", time.Minute, d.Clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	d.Record(d.Expired("crm.example.com:443"))
	if err := lease.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	problems := d.Reconcile()
	if len(problems) != 1 || !errors.Is(problems[0], ledger.ErrLost) {
		t.Errorf("problems %v, want %v", problems, ledger.ErrLost)
	}
	if all := d.Ours(); len(all) != 0 {
		t.Errorf("it was made all the same:\n%s", incidenttest.Dump(all))
	}
}
