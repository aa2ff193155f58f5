package certfiles

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lapsewatch/watch"
)

// found is what there is to read.
type found struct {
	check *Check
	sink  watch.Sink
	// folders hold the files that stand in walked folders.
	folders []*folder
	// named are the files with a path of their own: those that paths and globs name,
	// and those that links lead to. A walked folder leaves them to that path.
	named map[fileID]*source
	// walked are the folders that roots without a pattern entered, so that neither a
	// loop of links nor an overlap of paths is walked twice.
	walked map[fileID]bool
	// links are met by a walk and followed after it, so that a folder is known by its
	// real path wherever that is walked too.
	links []link
	globs []*root
	// folderRoots are the folders that somebody named.
	folderRoots []*root
	count       int
	// full: max_files was reached and reported.
	full bool
}

type link struct {
	path string
	from *root
}

// root is where a walk starts. With a pattern only what matches it counts.
type root struct {
	path     string
	pattern  string
	optional bool
	// ways are the pattern's alternatives, to tell which folders lead to a match.
	ways [][]string
	// matched: something matches the pattern, or the folder holds something to look at.
	matched bool
	walked  map[fileID]bool
}

// find lists the files below all configured paths.
func (c *Check) find(ctx context.Context, sink watch.Sink) *found {
	f := &found{check: c, sink: sink, named: map[fileID]*source{}, walked: map[fileID]bool{}}
	for _, path := range c.paths {
		f.addRoot(ctx, root{path: filepath.Clean(path), walked: f.walked})
	}
	for _, path := range c.usual {
		f.addRoot(ctx, root{path: filepath.Clean(path), optional: true, walked: f.walked})
	}
	// Following a link may bring further links to light.
	for len(f.links) > 0 && ctx.Err() == nil {
		links := f.links
		f.links = nil
		for _, link := range links {
			f.follow(ctx, link)
		}
	}
	for _, glob := range f.globs {
		if !glob.matched && !glob.optional && ctx.Err() == nil {
			problem := folderProblem(glob.pattern, errNoMatch)
			problem.Confined = true
			sink(problem)
		}
	}
	// An empty folder is most likely a volume that is not mounted, so its problem is not
	// confined: what was known below it has not gone.
	for _, folder := range f.folderRoots {
		if !folder.matched && ctx.Err() == nil {
			sink(folderProblem(folder.path, errNothingBelow))
		}
	}
	for _, file := range f.named {
		f.folders = append(f.folders, &folder{path: file.path, names: []string{""}, own: file})
	}
	return f
}

func (f *found) addRoot(ctx context.Context, from root) {
	if _, err := os.Lstat(from.path); err != nil && strings.ContainsAny(from.path, "*?[{") {
		f.addGlob(ctx, from)
		return
	}
	state, err := statFile(from.path)
	switch {
	case err == nil && state.folder:
		if from.matched = f.walked[state.id]; !from.optional {
			f.folderRoots = append(f.folderRoots, &from)
		}
		f.walk(ctx, from.path, state.id, &from)
	case err == nil:
		f.addNamed(state.id, source{path: from.path, explicit: true, optional: from.optional})
	case from.optional && reasonOf(err) == watch.NotFound:
	case namedForCertificates(from.path):
		file := source{path: from.path}
		f.sink(file.problem(reasonOf(err), pathless(err)))
	default:
		f.sink(folderProblem(from.path, err))
	}
}

func (f *found) addGlob(ctx context.Context, from root) {
	base, _ := doublestar.SplitPattern(filepath.ToSlash(from.path))
	glob := &root{path: filepath.FromSlash(base), pattern: from.path, ways: ways(from.path), optional: from.optional, walked: map[fileID]bool{}}
	state, err := statFile(glob.path)
	if err != nil {
		if !from.optional || reasonOf(err) != watch.NotFound {
			f.sink(folderProblem(from.path, err))
		}
		return
	}
	f.globs = append(f.globs, glob)
	f.walk(ctx, glob.path, state.id, glob)
}

// walk collects the files of a folder and of those below it.
func (f *found) walk(ctx context.Context, path string, id fileID, from *root) {
	if from.walked[id] || f.full || ctx.Err() != nil {
		return
	}
	from.walked[id] = true
	entries, err := os.ReadDir(path)
	if err != nil && (!from.optional || !errors.Is(err, fs.ErrNotExist)) {
		from.matched = from.matched || from.pattern == ""
		f.sink(folderProblem(path, err))
	}
	here := &folder{path: path}
	for _, entry := range entries {
		below := join(path, entry.Name())
		if f.check.excluded(below) {
			continue
		}
		switch {
		case entry.IsDir():
			f.enter(ctx, below, from)
		case entry.Type() == fs.ModeSymlink && f.check.followSymlinks:
			from.matched = from.matched || from.pattern == ""
			f.links = append(f.links, link{below, from})
		case !entry.Type().IsRegular() || namedForKeys(below):
		case from.pattern == "":
			from.matched = true
			if f.counted(from.path) {
				here.names = append(here.names, entry.Name())
			}
		case from.matches(below):
			from.matched = true
			if state, err := statFile(below); err == nil {
				f.addNamed(state.id, source{path: below})
			}
		}
	}
	if len(here.names) > 0 {
		f.folders = append(f.folders, here)
	}
}

// enter walks a folder below a root, if anything there can count.
func (f *found) enter(ctx context.Context, path string, from *root) {
	if pseudoFileSystem(path) {
		return
	}
	if from.pattern != "" && from.matches(path) {
		from.matched = true
		from = &root{path: path, optional: from.optional, walked: f.walked}
	} else if !from.mayMatchBelow(path) {
		return
	}
	state, err := statFile(path)
	if err != nil {
		f.sink(folderProblem(path, err))
		return
	}
	f.walk(ctx, path, state.id, from)
}

// pseudoFileSystem recognises the kernel's own, which hold no files to watch.
func pseudoFileSystem(path string) bool {
	return path == "/proc" || path == "/sys" || path == "/dev"
}

// counted reports whether one more file may be looked at.
func (f *found) counted(below string) bool {
	if f.full {
		return false
	}
	if f.count == f.check.maxFiles {
		f.full = true
		f.sink(folderProblem(below, &tooManyError{f.check.maxFiles}))
		return false
	}
	f.count++
	return true
}

// join puts a name behind a clean folder path, as filepath.Join does at more cost.
func join(folder, name string) string {
	switch {
	case folder == ".":
		return name
	case os.IsPathSeparator(folder[len(folder)-1]):
		return folder + name
	}
	return folder + string(filepath.Separator) + name
}
