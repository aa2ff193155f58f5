package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"regexp"
	"time"

	"go.yaml.in/yaml/v4"

	"lapsewatch/alerts"
	"lapsewatch/checks"
	"lapsewatch/internal/entry"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// fileForm is the top of the file. List entries are decoded one by one, so that a wrong
// one does not shift the places of the others.
type fileForm struct {
	Checks    []yaml.Node     `yaml:"checks"`
	Policy    policy.Settings `yaml:"policy" jsonschema_description:"lead times and reminders; without it, one calendar month and 7 days"`
	Alerts    []yaml.Node     `yaml:"alerts"`
	Routes    []yaml.Node     `yaml:"routes"`
	DefaultTo []string        `yaml:"default_to" jsonschema_description:"names of the alerts that are told of what would otherwise reach nobody, and of what an alert without fallback fails to deliver for good"`
	Incidents []yaml.Node     `yaml:"incidents"`
	Source    string          `yaml:"incident_source" jsonschema_description:"name of this installation, where several keep incident stubs at one place"`
	Heartbeat yaml.Node       `yaml:"heartbeat"`
	Clock     yaml.Node       `yaml:"clock"`
	Report    Report          `yaml:"report" jsonschema_description:"where people find the whole report"`
	Ledger    Ledger          `yaml:"ledger" jsonschema_description:"where what was seen and said is remembered"`
	Log       Log             `yaml:"log" jsonschema_description:"the log, on standard error"`
	Limits    Limits          `yaml:"limits" jsonschema_description:"how much at once and how long at most"`
}

type checkForm struct {
	Name    string           `yaml:"name"`
	Kind    string           `yaml:"kind"`
	Owners  []string         `yaml:"owners" jsonschema_description:"whom to tell of what the check finds, where it finds no owner itself; mail addresses, as a rule"`
	Labels  []Label          `yaml:"labels" jsonschema_description:"labels that the check puts on everything it finds, for routes and rules"`
	Policy  policy.LeadTimes `yaml:"policy" jsonschema_description:"lead times for this check only"`
	Options yaml.Node        `yaml:"options"`
}

type alertForm struct {
	Name     string    `yaml:"name"`
	Kind     string    `yaml:"kind"`
	Fallback string    `yaml:"fallback" jsonschema_description:"name of the alert that is told what this one fails to deliver for good"`
	Options  yaml.Node `yaml:"options"`
}

// shortestRetention outlasts every reminder.
const shortestRetention = watch.Duration(30 * 24 * time.Hour)

// Label is one label of a check.
type Label struct {
	Name  string `yaml:"name" jsonschema:"required" jsonschema_description:"the label, such as team"`
	Value string `yaml:"value" jsonschema:"required" jsonschema_description:"its value"`
}

func (l *loading) sections() {
	var form fileForm
	l.refuseAll("", l.document.decode(l.document.root, &form))
	l.config.Policy = form.Policy
	l.settings()
	l.checks(form.Checks)
	l.alerts(form.Alerts)
	l.vocabularies()
	for i, rule := range form.Policy.Rules {
		l.matchExists(fmt.Sprintf("policy.rules[%d].match", i), rule.Match)
	}
	l.routes(form.Routes)
	l.defaultTo(form.DefaultTo)
	l.fallbacks()
	l.mustReach(form)
	l.incidents(form.Incidents, form.Source)
	l.heartbeat(form.Heartbeat)
	l.clock(form.Clock)
	l.comparisons()
	l.config.Ledger.DSNFrom = form.Ledger.DSNFrom
	l.secretIsThere("ledger.dsn_from", form.Ledger.DSNFrom, false)
	if l.config.Ledger.Retention < shortestRetention && !l.refused("ledger.retention") {
		l.refuse("ledger.retention", errors.New("want at least 30d: what is owed and what was said last must stay known"))
	}
	l.config.Warnings = append(l.config.Warnings, unusedEnvironment(l.inUse)...)
}

func (l *loading) vocabularies() {
	var checkNames, alertNames []string
	for _, check := range l.config.Checks {
		checkNames = append(checkNames, check.Name)
	}
	for _, alert := range l.config.Alerts {
		alertNames = append(alertNames, alert.Name)
	}
	l.checkNames, l.alertNames = newVocabulary(checkNames), newVocabulary(alertNames)
	l.checkKinds = newVocabulary(kindNames(l.catalog.Checks))
}

func (l *loading) checks(nodes []yaml.Node) {
	if len(nodes) == 0 && !l.refused("checks") {
		l.refuse("checks", errors.New("there is nothing to watch: give at least one check"))
	}
	names := names{}
	for i, node := range nodes {
		key := fmt.Sprintf("checks[%d]", i)
		var form checkForm
		l.refuseAll(key, l.document.decode(&node, &form))
		l.name(key, form.Name, names)
		if form.Name == watch.Itself {
			l.refuse(key+".name", fmt.Errorf("name %q: under this name Lapsewatch reports on itself", form.Name))
		}
		l.refuseAll(key+".policy", form.Policy.Validate())
		check := Check{Name: form.Name, Labels: l.labels(key, form.Labels), Owners: l.owners(key, form.Owners), LeadTimes: form.Policy, Decode: l.decoder(form.Options)}
		var known bool
		if check.Kind, known = kindNamed(l, key, form.Kind, l.catalog.Checks); known {
			_, err := check.Kind.Build(l.trial(key+".options", check.Decode), checks.DefaultEnv(ReadSecret))
			l.refuseAll(key+".options", err)
		}
		l.config.Checks = append(l.config.Checks, check)
	}
}

