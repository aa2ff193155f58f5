package gitfile_test

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestAnEntryThatARunBeforeDidNotWriteIsMended(t *testing.T) {
	p := newPlace(t)
	write(t, p.file("stub.md"), "one")
	p.publish("stub.md")
	index := filepath.Join(p.ours, ".git", "index")
	for _, content := range []string{"two", "three"} {
		before := read(t, index)
		write(t, p.file("stub.md"), content)
		p.publish("stub.md")
		write(t, index, before) // as if that run had ended too early
		p.publish("stub.md")
		if got := git(t, p.ours, "status", "--porcelain"); got != "" {
			t.Errorf("the clone is not clean: %s", got)
		}
	}
	write(t, filepath.Join(p.ours, "config.yml"), "title: x\n")
	git(t, p.ours, "add", "config.yml")
	git(t, p.ours, "commit", "--quiet", "--message", "Anna's")
	if got := git(t, p.ours, "show", "--name-only", "--format=", "HEAD"); got != "config.yml" {
		t.Errorf("her commit holds\n%s", got)
	}
}

func TestWhatAPersonStagedOfOurFileIsNotMended(t *testing.T) {
	p := newPlace(t)
	write(t, p.file("stub.md"), "one")
	p.publish("stub.md")
	write(t, p.file("stub.md"), "Anna's")
	git(t, p.ours, "add", "content/issues/stub.md")
	write(t, p.file("stub.md"), "one")
	p.publish("stub.md")
	if got := git(t, p.ours, "show", ":content/issues/stub.md"); got != "Anna's" {
		t.Errorf("the index holds %q", got)
	}
}

func TestWhatOthersHaveNotedInTheIndexStays(t *testing.T) {
	p := newPlace(t)
	write(t, filepath.Join(p.ours, "new.txt"), "half")
	git(t, p.ours, "add", "--intent-to-add", "new.txt")
	git(t, p.ours, "update-index", "--skip-worktree", "config.yml")
	before := git(t, p.ours, "ls-files", "-v") + git(t, p.ours, "status", "--porcelain")
	write(t, p.file("stub.md"), "one")
	p.publish("stub.md")
	after := strings.Replace(git(t, p.ours, "ls-files", "-v"), "H content/issues/stub.md\n", "", 1) + git(t, p.ours, "status", "--porcelain")
	if after != before {
		t.Errorf("the index was\n%s\nand is\n%s", before, after)
	}
}

func TestALockOfTheIndexIsLeftToItsOwner(t *testing.T) {
	p := newPlace(t)
	lock := filepath.Join(p.ours, ".git", "index.lock")
	write(t, lock, "Anna's")
	write(t, p.file("stub.md"), "one")
	failure(t, p.publisher(nil).Publish(t.Context(), "Stub", "stub.md"), true, ".git/index.lock is there")
	if read(t, lock) != "Anna's" {
		t.Error("it was written over")
	}
}

func TestAShallowCloneIsRefused(t *testing.T) {
	p := newPlace(t)
	write(t, filepath.Join(p.theirs, "config.yml"), "title: Anna's\n")
	p.push("a second commit")
	shallow := filepath.Join(t.TempDir(), "shallow")
	git(t, p.theirs, "clone", "--quiet", "--depth", "1", "file://"+p.bare, shallow)
	p.ours = shallow
	write(t, p.file("stub.md"), "one")
	failure(t, p.publisher(nil).Publish(t.Context(), "Stub", "stub.md"), false, "is shallow, and holds too little to compare with its remote: run git fetch --unshallow there")
	git(t, p.ours, "fetch", "--quiet", "--unshallow")
	p.publish("stub.md")
}

func TestWhatCannotBeCheckedOutIsLeftToGit(t *testing.T) {
	p := newPlace(t)
	write(t, filepath.Join(p.theirs, "large.bin"), strings.Repeat("x", 33<<20))
	p.push("a large file")
	failure(t, p.publisher(nil).Publish(t.Context(), "Stub"), false, "check out large.bin: it has 34603008 bytes, which is more than 32 MiB: run git pull in the clone of "+p.folder())
	git(t, p.ours, "pull", "--quiet")
	p.publish()
}
