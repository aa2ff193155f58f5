package cstate

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"lapsewatch/internal/gitfile"
	"lapsewatch/watch"
)

// Options configure the folder of one status page.
type Options struct {
	Folder         string          `yaml:"folder" jsonschema_description:"folder of the issues, such as /srv/status/content/issues"`
	InternalFolder string          `yaml:"internal_folder,omitempty" jsonschema_description:"folder for what only staff reads, outside of the site; without it that is left out"`
	Site           string          `yaml:"site,omitempty" jsonschema_description:"address of the status page, for links to stubs"`
	Git            gitfile.Options `yaml:"git,omitempty" jsonschema_description:"whether changes are committed and pushed"`
}

func defaults() Options { return Options{Git: gitfile.Defaults()} }

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	var problems []error
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	wrong("folder", wholePath(o.Folder))
	if o.InternalFolder != "" {
		wrong("internal_folder", wholePath(o.InternalFolder))
		if site := siteOf(o.Folder); inside(o.InternalFolder, o.Folder) || inside(o.Folder, o.InternalFolder) || site != "" && inside(o.InternalFolder, site) {
			wrong("internal_folder", errors.New("want a folder outside of the site that is published"))
		}
	}
	wrong("site", address(o.Site))
	for _, err := range joined(o.Git.Validate()) {
		if field, ok := errors.AsType[*watch.FieldError](err); ok {
			wrong("git."+field.Path, field.Err)
		} else {
			wrong("git", err)
		}
	}
	return errors.Join(problems...)
}

func joined(err error) []error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		return several.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func wholePath(path string) error {
	if !filepath.IsAbs(path) || strings.ContainsRune(path, 0) {
		return errors.New("want a whole path, such as /srv/status/content/issues")
	}
	return nil
}

// inside reports that a folder is the other, or in it.
func inside(folder, other string) bool {
	path, err := filepath.Rel(other, folder)
	return err == nil && path != ".." && !strings.HasPrefix(path, ".."+string(filepath.Separator))
}

// siteOf is the folder of the site, whose pages Hugo keeps below `content`; "" where the
// path does not tell.
func siteOf(folder string) string {
	for below := filepath.Clean(folder); below != filepath.Dir(below); below = filepath.Dir(below) {
		if filepath.Base(below) == "content" {
			return filepath.Dir(below)
		}
	}
	return ""
}

func address(text string) error {
	if text == "" {
		return nil
	}
	site, err := url.Parse(text)
	if err != nil || site.Scheme != "https" && site.Scheme != "http" || site.Hostname() == "" || site.User != nil || site.RawQuery != "" {
		return fmt.Errorf("want an address such as https://status.example.com")
	}
	return nil
}
