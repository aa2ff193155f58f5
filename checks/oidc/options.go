package oidc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/entry"
	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

// Options are the options of a `kind: oidc` check.
type Options struct {
	Issuers      []Issuer       `yaml:"issuers" jsonschema:"required,minItems=1" jsonschema_description:"issuers to watch"`
	CAFile       string         `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust in place of the system's"`
	ChangesShown watch.Duration `yaml:"changes_shown,omitempty" jsonschema_description:"for how long a change of a discovery document is reported, such as 3d (the default)"`
}

// Issuer is one of the list.
type Issuer struct {
	entry.Entry  `yaml:",inline"`
	Issuer       string            `yaml:"issuer" jsonschema:"required" jsonschema_description:"its https URL, spelled as its tokens spell it (iss)"`
	Tokens       []watch.SecretRef `yaml:"tokens,omitempty" jsonschema_description:"tokens of this issuer that are in use, whose keys must still be published" watched:"true"`
	MaxTokenLife watch.Duration    `yaml:"max_token_life,omitempty" jsonschema_description:"the longest life of its tokens, such as 24h; a key must stay published for as long after the next one has appeared; default: that of the tokens in tokens, and without those no key is said to have been withdrawn too early"`
}

const (
	defaultShown = 3 * 24 * time.Hour
	longest      = 3660 * 24 * time.Hour
	maxTokens    = 100
)

func defaults() Options { return Options{ChangesShown: watch.Duration(defaultShown)} }

var (
	errNothing = errors.New("there is nothing to watch: give at least one issuer")
	errLong    = fmt.Errorf("want no more than %d days", longest/(24*time.Hour))
)

// Validate reports what cannot be watched, each with its place.
func (o Options) Validate() error {
	faults := entry.ListFaults("issuers", o.Issuers)
	wrong := func(path string, err error) { faults = append(faults, &watch.FieldError{Path: path, Err: err}) }
	if len(o.Issuers) == 0 {
		wrong("issuers", errNothing)
	}
	if o.ChangesShown < 0 || time.Duration(o.ChangesShown) > longest {
		wrong("changes_shown", errLong)
	}
	first := map[string]int{}
	for i, issuer := range o.Issuers[:min(len(o.Issuers), entry.MaxEntries)] {
		at := fmt.Sprintf("issuers[%d]", i)
		issuer.check(at, wrong)
		if before, twice := first[issuer.Issuer]; twice && issuer.Issuer != "" {
			wrong(at+".issuer", fmt.Errorf("repeats issuers[%d].issuer", before))
			continue
		}
		first[issuer.Issuer] = i
	}
	return errors.Join(faults...)
}

func (i Issuer) check(at string, wrong func(string, error)) {
	if err := jose.CheckIssuer(i.Issuer, false); err != nil {
		wrong(at+".issuer", err)
	}
	if i.MaxTokenLife < 0 || time.Duration(i.MaxTokenLife) > longest {
		wrong(at+".max_token_life", errLong)
	}
	if len(i.Tokens) > maxTokens {
		wrong(at+".tokens", fmt.Errorf("%d tokens are more than %d", len(i.Tokens), maxTokens))
	}
	for k, ref := range i.Tokens[:min(len(i.Tokens), maxTokens)] {
		here := fmt.Sprintf("%s.tokens[%d]", at, k)
		if err := ref.Validate(); err != nil {
			wrong(here, err)
		}
		if before := slices.Index(i.Tokens, ref); before < k {
			wrong(here, fmt.Errorf("repeats %s.tokens[%d]", at, before))
		}
	}
}

const scheme = "oidc:"

// takes recognises oidc:https://ISSUER.
func takes(target string) bool {
	return len(target) > len(scheme) && strings.EqualFold(target[:len(scheme)], scheme)
}

func fill(targets []string, options Options) (Options, error) {
	for _, target := range targets {
		issuer := target[len(scheme):]
		if slices.ContainsFunc(options.Issuers, func(i Issuer) bool { return i.Issuer == issuer }) {
			continue
		}
		options.Issuers = append(options.Issuers, Issuer{Entry: entry.Entry{Name: issuer}, Issuer: issuer})
	}
	return options, nil
}
