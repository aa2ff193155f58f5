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

const (
	// maxToken bounds a refresh token.
	maxToken     = 64 << 10
	lockInterval = 20 * time.Millisecond
	rescueSuffix = ".rescued"
	newSuffix    = ".new"
	lockSuffix   = ".lock"
)

// vault is where the refresh token of one sign-in is kept. It is used under its lock only.
//
// A new token is written twice: first beside the store, whole and marked as such by the line
// break at its end, then in the store's place. So whatever ends this process, one of the two
// has it from the moment when the first is on the disk.
type vault struct {
	// path is the file that shows the token, without symbolic links.
	path    string
	command *program
	// token is the one to use, before and after are what stands around it in the file.
	token         watch.Secret
	before, after []byte
	// changed is when the token got there.
	changed time.Time
	info    fs.FileInfo
	// rescue is open and has its place on the disk; nil where none can be made.
	rescue *os.File
	// recovered: the token was found beside the store, where a killed run had left it.
	recovered bool
	// interrupted is when a run was killed that had asked and not yet stored an answer; zero
	// if none was.
	interrupted time.Time
}

// openVault locks the store of a sign-in, or says why that cannot be done.
func openVault(ctx context.Context, s SignIn, run *program, patience time.Duration) (*vault, func(), error) {
	path := s.Store.File
	if path == "" {
		path = s.RefreshToken.File
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, nil, fmt.Errorf("find the refresh token: %w", err)
	}
	v := &vault{path: resolved, command: run}
	lock, flags := resolved, os.O_RDONLY // what a command stores may lie where nobody can write
	if run == nil {
		lock, flags = resolved+lockSuffix, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW
	}
	unlock, err := lockFile(ctx, lock, flags, patience)
	if err != nil {
		return nil, nil, err
	}
	return v, unlock, nil
}

// load finds the token to use: that in the store, or a newer one that a killed run has left
// beside it. gone is the fingerprint of one that is used up.
func (v *vault) load(gone string) error {
	text, info, err := readTokenFile(v.path)
	if err != nil {
		return fmt.Errorf("read the refresh token: %w", err)
	}
	v.info, v.changed = info, info.ModTime()
	bare := bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\uFEFF")))
	v.before, v.after = around(text, bare)
	v.token = watch.NewSecret(string(bare))
	if !isToken(bare) {
		v.token = watch.Secret{}
	}
	v.recover(gone)
	if v.token.Reveal() == "" {
		return fmt.Errorf("read the refresh token: %s holds none: want the token and nothing else", v.path)
	}
	return nil
}

// recover takes the token that a killed run has left, if it is whole, and newer than the one
// in the store: a person may have put another one there since.
func (v *vault) recover(gone string) {
	text, info, err := readTokenFile(v.path + rescueSuffix)
	if err != nil {
		return
	}
	// The zeros are the room that was kept for it.
	bare, whole := bytes.CutSuffix(bytes.TrimRight(text, "\x00"), []byte("\n"))
	stored := v.token.Reveal()
	newer := !info.ModTime().Before(v.changed) || stored == "" || fingerprint(stored) == gone
	if whole && isToken(bare) && newer && string(bare) != stored {
		v.token, v.changed, v.recovered = watch.NewSecret(string(bare)), info.ModTime(), true
	}
	if !whole {
		v.interrupted = info.ModTime().UTC()
	}
}

// rehearse stores the token that is used now, as a new one would be. So what could keep a
// new one from being stored shows before the old one is used up, and what was recovered
// stands where it belongs.
func (v *vault) rehearse(ctx context.Context) error {
	if err := v.install(ctx, v.token, v.changed); err != nil {
		return err
	}
	if err := os.Remove(v.path + rescueSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an earlier run has left: %w", err)
	}
	rescue, err := reserve(v.path + rescueSuffix)
	if err != nil {
		if v.command != nil {
			return nil // its file may stand where nobody can write
		}
		return err
	}
	v.rescue = rescue
	return nil
}

// keeping is what became of a new token.
type keeping struct {
	// stored: it stands where it belongs. rescued: it stands beside it.
	stored, rescued bool
	err             error
}

// keep stores a new token. It goes on when the pass ends.
func (v *vault) keep(ctx context.Context, token watch.Secret) keeping {
	ctx = context.WithoutCancel(ctx)
	var kept keeping
	if v.rescue != nil {
		kept.rescued = fill(v.rescue, token, v.path+rescueSuffix) == nil
	}
	for range 2 {
		if kept.err = v.install(ctx, token, time.Time{}); kept.err == nil {
			kept.stored = true
			return kept
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
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	ownAs(v.path, file)
	return errors.Join(fill(file, token, path), file.Close())
}

// done removes what was prepared and is not needed. What was rescued stays.
func (v *vault) done(kept keeping) {
	if v.rescue == nil {
		return
	}
	_ = v.rescue.Close() // what it holds is on the disk already
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
	if err == nil {
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
	return syncFolder(filepath.Dir(v.path))
}

// isToken reports whether text is a token by RFC 6749, appendix A.17, and not what a killed
// run or a lost disk block leaves.
func isToken(text []byte) bool {
	for _, char := range text {
		if char < 0x20 || char > 0x7e {
			return false
		}
	}
	return len(text) > 0 && len(text) <= maxToken
}

// around is what stands before and after bare in text.
func around(text, bare []byte) (before, after []byte) {
	at := bytes.Index(text, bare)
	return bytes.Clone(text[:at]), bytes.Clone(text[at+len(bare):])
}