func (l *loading) owners(key string, owners []string) []string {
	l.refuseAll(key, errors.Join(entry.OwnerFaults("owners", owners)...))
	return owners
}

func (l *loading) alerts(nodes []yaml.Node) {
	if len(nodes) == 0 {
		l.warn("no alerts are configured: nobody will be told of anything")
	}
	l.reaching = map[string]bool{}
	names := names{}
	for i, node := range nodes {
		key := fmt.Sprintf("alerts[%d]", i)
		var form alertForm
		l.refuseAll(key, l.document.decode(&node, &form))
		l.name(key, form.Name, names)
		if form.Name == policy.Owner {
			l.refuse(key+".name", fmt.Errorf("name %q: in routes the word stands for whoever owns what is found", form.Name))
		}
		alert := Alert{Name: form.Name, Fallback: form.Fallback, Decode: l.decoder(form.Options)}
		var known bool
		if alert.Kind, known = kindNamed(l, key, form.Kind, l.catalog.Alerts); known {
			channel, err := alert.Kind.Build(l.trial(key+".options", alert.Decode), alertEnv(form.Name))
			l.refuseAll(key+".options", err)
			// What could not be built is refused already.
			l.reaching[form.Name] = err != nil || len(channel.Recipients()) > 0
			tells, can := channel.(alerts.OwnerChannel)
			l.tellsOwners = l.tellsOwners || err != nil || can && tells.TellsOwners()
		}
		l.config.Alerts = append(l.config.Alerts, alert)
	}
}

// alertEnv is what a channel is tried with. It is never asked to deliver.
func alertEnv(name string) alerts.Env {
	return alerts.Env{
		Name:    name,
		Now:     time.Now,
		Log:     slog.New(slog.DiscardHandler),
		Dial:    (&net.Dialer{}).DialContext,
		HTTP:    &http.Client{},
		Secrets: ReadSecret,
	}
}

// decoder fills options from their node; without options the defaults stay.
func (l *loading) decoder(options yaml.Node) watch.Decoder {
	return func(into any) error {
		if options.IsZero() {
			return nil
		}
		return l.document.decode(&options, into)
	}
}

// trial is the decoder that also looks at each secret which the options refer to.
func (l *loading) trial(key string, decode watch.Decoder) watch.Decoder {
	return func(into any) error {
		if err := decode(into); err != nil {
			return err
		}
		secretRefs(reflect.ValueOf(into), "", false, func(at string, ref watch.SecretRef, watched bool) { l.secretIsThere(below(key, at), ref, watched) })
		return nil
	}
}

type kind interface{ Name() string }

func kindNames[K kind](catalog []K) []string {
	var names []string
	for _, kind := range catalog {
		names = append(names, kind.Name())
	}
	return names
}

func kindNamed[K kind](l *loading, key, name string, catalog []K) (K, bool) {
	for _, kind := range catalog {
		if kind.Name() == name {
			return kind, true
		}
	}
	known := newVocabulary(kindNames(catalog))
	var none K
	if l.refused(key + ".kind") {
		return none, false
	}
	if name == "" {
		l.refuse(key+".kind", fmt.Errorf("%w%s", errMissing, known.remedy("")))
		return none, false
	}
	l.refuse(key+".kind", fmt.Errorf("unknown kind %s%s", quoted(name), known.remedy(name)))
	return none, false
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

var (
	errMissing    = errors.New("is missing")
	errUnsafeName = errors.New("want at most 63 of A-Z a-z 0-9 . _ - and a letter or digit first")
)

// names tells by which entry a name is taken.
type names map[string]string

func (l *loading) name(key, name string, taken names) {
	at := key + ".name"
	switch {
	case l.refused(at):
	case name == "":
		l.refuse(at, fmt.Errorf("%w: events and routes speak of the entry by its name", errMissing))
	case !namePattern.MatchString(name):
		l.refuse(at, fmt.Errorf("name %s: %w", quoted(name), errUnsafeName))
	case taken[name] != "":
		l.refuse(at, fmt.Errorf("name %q: %s has it already", name, taken[name]))
	default:
		taken[name] = key
	}
}

func (l *loading) labels(key string, labels []Label) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	values := map[string]string{}
	for i, label := range labels {
		at := fmt.Sprintf("%s.labels[%d]", key, i)
		_, twice := values[label.Name]
		switch {
		case l.refused(at):
		case !namePattern.MatchString(label.Name):
			l.refuse(at+".name", fmt.Errorf("label %s: %w", quoted(label.Name), errUnsafeName))
		case label.Value == "":
			l.refuse(at+".value", errMissing)
		case twice:
			l.refuse(at+".name", fmt.Errorf("label %q is given twice", label.Name))
		}
		values[label.Name] = label.Value
	}
	return values
}

func (l *loading) warn(text string) { l.config.Warnings = append(l.config.Warnings, text) }
