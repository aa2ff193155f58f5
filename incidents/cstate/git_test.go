package cstate_test

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/cstate"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// git runs the real one, deaf to whatever the machine's user has configured.
func git(t *testing.T, folder string, arguments ...string) string {
	t.Helper()
	command := exec.Command("git", arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=Anna", "GIT_AUTHOR_EMAIL=anna@example.com",
		"GIT_COMMITTER_NAME=Anna", "GIT_COMMITTER_EMAIL=anna@example.com")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v (where git is missing, run `make test-parts`)\n%s", strings.Join(arguments, " "), err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

// shared is a status page in a clone, with a colleague who works at it too.
type shared struct {
	*desk
	clock        *tickettest.Clock
	bare, theirs string
}

func newShared(t *testing.T) (*shared, incidents.System) {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	s := &shared{desk: newDesk(t, clock), clock: clock}
	top := t.TempDir()
	ours := filepath.Join(top, "ours")
	s.bare, s.theirs = filepath.Join(top, "status.git"), filepath.Join(top, "theirs")
	git(t, top, "init", "--quiet", "--bare", "--initial-branch=main", s.bare)
	git(t, top, "clone", "--quiet", s.bare, s.theirs)
	git(t, s.theirs, "switch", "--quiet", "--create", "main")
	if err := os.MkdirAll(filepath.Join(s.theirs, "content", "issues"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(s.theirs, "content", "issues", ".gitkeep"), "")
	s.push("a first commit")
	git(t, top, "clone", "--quiet", s.bare, ours)
	s.folder = filepath.Join(ours, "content", "issues")
	s.edit = func(o *cstate.Options) {
		o.Git.Commit, o.Git.Push, o.Git.AuthorEmail = true, true, "lapsewatch@example.com"
	}
	env := incidents.Env{Source: "example"}
	env.Name, env.Now, env.HTTP, env.Log = "status", clock.Now, &http.Client{}, slog.New(slog.DiscardHandler)
	return s, s.New(t, env, "")
}

func (s *shared) push(message string) {
	s.t.Helper()
	git(s.t, s.theirs, "add", "--all")
	git(s.t, s.theirs, "commit", "--quiet", "--message", message)
	git(s.t, s.theirs, "push", "--quiet", "origin", "main")
}

func (s *shared) onRemote(remote incidents.Remote) string {
	s.t.Helper()
	return git(s.t, s.bare, "show", "main:content/issues/"+filepath.Base(s.path(remote.ID)))
}

func TestEachChangeIsACommitThatIsPushed(t *testing.T) {
	s, system := newShared(t)
	made := create(t, system, s.stub(s.clock, watch.Identified, watch.MajorOutage))
	s.clock.Advance(time.Hour)
	update(t, system, made, s.stub(s.clock, watch.Over, watch.Operational))
	want := "Stub " + made.Key + ": resolved\nStub " + made.Key + ": identified\na first commit"
	if got := git(t, s.bare, "log", "--format=%s", "main"); got != want {
		t.Errorf("the remote's commits are\n%s\nwant\n%s", got, want)
	}
	if got := s.onRemote(made); !strings.Contains(got, "resolved: true") {
		t.Errorf("the remote has\n%s", got)
	}
	if got := git(t, s.bare, "log", "-p", "--all"); strings.Contains(got, "app orders") {
		t.Errorf("what is for staff is in the repository\n%s", got)
	}
}

func TestWhatAPersonPushedIsSeenByTheNextRun(t *testing.T) {
	s, system := newShared(t)
	made := create(t, system, s.stub(s.clock, watch.Identified, watch.MajorOutage))
	git(t, s.theirs, "pull", "--quiet", "origin", "main")
	path := filepath.Join(s.theirs, "content", "issues", filepath.Base(s.path(made.ID)))
	s.write(path, strings.Replace(s.read(path), "This is identified.", "Anna is on it.", 1))
	s.push("Anna's")
	all, err := system.List(t.Context(), alerttest.Now())
	if err != nil || len(all) != 1 || all[0].Texts[0] != "Anna is on it.\n\nSo it is." {
		t.Errorf("error %v, listed %+v", err, all)
	}
}

func TestWhatCouldNotBePushedIsPushedByTheNextRun(t *testing.T) {
	s, system := newShared(t)
	away := s.bare + ".away"
	if err := os.Rename(s.bare, away); err != nil {
		t.Fatal(err)
	}
	stub := s.stub(s.clock, watch.Identified, watch.MajorOutage)
	_, err := system.Create(t.Context(), stub)
	if _, ok := errors.AsType[*alerts.DeliveryError](err); !ok {
		t.Fatalf("error %v", err)
	}
	if _, err := system.List(t.Context(), alerttest.Now()); err == nil {
		t.Error("the list is given while the remote is out of reach")
	}
	if err := os.Rename(away, s.bare); err != nil {
		t.Fatal(err)
	}
	all, err := system.List(t.Context(), alerttest.Now())
	if err != nil || len(all) != 1 || all[0].Key != stub.Key {
		t.Fatalf("error %v, listed %+v", err, all)
	}
	if got := s.onRemote(all[0]); !strings.Contains(got, stub.Key) {
		t.Errorf("the remote has\n%s", got)
	}
}

func TestAPageThatWasWrittenAndNotCommittedIsCommittedByTheNextRun(t *testing.T) {
	s, system := newShared(t)
	lock := filepath.Join(filepath.Dir(filepath.Dir(s.folder)), ".git", "index.lock")
	s.write(lock, "")
	stub := s.stub(s.clock, watch.Identified, watch.MajorOutage)
	_, err := system.Create(t.Context(), stub)
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); !ok || !failure.Retryable {
		t.Fatalf("error %v", err)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	all, err := system.List(t.Context(), alerttest.Now())
	if err != nil || len(all) != 1 {
		t.Fatalf("error %v, listed %+v", err, all)
	}
	if got := git(t, s.bare, "log", "-1", "--format=%s", "main"); got != "Stubs that were not committed before" {
		t.Errorf("the last commit is %q", got)
	}
}

func TestWhatAPersonHasNotCommittedIsNotCommittedForThem(t *testing.T) {
	s, system := newShared(t)
	made := create(t, system, s.stub(s.clock, watch.Identified, watch.MajorOutage))
	path := s.path(made.ID)
	s.write(path, strings.Replace(s.read(path), "This is identified.", "Anna is on it.", 1))
	all, err := system.List(t.Context(), alerttest.Now())
	if err != nil || len(all) != 1 || all[0].Texts[0] != "Anna is on it.\n\nSo it is." {
		t.Errorf("error %v, listed %+v", err, all)
	}
	if got := s.onRemote(made); strings.Contains(got, "Anna") {
		t.Errorf("the remote has\n%s", got)
	}
}

func TestAPersonWhoChangedThePageMeanwhileIsRespected(t *testing.T) {
	s, system := newShared(t)
	made := create(t, system, s.stub(s.clock, watch.Identified, watch.MajorOutage))
	git(t, s.theirs, "pull", "--quiet", "origin", "main")
	path := filepath.Join(s.theirs, "content", "issues", filepath.Base(s.path(made.ID)))
	s.write(path, strings.Replace(s.read(path), "This is identified.", "Anna is on it.", 1))
	s.push("Anna's")
	s.clock.Advance(time.Hour)
	_, err := system.Update(t.Context(), made, s.stub(s.clock, watch.Over, watch.Operational))
	requireFailure(t, err, filepath.Base(path)+" was changed by a person meanwhile, and theirs stands")
	if got := s.onRemote(made); !strings.Contains(got, "Anna is on it.") || strings.Contains(got, "resolved: true") {
		t.Errorf("the remote has\n%s", got)
	}
}
