package register

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

// Options are the options of a `kind: register` check.
type Options struct {
	Credentials []Credential `yaml:"credentials" jsonschema:"required,minItems=1" jsonschema_description:"what to watch"`
}

// Credential is what is written down of one.
type Credential struct {
	entry.Entry `yaml:",inline"`
	Expires     Expiry     `yaml:"expires" jsonschema:"required" jsonschema_description:"when it lapses: 2027-03-01 (from the beginning of that day, UTC), 2027-03-01T17:00:00+01:00, or never"`
	Issued      entry.Date `yaml:"issued,omitempty" jsonschema_description:"when it was issued, in the same forms; lead times of what lives short follow from it"`
	Form        string     `yaml:"form,omitempty" jsonschema_description:"what messages call it, such as licence or support contract; default: credential"`
	Remedy      string     `yaml:"remedy,omitempty" jsonschema_description:"the next step for whoever is told"`
	Note        string     `yaml:"note,omitempty" jsonschema_description:"what else to know; shown in reports only"`
	Labels      []Label    `yaml:"labels,omitempty" jsonschema_description:"labels for routes and rules, over those of the check"`
}

// Label is one label.
type Label struct {
	Name  string `yaml:"name" jsonschema:"required" jsonschema_description:"the label, such as team"`
	Value string `yaml:"value" jsonschema:"required" jsonschema_description:"its value"`
}

const (
	defaultForm = "credential"

	maxForm   = 60
	maxRemedy = 500
	maxNote   = 1000
	maxLabels = 50
	maxLabel  = 200
)

func defaults() Options { return Options{} }

var labelPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

var (
	errNothing = errors.New("there is nothing to watch: give at least one credential")
	errMissing = errors.New("is missing: want a date as 2027-03-01, or the word never")
	errOrder   = errors.New("it would have been issued after it expires")
	errLabel   = errors.New("want at most 63 of A-Z a-z 0-9 . _ - and a letter or digit first")
	// errDateless: policy knows that such a credential has no date.
	errDateless = fmt.Errorf("a %s has no date that it could lapse on", watch.FederatedCredential)
)

// Validate reports what cannot be watched, each with its place.
func (o Options) Validate() error {
	faults := entry.ListFaults("credentials", o.Credentials)
	wrong := func(path string, err error) { faults = append(faults, &watch.FieldError{Path: path, Err: err}) }
	if len(o.Credentials) == 0 {
		wrong("credentials", errNothing)
	}
	for i, c := range o.Credentials[:min(len(o.Credentials), entry.MaxEntries)] {
		c.check(fmt.Sprintf("credentials[%d]", i), wrong)
	}
	return errors.Join(faults...)
}

func (c Credential) check(at string, wrong func(string, error)) {
	switch {
	case c.Expires.IsZero():
		wrong(at+".expires", errMissing)
	case !c.Issued.IsZero() && !c.Expires.never && c.Issued.Time().After(c.Expires.Time()):
		wrong(at+".issued", errOrder)
	}
	if watch.Form(strings.ToLower(c.Form)) == watch.FederatedCredential {
		wrong(at+".form", errDateless)
	}
	texts := []struct {
		key, text string
		limit     int
	}{{"form", c.Form, maxForm}, {"remedy", c.Remedy, maxRemedy}, {"note", c.Note, maxNote}}
	for _, t := range texts {
		if clean.Text(t.text, t.limit) != t.text || strings.TrimSpace(t.text) != t.text {
			wrong(at+"."+t.key, fmt.Errorf("want one line of at most %d characters that can be seen", t.limit))
		}
	}
	if len(c.Labels) > maxLabels {
		wrong(at+".labels", fmt.Errorf("%d labels are more than %d", len(c.Labels), maxLabels))
		return
	}
	seen := map[string]bool{}
	for i, label := range c.Labels {
		here := fmt.Sprintf("%s.labels[%d]", at, i)
		switch {
		case !labelPattern.MatchString(label.Name):
			wrong(here+".name", errLabel)
		case seen[label.Name]:
			wrong(here+".name", fmt.Errorf("label %q is given twice", label.Name))
		}
		if label.Value == "" || clean.Text(label.Value, maxLabel) != label.Value {
			wrong(here+".value", fmt.Errorf("want one line of 1 to %d characters that can be seen", maxLabel))
		}
		seen[label.Name] = true
	}
}
