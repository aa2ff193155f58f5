package gitfile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lapsewatch/internal/gitfile"
)

func TestAFileIsCommittedAloneAndPushed(t *testing.T) {
	p := newPlace(t)
	write(t, p.file("stub.md"), "one")
	p.publish("stub.md")
	const want = "Lapsewatch <lapsewatch@example.com> 2026-11-22T06:00:00+00:00 Stub lw: identified"
	if got := git(t, p.bare, "log", "-1", "--date=iso-strict", "--format=%an <%ae> %ad %s", "main"); strings.Replace(got, "Z ", "+00:00 ", 1) != want {
		t.Errorf("the commit is %q, want %q", got, want)
	}
	if got := git(t, p.bare, "show", "--stat=80", "--format=", "main"); !strings.Contains(got, "content/issues/stub.md") || !strings.Contains(got, "1 file changed") {
		t.Errorf("the commit holds\n%s", got)
	}
	if got := git(t, p.ours, "status", "--porcelain"); got != "" {
		t.Errorf("the clone is not clean: %s", got)
	}
	before := git(t, p.bare, "rev-parse", "main")
	p.publish("stub.md")
	if after := git(t, p.bare, "rev-parse", "main"); after != before {
		t.Error("the same file again makes a commit")
	}
}

func TestWhatOthersHaveInTheCloneStaysAsItIs(t *testing.T) {
	p := newPlace(t)
	write(t, filepath.Join(p.ours, "staged.txt"), "staged")
	git(t, p.ours, "add", "staged.txt")
	write(t, filepath.Join(p.ours, "config.yml"), "title: Half edited\n")
	write(t, filepath.Join(p.ours, "untracked.txt"), "untracked")
	before := git(t, p.ours, "status", "--porcelain")
	write(t, p.file("stub.md"), "one")
	p.publish("stub.md")
	if after := git(t, p.ours, "status", "--porcelain"); after != before {
		t.Errorf("the state of the clone was\n%s\nand is\n%s", before, after)
	}
	if got := git(t, p.bare, "ls-tree", "-r", "--name-only", "main"); got != "config.yml\ncontent/issues/_index.md\ncontent/issues/stub.md" {
		t.Errorf("the remote holds\n%s", got)
	}
}

func TestWhatOthersPushedIsCheckedOut(t *testing.T) {
	p := newPlace(t)
	write(t, p.file("stub.md"), "one")
	p.publish("stub.md")
	git(t, p.theirs, "pull", "--quiet", "origin", "main")
	write(t, filepath.Join(p.theirs, "content/issues/stub.md"), "edited by Anna")
	write(t, filepath.Join(p.theirs, "bin/build.sh"), "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(p.theirs, "bin/build.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("config.yml", filepath.Join(p.theirs, "config-link")); err != nil {
		t.Fatal(err)
	}
	git(t, p.theirs, "rm", "--quiet", "content/issues/_index.md")
	p.push("Anna's")
	p.publish()
	if got := git(t, p.ours, "status", "--porcelain"); got != "" {
		t.Errorf("the clone is not clean: %s", got)
	}
	if got := read(t, p.file("stub.md")); got != "edited by Anna" {
		t.Errorf("the file holds %q", got)
	}
	if _, err := os.Stat(p.file("_index.md")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that was removed is there: %v", err)
	}
	if info, err := os.Stat(filepath.Join(p.ours, "bin/build.sh")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("a program is none: %v %v", info, err)
	}
}

func TestACommitThatWasNotPushedIsPutOnTopOfTheRemotes(t *testing.T) {
	p := newPlace(t)
	offline := p.publisher(func(o *gitfile.Options) { o.Push = false })
	for _, content := range []string{"one", "two"} {
		write(t, p.file("stub.md"), content)
		if err := offline.Publish(t.Context(), "Stub lw: identified", "stub.md"); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(p.theirs, "content/issues/other.md"), "Anna's")
	p.push("Anna's")
	p.publish()
	if got := git(t, p.bare, "log", "--format=%s", "main"); got != "Stub lw: identified\nAnna's\na first commit" {
		t.Errorf("the remote's commits are\n%s", got)
	}
	if read(t, p.file("stub.md")) != "two" || read(t, p.file("other.md")) != "Anna's" || git(t, p.ours, "status", "--porcelain") != "" {
		t.Errorf("the clone holds %q and %q\n%s", read(t, p.file("stub.md")), read(t, p.file("other.md")), git(t, p.ours, "status", "--porcelain"))
	}
}

func TestWhereAPersonChangedTheSameFileTheirsStands(t *testing.T) {
	p := newPlace(t)
	write(t, p.file("stub.md"), "one")
	p.publish("stub.md")
	git(t, p.theirs, "pull", "--quiet", "origin", "main")
	write(t, filepath.Join(p.theirs, "content/issues/stub.md"), "edited by Anna")
	p.push("Anna's")
	write(t, p.file("stub.md"), "two")
	write(t, p.file("more.md"), "more")
	p.publish("stub.md", "more.md")
	if got := read(t, p.file("stub.md")); got != "edited by Anna" {
		t.Errorf("the file holds %q", got)
	}
	if got := git(t, p.bare, "show", "main:content/issues/more.md"); got != "more" {
		t.Errorf("the other file holds %q", got)
	}
	if !strings.Contains(p.log.String(), "a file was changed at the remote too; what stands there is kept") {
		t.Errorf("nothing is said: %s", p.log.String())
	}
}

func TestWhatBlocksTheWayIsToldAndNothingMoves(t *testing.T) {
	tests := []struct {
		name      string
		block     func(p *place)
		retryable bool
		want      string
	}{
		{"a change that is not committed, of a file that was pushed too", func(p *place) {
			write(p.t, filepath.Join(p.ours, "config.yml"), "title: Half edited\n")
		}, true, "config.yml has changes in the clone that are not committed, and was changed at the remote too: commit them, or undo them"},
		{"a staged change of a file that was pushed too", func(p *place) {
			write(p.t, filepath.Join(p.ours, "config.yml"), "title: Staged\n")
			git(p.t, p.ours, "add", "config.yml")
		}, true, "config.yml has staged changes in the clone, and was changed at the remote too: commit them, or undo them"},
		{"commits of others that are not pushed", func(p *place) {
			write(p.t, filepath.Join(p.ours, "more.txt"), "more")
			git(p.t, p.ours, "add", "more.txt")
			git(p.t, p.ours, "commit", "--quiet", "--message", "not pushed")
		}, true, "the branch main has commits of other people that are not pushed, and the remote has others: push or pull them in the clone of "},
		{"somebody who is at work", func(p *place) { write(p.t, filepath.Join(p.ours, ".git/index.lock"), "") }, true, ".git/index.lock is there"},
		{"a merge that is not finished", func(p *place) { write(p.t, filepath.Join(p.ours, ".git/MERGE_HEAD"), "") }, true, ".git/MERGE_HEAD is there"},
		{"no branch", func(p *place) { git(p.t, p.ours, "switch", "--quiet", "--detach") }, false, "has no branch checked out: run git switch"},
		{"another branch", func(p *place) { git(p.t, p.ours, "switch", "--quiet", "--create", "draft") }, true, "has the branch draft checked out, and main is to be written"},
		{"no remote", func(p *place) { git(p.t, p.ours, "remote", "remove", "origin") }, false, `has no remote "origin" with an address: run git remote add`},
		{"a remote by SSH", func(p *place) {
			git(p.t, p.ours, "remote", "set-url", "origin", "git@git.example.com:acme/status.git")
		}, false, `the remote "origin" is reached by ssh: want an address that begins with https://, or a folder of this machine`},
		{"a remote in the clear", func(p *place) {
			git(p.t, p.ours, "remote", "set-url", "origin", "http://user:"+token+"@127.0.0.1:9/status.git")
		}, false, `the remote "origin" is reached by http: want https; allow_insecure_http accepts http`},
		{"a remote that is gone", func(p *place) {
			git(p.t, p.ours, "remote", "set-url", "origin", filepath.Join(p.ours, "nowhere"))
		}, false, "there is no such repository, or the token may not see it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t)
			write(t, filepath.Join(p.theirs, "config.yml"), "title: Anna's\n")
			p.push("Anna's")
			test.block(p)
			before := git(t, p.bare, "rev-parse", "main")
			err := p.publisher(func(o *gitfile.Options) { o.Branch = "main" }).Publish(t.Context(), "Stub")
			failure(t, err, test.retryable, test.want)
			if after := git(t, p.bare, "rev-parse", "main"); after != before {
				t.Error("the remote has moved")
			}
			if got := read(t, filepath.Join(p.ours, "config.yml")); got == "title: Anna's\n" {
				t.Error("a file has moved")
			}
		})
	}
}

