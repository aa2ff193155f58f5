package gitfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// The names by which Git knows the index, and that somebody is writing it anew
// (https://git-scm.com/docs/api-lockfile).
const indexName, lockName = "index", "index.lock"

// stagedIndex is the index of a clone, which nobody else writes until it is released.
type stagedIndex struct {
	clone *clone
	index *index.Index
	lock  io.WriteCloser
	held  bool
}

func (c *clone) lockIndex() (*stagedIndex, error) {
	lock, err := c.storage.Filesystem().OpenFile(lockName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil, c.atWork(lockName)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the index: %w", err)
	}
	locked := &stagedIndex{clone: c, lock: lock, held: true}
	if locked.index, err = c.storage.Index(); err != nil {
		locked.release()
		return nil, fmt.Errorf("read the index: %w", err)
	}
	return locked, nil
}

// release gives the index back as it is.
func (s *stagedIndex) release() {
	if !s.held {
		return
	}
	s.held = false
	_ = s.lock.Close() // nothing of it is used
	if err := s.clone.storage.Filesystem().Remove(lockName); err != nil {
		s.clone.env.Log.Error("the lock of an index could not be removed", "name", s.clone.env.Name, "error", err)
	}
}

// hash is that of a file as it is staged, zero for none.
func (s *stagedIndex) hash(path string) plumbing.Hash {
	entry, err := s.index.Entry(path)
	if err != nil {
		return plumbing.ZeroHash
	}
	return entry.Hash
}

// replace gives the index the entries of files that are committed or checked out, in one
// step, and releases it. A zero hash takes an entry away.
func (s *stagedIndex) replace(set map[string]plumbing.Hash, modes map[string]filemode.FileMode) error {
	if len(set) == 0 {
		s.release()
		return nil
	}
	s.index.Entries = slices.DeleteFunc(s.index.Entries, func(e *index.Entry) bool {
		hash, concerned := set[e.Name]
		return concerned && hash.IsZero()
	})
	for _, path := range slices.Sorted(maps.Keys(set)) {
		if set[path].IsZero() {
			continue
		}
		entry, err := s.index.Entry(path)
		if err != nil {
			entry = s.index.Add(path)
		}
		entry.Hash, entry.Mode, entry.IntentToAdd = set[path], cmp.Or(modes[path], filemode.Regular), false
		if info, err := s.clone.root.Lstat(path); err == nil {
			entry.ModifiedAt, entry.CreatedAt, entry.Size = info.ModTime(), info.ModTime(), sizeOf(info)
		}
	}
	if err := index.NewEncoder(s.lock).Encode(s.index); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	if err := s.clone.storage.Filesystem().Rename(lockName, indexName); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	s.held = false
	return nil
}

// sizeOf is a file's size as the index keeps it, modulo 2³².
func sizeOf(info fs.FileInfo) uint32 { return uint32(info.Size() & 0xffffffff) } //nolint:gosec // as the format says
