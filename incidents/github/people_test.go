package github_test

import (
	"errors"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/stubtest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// fakeAuthor is who opened an issue, as an issue shows it.
type fakeAuthor struct {
	User        fakeUser       `json:"user"`
	Association string         `json:"author_association"`
	App         map[string]any `json:"performed_via_github_app"`
}

type fakeUser struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"`
}

// asCollaborator is an account of its own, asApp the token of an app's installation, and
// asStranger somebody who has nothing to do with the repository.
var (
	asCollaborator = fakeAuthor{User: fakeUser{7, "lapsewatch", "User"}, Association: "COLLABORATOR"}
	asApp          = fakeAuthor{User: fakeUser{8, "lapsewatch[bot]", "Bot"}, Association: "NONE", App: map[string]any{"id": 1, "slug": "lapsewatch"}}
	asStranger     = fakeAuthor{User: fakeUser{9, "mallory", "User"}, Association: "NONE"}
)

func TestAnEditBetweenListAndWriteIsNotWrittenOver(t *testing.T) {
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	system, _ := at(t, f, asIs)
	create(t, system, stub(f.clock, watch.Identified))
	listed, err := system.List(t.Context(), alerttest.Now())
	if err != nil {
		t.Fatal(err)
	}
	f.issues[0].Title = "Anna: the cause is the load balancer"
	_, err = system.Update(t.Context(), listed[0], stub(f.clock, watch.Over))
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || !failure.Retryable || failure.Err.Error() != "it was changed meanwhile, and is looked at again" {
		t.Errorf("error %v", err)
	}
	if f.issues[0].State != "open" || len(f.issues[0].comments) != 0 {
		t.Errorf("it is %s", f.issues[0].State)
	}
}

func TestWhatAPersonWroteIsNotWrittenOver(t *testing.T) {
	for name, change := range map[string]func(body string) string{
		"a text":      func(body string) string { return strings.Replace(body, "This is identified.", "Anna is on it.", 1) },
		"a word more": func(body string) string { return body + "\n\nAnna is on it." },
		"no seal":     func(body string) string { return body[:strings.Index(body, "<!-- lapsewatch-sealed:")] },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tickettest.NewClock(alerttest.Now()))
			system, _ := at(t, f, asIs)
			made := create(t, system, stub(f.clock, watch.Identified))
			f.issues[0].Body = change(f.issues[0].Body)
			before := f.issues[0].Body
			seen, _, err := system.Read(t.Context(), made.ID)
			if err != nil {
				t.Fatal(err)
			}
			over := stub(f.clock, watch.Over)
			over.Notify = true
			_, err = system.Update(t.Context(), seen, over)
			requireFailure(t, err, "issue #1 was changed by a person, and is left to them: close it by hand when it is over")
			if f.issues[0].Body != before || f.issues[0].State != "open" || len(f.issues[0].comments) != 0 {
				t.Errorf("it is %s\n%s", f.issues[0].State, f.issues[0].Body)
			}
		})
	}
}

func TestAKeyThatAStrangerCopiedIsNotOurs(t *testing.T) {
	for name, author := range map[string]fakeAuthor{"a token of an account": asCollaborator, "a token of an app": asApp} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tickettest.NewClock(alerttest.Now()))
			f.public, f.posts, f.author = true, true, author
			system, said := at(t, f, asIs)
			made := create(t, system, stub(f.clock, watch.Identified))
			id := f.AddForeign("please help", f.issues[0].Body)
			all, err := system.List(t.Context(), alerttest.Now())
			if err != nil || len(all) != 1 || all[0].ID != made.ID {
				t.Errorf("error %v, listed %+v", err, all)
			}
			if !strings.Contains(said.String(), "somebody outside of the repository has copied a key into an issue of their own") {
				t.Errorf("the log says %s", said)
			}
			theirs, found, err := system.Read(t.Context(), id)
			if err != nil || !found || theirs.Key != "" {
				t.Errorf("error %v, found %t, %+v", err, found, theirs)
			}
			theirs.Key = made.Key
			_, err = system.Update(t.Context(), theirs, stub(f.clock, watch.Over))
			requireFailure(t, err, "issue #2 does not carry the key "+made.Key+" any more, and is left alone")
		})
	}
}

// An account whose membership is private is shown as one that has nothing to do with the
// repository.
func TestAnIssueOfTheTokensOwnAccountIsOurs(t *testing.T) {
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	f.public, f.posts, f.author = true, true, asCollaborator
	f.author.Association = "CONTRIBUTOR"
	system, _ := at(t, f, asIs)
	made := create(t, system, stub(f.clock, watch.Identified))
	if all, err := system.List(t.Context(), alerttest.Now()); err != nil || len(all) != 1 || all[0].ID != made.ID {
		t.Errorf("error %v, listed %+v", err, all)
	}
}

func TestStoriesWithTheTokenOfAnApp(t *testing.T) {
	stubtest.Run(t, incidenttest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk {
		f := newFake(t, clock)
		f.public, f.posts, f.author = true, true, asApp
		return f
	}})
}
