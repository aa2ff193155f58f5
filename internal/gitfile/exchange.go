package gitfile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxRounds is how often commits are exchanged while other people push too.
const maxRounds = 4

// exchange brings the branch and that of the remote together.
func (c *clone) exchange(ctx context.Context) error {
	remote, err := c.remote(ctx)
	if err != nil {
		return err
	}
	defer remote.close()
	for range maxRounds {
		theirs, err := remote.fetch(ctx)
		if err != nil {
			return err
		}
		ours, err := c.tip()
		if err != nil {
			return c.explained("push", err)
		}
		if done, err := c.meet(ctx, remote, ours, theirs); done || err != nil {
			return c.explainedOrNil("push", err)
		}
	}
	return c.later(fmt.Errorf("push to %s: other people pushed %d times meanwhile", remote.name(), maxRounds))
}

func (c *clone) explainedOrNil(doing string, err error) error {
	if err == nil {
		return nil
	}
	return c.explained(doing, err)
}

// meet makes one step towards each other; done is false where another one is needed.
func (c *clone) meet(ctx context.Context, remote *remote, ours *object.Commit, theirs plumbing.Hash) (done bool, err error) {
	if theirs == ours.Hash {
		return true, nil
	}
	if theirs.IsZero() {
		return remote.push(ctx, theirs, ours.Hash)
	}
	other, err := c.repository.CommitObject(theirs)
	if err != nil {
		return false, fmt.Errorf("read what was fetched: %w", err)
	}
	ahead, err := other.IsAncestor(ours)
	if err != nil {
		return false, fmt.Errorf("compare with the remote: %w", err)
	}
	if ahead {
		return remote.push(ctx, theirs, ours.Hash)
	}
	behind, err := ours.IsAncestor(other)
	if err != nil {
		return false, fmt.Errorf("compare with the remote: %w", err)
	}
	if behind {
		return true, c.move(ours, other)
	}
	return false, c.rebase(ours, other)
}

// rebase puts the files of our commits on top of the remote's. A file that was changed
// there too stays as it is there: a person changed it, and theirs stands.
func (c *clone) rebase(ours, theirs *object.Commit) error {
	bases, err := ours.MergeBase(theirs)
	if err != nil || len(bases) == 0 {
		return c.never(errors.Join(errors.New("the clone and its remote have no commit in common: clone it anew"), err))
	}
	message, err := c.onlyOurs(ours, bases[0])
	if err != nil {
		return err
	}
	mine, err := c.changes(bases[0], ours)
	if err != nil {
		return err
	}
	changedThere, err := c.changes(bases[0], theirs)
	if err != nil {
		return err
	}
	tree := theirs.TreeHash
	for _, change := range mine {
		name := change.To.Name
		if name == "" || slices.ContainsFunc(changedThere, func(t *object.Change) bool { return t.To.Name == name || t.From.Name == name }) {
			c.env.Log.Warn("a file was changed at the remote too; what stands there is kept", "name", c.env.Name, "file", change.From.Name+name)
			continue
		}
		if tree, err = c.with(tree, strings.Split(name, "/"), change.To.TreeEntry.Hash); err != nil {
			return fmt.Errorf("put %s onto the remote's commits: %w", name, err)
		}
	}
	target := theirs
	if tree != theirs.TreeHash {
		hash, err := c.newCommit(tree, theirs.Hash, message)
		if err != nil {
			return err
		}
		if target, err = c.repository.CommitObject(hash); err != nil {
			return fmt.Errorf("read the new commit: %w", err)
		}
	}
	return c.move(ours, target)
}

// maxOwn bounds how many commits of ours can wait to be pushed.
const maxOwn = 1000

// onlyOurs requires that all commits since the base are ours, and gives the last message.
func (c *clone) onlyOurs(tip, base *object.Commit) (message string, err error) {
	message = tip.Message
	for range maxOwn {
		if tip.Hash == base.Hash {
			return message, nil
		}
		if tip.NumParents() != 1 || tip.Author.Email != c.options.AuthorEmail {
			break
		}
		if tip, err = tip.Parent(0); err != nil {
			return "", fmt.Errorf("read the commits that are not pushed: %w", err)
		}
	}
	return "", c.later(fmt.Errorf("the branch %s has commits of other people that are not pushed, and the remote has others: push or pull them in the clone of %s", c.branch.Short(), c.path))
}
