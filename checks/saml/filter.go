package saml

import (
	"path"
	"strings"
)

// filter says which entities are watched, and which of its patterns fitted none.
type filter struct {
	patterns []string
	// globs are those patterns that are no plain entityID, made for path.Match.
	globs   map[string]string
	matched map[string]bool
}

// flat lets * and ? stand for "/" too: an entityID is a URI, as a rule.
func flat(text string) string { return strings.ReplaceAll(text, "/", "\x00") }

func newFilter(patterns []string) filter {
	f := filter{patterns: patterns, globs: map[string]string{}, matched: map[string]bool{}}
	for _, pattern := range patterns {
		f.matched[pattern] = false
		if strings.ContainsAny(pattern, `*?[\`) {
			f.globs[pattern] = flat(pattern)
		}
	}
	return f
}

// takes reports whether an entity is to be watched. Without patterns all are.
func (f filter) takes(id string) bool {
	if len(f.patterns) == 0 {
		return true
	}
	_, taken := f.matched[id]
	if taken {
		f.matched[id] = true
	}
	id = flat(id)
	for pattern, glob := range f.globs {
		if fits, err := path.Match(glob, id); err == nil && fits {
			taken, f.matched[pattern] = true, true
		}
	}
	return taken
}

func (f filter) unmatched() []string {
	var none []string
	for _, pattern := range f.patterns {
		if !f.matched[pattern] {
			none = append(none, pattern)
		}
	}
	return none
}
