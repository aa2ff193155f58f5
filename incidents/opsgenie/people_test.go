package opsgenie_test

import (
	"fmt"
	"testing"
	"time"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/stubtest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

func openStory(t *testing.T) (*stubtest.Desk, *fake) {
	t.Helper()
	var f *fake
	story := stubtest.Open(t, incidenttest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk {
		f = newFake(t, clock)
		return f
	}})
	return story, f
}

func TestAReopeningThatBreaksOffIsNotTheWorkOfAPerson(t *testing.T) {
	t.Parallel()
	for name, finding := range map[string]func(*stubtest.Desk) watch.Finding{
		"of what will expire": func(s *stubtest.Desk) watch.Finding { return s.Soon("crm") },
		"of what has expired": func(s *stubtest.Desk) watch.Finding { return s.Expired("crm") },
		"of what cannot be read, whose cause is not known": func(s *stubtest.Desk) watch.Finding {
			found := s.Expired("crm")
			found.Reason, found.NotAfter = watch.Unreadable, time.Time{}
			return found
		},
	} {
		for made := 1; made <= 7; made++ {
			t.Run(fmt.Sprintf("%s, after %d changes", name, made), func(t *testing.T) {
				story, f := openStory(t)
				story.MustPass(finding(story))
				for range 4 {
					story.MustPass(story.Well("crm"))
				}
				f.changes, f.failsAfter = 0, made
				problems := story.Pass(finding(story))
				f.failsAfter = 0
				story.MustPass(finding(story))
				stubs, err := story.Ledger.Stubs(t.Context(), story.Clock.Now().AddDate(-1, 0, 0))
				if err != nil || len(stubs) != 1 || !stubs[0].There.TakenOver.IsZero() || stubs[0].Phase == watch.Over {
					t.Fatalf("error %v, problems before %v, the ledger knows %+v", err, problems, stubs)
				}
				if f.incidents[0].details["lapsewatch_phase"] != string(stubs[0].Phase) || f.incidents[0].status != "open" || f.incidents[0].description != stubs[0].There.Said.Text {
					t.Errorf("there stands %+v", f.incidents[0])
				}
			})
		}
	}
}

func TestAnIncidentThatAPersonOpenedAgainIsTheirs(t *testing.T) {
	t.Parallel()
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	system := at(t, f, asIs)
	made, err := system.Create(t.Context(), stub())
	if err != nil {
		t.Fatal(err)
	}
	over := stub()
	over.Phase, over.Mark, over.Text = watch.Over, "mark-2", "It works again."
	if made, err = system.Update(t.Context(), made, over); err != nil || made.Phase != watch.Over || made.Open {
		t.Fatalf("error %v, %+v", err, made)
	}
	f.incidents[0].status = "open"
	read, _, err := system.Read(t.Context(), made.ID)
	if err != nil || read.Phase == watch.Over || !read.Open {
		t.Errorf("error %v, %+v", err, read)
	}
}

func TestAnEditBetweenListAndWriteIsNotWrittenOver(t *testing.T) {
	t.Parallel()
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	system := at(t, f, asIs)
	if _, err := system.Create(t.Context(), stub()); err != nil {
		t.Fatal(err)
	}
	listed, err := system.List(t.Context(), alerttest.Now())
	if err != nil {
		t.Fatal(err)
	}
	f.incidents[0].description = "Anna: failing over to Paris."
	over := stub()
	over.Phase, over.Mark = watch.Over, "mark-2"
	_, err = system.Update(t.Context(), listed[0], over)
	requireFailure(t, err, true, "it was changed meanwhile, and is looked at again")
	if f.incidents[0].status != "open" || f.incidents[0].description != "Anna: failing over to Paris." {
		t.Errorf("there stands %+v", f.incidents[0])
	}
}

func TestWhatListsLeaveOutIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	f.brief = true
	system := at(t, f, asIs)
	made, err := system.Create(t.Context(), stub())
	if err != nil {
		t.Fatal(err)
	}
	listed, err := system.List(t.Context(), alerttest.Now())
	if err != nil || len(listed) != 1 || listed[0].Texts[0] != made.Texts[0] {
		t.Errorf("error %v, listed %+v", err, listed)
	}
}
