package gitfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"

	"lapsewatch/internal/clean"
)

// maxFile bounds a file that is published or checked out.
const maxFile = 32 << 20

// commitFiles makes one commit of those files that differ from what is committed. The
// index gets their entries and keeps all others, so that what people have staged stays
// staged, and is not in the commit.
func (c *clone) commitFiles(message string, names []string) error {
	tip, err := c.tip()
	if err != nil {
		return err
	}
	tree, err := tip.Tree()
	if err != nil {
		return fmt.Errorf("read the last commit: %w", err)
	}
	root, changed := tip.TreeHash, map[string]plumbing.Hash{}
	for _, name := range names {
		path := c.inFolder(name)
		blob, err := c.store(path)
		if err != nil {
			return err
		}
		if committed, err := tree.FindEntry(path); err == nil && committed.Hash == blob {
			continue
		}
		if root, err = c.with(root, strings.Split(path, "/"), blob); err != nil {
			return fmt.Errorf("put %s into a commit: %w", path, err)
		}
		changed[path] = blob
	}
	if len(changed) == 0 {
		return nil
	}
	commit, err := c.newCommit(root, tip.Hash, message)
	if err != nil {
		return err
	}
	if err := c.advance(tip.Hash, commit); err != nil {
		return err
	}
	return c.stage(changed, nil)
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

// stage gives the index the entries of files that were committed or checked out.
func (c *clone) stage(set map[string]plumbing.Hash, modes map[string]filemode.FileMode) error {
	staged, err := c.storage.Index()
	if err != nil {
		return fmt.Errorf("read the index: %w", err)
	}
	staged.Entries = slices.DeleteFunc(staged.Entries, func(e *index.Entry) bool {
		hash, concerned := set[e.Name]
		return concerned && hash.IsZero()
	})
	for _, path := range slices.Sorted(maps.Keys(set)) {
		if set[path].IsZero() {
			continue
		}
		entry, err := staged.Entry(path)
		if err != nil {
			entry = staged.Add(path)
		}
		entry.Hash, entry.Mode = set[path], cmp.Or(modes[path], filemode.Regular)
		if info, err := c.root.Lstat(path); err == nil {
			entry.ModifiedAt, entry.CreatedAt, entry.Size = info.ModTime(), info.ModTime(), sizeOf(info)
		}
	}
	if err := c.storage.SetIndex(staged); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	return nil
}

// sizeOf is a file's size as the index keeps it, modulo 2³².
func sizeOf(info fs.FileInfo) uint32 { return uint32(info.Size() & 0xffffffff) } //nolint:gosec // as the format says
