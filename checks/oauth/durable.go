package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

// lock keeps other processes out until unlock, or until this one ends. elsewhere: where
// nobody can write beside the store, because a command fills it, the lock is a file among
// those of the moment.
func lock(ctx context.Context, store string, elsewhere bool, patience time.Duration) (unlock func(), err error) {
	path := store + lockSuffix
	for deadline := time.Now().Add(patience); ; {
		file, err := openLock(path, store)
		if beside := store + lockSuffix; err != nil && elsewhere && path == beside && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
			path = filepath.Join(os.TempDir(), "lapsewatch-"+holdoff.Digest([]byte(store))+lockSuffix)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("lock the store of the refresh token: %w", err)
		}
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil && isAt(file, path) {
			return func() { _ = file.Close() }, nil
		}
		_ = file.Close() // nothing was written
		if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("lock %s: %w", path, errLocked)
		}
		select {
		case <-time.After(lockInterval):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// openLock opens the lock file, or makes it. It is never removed: whoever waits for the lock
// of a file that is gone is kept out by nobody.
func openLock(path, store string) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) {
			if file, err = create(path, store); errors.Is(err, fs.ErrExist) {
				continue
			}
			return file, err
		}
		if errors.Is(err, syscall.ELOOP) {
			return nil, fmt.Errorf("%s: %w", path, errNotOurs)
		}
		if err != nil {
			return nil, err
		}
		of, _ := os.Stat(store) // there may be none yet
		info, err := file.Stat()
		if err == nil {
			err = ours(info, of)
		}
		if err != nil {
			_ = file.Close() // nothing was written
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return file, nil
	}
}

// ours reports what is wrong with a file beside the store that others may have put there: it
// is to be an ordinary one, under this name alone, of the user that runs this or of the one
// whose store it is.
func ours(info, store fs.FileInfo) error {
	owner, known := info.Sys().(*syscall.Stat_t)
	if !known || !info.Mode().IsRegular() || owner.Nlink > 1 {
		return errNotOurs
	}
	if int(owner.Uid) == os.Geteuid() {
		return nil
	}
	if store != nil {
		if of, known := store.Sys().(*syscall.Stat_t); known && of.Uid == owner.Uid {
			return nil
		}
	}
	return errNotOurs
}

// isAt reports whether an open file is the one that stands at path.
func isAt(file *os.File, path string) bool {
	open, err := file.Stat()
	there, errThere := os.Lstat(path)
	return err == nil && errThere == nil && os.SameFile(open, there)
}

// create makes a file beside the store, which was not there, with the store's owner: so a
// run as root locks out nobody.
func create(path, store string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(store); err == nil && os.Geteuid() == 0 {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			_ = file.Chown(int(owner.Uid), int(owner.Gid)) // it is of use all the same
		}
	}
	return file, nil
}

// likeBefore gives a new file the mode and the owner of the one that it replaces, so that
// whoever reads the token can go on. Where the owner cannot be kept the group is enough, if
// the group may read.
func likeBefore(file *os.File, before fs.FileInfo) error {
	const groupReads = 0o040
	if owner, ok := before.Sys().(*syscall.Stat_t); ok {
		err := file.Chown(int(owner.Uid), int(owner.Gid))
		if err != nil && before.Mode().Perm()&groupReads != 0 {
			err = file.Chown(-1, int(owner.Gid))
		}
		if err != nil {
			return fmt.Errorf("%w: user %d, group %d: %w", errOwner, owner.Uid, owner.Gid, err)
		}
	}
	return file.Chmod(before.Mode().Perm())
}

// reserve makes a file with room for a token.
func reserve(path, store string) (*os.File, error) {
	file, err := create(path, store)
	if err != nil {
		return nil, fmt.Errorf("prepare a place for a new refresh token: %w", err)
	}
	_, err = file.Write(make([]byte, maxToken+1))
	err = errors.Join(err, file.Sync())
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		_ = file.Close() // the error is told already
		_ = os.Remove(path)
		return nil, fmt.Errorf("prepare a place for a new refresh token: %w", err)
	}
	return file, nil
}

var errMoved = errors.New("the file is no longer where it was made")

// fill writes a token into a reserved file, with the line break that shows that it is whole.
func fill(file *os.File, token watch.Secret, path string) error {
	content := []byte(token.Reveal() + "\n")
	if _, err := file.WriteAt(content, 0); err != nil {
		return err
	}
	if err := errors.Join(file.Truncate(int64(len(content))), file.Sync()); err != nil {
		return err
	}
	if !isAt(file, path) {
		return errMoved
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a change of names last. Some file systems cannot, and need not.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, folder.Close())
}

// readTokenFile reads a file of at most maxToken bytes and a line break, if it accepts what
// it is; nil accepts any ordinary file.
func readTokenFile(path string, accept func(fs.FileInfo) error) ([]byte, fs.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, syscall.ELOOP) {
		err = errNotOurs
	}
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil && accept != nil {
		err = accept(info)
	}
	if err != nil {
		return nil, nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxToken+2))
	if err == nil && len(text) > maxToken+1 {
		err = fmt.Errorf("%s is larger than %d KiB", path, maxToken>>10)
	}
	return text, info, err
}
