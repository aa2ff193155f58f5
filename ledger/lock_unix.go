//go:build unix

package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// presenceMark is what the name of the file ends with by whose lock a run shows that it
// lives. The system takes the lock away with the process.
const presenceMark = "-run"

func presentInFile(path string) (leave func() error, alone bool, err error) {
	if path == "" {
		return func() error { return nil }, false, nil // a ledger for one run alone
	}
	file, err := os.OpenFile(path+presenceMark, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		// Another run lives, or this file system knows no such locks.
		return func() error { return nil }, false, file.Close()
	}
	return sync.OnceValue(file.Close), true, nil
}

const (
	lockPatience = 30 * time.Second
	lockInterval = 5 * time.Millisecond
)

// lockFolder keeps every other process that asks for it waiting until unlock, or until
// this process ends.
func lockFolder(ctx context.Context, path string) (unlock func() error, err error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(lockInterval) {
		err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return folder.Close, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(fmt.Errorf("lock folder %s: %w", path, err), folder.Close())
		case ctx.Err() != nil:
			return nil, errors.Join(context.Cause(ctx), folder.Close())
		case time.Now().After(deadline):
			return nil, errors.Join(fmt.Errorf("lock folder %s: %w", path, ErrBusy), folder.Close())
		}
	}
}
