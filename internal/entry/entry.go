// Package entry is what the entries of a check's list say of a subject beside what its
// source knows: what people call it, who is told, where it is renewed. It reads no source.
package entry

import (
	"errors"
	"fmt"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/weblink"
	"lapsewatch/watch"
)

const (
	// MaxEntries bounds each list.
	MaxEntries = 10_000
	maxName    = 200
	// MaxOwners and MaxOwnerRunes bound who is told of one subject.
	MaxOwners     = 50
	MaxOwnerRunes = 200
)

// Entry is meant to be embedded inline.
type Entry struct {
	Name   string   `yaml:"name" jsonschema:"required,minLength=1" jsonschema_description:"what people call it; unique in its list, and what its record is kept by"`
	Owners []string `yaml:"owners,omitempty" jsonschema_description:"names or mail addresses of those who are told; default: the check's owners"`
	Link   string   `yaml:"link,omitempty" jsonschema_description:"https URL where a person can look at it or renew it"`
}

// Faults are what is wrong with it, each a *watch.FieldError below path.
func (e Entry) Faults(path string) []error {
	var faults []error
	wrong := func(key, text string) {
		faults = append(faults, &watch.FieldError{Path: path + key, Err: errors.New(text)})
	}
	if strings.TrimSpace(e.Name) == "" || clean.Text(e.Name, maxName) != e.Name {
		wrong(".name", fmt.Sprintf("want a name of 1 to %d characters that can be seen", maxName))
	}
	if e.Link != "" && weblink.HTTPS(e.Link) == "" {
		wrong(".link", "want an https URL without user name or password")
	}
	return append(faults, OwnerFaults(path+".owners", e.Owners)...)
}

// OwnerFaults are what is wrong with a list of owners.
func OwnerFaults(path string, owners []string) []error {
	var faults []error
	for i, owner := range owners {
		if strings.TrimSpace(owner) == "" || clean.Text(owner, MaxOwnerRunes) != owner {
			faults = append(faults, &watch.FieldError{Path: fmt.Sprintf("%s[%d]", path, i), Err: fmt.Errorf("want a name or mail address of at most %d characters", MaxOwnerRunes)})
		}
	}
	if len(owners) > MaxOwners {
		faults = append(faults, &watch.FieldError{Path: path, Err: fmt.Errorf("want at most %d", MaxOwners)})
	}
	return faults
}

// Common is the entry itself, whatever it is embedded in.
func (e Entry) Common() Entry { return e }

// ListFaults are those of all entries of the list at path: of each, of names that occur
// twice, and of a list that is too long.
func ListFaults[E interface{ Common() Entry }](path string, entries []E) []error {
	var faults []error
	if len(entries) > MaxEntries {
		return []error{&watch.FieldError{Path: path, Err: fmt.Errorf("%d entries are more than %d", len(entries), MaxEntries)}}
	}
	first := map[string]string{}
	for i, entry := range entries {
		e := entry.Common()
		at := fmt.Sprintf("%s[%d]", path, i)
		faults = append(faults, e.Faults(at)...)
		if before, twice := first[e.Name]; twice && e.Name != "" {
			faults = append(faults, &watch.FieldError{Path: at + ".name", Err: fmt.Errorf("%q is the name of %s too", e.Name, before)})
			continue
		}
		first[e.Name] = at
	}
	return faults
}

// Subject is the subject that the entry stands for.
func (e Entry) Subject(id string) watch.Subject {
	return watch.Subject{ID: id, Name: e.Name, Owners: e.Owners, Link: e.Link}
}
