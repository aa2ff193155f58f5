package runner_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/fakestatuspage"
	"lapsewatch/ledger"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

// What was asked for and not answered may stand there while the next pass has more to say.
func TestF3_WhatWasAppliedWithoutAnAnswerIsNotTakenForAPersonsWork(t *testing.T) {
	for name, answer := range map[string]func(*http.Request, func() *http.Response) (*http.Response, error){
		"refused after it was applied": func(_ *http.Request, usual func() *http.Response) (*http.Response, error) {
			usual()
			return says(http.StatusBadRequest, http.Header{}), nil
		},
		"failed after it was applied": func(_ *http.Request, usual func() *http.Response) (*http.Response, error) {
			usual()
			return says(http.StatusBadGateway, http.Header{}), nil
		},
		"no answer": func(_ *http.Request, usual func() *http.Response) (*http.Response, error) {
			usual()
			return nil, errReset
		},
		"never applied": func(*http.Request, func() *http.Response) (*http.Response, error) {
			return says(http.StatusBadRequest, http.Header{}), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.mustPass(expired(site))
				d.manner = writes(answer)
				d.pass(well(site)) // monitoring
				d.pass(well(site)) // resolved
				d.manner = nil
				d.mustPass(well(site))
				d.wantOne("resolved")
				if stub := d.stub(); !stub.There.TakenOver.IsZero() || stub.There.Attempts != 0 || !stub.There.FailingSince.IsZero() {
					d.t.Errorf("the ledger knows %+v", stub.There)
				}
			})
		})
	}
}

func TestF3_AListThatLagsBehindIsNotTakenForAPersonsWork(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.page.Lag = 2 * time.Hour
		d.mustPass(expired(site))
		d.wantOne("identified")
		for range 3 {
			d.mustPass(well(site))
		}
		d.wantOne("resolved")
		if stub := d.stub(); !stub.There.TakenOver.IsZero() {
			d.t.Errorf("taken over: %s", stub.There.How)
		}
	})
}

func TestF3_AListThatLagsBehindAfterALostReplyMakesNoSecondOne(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.page.Lag = 10 * time.Second
		lost := 0
		d.manner = writes(func(_ *http.Request, usual func() *http.Response) (*http.Response, error) {
			response := usual()
			if lost++; lost == 1 {
				return nil, errReset
			}
			return response, nil
		})
		d.mustPass(expired(site))
		d.wantOne("identified")
		if did := d.did(); did != "found as identified" {
			d.t.Errorf("it did %q", did)
		}
	})
}

// Both runs know the same stub, so that both records carry the same key.
func TestF2_ASecondIncidentOfTheSameKeyIsClosedAtTheNextRun(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.mustPass(expired(site))
		first := d.wantOne("identified")
		id := d.page.Post(first.Name, first.Updates[0].Body)
		d.page.Change(id, func(second *fakestatuspage.Incident) { second.Metadata = first.Metadata })
		d.mustPass(expired(site))
		left := open(d.page)
		if len(left) != 1 || left[0].ID != first.ID {
			d.t.Fatalf("%d incidents are open: %+v", len(left), left)
		}
		if did := d.did(); did != "closed as a duplicate of "+d.stub().Key {
			d.t.Errorf("it did %q", did)
		}
		d.mustPass(expired(site))
		if len(open(d.page)) != 1 || len(d.page.Incidents()) != 2 {
			d.t.Errorf("the next run left %+v", d.page.Incidents())
		}
	})
}

