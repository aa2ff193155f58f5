//go:build unix

package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

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
