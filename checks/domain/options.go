package domain

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

// Options are the options of a `kind: domain` check.
type Options struct {
	Domains      []Domain       `yaml:"domains" jsonschema:"required,minItems=1" jsonschema_description:"the registrations to watch: example.com, or a mapping with name, owners and link"`
	Server       string         `yaml:"server,omitempty" jsonschema_description:"https base URL of the RDAP service to ask about all of them, such as https://rdap.example.net/v1/; default: the one that IANA lists for the top-level domain"`
	BootstrapURL string         `yaml:"bootstrap_url,omitempty" jsonschema_description:"https URL of the list of RDAP services (RFC 9224); default https://data.iana.org/rdap/dns.json"`
	Pause        watch.Duration `yaml:"pause,omitempty" jsonschema_description:"how long to wait between two questions to one registry, up to 1m; default 200ms"`
	CAFile       string         `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust in place of the system's"`
}

// Domain is one registration. In configuration it is a mapping, or its name alone.
type Domain struct {
	entry.Entry `yaml:",inline"`
}

// UnmarshalYAML reads either form. An unknown key of the mapping is an error.
func (d *Domain) UnmarshalYAML(decode func(any) error) error {
	type mapping Domain
	return watch.TextOrMapping(decode, d.UnmarshalText, (*mapping)(d))
}

// UnmarshalText reads a bare name.
func (d *Domain) UnmarshalText(text []byte) error {
	*d = Domain{Entry: entry.Entry{Name: string(text)}}
	return nil
}

const (
	defaultBootstrap = "https://data.iana.org/rdap/dns.json"
	defaultPause     = 200 * time.Millisecond
	maxPause         = time.Minute
	targetWord       = "domain:"
)

func defaults() Options {
	return Options{BootstrapURL: defaultBootstrap, Pause: watch.Duration(defaultPause)}
}

var (
	errNothing = errors.New("there is nothing to watch: give at least one domain")
	errURL     = errors.New("want an https URL without user name, password, query or fragment")
	errPause   = fmt.Errorf("want more than 0 and at most %s", maxPause)
)

// Validate reports what cannot be asked about, each with its place.
func (o Options) Validate() error {
	faults := entry.ListFaults("domains", o.Domains)
	wrong := func(path string, err error) { faults = append(faults, &watch.FieldError{Path: path, Err: err}) }
	if len(o.Domains) == 0 {
		wrong("domains", errNothing)
	}
	if o.Server != "" && !askable(o.Server) {
		wrong("server", errURL)
	}
	if !askable(o.BootstrapURL) {
		wrong("bootstrap_url", errURL)
	}
	if o.Pause <= 0 || time.Duration(o.Pause) > maxPause {
		wrong("pause", errPause)
	}
	first := map[string]string{}
	for i, d := range o.Domains[:min(len(o.Domains), entry.MaxEntries)] {
		at := fmt.Sprintf("domains[%d].name", i)
		name, err := registrable(d.Name, o.Server != "")
		if d.Name == "" {
			continue // which is a fault of the entry
		}
		if err != nil {
			wrong(at, err)
			continue
		}
		if before, twice := first[name]; twice {
			wrong(at, fmt.Errorf("%s is the domain of %s too", name, before))
			continue
		}
		first[name] = fmt.Sprintf("domains[%d]", i)
	}
	return errors.Join(faults...)
}

func askable(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Scheme == "https" && parsed.Hostname() != "" && parsed.User == nil &&
		parsed.RawQuery == "" && parsed.Fragment == "" && parsed.Opaque == ""
}

// takes recognises domain:example.com.
func takes(target string) bool {
	name, ok := strings.CutPrefix(target, targetWord)
	return ok && name != ""
}

// fill makes a registration of each target; repeated ones count once.
func fill(targets []string, options Options) (Options, error) {
	seen := map[string]bool{}
	for _, target := range targets {
		name := strings.TrimPrefix(target, targetWord)
		if ascii, err := registrable(name, false); err != nil {
			return options, fmt.Errorf("target %s: %w", target, err)
		} else if !seen[ascii] {
			seen[ascii] = true
			options.Domains = append(options.Domains, Domain{Entry: entry.Entry{Name: name}})
		}
	}
	return options, nil
}
