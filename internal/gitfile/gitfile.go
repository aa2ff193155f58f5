// Package gitfile publishes single files of a folder that is part of a clone of a Git
// repository: each in a commit that holds nothing else, pushed over HTTP or to a
// repository on this machine. What other people have changed or staged in the clone stays
// as it is. It merges no texts: where a file was changed on both sides, the remote's
// version stands. It speaks no SSH, runs no hooks of the clone, and forces nothing. Where
// the remote is a folder of this machine it runs git upload-pack and git receive-pack,
// which run the hooks of that repository.
package gitfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"lapsewatch/alerts"
)

// Folder is a folder of a clone, and how its files are published.
type Folder struct {
	options Options
	env     alerts.Env
	path    string
}

// New makes a folder from valid options. Nothing is opened yet.
func New(options Options, env alerts.Env, path string) *Folder {
	return &Folder{options: options, env: env, path: path}
}

// Commits reports whether anything is published at all.
func (f *Folder) Commits() bool { return f.options.Commit }

// Publish commits the named files of the folder as far as they differ from what is
// committed. Then, where that is asked for, it exchanges commits with the remote, also
// when nothing was committed: what could not be pushed before is pushed now, and what
// other people have pushed is checked out. The error is a *alerts.DeliveryError.
func (f *Folder) Publish(ctx context.Context, message string, names ...string) error {
	if !f.options.Commit {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return f.later(err)
	}
	clone, err := f.open()
	if err != nil {
		return err
	}
	defer func() { _ = clone.root.Close() }() // it was only read through
	if err := clone.commitFiles(message, names); err != nil {
		return f.explained("commit", err)
	}
	if !f.options.Push {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(f.options.Timeout))
	defer cancel()
	return clone.exchange(ctx)
}

// clone is an open one.
type clone struct {
	*Folder
	repository *git.Repository
	storage    *filesystem.Storage
	root       *os.Root
	// within is the folder's path below the root, with slashes, "" for the root itself.
	within string
	branch plumbing.ReferenceName
}

func (f *Folder) open() (*clone, error) {
	folder, err := filepath.EvalSymlinks(f.path)
	if err == nil {
		folder, err = filepath.Abs(folder)
	}
	if err != nil {
		return nil, f.never(fmt.Errorf("look for the clone: %w", err))
	}
	repository, err := git.PlainOpenWithOptions(folder, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if err != nil {
		return nil, f.never(fmt.Errorf("open the clone that %s is part of: %w", f.path, err))
	}
	storage, ok := repository.Storer.(*filesystem.Storage)
	if !ok {
		return nil, f.never(errors.New("the clone is not kept in files"))
	}
	tree, err := repository.Worktree()
	if err != nil {
		return nil, f.never(fmt.Errorf("open the clone that %s is part of: %w", f.path, err))
	}
	opened := &clone{Folder: f, repository: repository, storage: storage}
	if opened.branch, err = opened.checkedOut(); err != nil {
		return nil, err
	}
	if missing, err := storage.Shallow(); err != nil || len(missing) > 0 {
		return nil, f.never(errors.Join(fmt.Errorf("the clone of %s is shallow, and holds too little to compare with its remote: run git fetch --unshallow there", f.path), err))
	}
	top, err := filepath.EvalSymlinks(tree.Filesystem.Root())
	if err != nil {
		return nil, f.never(fmt.Errorf("look for the clone: %w", err))
	}
	within, err := filepath.Rel(top, folder)
	if err != nil {
		return nil, f.never(fmt.Errorf("find the folder in the clone: %w", err))
	}
	if opened.within = filepath.ToSlash(within); opened.within == "." {
		opened.within = ""
	}
	if opened.root, err = os.OpenRoot(top); err != nil {
		return nil, f.never(fmt.Errorf("open the clone: %w", err))
	}
	return opened, nil
}

// underway are the files by which Git says that somebody is at work in a clone.
var underway = []string{"index.lock", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"}

// checkedOut is the branch, in a clone in which nobody is in the middle of something.
func (c *clone) checkedOut() (plumbing.ReferenceName, error) {
	for _, name := range underway {
		if _, err := c.storage.Filesystem().Lstat(name); err == nil {
			return "", c.atWork(name)
		}
	}
	head, err := c.repository.Reference(plumbing.HEAD, false)
	if err != nil {
		return "", c.never(fmt.Errorf("read HEAD of the clone: %w", err))
	}
	if head.Type() != plumbing.SymbolicReference || !head.Target().IsBranch() {
		return "", c.never(fmt.Errorf("the clone of %s has no branch checked out: run git switch", c.path))
	}
	if c.options.Branch != "" && head.Target().Short() != c.options.Branch {
		return "", c.later(fmt.Errorf("the clone of %s has the branch %s checked out, and %s is to be written", c.path, head.Target().Short(), c.options.Branch))
	}
	return head.Target(), nil
}

func (c *clone) atWork(sign string) error {
	return c.later(fmt.Errorf("somebody is in the middle of something in the clone of %s: .git/%s is there", c.path, sign))
}

// tip is the last commit of the branch.
func (c *clone) tip() (*object.Commit, error) {
	reference, err := c.repository.Reference(c.branch, true)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return nil, fmt.Errorf("the branch %s has no commit: make a first one", c.branch.Short())
	}
	if err != nil {
		return nil, fmt.Errorf("read the branch %s: %w", c.branch.Short(), err)
	}
	commit, err := c.repository.CommitObject(reference.Hash())
	if err != nil {
		return nil, fmt.Errorf("read the last commit of %s: %w", c.branch.Short(), err)
	}
	return commit, nil
}

// advance sets the branch, unless somebody else has set it meanwhile.
func (c *clone) advance(from, to plumbing.Hash) error {
	err := c.storage.CheckAndSetReference(plumbing.NewHashReference(c.branch, to), plumbing.NewHashReference(c.branch, from))
	if err != nil {
		return c.later(fmt.Errorf("set the branch %s: %w", c.branch.Short(), err))
	}
	return nil
}

// inFolder is the path of a file in the repository.
func (c *clone) inFolder(name string) string {
	if c.within == "" {
		return name
	}
	return c.within + "/" + name
}

// never and later are failures: a person has to do something, or time has.
func (f *Folder) never(err error) error { return &alerts.DeliveryError{Channel: f.env.Name, Err: err} }

func (f *Folder) later(err error) error {
	return &alerts.DeliveryError{Channel: f.env.Name, Retryable: true, Err: err}
}

// explained makes a failure of an error that is none yet.
func (f *Folder) explained(doing string, err error) error {
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); ok {
		return failure
	}
	return f.never(fmt.Errorf("%s: %w", doing, err))
}

// plain is a line of a message or a name of a remote that is shown.
func plain(text string) string { return strings.Join(strings.Fields(text), " ") }