func TestF2_ASecondIncidentThatAPersonWroteOnIsSaidAndLeft(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.mustPass(expired(site))
		first := d.wantOne("identified")
		id := d.page.Post(first.Name, first.Updates[0].Body)
		d.page.Change(id, func(second *fakestatuspage.Incident) {
			second.Metadata = first.Metadata
			second.Updates = append(second.Updates, fakestatuspage.Update{ID: "by-hand", Status: "investigating", Body: "We are on it. Ada", CreatedAt: time.Now()})
		})
		problems := d.pass(expired(site))
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), "and it is not as it was made: close one of them by hand: https://stspg.example/"+id) {
			d.t.Errorf("it says %v", problems)
		}
		if left := open(d.page); len(left) != 2 {
			d.t.Errorf("%d are open", len(left))
		}
		if stub := d.stub(); stub.There.FailingSince.IsZero() {
			d.t.Error("the ledger does not know that it is not as it should be")
		}
		d.page.Change(id, func(second *fakestatuspage.Incident) { second.Status = "resolved" })
		d.mustPass(expired(site))
		if stub := d.stub(); !stub.There.FailingSince.IsZero() {
			d.t.Errorf("the ledger still says %s", stub.There.LastError)
		}
	})
}

// Each request of a run is the last before another run takes over.
func TestF2_ARunThatLostItsLeaseWritesNothingMore(t *testing.T) {
	stories := map[string]func(d *desk){
		"to be made": func(d *desk) { d.record(expired(site)) },
		"to be resolved, with the draft of its post-mortem": func(d *desk) {
			d.mustPass(expired(site))
			d.mustPass(well(site))
			time.Sleep(time.Hour)
			d.record(well(site))
		},
		"to be noted beside what a person took over": func(d *desk) {
			d.mustPass(expired(site))
			d.page.Change(d.wantOne("identified").ID, func(incident *fakestatuspage.Incident) { incident.Name = "Ada's" })
			d.mustPass(expired(site))
			time.Sleep(time.Hour)
			d.record(well(site))
		},
		"to be closed as a second one": func(d *desk) {
			d.mustPass(expired(site))
			first := d.wantOne("identified")
			id := d.page.Post(first.Name, first.Updates[0].Body)
			d.page.Change(id, func(second *fakestatuspage.Incident) { second.Metadata = first.Metadata })
		},
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			for last := 1; loseAfter(t, last, story); last++ {
				if last > 40 {
					t.Fatal("there is no end")
				}
			}
		})
	}
}

// loseAfter takes the lease away while the given request is under way; false if the run was
// over before.
func loseAfter(t *testing.T, last int, story func(*desk)) (lost bool) {
	onDesk(t, func(d *desk) {
		story(d)
		lease, err := d.kept.Acquire(d.t.Context(), "the first", time.Hour, time.Now)
		if err != nil {
			d.t.Fatal(err)
		}
		asked, written := 0, 0
		d.manner = func(request *http.Request, usual func() *http.Response) (*http.Response, error) {
			if lost && request.Method != http.MethodGet {
				written++
			}
			response := usual()
			if asked++; asked == last {
				if err := lease.Release(d.t.Context()); err != nil {
					d.t.Error(err)
				}
				lost = true
			}
			return response, nil
		}
		problems := d.reconcile()
		// The step that was under way is ended. That of a post-mortem is two writes: the mark
		// of the draft, and the draft.
		if written > 2 {
			d.t.Errorf("it wrote %d times after request %d, when its lease was lost", written, last)
		}
		if lost && len(problems) > 0 && !errors.Is(errors.Join(problems...), ledger.ErrLost) {
			d.t.Errorf("after request %d it says %v", last, problems)
		}
	})
	return lost
}

func TestWhatFailedAndIsOverBeforeItWasMadeIsNotSaidForEver(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.manner = func(*http.Request, func() *http.Response) (*http.Response, error) {
			return says(http.StatusUnauthorized, http.Header{}), nil
		}
		for range 2 {
			if problems := d.pass(expired(site)); len(problems) != 1 {
				d.t.Fatalf("it says %v", problems)
			}
		}
		for range 3 {
			d.pass(well(site))
		}
		d.manner = nil
		d.mustPass(well(site))
		if stub := d.stub(); !stub.There.FailingSince.IsZero() || stub.Phase != watch.Over {
			d.t.Errorf("the ledger knows %s, %+v", stub.Phase, stub.There)
		}
		if all := d.page.Incidents(); len(all) != 0 {
			d.t.Errorf("what is over was made: %+v", all)
		}
	})
}

