package gitfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxChanges bounds what is checked out at once.
const maxChanges = 5000

// step is one file on the way from one commit to another. A zero hash is no file.
type step struct {
	path     string
	from, to plumbing.Hash
	mode     filemode.FileMode
}

// move checks another commit out and sets the branch to it. Files that are the same in
// both commits stay as they are, changed by people or not. A file that differs and that
// somebody has changed without committing it makes all of it fail, before anything moved.
func (c *clone) move(from, to *object.Commit) error {
	steps, err := c.steps(from, to)
	if err != nil {
		return err
	}
	staged, err := c.lockIndex()
	if err != nil {
		return err
	}
	defer staged.release()
	for _, step := range steps {
		entry, err := staged.index.Entry(step.path)
		if err == nil && entry.Hash != step.from && entry.Hash != step.to {
			return c.later(fmt.Errorf("%s has staged changes in the clone, and was changed at the remote too: commit them, or undo them", step.path))
		}
		if err := c.untouched(step); err != nil {
			return err
		}
	}
	set, modes := map[string]plumbing.Hash{}, map[string]filemode.FileMode{}
	for _, step := range steps {
		if err := c.take(step); err != nil {
			return c.never(fmt.Errorf("check out %s: %w: run git pull in the clone of %s", step.path, err, c.path))
		}
		set[step.path], modes[step.path] = step.to, step.mode
	}
	if err := staged.replace(set, modes); err != nil {
		return err
	}
	return c.advance(from.Hash, to.Hash)
}

func (c *clone) steps(from, to *object.Commit) ([]step, error) {
	changes, err := c.changes(from, to)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, change := range changes {
		if change.From.Name != "" && change.To.Name != change.From.Name {
			steps = append(steps, step{path: change.From.Name, from: change.From.TreeEntry.Hash, mode: change.From.TreeEntry.Mode})
			change.From = object.ChangeEntry{}
		}
		if change.To.Name != "" {
			steps = append(steps, step{path: change.To.Name, from: change.From.TreeEntry.Hash, to: change.To.TreeEntry.Hash, mode: change.To.TreeEntry.Mode})
		}
	}
	for _, step := range steps {
		if err := harmless(step.path); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// changes compares two commits, without guesses about renamed files.
func (c *clone) changes(from, to *object.Commit) (object.Changes, error) {
	before, err := from.Tree()
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", from.Hash, err)
	}
	after, err := to.Tree()
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", to.Hash, err)
	}
	changes, err := object.DiffTree(before, after)
	if err != nil {
		return nil, fmt.Errorf("compare commits %s and %s: %w", from.Hash, to.Hash, err)
	}
	if len(changes) > maxChanges {
		return nil, c.never(fmt.Errorf("the remote is %d files ahead, which is more than %d: run git pull in the clone of %s", len(changes), maxChanges, c.path))
	}
	return changes, nil
}

// harmless refuses a path that leads out of the clone or into what Git itself keeps.
func harmless(name string) error {
	if !fs.ValidPath(name) {
		return fmt.Errorf("the remote has a file %q, which is no path in a clone", name)
	}
	for part := range strings.SplitSeq(strings.ToLower(name), "/") {
		if part = strings.TrimRight(part, ". "); part == ".git" || part == "git~1" {
			return fmt.Errorf("the remote has a file %q, which would change the clone's own", name)
		}
	}
	return nil
}

// untouched requires that a file stands as one of the two commits has it.
func (c *clone) untouched(step step) error {
	if step.mode == filemode.Submodule {
		return nil
	}
	standing, err := c.standing(step.path)
	if err != nil {
		return c.later(fmt.Errorf("read %s before it is replaced by the remote's: %w: run git pull in the clone of %s", step.path, err, c.path))
	}
	if standing != step.from && standing != step.to {
		return c.later(fmt.Errorf("%s has changes in the clone that are not committed, and was changed at the remote too: commit them, or undo them", step.path))
	}
	return nil
}

// standing is the hash of what stands in the clone, zero for nothing.
func (c *clone) standing(name string) (plumbing.Hash, error) {
	info, err := c.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return plumbing.ZeroHash, nil
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := c.root.Readlink(name)
		return plumbing.ComputeHash(plumbing.BlobObject, []byte(target)), err
	}
	content, err := c.readFile(name)
	return plumbing.ComputeHash(plumbing.BlobObject, content), err
}

// take makes one file as the other commit has it. A submodule stays as it is; git
// submodule update moves it.
func (c *clone) take(step step) error {
	if step.mode == filemode.Submodule {
		return nil
	}
	if step.to.IsZero() {
		if err := c.root.Remove(step.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	content, err := c.content(step.to)
	if err != nil {
		return err
	}
	if folder := path.Dir(step.path); folder != "." {
		if err := c.root.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	// Beside it first, so that nobody reads half a file.
	beside := path.Join(path.Dir(step.path), ".lapsewatch-"+step.to.String()[:12]+".tmp")
	if err := c.root.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := c.write(beside, content, step.mode); err != nil {
		return errors.Join(err, c.root.Remove(beside))
	}
	return c.root.Rename(beside, step.path)
}

func (c *clone) write(name string, content []byte, mode filemode.FileMode) error {
	switch mode {
	case filemode.Symlink:
		return c.root.Symlink(string(content), name)
	case filemode.Executable:
		return c.root.WriteFile(name, content, 0o755)
	default:
		return c.root.WriteFile(name, content, os.FileMode(0o644))
	}
}

func (c *clone) content(hash plumbing.Hash) ([]byte, error) {
	blob, err := object.GetBlob(c.storage, hash)
	if err != nil {
		return nil, err
	}
	if blob.Size > maxFile {
		return nil, fmt.Errorf("it has %d bytes, which is more than %d MiB", blob.Size, maxFile>>20)
	}
	reader, err := blob.Reader()
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	_, err = io.Copy(&content, io.LimitReader(reader, maxFile))
	return content.Bytes(), errors.Join(err, reader.Close())
}
