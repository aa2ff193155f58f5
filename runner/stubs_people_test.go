package runner_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/fakestatuspage"
	"lapsewatch/watch"
)

func TestAnEditOfOnePartAloneMakesTheStubAPersons(t *testing.T) {
	edits := map[string]func(*fakestatuspage.Incident){
		"title":  func(i *fakestatuspage.Incident) { i.Name = "Power failure in Lyon" },
		"texts":  func(i *fakestatuspage.Incident) { i.Updates[0].Body = "We are failing over to Paris." },
		"phase":  func(i *fakestatuspage.Incident) { i.Status = "monitoring" },
		"no key": func(i *fakestatuspage.Incident) { delete(i.Metadata, "lapsewatch") },
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.mustPass(expired("crm"))
				id := d.page.Incidents()[0].ID
				d.page.Change(id, edit)
				edited := d.page.Incidents()[0]
				// One pass has no news, the others have.
				d.mustPass(expired("crm"))
				for range 4 {
					d.mustPass(well("crm"))
				}
				left := d.page.Incidents()[0]
				if left.Name != edited.Name || left.Status != edited.Status || len(left.Updates) != len(edited.Updates) {
					t.Errorf("there stands %s %q with %d updates", left.Status, left.Name, len(left.Updates))
				}
				if stub := d.stub(); stub.There.TakenOver.IsZero() {
					t.Errorf("the ledger knows %+v", stub.There)
				}
			})
		})
	}
}

func TestWhatIsWellForOneStubStaysDownForAnother(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.mustPass(expired("crm"), expired("shop"))
		for range 4 {
			d.mustPass(well("crm"), expired("shop"))
			if status := d.page.Components()[0].Status; status != string(watch.PartialOutage) {
				t.Fatalf("the component is %s while shop is down", status)
			}
		}
		for range 3 {
			d.mustPass(well("crm"), well("shop"))
		}
		if status := d.page.Components()[0].Status; status != string(watch.Operational) {
			t.Errorf("the component is %s in the end", status)
		}
	})
}

func TestAStubThatCouldNotBeResolvedForAMonthIsResolvedThen(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.mustPass(expired("crm"))
		d.manner = func(*http.Request, func() *http.Response) (*http.Response, error) {
			return says(http.StatusUnauthorized, nil), nil
		}
		for range 30 {
			d.pass(well("crm"))
			time.Sleep(24 * time.Hour)
		}
		d.manner = nil
		d.mustPass(well("crm"))
		d.wantOne("resolved")
	})
}

func TestWhatAPersonTookOverIsNotAdoptedWhenTheSameLapsesAgain(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.mustPass(expired("crm"))
		theirs := d.page.Incidents()[0].ID
		d.page.Change(theirs, func(i *fakestatuspage.Incident) { i.Name = "Power failure in Lyon" })
		for range 3 {
			d.mustPass(well("crm"))
		}
		time.Sleep(16 * 24 * time.Hour)
		d.mustPass(expired("crm"))
		for range 3 {
			d.mustPass(well("crm"))
		}
		for _, incident := range d.page.Incidents() {
			if incident.ID == theirs && (incident.Name != "Power failure in Lyon" || incident.Status != "identified") {
				t.Errorf("what a person took over is %s %q", incident.Status, incident.Name)
			}
		}
		if all := d.page.Incidents(); len(all) != 2 {
			t.Errorf("%d incidents, want theirs and a new one", len(all))
		}
	})
}

func TestARefusedTokenIsSentOnceARunForAllStubs(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.mostNew = 20
		asked := 0
		d.manner = writes(func(*http.Request, func() *http.Response) (*http.Response, error) {
			asked++
			return says(http.StatusForbidden, nil), nil
		})
		d.pass(expired("a"), expired("b"), expired("c"), expired("d"))
		if asked != 1 {
			t.Errorf("%d writes with a token that is refused", asked)
		}
	})
}

func TestANewLedgerTakesBackWhatStandsThereThoughItsCauseIsWellAlready(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.mustPass(expired("crm"))
		first := d.kept
		defer func() { _ = first.Close() }()
		d.kept = d.open(filepath.Join(t.TempDir(), "new.db"))
		for range 5 {
			d.mustPass(well("crm"))
		}
		d.wantOne("resolved")
		for _, update := range d.page.Incidents()[0].Updates {
			if strings.TrimSpace(update.Body) == "" {
				t.Error("an empty text was posted")
			}
		}
	})
}
