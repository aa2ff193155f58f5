package jwt

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// walk lists the files below one path. Kubernetes mounts a volume as a folder "..DATE" with
// the files, a link "..data" to that, and links through "..data" by which files and folders
// are known: names that begin with two dots are left out, and links to folders are followed
// where those lie within the path.
type walk struct {
	*found
	top      *folder
	optional bool
	// root is the path without links, and visited what was looked into, without links too.
	root    string
	visited map[string]bool
	// links are those to folders, which come after the folders themselves; outside are those
	// that lead elsewhere.
	links   []link
	outside []string
	// files and folders count; err is why not all of them were looked at, and full: there are
	// too many.
	files, folders int
	err            error
	full           bool
}

type link struct {
	path  string
	depth int
}

func (w *walk) all(ctx context.Context) {
	w.folder(ctx, w.top.path, w.root, 0)
	for len(w.links) > 0 && !w.full {
		next := w.links[0]
		w.links = w.links[1:]
		target := resolved(next.path)
		if target != w.root && !strings.HasPrefix(target, strings.TrimSuffix(w.root, string(filepath.Separator))+string(filepath.Separator)) {
			w.outside = append(w.outside, next.path)
			continue
		}
		w.folder(ctx, next.path, target, next.depth)
	}
	if len(w.outside) > 0 && !w.optional {
		w.sink(watch.Remark{Text: w.leftOut()})
	}
}

// leftOut says which links were not followed, and names some.
func (w *walk) leftOut() string {
	const most = 3
	var named []string
	for _, path := range w.outside[:min(len(w.outside), most)] {
		named = append(named, clean.Text(path, maxShown))
	}
	text := fmt.Sprintf("links that lead out of %s to other folders were not followed: %s", clean.Text(w.top.path, maxShown), strings.Join(named, ", "))
	if more := len(w.outside) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// folder looks into one; target is its path without links.
func (w *walk) folder(ctx context.Context, path, target string, depth int) {
	switch {
	case w.visited[target]:
		return
	case depth > maxDepth:
		w.err = errDeep
		return
	}
	w.visited[target] = true
	if w.folders++; w.folders > maxFolders {
		w.err, w.full = errTooMany, true
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		w.partial[w.top.path] = true
		w.top.used.Store(true)
		w.sink((&folder{path: path}).problem(err))
	}
	for _, entry := range entries {
		if ctx.Err() != nil || w.full {
			return // Collect says that the pass was cut short
		}
		if !strings.HasPrefix(entry.Name(), "..") {
			w.entry(ctx, entry, filepath.Join(path, entry.Name()), target, depth)
		}
	}
}

func (w *walk) entry(ctx context.Context, entry fs.DirEntry, path, parent string, depth int) {
	switch {
	case entry.IsDir():
		w.folder(ctx, path, filepath.Join(parent, entry.Name()), depth+1)
		return
	case entry.Type() == fs.ModeSymlink:
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			w.links = append(w.links, link{path: path, depth: depth + 1})
			return
		}
	case !entry.Type().IsRegular():
		return
	}
	if w.files++; w.files > maxFiles {
		w.err, w.full = errTooMany, true
		return
	}
	w.add(&place{path: path, folder: w.top, optional: w.optional})
}
