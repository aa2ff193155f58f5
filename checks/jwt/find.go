package jwt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

const (
	// maxFiles and maxFolders bound a pass: a folder of tokens holds a few, and one that
	// somebody named by mistake may hold a whole disk.
	maxFiles   = 10_000
	maxFolders = 1000
	maxDepth   = 8
	maxPath    = 1024
)

var (
	errNoneBelow = errors.New("no file in it holds a JSON Web Token")
	errTooMany   = fmt.Errorf("it holds more than %d files or %d folders; name the folder of the tokens itself", maxFiles, maxFolders)
)

// place is where a token is, or may be.
type place struct {
	subject watch.Subject
	// ref is set for a token of the list, and path for one in a file that was found.
	ref  watch.SecretRef
	path string
	// folder is where it was found; nil for one that was named itself.
	folder *folder
	// optional: nobody named it, so that it need not exist or hold a token.
	optional bool
}

// where is the place in words.
func (p *place) where() string {
	if p.path != "" {
		return clean.Text(p.path, maxPath)
	}
	return clean.Text(p.ref.String(), maxPath)
}

// folder is one that somebody named, or a usual one.
type folder struct {
	path string
	// used: a token was found in it, or a problem told of it, or it is a usual one.
	used atomic.Bool
}

func (f *folder) problem(err error) watch.Problem {
	shown := clean.Text(f.path, maxPath)
	reason := reasonOf(err)
	remedy := "Correct the path, or mount what belongs there."
	if reason == watch.TooLarge {
		remedy = "Name the folder that holds the tokens, and none above it."
	}
	return watch.Problem{
		Subject: watch.Subject{ID: "file:" + f.path, Name: shown}, Reason: reason, Remedy: remedy,
		Err: fmt.Errorf("look for tokens in %s: %w", shown, pathless(err)), Details: map[string]any{"place": shown},
		Confined: true, HidesPrefix: below(f.path),
	}
}

// below is how the IDs of all that a folder holds begin.
func below(path string) string {
	const separator = string(filepath.Separator)
	return "file:" + strings.TrimSuffix(path, separator) + separator
}

// found is what there is to look at.
type found struct {
	places  []*place
	folders []*folder
	// known are the files, by the path that no link is a part of.
	known map[string]bool
	sink  watch.Sink
	// walked and listed count the folders and their files.
	walked, listed int
}

func (f *found) each(ctx context.Context) iter.Seq[*place] {
	return func(yield func(*place) bool) {
		for _, p := range f.places {
			if ctx.Err() != nil || !yield(p) {
				return
			}
		}
	}
}

func (c *check) find(ctx context.Context, sink watch.Sink) *found {
	f := &found{known: map[string]bool{}, sink: sink}
	for _, token := range c.options.Tokens {
		f.places = append(f.places, &place{subject: token.Subject("token:" + token.Name), ref: token.Token})
		if token.Token.File != "" {
			f.fresh(token.Token.File)
		}
	}
	for _, path := range c.options.Paths {
		f.root(ctx, filepath.Clean(path), false)
	}
	for _, path := range c.options.usual {
		f.root(ctx, filepath.Clean(path), true)
	}
	return f
}

// fresh reports whether a file was not met before, through whichever links.
func (f *found) fresh(path string) bool {
	realPath, err := filepath.EvalSymlinks(path)
	if err != nil {
		realPath = path
	}
	if absolute, err := filepath.Abs(realPath); err == nil {
		realPath = absolute
	}
	if f.known[realPath] {
		return false
	}
	f.known[realPath] = true
	return true
}

func (f *found) add(p *place) {
	p.subject = watch.Subject{ID: "file:" + p.path, Name: clean.Text(p.path, maxPath)}
	if f.fresh(p.path) {
		f.places = append(f.places, p)
	}
}

func (f *found) root(ctx context.Context, path string, optional bool) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		// What is not there is told of when it is read.
		f.add(&place{path: path, optional: optional})
		return
	}
	top := &folder{path: path}
	top.used.Store(optional)
	f.folders = append(f.folders, top)
	if !f.walk(ctx, path, top, optional, maxDepth) {
		top.used.Store(true)
		f.sink(top.problem(errTooMany))
	}
}

// walk lists the files below a folder, and reports false where that is too much. Kubernetes
// mounts a volume as a folder "..DATE" with the files, a link "..data" to that, and links
// through "..data" by which they are known: names that begin with two dots are left out.
// Links to other folders are not followed.
func (f *found) walk(ctx context.Context, path string, top *folder, optional bool, depth int) bool {
	if f.walked++; f.walked > maxFolders || depth < 0 {
		return false
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		top.used.Store(true)
		f.sink((&folder{path: path}).problem(err))
	}
	for _, entry := range entries {
		inside := filepath.Join(path, entry.Name())
		switch {
		case ctx.Err() != nil:
			return true // Collect says that the pass was cut short
		case strings.HasPrefix(entry.Name(), ".."):
		case entry.IsDir():
			if !f.walk(ctx, inside, top, optional, depth-1) {
				return false
			}
		case entry.Type().IsRegular() || entry.Type() == fs.ModeSymlink:
			if f.listed++; f.listed > maxFiles {
				return false
			}
			f.add(&place{path: inside, folder: top, optional: optional})
		}
	}
	return true
}

func reasonOf(err error) watch.Reason {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return watch.PermissionDenied
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, errNoneBelow):
		return watch.NotFound
	case errors.Is(err, errTooMany) || errors.Is(err, errTooLarge):
		return watch.TooLarge
	case errors.Is(err, errNoToken):
		return watch.Unparsable
	}
	return watch.Unreadable
}

// pathless is the error without the path, which the caller names.
func pathless(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}
