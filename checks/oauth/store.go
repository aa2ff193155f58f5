package oauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	// asideForm is what is put behind a rescued token that was not needed.
	asideForm = "-20060102T150405.000Z"
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
	// token is the one to use; stored is the one that stood in the file when it was read last,
	// and before and after what stands around it. changed is when the token got there.
	token, stored watch.Secret
	before, after []byte
	changed       time.Time
	// info is that of the file; nil where there is none.
	info fs.FileInfo
	// rescue is open and has its place on the disk; nil where none can be made.
	rescue *os.File
	// recovered: the token was found beside the store, where a killed run had left it. unneeded:
	// so was one, which is not the successor of that in the store; aside is where it was put.
	recovered, unneeded bool
	aside               string
	// interrupted is when a run was killed that had asked and not yet stored an answer; zero
	// if none was.
	interrupted time.Time
}

// storePath is the file that shows the token.
func (s SignIn) storePath() string {
	if s.Store.File != "" {
		return s.Store.File
	}
	return s.RefreshToken.File
}

// resolved is a path without symbolic links. Its last part may be missing: what was rescued
// beside it takes its place.
func resolved(path string) (string, error) {
	found, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	if _, dangling := os.Lstat(path); dangling == nil {
		return "", err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(folder, filepath.Base(path)), err
}

// openVault locks the store of a sign-in, or says why that cannot be done.
func openVault(ctx context.Context, s SignIn, run *program, patience time.Duration) (*vault, func(), error) {
	path, err := resolved(s.storePath())
	if err != nil {
		return nil, nil, fmt.Errorf("find the refresh token: %w", err)
	}
	unlock, err := lock(ctx, path, run != nil, patience)
	if err != nil {
		return nil, nil, err
	}
	return &vault{path: path, command: run}, unlock, nil
}

// load finds the token to use: that in the store, or its successor that a killed run has left
// beside it.
func (v *vault) load(known past) error {
	v.token, v.changed, v.recovered, v.unneeded, v.aside, v.interrupted = watch.Secret{}, time.Time{}, false, false, "", time.Time{}
	missing := v.look()
	if missing != nil && !errors.Is(missing, fs.ErrNotExist) {
		return fmt.Errorf("read the refresh token: %w", missing)
	}
	if v.token = v.stored; v.info != nil {
		v.changed = v.info.ModTime()
	}
	if err := v.recover(known); err != nil {
		return err
	}
	switch {
	case v.token.Reveal() != "":
		return nil
	case missing != nil:
		return fmt.Errorf("read the refresh token: %w", missing)
	}
	return fmt.Errorf("read the refresh token: %s holds none: want the token and nothing else", v.path)
}

// look reads what stands in the store now.
func (v *vault) look() error {
	v.stored = watch.Secret{}
	text, info, err := readTokenFile(v.path, nil)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			v.before, v.after, v.info = nil, nil, nil
		}
		return err
	}
	bare := bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\uFEFF")))
	v.info = info
	v.before, v.after = around(text, bare)
	if isToken(bare) {
		v.stored = watch.NewSecret(string(bare))
	}
	return nil
}

// unchanged looks once more, so that nothing is written over what others have put there. It
// compares the tokens whole, which says more than the times and numbers of files do, and
// notes the mode and owner that the file has now.
func (v *vault) unchanged() error {
	stored := v.stored.Reveal()
	if err := v.look(); err != nil && (stored != "" || !errors.Is(err, fs.ErrNotExist)) {
		return fmt.Errorf("read the store once more: %w", err)
	}
	// What a command has stored may show only later.
	if now := v.stored.Reveal(); now != stored && (v.command == nil || now != v.token.Reveal()) {
		return errChanged
	}
	return nil
}

// recover takes the token that a killed run has left, if it is whole, and the successor of
// the one in the store: a person may have put another one there since.
func (v *vault) recover(known past) error {
	text, info, err := readTokenFile(v.path+rescueSuffix, func(info fs.FileInfo) error { return ours(info, v.info) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what an earlier run has left in %s: %w", v.path+rescueSuffix, err)
	}
	// The zeros are the room that was kept for it.
	bare, whole := bytes.CutSuffix(bytes.TrimRight(text, "\x00"), []byte("\n"))
	stored := v.stored.Reveal()
	switch {
	case !whole:
		v.interrupted = info.ModTime().UTC()
	case !isToken(bare), string(bare) == stored, known.replaced(string(bare)): // it is of no use
	case stored == "", known.replaced(stored):
		v.token, v.changed, v.recovered = watch.NewSecret(string(bare)), info.ModTime(), true
	case known.Token == "":
		return fmt.Errorf("%s and %s: %w", v.path, v.path+rescueSuffix, errUndecided)
	default:
		v.unneeded = true
	}
	return nil
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
