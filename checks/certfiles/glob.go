package certfiles

import (
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

const separator = string(filepath.Separator)

// matches reports whether a path is one that the root's pattern names.
func (r *root) matches(path string) bool {
	return doublestar.PathMatchUnvalidated(r.pattern, path)
}

// mayMatchBelow reports whether anything below a folder can match the root's pattern.
func (r *root) mayMatchBelow(path string) bool {
	if r.pattern == "" {
		return true
	}
	have := strings.Split(path, separator)
	for _, wanted := range r.ways {
		if leadsTo(have, wanted) {
			return true
		}
	}
	return false
}

func leadsTo(have, wanted []string) bool {
	for i, part := range wanted {
		if part == "**" || i == len(have) {
			return true
		}
		if !doublestar.PathMatchUnvalidated(part, have[i]) {
			return false
		}
	}
	return false
}

// maxWays bounds what a pattern of many braces is expanded to.
const maxWays = 256

// ways splits a pattern into its parts between separators. Braces that hold a separator
// are expanded before, so that each alternative is split by itself; a pattern with too
// many of them excludes no folder.
func ways(pattern string) [][]string {
	open := []string{pattern}
	var all [][]string
	for len(open) > 0 {
		if len(open)+len(all) > maxWays {
			return [][]string{{"**"}}
		}
		pattern, open = open[0], open[1:]
		if expanded := expandBraces(pattern); expanded != nil {
			open = append(open, expanded...)
		} else {
			all = append(all, strings.Split(pattern, separator))
		}
	}
	return all
}

// expandBraces gives the alternatives of the first braces that hold a separator, or nil
// if there are none.
func expandBraces(pattern string) []string {
	depth, from := 0, 0
	var cuts []int
	for at := 0; at < len(pattern); at++ {
		switch char := pattern[at]; {
		case char == '\\' && separator != `\`:
			at++
		case char == '{':
			if depth++; depth == 1 {
				from, cuts = at, nil
			}
		case char == ',' && depth == 1:
			cuts = append(cuts, at)
		case char == '}' && depth > 0:
			if depth--; depth == 0 && strings.Contains(pattern[from:at], separator) {
				return alternatives(pattern, from, append(cuts, at))
			}
		}
	}
	return nil
}

// alternatives puts each part between the cuts in the place of the braces, which reach
// from the first position to the last.
func alternatives(pattern string, from int, cuts []int) []string {
	var all []string
	start := from + 1
	for _, end := range cuts {
		all = append(all, pattern[:from]+pattern[start:end]+pattern[cuts[len(cuts)-1]+1:])
		start = end + 1
	}
	return all
}