func TestAnEmptyRemoteGetsItsFirstBranch(t *testing.T) {
	p := newPlace(t)
	empty := filepath.Join(filepath.Dir(p.bare), "empty.git")
	git(t, p.ours, "init", "--quiet", "--bare", "--initial-branch=main", empty)
	git(t, p.ours, "remote", "set-url", "origin", empty)
	write(t, p.file("stub.md"), "one")
	if err := p.publisher(nil).Publish(t.Context(), "Stub", "stub.md"); err != nil {
		t.Fatal(err)
	}
	if got := git(t, empty, "show", "main:content/issues/stub.md"); got != "one" {
		t.Errorf("the file holds %q", got)
	}
}

func TestARefusalByTheRemotesRulesIsToldInItsWords(t *testing.T) {
	p := newPlace(t)
	hook := filepath.Join(p.bare, "hooks", "update")
	write(t, hook, "#!/bin/sh\nexit 1\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, p.file("stub.md"), "one")
	err := p.publisher(nil).Publish(t.Context(), "Stub", "stub.md")
	failure(t, err, false, "the remote refused it: command error on refs/heads/main: hook declined: look at the branch's protection and at the hooks there")
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	p.publish()
	if got := git(t, p.bare, "show", "main:content/issues/stub.md"); got != "one" {
		t.Errorf("what could not be pushed before is not pushed later: %q", got)
	}
}

func TestWithoutCommitNothingIsOpened(t *testing.T) {
	p := newPlace(t)
	if err := os.RemoveAll(filepath.Join(p.ours, ".git")); err != nil {
		t.Fatal(err)
	}
	err := p.publisher(func(o *gitfile.Options) { o.Commit, o.Push = false, false }).Publish(t.Context(), "Stub", "stub.md")
	if err != nil {
		t.Error(err)
	}
	failure(t, p.publisher(nil).Publish(t.Context(), "Stub"), false, "open the clone that ")
}

func TestACancelledContextSaysSo(t *testing.T) {
	p := newPlace(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := p.publisher(nil).Publish(ctx, "Stub")
	failure(t, err, true, "context canceled")
	if !errors.Is(err, context.Canceled) {
		t.Error("it does not wrap context.Canceled")
	}
}

func TestAFileThatIsALinkIsNotPublished(t *testing.T) {
	p := newPlace(t)
	if err := os.Symlink("/etc/passwd", p.file("stub.md")); err != nil {
		t.Fatal(err)
	}
	failure(t, p.publisher(nil).Publish(t.Context(), "Stub", "stub.md"), false, "read content/issues/stub.md: it is no regular file of a size that is published")
}
