package certfiles

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
)

// follow looks where a link leads: to a folder, which is walked unless it was already,
// or to a file, which is known by the link from then on.
func (f *found) follow(ctx context.Context, at link) {
	state, err := statFile(at.path)
	if err != nil {
		if file := (source{path: at.path}); file.expected() && at.from.covers(at.path) {
			f.sink(file.problem(reasonOf(err), fmt.Errorf("follow the link: %w", pathless(err))))
		}
		return
	}
	target, err := filepath.EvalSymlinks(at.path)
	if err != nil || f.check.excluded(target) {
		return
	}
	switch {
	case state.folder:
		f.enter(ctx, at.path, at.from)
	case state.regular && at.from.covers(at.path) && !namedForKeys(at.path):
		at.from.matched = true
		file := source{path: at.path, alsoAt: []string{target}, link: true}
		if hashLink(at.path) {
			file = source{path: target, alsoAt: []string{at.path}}
		}
		f.addNamed(state.id, file)
	}
}

// covers reports whether the root wants the file at path.
func (r *root) covers(path string) bool { return r.pattern == "" || r.matches(path) }

// addNamed records a file under its own path, or as a further path of a known file.
func (f *found) addNamed(id fileID, file source) {
	file.own = true
	known := f.named[id]
	if known == nil {
		if f.counted(file.path) {
			f.named[id] = &file
		}
		return
	}
	first, second := *known, file
	if file.preferredTo(*known) {
		first, second = file, *known
	}
	first.explicit = first.explicit || second.explicit
	for _, path := range append(second.alsoAt, second.path) {
		if path != first.path && !slices.Contains(first.alsoAt, path) {
			first.alsoAt = append(first.alsoAt, path)
		}
	}
	first.alsoAt = slices.DeleteFunc(first.alsoAt, func(path string) bool { return path == first.path })
	*known = first
}

// preferredTo decides by which of several paths to one file it is known. A link wins
// over the file itself: certbot, kubelet and Kubernetes volumes put a renewed
// certificate into a new file and turn the link, so that only the link's path lasts.
func (f source) preferredTo(other source) bool {
	for _, ranks := range [][2]bool{
		{f.explicit, other.explicit},
		{!hashLink(f.path), !hashLink(other.path)},
		{f.link, other.link},
		{len(f.path) < len(other.path), len(f.path) > len(other.path)},
	} {
		if ranks[0] != ranks[1] {
			return ranks[0]
		}
	}
	return f.path < other.path
}

var hashName = regexp.MustCompile(`^[0-9a-f]{8}\.r?[0-9]+$`)

// hashLink recognises the links by subject hash that c_rehash makes, which mean nothing
// to people.
func hashLink(path string) bool { return hashName.MatchString(filepath.Base(path)) }

// excluded reports whether a path is left out by the options.
func (c *Check) excluded(path string) bool {
	return slices.ContainsFunc(c.exclude, func(glob string) bool {
		return doublestar.PathMatchUnvalidated(glob, path)
	})
}

// tooManyError says that a walk met more files than the option max_files allows.
type tooManyError struct{ limit int }

func (e *tooManyError) Error() string {
	return fmt.Sprintf("there are more than max_files (%d)", e.limit)
}

// batchSize is how many files of a folder a worker takes at once.
const batchSize = 64

// batch is the files of a folder from one index to before another.
type batch struct {
	folder   *folder
	from, to int
}

func (f *found) batches() iter.Seq[batch] {
	return func(yield func(batch) bool) {
		for _, folder := range f.folders {
			for from := 0; from < len(folder.names); from += batchSize {
				if !yield(batch{folder, from, min(from+batchSize, len(folder.names))}) {
					return
				}
			}
		}
	}
}

// source is the file at index i.
func (f *folder) source(i int) source {
	if f.own != nil {
		return *f.own
	}
	return source{path: join(f.path, f.names[i])}
}
