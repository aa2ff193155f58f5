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
	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

const (
	// maxFiles, maxFolders and maxDepth bound what is looked at below one path: a folder of
	// tokens holds a few, and one that somebody named by mistake may hold a whole disk.
	maxFiles   = 10_000
	maxFolders = 1000
	maxDepth   = 8
	maxPath    = 1024
)

var (
	errNoneBelow = errors.New("no file in it holds a JSON Web Token")
	errTooMany   = fmt.Errorf("it holds more than %d files or %d folders; name the folder of the tokens itself", maxFiles, maxFolders)
	errDeep      = fmt.Errorf("it holds folders that are nested deeper than %d levels, which were not looked into; name the folder of the tokens itself", maxDepth)
)

// place is where a token is, or may be.
type place struct {
	subject watch.Subject
	// ref is set for a token of the list, and path for one in a file that was found.
	ref  watch.SecretRef
	path string
	// folder is where it was found; nil for one that was named itself. also are other folders
	// in which it lies.
	folder *folder
	also   []*folder
	// order is its number among the places.
	order int
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

// use notes that something was told of a token in the folders of the place.
func (p *place) use() {
	for _, folder := range p.also {
		folder.used.Store(true)
	}
	if p.folder != nil {
		p.folder.used.Store(true)
	}
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
	// known are the places by the path of their file that no link is a part of.
	known map[string]*place
	sink  watch.Sink
	// partial are the paths of the options that could not be looked into, or not whole.
	partial map[string]bool
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
	f := &found{known: map[string]*place{}, partial: map[string]bool{}, sink: sink}
	for _, token := range c.options.Tokens {
		p := &place{subject: token.Subject("token:" + token.Name), ref: token.Token, order: len(f.places)}
		f.places = append(f.places, p)
		if token.Token.File != "" {
			f.fresh(token.Token.File, p)
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

// fresh reports whether a file was not met before, through whichever links; if it was, the
// folder of the new place holds it too.
func (f *found) fresh(path string, p *place) bool {
	whole := resolved(path)
	if before := f.known[whole]; before != nil {
		if p.folder != nil && p.folder != before.folder {
			before.also = append(before.also, p.folder)
		}
		return false
	}
	f.known[whole] = p
	return true
}

// resolved is the absolute path without links, as far as that can be known.
func resolved(path string) string {
	if linkless, err := filepath.EvalSymlinks(path); err == nil {
		path = linkless
	}
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return path
}

func (f *found) add(p *place) {
	p.subject = watch.Subject{ID: "file:" + p.path, Name: clean.Text(p.path, maxPath)}
	p.order = len(f.places)
	if f.fresh(p.path, p) {
		f.places = append(f.places, p)
	}
}

func (f *found) root(ctx context.Context, path string, optional bool) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		// What is not there is told of when it is read.
		if err != nil {
			f.partial[path] = true
		}
		f.add(&place{path: path, optional: optional})
		return
	}
	top := &folder{path: path}
	top.used.Store(optional)
	f.folders = append(f.folders, top)
	w := &walk{found: f, top: top, root: resolved(path), optional: optional, visited: map[string]bool{}}
	w.all(ctx)
	if w.err != nil {
		f.partial[path] = true
		top.used.Store(true)
		f.sink(top.problem(w.err))
	}
}

func reasonOf(err error) watch.Reason {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return watch.PermissionDenied
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, errNoneBelow):
		return watch.NotFound
	case errors.Is(err, errTooMany) || errors.Is(err, errDeep) || errors.Is(err, jose.ErrTooLarge):
		return watch.TooLarge
	case errors.Is(err, jose.ErrNoToken) || errors.Is(err, jose.ErrSeveral) || errors.Is(err, jose.ErrEncrypted) || errors.Is(err, jose.ErrNoKeySet):
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
