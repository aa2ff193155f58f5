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

func presentInFile(path string) (leave func() error, others presence, err error) {
	unknown := func() error { return nil }
	if path == "" {
		return unknown, presenceUnknown, nil // a ledger for one run alone
	}
	file, err := os.OpenFile(path+presenceMark, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		// The lease's own time has to do, as where there are no such locks.
		return unknown, presenceUnknown, nil
	}
	ownAs(path, file)
	switch err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case err == nil:
		return sync.OnceValue(file.Close), presentAlone, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return unknown, presentOther, file.Close()
	default:
		return unknown, presenceUnknown, file.Close()
	}
}

// ownAs gives a file of ours the owner of the ledger beside it, so that a run as root
// locks out nobody.
func ownAs(path string, file *os.File) {
	if info, err := os.Stat(path); err == nil && os.Geteuid() == 0 {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			_ = file.Chown(int(owner.Uid), int(owner.Gid)) // it is of use all the same
		}
	}
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
