package github_test

import (
	"bytes"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/github"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

var rewrite = flag.Bool("update", false, "write the golden files anew")

// at opens the desk and gives what works there, and its log.
func at(t *testing.T, f *fake, edit func(*github.Options)) (incidents.System, *bytes.Buffer) {
	t.Helper()
	recorder := alerttest.NewRecorder(t, f.Handler().ServeHTTP)
	said := &bytes.Buffer{}
	return build(t, environment(f, recorder.Client(), said), func(o *github.Options) {
		o.URL, o.PublicRepository = recorder.URL, f.posts
		edit(o)
	}), said
}

func environment(f *fake, client *http.Client, said *bytes.Buffer) incidents.Env {
	env := incidents.Env{Source: "example"}
	env.Name, env.Now, env.HTTP, env.Log = "status", f.clock.Now, client, slog.New(slog.NewTextHandler(said, nil))
	env.Secrets = func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("canary-of-TOKEN"), nil }
	return env
}

func asIs(*github.Options) {}

func stub(clock *tickettest.Clock, phase watch.Phase) incidents.Stub {
	now := clock.Now()
	return incidents.Stub{
		Key: watch.NewIncidentKey("example", "orders", alerttest.Now()).String(), Mark: "mark-" + string(phase) + "-" + now.Format("150405"), Phase: phase,
		Title: "Sign-in of the order service may fail", Text: "This is " + string(phase) + ".\n\nSo it is.", Internal: "Client secret of the app `orders`.",
		Components: []watch.Component{{ID: "api", Name: "API", Status: watch.MajorOutage}, {ID: "web_shop", Status: watch.Degraded}}, At: now, StartedAt: now,
	}
}

func create(t *testing.T, system incidents.System, stub incidents.Stub) incidents.Remote {
	t.Helper()
	made, err := system.Create(t.Context(), stub)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func requireFailure(t *testing.T, err error, want string) {
	t.Helper()
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || failure.Retryable || failure.Err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestTheLifeOfAStubReadsAsTheGoldenFileSays(t *testing.T) {
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	system, _ := at(t, f, asIs)
	made := create(t, system, stub(f.clock, watch.Investigating))
	for _, phase := range []watch.Phase{watch.Identified, watch.Monitoring, watch.Over} {
		f.clock.Advance(time.Hour)
		next := stub(f.clock, phase)
		next.Notify = phase == watch.Identified
		var err error
		if made, err = system.Update(t.Context(), made, next); err != nil {
			t.Fatal(err)
		}
	}
	issue := f.issues[0]
	var labels []string
	for _, label := range issue.Labels {
		labels = append(labels, label.Name)
	}
	text := issue.State + "\n" + issue.Title + "\n" + strings.Join(labels, ", ") + "\n=====\n" + issue.Body + "\n"
	for _, comment := range issue.comments {
		text += "===== comment\n" + comment.Body + "\n"
	}
	alerttest.Golden(t, "life.md", []byte(text), *rewrite)
}

const isPublic = "the repository acme/status is public, and nothing is written there: set public_repository: true to write where everybody may read it, or give a private repository"

func TestAPublicRepositoryIsNotWrittenToUnlessThatIsAskedFor(t *testing.T) {
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	f.public = true
	system, _ := at(t, f, asIs)
	_, err := system.Create(t.Context(), stub(f.clock, watch.Identified))
	requireFailure(t, err, isPublic)
	if len(f.issues) != 0 {
		t.Error("an issue was made")
	}
}

func TestARepositoryThatWasMadePublicGetsNothingMore(t *testing.T) {
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	system, _ := at(t, f, asIs)
	made := create(t, system, stub(f.clock, watch.Identified))
	body := f.issues[0].Body
	f.public = true
	_, err := system.Update(t.Context(), made, stub(f.clock, watch.Over))
	requireFailure(t, err, isPublic)
	note := incidents.Note{Mark: "note-1", Text: "for staff", At: f.clock.Now()}
	requireFailure(t, system.Annotate(t.Context(), made, note), isPublic)
	requireFailure(t, system.Draft(t.Context(), made, note), isPublic)
	if f.issues[0].Body != body || len(f.issues[0].comments) != 0 {
		t.Error("it was written to")
	}
}

func TestNothingForStaffGoesIntoAPublicRepository(t *testing.T) {
	for _, public := range []bool{true, false} {
		f := newFake(t, tickettest.NewClock(alerttest.Now()))
		f.posts, f.public = true, public
		system, _ := at(t, f, asIs)
		made := create(t, system, stub(f.clock, watch.Identified))
		note := incidents.Note{Mark: "note-1", Text: "for staff", At: f.clock.Now()}
		if err := system.Annotate(t.Context(), made, note); !errors.Is(err, incidents.ErrNoNotes) {
			t.Errorf("note: %v", err)
		}
		if err := system.Draft(t.Context(), made, note); !errors.Is(err, incidents.ErrNoDrafts) {
			t.Errorf("draft: %v", err)
		}
		if strings.Contains(f.issues[0].Body, "Client secret") || system.Traits().Private {
			t.Errorf("private %t, body\n%s", system.Traits().Private, f.issues[0].Body)
		}
	}
}

func TestALabelThatGitHubLeavesOutIsToldInTheLog(t *testing.T) {
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	f.dropLabels = true
	system, said := at(t, f, asIs)
	create(t, system, stub(f.clock, watch.Identified))
	if !strings.Contains(said.String(), "GitHub left out the label by which the issue is found again") {
		t.Errorf("the log says %s", said)
	}
}

func TestAnIssueWhoseKeyAPersonRemovedIsLeftAlone(t *testing.T) {
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	system, _ := at(t, f, asIs)
	made := create(t, system, stub(f.clock, watch.Identified))
	f.issues[0].Body = "Anna took over."
	_, err := system.Update(t.Context(), made, stub(f.clock, watch.Over))
	requireFailure(t, err, "issue #1 does not carry the key "+made.Key+" any more, and is left alone")
}

func TestAnIssueThatWasMovedElsewhereIsNotThereAnyMore(t *testing.T) {
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	recorder := alerttest.NewRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/issues/") {
			refuse(w, http.StatusMovedPermanently, `{"message":"Moved Permanently"}`)
			return
		}
		f.Handler().ServeHTTP(w, r)
	})
	system := build(t, environment(f, recorder.Client(), &bytes.Buffer{}), func(o *github.Options) { o.URL = recorder.URL })
	if _, found, err := system.Read(t.Context(), "1"); found || err != nil {
		t.Errorf("found %t, error %v", found, err)
	}
}

