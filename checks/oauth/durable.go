package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lapsewatch/watch"
)

var errLocked = errors.New("another run of Lapsewatch is using it")

// lockFile keeps other processes out until unlock, or until this one ends. A file that is
// replaced meanwhile is locked anew: the lock of the old one keeps nobody out.
func lockFile(ctx context.Context, path string, flags int, patience time.Duration) (unlock func(), err error) {
	for deadline := time.Now().Add(patience); ; {
		file, err := os.OpenFile(path, flags|syscall.O_NONBLOCK, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock the store of the refresh token: %w", err)
		}
		ownAs(strings.TrimSuffix(path, lockSuffix), file)
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

// isAt reports whether an open file is the one that stands at path.
func isAt(file *os.File, path string) bool {
	open, err := file.Stat()
	there, errThere := os.Lstat(path)
	return err == nil && errThere == nil && os.SameFile(open, there)
}

// ownAs gives a file of ours the owner of the store, so that a run as root locks out nobody.
func ownAs(store string, file *os.File) {
	if info, err := os.Stat(store); err == nil && os.Geteuid() == 0 {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			_ = file.Chown(int(owner.Uid), int(owner.Gid)) // it is of use all the same
		}
	}
}

// likeBefore gives a new file the mode and the owner of the one that it replaces, so that
// whoever reads the token can go on.
func likeBefore(file *os.File, before fs.FileInfo) error {
	if owner, ok := before.Sys().(*syscall.Stat_t); ok {
		if err := file.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return fmt.Errorf("keep its owner: %w", err)
		}
	}
	return file.Chmod(before.Mode().Perm())
}

// reserve makes a file with room for a token.
func reserve(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("prepare a place for a new refresh token: %w", err)
	}
	ownAs(strings.TrimSuffix(path, rescueSuffix), file)
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

// readTokenFile reads a file of at most maxToken bytes and a line break.
func readTokenFile(path string) ([]byte, fs.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
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
