package oauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"lapsewatch/watch"
)

// rehearse stores the token that is used now, as a new one would be. So what could keep a
// new one from being stored shows before the old one is used up, and what was recovered
// stands where it belongs.
func (v *vault) rehearse(ctx context.Context) error {
	if err := v.unchanged(); err != nil {
		return err
	}
	if err := v.install(ctx, v.token, v.changed); err != nil {
		return err
	}
	rescue := v.path + rescueSuffix
	if v.unneeded { // it may be worth something to a person
		aside := rescue + time.Now().UTC().Format(asideForm)
		if err := os.Rename(rescue, aside); err != nil {
			return fmt.Errorf("set aside what an earlier run has left: %w", err)
		}
		v.unneeded, v.aside = false, aside
	} else if err := os.Remove(rescue); err != nil && !errors.Is(err, fs.ErrNotExist) && v.command == nil {
		return fmt.Errorf("remove what an earlier run has left: %w", err)
	}
	reserved, err := reserve(rescue, v.path)
	if err != nil {
		if v.command != nil {
			return nil // its file may stand where nobody can write
		}
		return err
	}
	v.rescue = reserved
	return nil
}

// keeping is what became of a new token.
type keeping struct {
	// stored: it stands where it belongs. rescued: it stands beside it. foreign: another one
	// stands there, which is none of ours to replace.
	stored, rescued, foreign bool
	err                      error
}

// keep stores a new token. remember is called once it is on the disk, so that the next run
// knows it for the successor that it is; where it cannot be before it is stored, afterwards.
func (v *vault) keep(ctx context.Context, token watch.Secret, remember func()) keeping {
	var kept keeping
	if v.rescue != nil {
		kept.rescued = fill(v.rescue, token, v.path+rescueSuffix) == nil
	}
	if kept.rescued {
		remember()
	} else {
		defer remember()
	}
	for range mostStores {
		if kept.err = v.unchanged(); kept.err == nil {
			kept.err = v.install(ctx, token, time.Time{})
		}
		if kept.stored = kept.err == nil; kept.stored {
			return kept
		}
		if kept.foreign = errors.Is(kept.err, errChanged); kept.foreign {
			break
		}
	}
	if !kept.rescued {
		kept.rescued = v.rescueAgain(token) == nil
	}
	return kept
}

// rescueAgain makes a new file beside the store, where the prepared one was lost.
func (v *vault) rescueAgain(token watch.Secret) error {
	path := v.path + rescueSuffix
	_ = os.Remove(path) // it is of no use any more
	file, err := create(path, v.path)
	if err != nil {
		return err
	}
	return errors.Join(fill(file, token, path), file.Close())
}

// done removes what was prepared and is not needed. What was rescued stays.
func (v *vault) done(kept keeping) {
	if v.rescue == nil {
		return
	}
	_ = v.rescue.Close() // what it holds is on the disk already
	v.rescue = nil
	if kept.stored || !kept.rescued {
		_ = os.Remove(v.path + rescueSuffix) // the next run does, where this one cannot
	}
}

// install puts a token where it belongs.
func (v *vault) install(ctx context.Context, token watch.Secret, changed time.Time) error {
	if v.command != nil {
		return v.command.store(ctx, token)
	}
	path := v.path + newSuffix
	_ = os.Remove(path) // a killed run may have left it
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("store the refresh token: %w", err)
	}
	content := append(append(bytes.Clone(v.before), token.Reveal()...), v.after...)
	_, err = file.Write(content)
	if err == nil && v.info != nil {
		err = likeBefore(file, v.info)
	}
	err = errors.Join(err, file.Sync())
	err = errors.Join(err, file.Close())
	if err == nil && !changed.IsZero() {
		err = os.Chtimes(path, time.Time{}, changed)
	}
	if err == nil {
		err = os.Rename(path, v.path)
	}
	if err != nil {
		_ = os.Remove(path) // the error is told already
		return fmt.Errorf("store the refresh token: %w", err)
	}
	v.stored = token
	return syncFolder(filepath.Dir(v.path))
}
