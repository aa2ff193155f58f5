// Package config turns the configuration file, the environment and the flags into
// strictly typed settings, or refuses them all and says where each mistake stands. It
// runs nothing, keeps no secret, expands no variable in the file, and knows no concrete
// kind: the caller passes the catalog in.
package config

import (
	"github.com/spf13/pflag"

	"lapsewatch/alerts"
	"lapsewatch/checks"
	"lapsewatch/incidents"
	"lapsewatch/internal/heartbeat"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// Config is a configuration that was accepted as a whole.
type Config struct {
	// File is where it was found; empty for WithoutFile.
	File   string
	Checks []Check
	Policy policy.Settings
	Alerts []Alert
	// Routing says who hears of what.
	Routing policy.Routing
	// Incidents are the status systems, and IncidentSource is how this installation signs its
	// stubs there.
	Incidents      []StatusSystem
	IncidentSource string
	// Silent: there are no alerts, and the file says so.
	Silent bool
	Ledger Ledger
	Report Report
	// Heartbeat is nil where nobody is told of each run.
	Heartbeat *heartbeat.Options
	// Clock says whose time is believed.
	Clock  Clock
	Log    Log
	Limits Limits
	// Warnings are worth telling and no reason to refuse: one sentence each.
	Warnings []string
}

// Check is one configured check.
type Check struct {
	Name   string
	Kind   checks.Kind
	Labels map[string]string
	// Owners are told of what the check finds without an owner.
	Owners    []string
	LeadTimes policy.LeadTimes
	// Decode fills the kind's options, for Kind.Build. It was tried once already.
	Decode watch.Decoder
}

// Alert is one configured channel.
type Alert struct {
	Name string
	Kind alerts.Kind
	// Fallback is the alert that is told what this one fails to deliver for good; empty
	// if none is named.
	Fallback string
	// Decode fills the kind's options, for Kind.Build. It was tried once already.
	Decode watch.Decoder
}

// Catalog lists the kinds that a configuration may name.
type Catalog struct {
	Checks []checks.Kind
	Alerts []alerts.Kind
	// Incidents are the kinds of status systems.
	Incidents []incidents.Kind
}

// Source says where a configuration comes from.
type Source struct {
	// Path is the value of --config. When it is empty LAPSEWATCH_CONFIG says where,
	// and otherwise the usual places are looked through.
	Path string
	// Flags that are set win over environment and file; see FlagKeys for their names.
	Flags *pflag.FlagSet
	// Secrets reads every referenced secret once, so that one that is missing is found
	// now and not when it is needed. Nil looks at none of them.
	Secrets watch.SecretReader
}

// Load finds, reads and checks a configuration. Mistakes are returned all together as
// Problems, and then there is no Config: nothing starts half-configured. The error is
// ErrNoFile when there is no configuration anywhere.
func Load(source Source, catalog Catalog) (*Config, error) {
	file, err := source.find()
	if err != nil {
		return nil, err
	}
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return loadText(file, text, source, catalog)
}

// WithoutFile gives the settings that flags, environment and defaults make, for commands
// that need no configuration. There are no checks, alerts and routes in it.
func WithoutFile(flags *pflag.FlagSet) (*Config, error) {
	loading := &loading{document: &document{}, layers: newLayers(flags, nil), refusals: newRefusals(), config: Config{Clock: clockDefaults()}}
	loading.settings()
	return loading.result()
}

func loadText(file string, text []byte, source Source, catalog Catalog) (*Config, error) {
	document, problems := parse(file, text)
	if problems != nil {
		return nil, problems.inOrder()
	}
	loading := &loading{
		document: document,
		layers:   newLayers(source.Flags, document.scalars),
		catalog:  catalog,
		secrets:  source.Secrets,
		config:   Config{File: file},
		refusals: newRefusals(),
		inUse:    map[string]bool{},
	}
	loading.refuseFlaws()
	loading.sections()
	return loading.result()
}

// loading is one load in progress: what it has made so far and what was wrong.
type loading struct {
	document *document
	layers   layers
	catalog  Catalog
	secrets  watch.SecretReader
	config   Config
	refusals
	// inUse are the environment variables that secrets are read from.
	inUse map[string]bool
	// checkNames, checkKinds and alertNames are what rules and routes may speak of.
	checkNames, checkKinds, alertNames vocabulary
	// reaching are the alerts that have recipients of their own, whoever owns what.
	reaching map[string]bool
	// tellsOwners: some alert tells owners.
	tellsOwners bool
}

func (l *loading) result() (*Config, error) {
	if problems := l.inOrder(); len(problems) > 0 {
		return nil, problems
	}
	return &l.config, nil
}

// refuse notes a mistake at the place in the file that the key leads to.
func (l *loading) refuse(key string, err error) { l.add(l.document.at(key, err)) }

func (l *loading) refuseFlaws() {
	for _, flaw := range l.document.flaws {
		l.addFlaw(flaw)
	}
}

// refuseAll notes what a decoder, a Validate or a Build found wrong below the key.
func (l *loading) refuseAll(key string, err error) {
	switch wrong := err.(type) { //nolint:errorlint // what err wraps is visited by this very walk
	case nil:
	case Problems:
		for _, problem := range wrong {
			l.add(problem)
		}
	case interface{ Unwrap() []error }:
		for _, each := range wrong.Unwrap() {
			l.refuseAll(key, each)
		}
	case *watch.FieldError:
		l.refuseAll(below(key, wrong.Path), wrong.Err)
	default:
		l.add(l.layers.blame(l.document.at(key, err)))
	}
}

func below(key, path string) string {
	switch {
	case key == "":
		return path
	case path == "" || path[0] == '[':
		return key + path
	default:
		return key + "." + path
	}
}
