package jwt

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

// Options are the options of a `kind: jwt` check.
type Options struct {
	Tokens         []Token        `yaml:"tokens,omitempty" jsonschema_description:"tokens by reference"`
	Paths          []string       `yaml:"paths,omitempty" jsonschema_description:"files that hold one token each, and folders to find such files in"`
	Issuer         string         `yaml:"issuer,omitempty" jsonschema_description:"the issuer (iss) that all tokens should have, to the letter"`
	Audience       string         `yaml:"audience,omitempty" jsonschema_description:"an audience (aud) that all tokens should be for, to the letter"`
	Keys           Keys           `yaml:"keys,omitempty" jsonschema_description:"where the keys are that signatures are verified with; without any, none is verified"`
	CAFile         string         `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust in place of the system's, where keys are read over https"`
	ClockTolerance watch.Duration `yaml:"clock_tolerance,omitempty" jsonschema_description:"how far ahead of now nbf and iat may lie, such as 60s (the default)"`

	// usual are places that need not exist, for a scan of this machine.
	usual []string
}

// Token is one of the list.
type Token struct {
	entry.Entry `yaml:",inline"`
	Token       watch.SecretRef `yaml:"token" jsonschema:"required" jsonschema_description:"where the token is kept" watched:"true"`
}

// Keys says where keys are: exactly one of its members is set, or none.
type Keys struct {
	Issuers []string `yaml:"issuers,omitempty" jsonschema_description:"issuers whose keys are found by discovery, for their own tokens; the only ones that are asked"`
	URL     string   `yaml:"url,omitempty" jsonschema_description:"https URL of a JSON Web Key Set for all tokens"`
	File    string   `yaml:"file,omitempty" jsonschema_description:"file with a JSON Web Key Set for all tokens"`
}

const (
	defaultTolerance = time.Minute
	maxTolerance     = 24 * time.Hour
	maxPaths         = 1000
	maxIssuers       = 50
	maxExpected      = 1000
)

func defaults() Options { return Options{ClockTolerance: watch.Duration(defaultTolerance)} }

var (
	errNothing   = errors.New("there is nothing to look at: give at least one token or path")
	errEmpty     = errors.New("is empty")
	errTolerance = fmt.Errorf("want no more than %s", maxTolerance)
	errExpected  = fmt.Errorf("want at most %d characters that can be seen", maxExpected)
	errKeys      = errors.New("want only one of issuers, url and file")
)

// Validate reports what cannot be looked at, each with its place.
func (o Options) Validate() error {
	faults := entry.ListFaults("tokens", o.Tokens)
	wrong := func(path string, err error) { faults = append(faults, &watch.FieldError{Path: path, Err: err}) }
	if len(o.Tokens)+len(o.Paths)+len(o.usual) == 0 {
		wrong("tokens", errNothing)
	}
	for i, token := range o.Tokens[:min(len(o.Tokens), entry.MaxEntries)] {
		if err := token.Token.Validate(); err != nil {
			wrong(fmt.Sprintf("tokens[%d].token", i), err)
		}
	}
	if len(o.Paths) > maxPaths {
		wrong("paths", fmt.Errorf("%d paths are more than %d", len(o.Paths), maxPaths))
	}
	first := map[string]int{}
	for i, path := range o.Paths[:min(len(o.Paths), maxPaths)] {
		at := fmt.Sprintf("paths[%d]", i)
		before, twice := first[filepath.Clean(path)]
		switch {
		case strings.TrimSpace(path) == "":
			wrong(at, errEmpty)
		case twice:
			wrong(at, fmt.Errorf("repeats paths[%d]", before))
		default:
			first[filepath.Clean(path)] = i
		}
	}
	for key, expected := range map[string]string{"issuer": o.Issuer, "audience": o.Audience} {
		if clean.Text(expected, maxExpected) != expected {
			wrong(key, errExpected)
		}
	}
	if o.ClockTolerance < 0 || time.Duration(o.ClockTolerance) > maxTolerance {
		wrong("clock_tolerance", errTolerance)
	}
	o.Keys.check(wrong)
	return errors.Join(faults...)
}

func (k Keys) check(wrong func(string, error)) {
	given := 0
	for _, set := range []bool{len(k.Issuers) > 0, k.URL != "", k.File != ""} {
		if set {
			given++
		}
	}
	if given > 1 {
		wrong("keys", errKeys)
	}
	if len(k.Issuers) > maxIssuers {
		wrong("keys.issuers", fmt.Errorf("%d issuers are more than %d", len(k.Issuers), maxIssuers))
	}
	for i, issuer := range k.Issuers {
		if err := jose.CheckIssuer(issuer, false); err != nil {
			wrong(fmt.Sprintf("keys.issuers[%d]", i), err)
		}
	}
	if k.URL != "" {
		if err := jose.CheckEndpoint(k.URL); err != nil {
			wrong("keys.url", err)
		}
	}
}
