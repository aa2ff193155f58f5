package jira_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/jira"
	"lapsewatch/internal/ticket"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// desk is the fake with options of its own.
type desk struct {
	*fake
	edit func(*jira.Options)
}

func (d desk) New(t *testing.T, env alerts.Env, url string) alerts.Channel {
	return build(t, env, d.cloud, func(o *jira.Options) {
		o.URL = url + "/jira"
		d.edit(o)
	})
}

func open(t *testing.T, edit func(*jira.Options)) (*fake, *tickettest.Office) {
	clock := tickettest.NewClock(alerttest.Now())
	f := newFake(t, clock, true)
	return f, tickettest.Open(t, desk{f, edit}, clock)
}

const shop = "shop.example.com:443"

func TestTransitionsAreChosenByNameOrByWhereTheyLead(t *testing.T) {
	two := map[string][]fakeTransition{
		"To Do": {{"11", "Start", "In Progress"}, {"31", "Archive", "Archived"}, {"32", "Resolve", "Done"}},
		"Done":  {{"51", "Start again", "In Progress"}, {"41", "Reopen", "To Do"}},
	}
	tests := []struct {
		name   string
		edit   func(*jira.Options)
		closed string
		opened string
	}{
		{"without names", func(*jira.Options) {}, "Archived", ""},
		{"with names, whatever the case of their letters", func(o *jira.Options) { o.DoneTransition, o.ReopenTransition = "resolve", "START AGAIN" }, "Done", "In Progress"},
		{"to do comes before in progress", func(o *jira.Options) { o.DoneTransition = "Resolve" }, "Done", "To Do"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, office := open(t, test.edit)
			f.transitions = two
			office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
			office.Clock.Advance(time.Hour)
			office.Tell(t, office.Message(2, watch.Resolved, shop, watch.OK, 21))
			if got := f.issues[0].status; got != test.closed {
				t.Errorf("closed as %s", got)
			}
			if test.opened == "" {
				return
			}
			office.Clock.Advance(time.Hour)
			office.Tell(t, office.Message(3, watch.Opened, shop, watch.Warning, 21))
			if got := f.issues[0].status; got != test.opened {
				t.Errorf("opened as %s", got)
			}
		})
	}
}