func TestAPageThatCannotBeReadWhileAnIncidentIsOpenIsAFindingUntilItCan(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.mustPass(expired(site))
		d.manner = func(*http.Request, func() *http.Response) (*http.Response, error) {
			return says(http.StatusUnauthorized, http.Header{}), nil
		}
		problems := d.pass(expired(site))
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), "list what stands on status: ") {
			d.t.Errorf("it says %v", problems)
		}
		const bad = "1 incident stub is not as it should be there since "
		if said := d.itself(); said.Reason != watch.StatusSystemFailing || !strings.HasPrefix(said.Text, bad) {
			d.t.Errorf("of itself Lapsewatch says %s: %q", said.Reason, said.Text)
		}
		d.manner = nil
		d.mustPass(expired(site))
		if said := d.itself(); said.Reason != "" || said.Text != "1 incident is open, as they should be" {
			d.t.Errorf("of itself Lapsewatch says %s: %q", said.Reason, said.Text)
		}
	})
}

// itself is what Lapsewatch finds in itself about the page.
func (d *desk) itself() (said watch.Condition) {
	d.t.Helper()
	check := runner.Itself(d.kept, nil, []string{deskSystem}, nil, time.Now).Check
	if err := check.Collect(d.t.Context(), func(fact watch.Fact) {
		if condition, ok := fact.(watch.Condition); ok && condition.Subject.ID == "incidents/"+deskSystem {
			said = condition
		}
	}); err != nil {
		d.t.Fatal(err)
	}
	return said
}

func TestWhatAPersonChangesAfterAFailureIsTheirs(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.mustPass(expired(site))
		d.manner = func(*http.Request, func() *http.Response) (*http.Response, error) {
			return says(http.StatusUnauthorized, http.Header{}), nil
		}
		d.pass(expired(site))
		d.manner = nil
		d.mustPass(expired(site))
		d.page.Change(d.wantOne("identified").ID, func(incident *fakestatuspage.Incident) { incident.Name = "Ada's" })
		d.mustPass(expired(site))
		if did := d.did(); did != "left to the person who took it over (changed there: title)" {
			d.t.Errorf("it did %q", did)
		}
	})
}

func TestF13_WhoIsAffectedStaysListedInTheSamePlace(t *testing.T) {
	onDesk(t, func(d *desk) {
		many := make([]string, 150)
		for n := range many {
			many[n] = fmt.Sprintf("customer %03d", n)
		}
		passes := []struct {
			found []string
			err   error
			want  []string
			more  int
		}{
			{[]string{"portal", "billing"}, nil, []string{"portal", "billing"}, 0},
			{[]string{"orders", "billing", "portal"}, nil, []string{"portal", "billing", "orders"}, 0},
			{nil, errReset, []string{"portal", "billing", "orders"}, 0},
			{many, nil, append([]string{"portal", "billing", "orders"}, many[:97]...), 53},
			{[]string{"billing"}, nil, append([]string{"portal", "billing", "orders"}, many[:97]...), 53},
		}
		for number, pass := range passes {
			d.affected = func() ([]string, error) { return pass.found, pass.err }
			d.mustPass(expired(site))
			there := d.stub().There
			if !slices.Equal(there.Affected, pass.want) || there.AffectedMore != pass.more {
				d.t.Errorf("after pass %d affected are %q and %d more, want %q and %d", number, there.Affected, there.AffectedMore, pass.want, pass.more)
			}
			d.mustPass(well(site)) // so that the next pass has news of it
		}
		internal := fmt.Sprint(d.page.Incidents()[0].Metadata["lapsewatch"]["internal"])
		if at := strings.Index(internal, "- portal\n- billing\n- orders\n- customer 000\n"); at < 0 {
			d.t.Errorf("staff reads %s", internal)
		}
	})
}
