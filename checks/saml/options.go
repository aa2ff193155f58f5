package saml

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

// Options are the options of a `kind: saml` check.
type Options struct {
	Metadata []Metadata `yaml:"metadata" jsonschema:"required,minItems=1" jsonschema_description:"the metadata documents to read"`
	CAFile   string     `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust in place of the system's"`
	MaxBytes int64      `yaml:"max_bytes" jsonschema:"minimum=1024,maximum=268435456" jsonschema_description:"bytes of a document above which it is a problem; default 33554432 (32 MiB)"`
}

// Metadata is one document: that of an entity, or the aggregate of a federation.
type Metadata struct {
	entry.Entry `yaml:",inline"`
	URL         string   `yaml:"url,omitempty" jsonschema_description:"https URL of the document"`
	File        string   `yaml:"file,omitempty" jsonschema_description:"path of the document"`
	Entities    []string `yaml:"entities,omitempty" jsonschema_description:"entityIDs to watch, with * and ?; needed where a document holds more than 50 entities; default: all"`
}

const (
	defaultMaxBytes = 32 << 20
	leastMaxBytes   = 1 << 10
	mostMaxBytes    = 256 << 20
	// maxUnfiltered is how many entities of a document are watched without being asked for.
	maxUnfiltered = 50
	maxPatterns   = 1000
	// maxEntityID is the longest that SAML allows (saml-metadata-2.0-os, 2.2.1).
	maxEntityID = 1024
	targetWord  = "saml:"
)

func defaults() Options { return Options{MaxBytes: defaultMaxBytes} }

var (
	errNothing = errors.New("there is nothing to read: give at least one metadata document")
	errSource  = errors.New("give one of url and file")
	errURL     = errors.New("want an https URL without user name or password")
	errPattern = fmt.Errorf("want an entityID of at most %d characters, in which * stands for any text and ? for any character", maxEntityID)
	errMax     = fmt.Errorf("want %d to %d", leastMaxBytes, mostMaxBytes)
)

// Validate reports what cannot be read, each with its place.
func (o Options) Validate() error {
	faults := entry.ListFaults("metadata", o.Metadata)
	wrong := func(path string, err error) { faults = append(faults, &watch.FieldError{Path: path, Err: err}) }
	if len(o.Metadata) == 0 {
		wrong("metadata", errNothing)
	}
	if o.MaxBytes < leastMaxBytes || o.MaxBytes > mostMaxBytes {
		wrong("max_bytes", errMax)
	}
	for i, m := range o.Metadata[:min(len(o.Metadata), entry.MaxEntries)] {
		m.check(fmt.Sprintf("metadata[%d]", i), wrong)
	}
	return errors.Join(faults...)
}

func (m Metadata) check(at string, wrong func(string, error)) {
	switch {
	case (m.URL == "") == (m.File == ""):
		wrong(at, errSource)
	case m.URL != "" && !readable(m.URL):
		wrong(at+".url", errURL)
	}
	if len(m.Entities) > maxPatterns {
		wrong(at+".entities", fmt.Errorf("%d are more than %d", len(m.Entities), maxPatterns))
		return
	}
	for i, pattern := range m.Entities {
		_, err := path.Match(pattern, "")
		if err != nil || strings.TrimSpace(pattern) == "" || clean.Text(pattern, maxEntityID) != pattern {
			wrong(fmt.Sprintf("%s.entities[%d]", at, i), errPattern)
		}
	}
}

func readable(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Scheme == "https" && parsed.Hostname() != "" && parsed.User == nil
}

// takes recognises saml:FILE and saml:https://….
func takes(target string) bool {
	source, ok := strings.CutPrefix(target, targetWord)
	return ok && source != ""
}

// fill makes a document of each target; repeated ones count once.
func fill(targets []string, options Options) (Options, error) {
	seen := map[string]bool{}
	for _, target := range targets {
		source := strings.TrimPrefix(target, targetWord)
		if seen[source] {
			continue
		}
		seen[source] = true
		document := Metadata{Entry: entry.Entry{Name: source}}
		if strings.Contains(source, "://") {
			document.URL = source
		} else {
			document.File = source
		}
		options.Metadata = append(options.Metadata, document)
	}
	return options, nil
}