func TestATransitionThatIsNotThereIsAnErrorThatNamesThoseThatAre(t *testing.T) {
	tests := []struct {
		name        string
		edit        func(*jira.Options)
		transitions []fakeTransition
		want        string
	}{
		{"of a wrong name", func(o *jira.Options) { o.DoneTransition = "Close" }, workflow["To Do"], `deliver by operations: close OPS-1: no transition is named "Close": from here the workflow offers "Start", "Resolve"; look at done_transition`},
		{"to no status that is done", func(*jira.Options) {}, workflow["To Do"][:1], `deliver by operations: close OPS-1: no transition leads to a status that counts as done: from here the workflow offers "Start"; give the name of one as done_transition`},
		{"at all", func(*jira.Options) {}, nil, "deliver by operations: close OPS-1: no transition leads to a status that counts as done: the workflow offers the account none from here; give the name of one as done_transition"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, office := open(t, test.edit)
			f.transitions = map[string][]fakeTransition{"To Do": test.transitions}
			office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
			_, err := office.Try(t, office.Message(2, watch.Resolved, shop, watch.OK, 21))
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
	t.Run("to open it again", func(t *testing.T) {
		_, office := open(t, func(o *jira.Options) { o.ReopenTransition = "Open" })
		office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
		office.Close("OPS-1")
		office.Clock.Advance(time.Hour)
		_, err := office.Try(t, office.Message(2, watch.Reminder, shop, watch.Warning, 21))
		if want := `deliver by operations: open OPS-1 again: no transition is named "Open": from here the workflow offers "Start again", "Reopen"; look at reopen_transition`; err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	})
}

func TestATransitionThatLeadsElsewhereIsRefused(t *testing.T) {
	t.Run("to close", func(t *testing.T) {
		f, office := open(t, func(o *jira.Options) { o.DoneTransition = "start" })
		office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
		_, err := office.Try(t, office.Message(2, watch.Resolved, shop, watch.OK, 21))
		if want := `deliver by operations: close OPS-1: the transition "Start" leads to the status "In Progress", which does not do, because a status is wanted that counts as done: from here the workflow offers "Start", "Resolve"; look at done_transition`; err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
		if got := f.issues[0].status; got != "To Do" {
			t.Errorf("it is %s", got)
		}
	})
	t.Run("to open again", func(t *testing.T) {
		f, office := open(t, func(o *jira.Options) { o.ReopenTransition = "Archive" })
		f.transitions = map[string][]fakeTransition{"Done": {{"61", "Archive", "Archived"}, {"41", "Reopen", "To Do"}}}
		office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
		office.Close("OPS-1")
		office.Clock.Advance(time.Hour)
		_, err := office.Try(t, office.Message(2, watch.Reminder, shop, watch.Warning, 21))
		if want := `deliver by operations: open OPS-1 again: the transition "Archive" leads to the status "Archived", which does not do, because a status is wanted that is not done: from here the workflow offers "Archive", "Reopen"; look at reopen_transition`; err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	})
	t.Run("but one of the same name that does not is taken", func(t *testing.T) {
		f, office := open(t, func(o *jira.Options) { o.DoneTransition = "Next" })
		f.transitions = map[string][]fakeTransition{"To Do": {{"11", "Next", "In Progress"}, {"31", "Next", "Done"}}}
		office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
		office.Tell(t, office.Message(2, watch.Resolved, shop, watch.OK, 21))
		if got := f.issues[0].status; got != "Done" {
			t.Errorf("it is %s", got)
		}
	})
}

func TestAnIssueThatTheWorkflowMovesOnIsNotSaidToBeClosed(t *testing.T) {
	f, office := open(t, func(*jira.Options) {})
	f.movesOn = "In Progress"
	office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
	_, err := office.Try(t, office.Message(2, watch.Resolved, shop, watch.OK, 21))
	if want := `deliver by operations: transition "Resolve" of OPS-1: the issue has the status "In Progress" after it: the workflow moves it on by itself`; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestTheClosingTransitionSetsTheResolution(t *testing.T) {
	f, office := open(t, func(o *jira.Options) { o.Resolution = "Fixed" })
	office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
	office.Clock.Advance(time.Hour)
	office.Tell(t, office.Message(2, watch.Resolved, shop, watch.OK, 21))
	if got := f.issues[0].resolution; got != "Fixed" {
		t.Errorf("resolution %q", got)
	}
}

func TestANewIssueHasThePriorityLabelsAndFieldsOfItsConfiguration(t *testing.T) {
	f, office := open(t, func(o *jira.Options) {
		o.Labels = []string{"certificates"}
		o.Priority = ticket.BySeverity{Critical: "Highest", Warning: "High", Unknown: "Medium"}
		o.Fields = map[string]any{"components": []any{map[string]any{"name": "TLS"}}, "customfield_10010": 7}
	})
	office.Tell(t, office.Message(1, watch.Opened, "a.example.com:443", watch.Critical, 1))
	office.Tell(t, office.Message(2, watch.Opened, "b.example.com:443", watch.Unknown, 1))
	office.Tell(t, office.Message(3, watch.Opened, "c.example.com:443", watch.Notice, 1))
	for i, want := range []string{"Highest", "Medium", ""} {
		if got := f.issues[i].priority; got != want {
			t.Errorf("priority %q, want %q", got, want)
		}
	}
	further, err := json.Marshal(f.issues[0].further)
	if want := `{"components":[{"name":"TLS"}],"customfield_10010":7}`; err != nil || string(further) != want {
		t.Errorf("further fields %s, want %s", further, want)
	}
	if got := strings.Join(f.issues[0].labels, " "); !strings.HasPrefix(got, "lapsewatch lapsewatch-") || !strings.HasSuffix(got, " certificates") {
		t.Errorf("labels %s", got)
	}
}

// Whoever clones an issue clones its labels.
func TestOfManyClonesTheOldestThatIsOpenIsOurs(t *testing.T) {
	for name, cloud := range deployments {
		t.Run(name, func(t *testing.T) {
			clock := tickettest.NewClock(alerttest.Now())
			f := newFake(t, clock, cloud)
			office := tickettest.Open(t, f, clock)
			office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
			for range 20 {
				clone := *f.issues[0]
				clone.id += len(f.issues)
				clone.comments = nil
				f.issues = append(f.issues, &clone)
			}
			for _, issue := range f.issues[:17] {
				f.setStatus(issue, "Done")
			}
			clock.Advance(time.Hour)
			office.Forget()
			office.Tell(t, office.Message(2, watch.Worsened, shop, watch.Critical, 20))
			for i, record := range office.Records() {
				if want := map[bool]int{i == 17: 1}[true]; len(record.Comments) != want {
					t.Errorf("%s has %d comments", record.Name, len(record.Comments))
				}
			}
		})
	}
}

// The search still tells of OPS-1 as open, and must be told to look again.
func TestTheRememberedIssueIsReconciledWhenAnotherIsLookedFor(t *testing.T) {
	f, office := open(t, func(*jira.Options) {})
	office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
	clone := *f.issues[0]
	clone.id++
	f.issues = append(f.issues, &clone)
	office.Clock.Advance(time.Hour)
	office.Close("OPS-1")
	office.Tell(t, office.Message(2, watch.Worsened, shop, watch.Critical, 20))
	if records := office.Records(); records[0].Open || len(records[0].Comments) != 0 || len(records[1].Comments) != 1 {
		t.Errorf("%s", tickettest.Dump(records))
	}
}

func TestA9_AnIssueStaysWithinJirasLimits(t *testing.T) {
	for name, cloud := range deployments {
		for _, kind := range []watch.EventType{watch.Opened, watch.Resolved} {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				clock := tickettest.NewClock(alerttest.Now())
				office := tickettest.Open(t, newFake(t, clock, cloud), clock)
				message := tickettest.Longest(kind)
				if kind == watch.Resolved {
					office.Tell(t, tickettest.Longest(watch.Opened))
					message.ID = "another"
				}
				office.Tell(t, message)
				record := office.Records()[0]
				if !strings.HasSuffix(record.Title, " expires 2026-12-13") || utf8.RuneCountInString(record.Title) > 254 {
					t.Errorf("title %s", record.Title)
				}
				if !cloud && !strings.Contains(record.Text, "Shortened, because the service takes no longer text: the report says it all.") {
					t.Errorf("it is not said what was cut: %s", record.Text)
				}
			})
		}
	}
}