// direct answers without a network, which the time of a bubble cannot wait for.
type direct struct {
	*fake
	writes []time.Time
}

func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.Writes(r) {
		d.writes = append(d.writes, time.Now())
	}
	recorder := httptest.NewRecorder()
	d.Handler().ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

func TestBetweenTwoWritesIsTheSecondThatGitHubAsksFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &direct{fake: newFake(t, tickettest.NewClock(alerttest.Now()))}
		system := build(t, environment(d.fake, &http.Client{Transport: d}, &bytes.Buffer{}), func(o *github.Options) { o.Pause = watch.Duration(time.Second) })
		made := create(t, system, stub(d.clock, watch.Investigating))
		for _, phase := range []watch.Phase{watch.Identified, watch.Over} {
			d.clock.Advance(time.Hour)
			var err error
			if made, err = system.Update(t.Context(), made, stub(d.clock, phase)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range d.writes[1:] {
			if pause := d.writes[i+1].Sub(d.writes[i]); pause < time.Second {
				t.Errorf("only %s between writes %d and %d", pause, i, i+1)
			}
		}
		if len(d.writes) != 3 {
			t.Errorf("%d writes", len(d.writes))
		}
	})
}

func TestWrongOptionsAreNamedWithTheirPlaces(t *testing.T) {
	tests := []struct {
		name string
		edit func(*github.Options)
		want string
	}{
		{"no repository", func(o *github.Options) { o.Repository = "acme" }, "repository: want owner/name, such as acme/infrastructure"},
		{"no token", func(o *github.Options) { o.Token = watch.SecretRef{} }, "token: "},
		{"no label", func(o *github.Options) { o.Labels = nil }, "labels: want at least one, by which issues are found again, and at most 100"},
		{"a label with a comma", func(o *github.Options) { o.Labels = []string{"a,b"} }, "labels[0]: want 1 to 50 visible characters and no comma"},
		{"no pause", func(o *github.Options) { o.Pause = 0 }, "pause: want more than 0 and at most 1m"},
		{"an address in the clear", func(o *github.Options) { o.URL = "http://ghe.example.com" }, "url: want https; allow_insecure_http accepts http"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := github.Kind.Build(func(into any) error {
				o := into.(*github.Options)
				o.Repository, o.Token.Env = repository, "TOKEN"
				test.edit(o)
				return nil
			}, incidents.Env{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

var _ incidenttest.Draftsman = &fake{}
