package gitfile_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/gitfile"
	"lapsewatch/watch"
)

// place is a bare repository, a clone that Lapsewatch writes into, and one of a colleague.
type place struct {
	t                  *testing.T
	bare, ours, theirs string
	log                bytes.Buffer
}

// git runs the real one, deaf to whatever the machine's user has configured.
func git(t *testing.T, folder string, arguments ...string) string {
	t.Helper()
	command := exec.Command("git", arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=Anna", "GIT_AUTHOR_EMAIL=anna@example.com",
		"GIT_COMMITTER_NAME=Anna", "GIT_COMMITTER_EMAIL=anna@example.com", "HOME="+t.TempDir())
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func newPlace(t *testing.T) *place {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatalf("git is missing (%v): run `make test-parts`", err)
	}
	top := t.TempDir()
	p := &place{t: t, bare: filepath.Join(top, "status.git"), ours: filepath.Join(top, "ours"), theirs: filepath.Join(top, "theirs")}
	git(t, top, "init", "--quiet", "--bare", "--initial-branch=main", p.bare)
	git(t, top, "clone", "--quiet", p.bare, p.theirs)
	git(t, p.theirs, "switch", "--quiet", "--create", "main")
	write(t, filepath.Join(p.theirs, "content/issues/_index.md"), "---\ntitle: Issues\n---\n")
	write(t, filepath.Join(p.theirs, "config.yml"), "title: Status\n")
	p.push("a first commit")
	git(t, top, "clone", "--quiet", p.bare, p.ours)
	return p
}

// push commits and pushes all that the colleague has changed.
func (p *place) push(message string) {
	p.t.Helper()
	git(p.t, p.theirs, "add", "--all")
	git(p.t, p.theirs, "commit", "--quiet", "--message", message)
	git(p.t, p.theirs, "push", "--quiet", "origin", "main")
}

func (p *place) folder() string { return filepath.Join(p.ours, "content", "issues") }

func (p *place) file(name string) string { return filepath.Join(p.folder(), name) }

func (p *place) publisher(edit func(*gitfile.Options)) *gitfile.Folder {
	p.t.Helper()
	options := gitfile.Defaults()
	options.Commit, options.Push, options.AuthorEmail = true, true, "lapsewatch@example.com"
	if edit != nil {
		edit(&options)
	}
	if err := options.Validate(); err != nil {
		p.t.Fatal(err)
	}
	env := alerts.Env{
		Name: "status", Now: alerttest.Now, HTTP: &http.Client{}, Log: slog.New(slog.NewTextHandler(&p.log, nil)),
		Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(token), nil },
	}
	return gitfile.New(options, env, p.folder())
}

const token = "canary-token-of-the-remote"

func (p *place) publish(names ...string) {
	p.t.Helper()
	if err := p.publisher(nil).Publish(p.t.Context(), "Stub lw: identified", names...); err != nil {
		p.t.Fatal(err)
	}
	p.clean()
}

// clean requires that Git finds the clone in order, and at the remote's last commit.
func (p *place) clean() {
	p.t.Helper()
	git(p.t, p.ours, "fsck", "--strict")
	if ours, bare := git(p.t, p.ours, "rev-parse", "main"), git(p.t, p.bare, "rev-parse", "main"); ours != bare {
		p.t.Errorf("the clone is at %s, the remote at %s", ours, bare)
	}
}

// failure requires an error of the contract.
func failure(t *testing.T, err error, retryable bool, want string) {
	t.Helper()
	failed, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || failed.Retryable != retryable || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token) {
		t.Errorf("error %v\nwant  %s, retryable %t", err, want, retryable)
	}
}
