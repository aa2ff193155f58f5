package gitfile

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"lapsewatch/internal/clean"
)

// maxFile bounds a file that is published or checked out.
const maxFile = 32 << 20

// commitFiles makes one commit of those files that differ from what is committed. The
// index gets their entries and keeps all others, so that what people have staged stays
// staged, and is not in the commit. It gets them before the branch is set: a file that is
// committed and not in the index reads like one that somebody wants to take away.
func (c *clone) commitFiles(message string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	tip, err := c.tip()
	if err != nil {
		return err
	}
	tree, err := tip.Tree()
	if err != nil {
		return fmt.Errorf("read the last commit: %w", err)
	}
	staged, err := c.lockIndex()
	if err != nil {
		return err
	}
	defer staged.release()
	root, changed, forgotten := tip.TreeHash, map[string]plumbing.Hash{}, map[string]plumbing.Hash{}
	for _, name := range names {
		path := c.inFolder(name)
		blob, err := c.store(path)
		if err != nil {
			return err
		}
		if committed, err := tree.FindEntry(path); err == nil && committed.Hash == blob {
			if c.left(staged, tip, path, blob) {
				forgotten[path] = blob
			}
			continue
		}
		if root, err = c.with(root, strings.Split(path, "/"), blob); err != nil {
			return fmt.Errorf("put %s into a commit: %w", path, err)
		}
		changed[path] = blob
	}
	if len(changed) == 0 {
		return staged.replace(forgotten, nil)
	}
	commit, err := c.newCommit(root, tip.Hash, message)
	if err != nil {
		return err
	}
	maps.Copy(forgotten, changed)
	if err := staged.replace(forgotten, nil); err != nil {
		return err
	}
	return c.advance(tip.Hash, commit)
}

// left reports that the index has a file as it was before our last commit: a run before was
// ended between the two.
func (c *clone) left(staged *stagedIndex, tip *object.Commit, path string, blob plumbing.Hash) bool {
	standing := staged.hash(path)
	if standing == blob || tip.Author.Email != c.options.AuthorEmail || tip.NumParents() != 1 {
		return false
	}
	before := plumbing.ZeroHash
	if parent, err := tip.Parent(0); err != nil {
		return false
	} else if tree, err := parent.Tree(); err != nil {
		return false
	} else if entry, err := tree.FindEntry(path); err == nil {
		before = entry.Hash
	}
	return standing == before
}

// store keeps a file's content as a blob.
func (c *clone) store(path string) (plumbing.Hash, error) {
	content, err := c.readFile(path)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("read %s: %w", path, err)
	}
	blob := c.storage.NewEncodedObject()
	blob.SetType(plumbing.BlobObject)
	writer, err := blob.Writer()
	if err == nil {
		_, err = writer.Write(content)
		err = errors.Join(err, writer.Close())
	}
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("keep %s as an object: %w", path, err)
	}
	hash, err := c.storage.SetEncodedObject(blob)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("keep %s as an object: %w", path, err)
	}
	return hash, nil
}

var errNoFile = errors.New("it is no regular file of a size that is published")

func (c *clone) readFile(path string) ([]byte, error) {
	info, err := c.root.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, errNoFile
	}
	return c.root.ReadFile(path)
}

// with is the tree with the file in it, without anything else changed.
func (c *clone) with(tree plumbing.Hash, path []string, blob plumbing.Hash) (plumbing.Hash, error) {
	var entries []object.TreeEntry
	if tree != plumbing.ZeroHash {
		read, err := object.GetTree(c.storage, tree)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		entries = slices.Clone(read.Entries)
	}
	at := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == path[0] })
	entry := object.TreeEntry{Name: path[0], Mode: filemode.Regular, Hash: blob}
	if len(path) > 1 {
		below := plumbing.ZeroHash
		if at >= 0 && entries[at].Mode == filemode.Dir {
			below = entries[at].Hash
		}
		hash, err := c.with(below, path[1:], blob)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		entry.Mode, entry.Hash = filemode.Dir, hash
	}
	if at >= 0 {
		entries[at] = entry
	} else {
		entries = append(entries, entry)
	}
	sort.Sort(object.TreeEntrySorter(entries))
	return c.encode(&object.Tree{Entries: entries})
}

type encodable interface {
	Encode(into plumbing.EncodedObject) error
}

func (c *clone) encode(what encodable) (plumbing.Hash, error) {
	kept := c.storage.NewEncodedObject()
	if err := what.Encode(kept); err != nil {
		return plumbing.ZeroHash, err
	}
	return c.storage.SetEncodedObject(kept)
}

const maxMessage = 200

func (c *clone) newCommit(tree, parent plumbing.Hash, message string) (plumbing.Hash, error) {
	who := object.Signature{Name: c.options.AuthorName, Email: c.options.AuthorEmail, When: c.env.Now().UTC()}
	commit, err := c.encode(&object.Commit{
		Author: who, Committer: who, TreeHash: tree, ParentHashes: []plumbing.Hash{parent},
		Message: clean.Text(cmp.Or(plain(message), "Lapsewatch"), maxMessage) + "\n",
	})
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("make a commit: %w", err)
	}
	return commit, nil
}
