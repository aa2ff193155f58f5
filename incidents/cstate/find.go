package cstate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"lapsewatch/watch"
)

// A stub is known by its key, which is its id: people may rename the file that it lies in.

// ownPart is the part of the front matter that is ours.
const ownPart = "lapsewatch"

// keyOf is the key of this installation that a page carries, "" if it carries none.
func (s *system) keyOf(p page) string {
	key, found := watch.FindIncidentKey(p.Marks.Key, s.env.Source)
	if !found {
		return ""
	}
	return key.String()
}

// namesOf are the names of the files that carry a key, in order.
func (s *system) namesOf(pages map[string]page, key string) []string {
	var names []string
	for name, page := range pages {
		if s.keyOf(page) == key {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// alone are the pages whose key no other page carries. A file that was copied as a template
// for another issue brings the key along, and which of them is the stub is for a person
// to say.
func (s *system) alone(pages map[string]page) map[string]page {
	alone := map[string]page{}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		key := s.keyOf(pages[name])
		names := s.namesOf(pages, key)
		if len(names) == 1 {
			alone[name] = pages[name]
		} else if name == names[0] && s.env.Log != nil {
			s.env.Log.Warn("several files carry the same key, and none of them is touched", "system", s.env.Name, "key", key, "files", shortened(names))
		}
	}
	return alone
}

// shortened names some files for people to read.
func shortened(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// find reads the page of an id, which is a key of ours, or else the name of a file. The
// error is fs.ErrNotExist where there is none.
func (s *system) find(id string) (name string, found page, err error) {
	key, ours := watch.FindIncidentKey(id, s.env.Source)
	if !ours || key.String() != id {
		found, err = s.page(id)
		return id, found, err
	}
	pages, err := s.pages()
	if err != nil {
		return "", page{}, err
	}
	switch names := s.namesOf(pages, id); len(names) {
	case 0:
		return s.without(key)
	case 1:
		return names[0], pages[names[0]], nil
	default:
		return "", page{}, fmt.Errorf("the files %s carry the same key %s, and none of them is touched: remove the part %q from the front matter of each that is not this stub", shortened(names), id, ownPart)
	}
}

// without looks for a page that has lost the key, or got a later one of the same cause, and
// has it in the name of its file still.
func (s *system) without(key watch.IncidentKey) (name string, found page, err error) {
	root, err := os.OpenRoot(s.options.Folder)
	if err != nil {
		return "", page{}, fmt.Errorf("open the folder: %w", errors.Join(errNoFolder, withoutKind(err)))
	}
	defer func() { _ = root.Close() }() // it was only read through
	names, err := listing(root)
	if err != nil {
		return "", page{}, fmt.Errorf("list the folder: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		if !strings.Contains(name, key.String()) {
			continue
		}
		standing, err := s.page(name)
		if err != nil {
			return "", page{}, err
		}
		carried, ours := watch.FindIncidentKey(standing.Marks.Key, s.env.Source)
		if !ours || carried.SameCause(key) {
			return name, standing, nil
		}
	}
	return "", page{}, fmt.Errorf("look for the page of %s: %w", key, fs.ErrNotExist)
}

var (
	ownLine = regexp.MustCompile(`(?m)^[ \t]*` + ownPart + `:[ \t]*\r?$`)
	keyLine = regexp.MustCompile(`(?m)^[ \t]*key:[ \t]*['"]?(lw[0-9a-z-]+)['"]?[ \t]*\r?$`)
)

const (
	// maxHead is where a front matter ends at the latest, maxOwnPart how long our part is.
	maxHead, maxOwnPart = 64 << 10, 16 << 10
)

// marked reports that a front matter which cannot be read carries a key of the installation
// where we write it. A page in another format of Hugo's, and one that only speaks of a key,
// is not ours.
func marked(content []byte, source string) bool {
	head := content[:min(len(content), maxHead)]
	for _, other := range []string{"+++", "{", "#+"} {
		if bytes.HasPrefix(bytes.TrimPrefix(head, []byte("\ufeff")), []byte(other)) {
			return false
		}
	}
	part := ownLine.FindIndex(head)
	if part == nil {
		return false
	}
	rest := head[part[1]:]
	written := keyLine.FindSubmatch(rest[:min(len(rest), maxOwnPart)])
	if written == nil {
		return false
	}
	_, ours := watch.FindIncidentKey(string(written[1]), source)
	return ours
}
