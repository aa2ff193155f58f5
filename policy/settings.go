// Package policy judges facts into findings, compares them with what was known into
// events, and plans who is told. It is pure: it takes the instant as a value, does no
// I/O and keeps no state; the ledger does.
package policy

import (
	"errors"
	"fmt"
	"path"
	"time"

	"lapsewatch/watch"
)

// Settings are the `policy` section of the configuration.
type Settings struct {
	Warn      *watch.Lead `yaml:"warn,omitempty" jsonschema_description:"lead time of warnings, such as 1mo, 30d or 48h; when set it also wins over the rules for short-lived credentials"`
	Critical  *watch.Lead `yaml:"critical,omitempty" jsonschema_description:"lead time of critical findings, such as 7d"`
	Reminders Reminders   `yaml:"reminders,omitempty" jsonschema_description:"how often an unchanged finding is told again"`
	Rules     []Rule      `yaml:"rules,omitempty" jsonschema_description:"exceptions by match; of several that match, the last one wins for each value that it sets"`
}

// Reminders is one cadence for all states.
type Reminders struct {
	Warning  watch.Duration `yaml:"warning,omitempty" jsonschema_description:"interval for warnings and unreadable subjects; default 7d"`
	Critical watch.Duration `yaml:"critical,omitempty" jsonschema_description:"interval for critical findings; default 1d"`
	Settle   watch.Duration `yaml:"settle,omitempty" jsonschema_description:"a subject that turns bad again within this time after good news comes and goes: from then on its good news is told only after it has lasted this long; default 3d"`
}

// Rule is an exception for the findings that match.
type Rule struct {
	Match    Match          `yaml:"match" jsonschema_description:"which findings the rule is for; every given key must match"`
	Warn     *watch.Lead    `yaml:"warn,omitempty" jsonschema_description:"lead time of warnings"`
	Critical *watch.Lead    `yaml:"critical,omitempty" jsonschema_description:"lead time of critical findings"`
	Severity watch.Severity `yaml:"severity,omitempty" jsonschema:"enum=ok,enum=notice,enum=warning,enum=critical" jsonschema_description:"fixed severity for the matched reason"`
}

// LeadTimes are the lead times of one configured check.
type LeadTimes struct {
	Warn     *watch.Lead `yaml:"warn,omitempty" jsonschema_description:"lead time of warnings for this check"`
	Critical *watch.Lead `yaml:"critical,omitempty" jsonschema_description:"lead time of critical findings for this check"`
}

// Match selects findings. An empty key matches everything; Name is a glob.
type Match struct {
	Check    string         `yaml:"check,omitempty" jsonschema_description:"name of the check"`
	Kind     string         `yaml:"kind,omitempty" jsonschema_description:"kind of the check"`
	Name     string         `yaml:"name,omitempty" jsonschema_description:"glob over the subject's name, such as *.example.com:443; * also stands for slashes"`
	Severity watch.Severity `yaml:"severity,omitempty" jsonschema:"enum=notice,enum=warning,enum=critical" jsonschema_description:"this severity or a graver one; unknown counts as warning"`
	Reason   watch.Reason   `yaml:"reason,omitempty" jsonschema_description:"one reason of the finding"`
	Owner    string         `yaml:"owner,omitempty" jsonschema_description:"glob over the subject's owners, one of whom must match, such as *@example.com"`
	Labels   []LabelMatch   `yaml:"labels,omitempty" jsonschema_description:"labels that the subject must carry"`
}

// LabelMatch is one label with its value.
type LabelMatch struct {
	Name  string `yaml:"name" jsonschema_description:"the label"`
	Value string `yaml:"value" jsonschema_description:"its exact value"`
}

// Route sends the events that match to channels.
type Route struct {
	Match Match    `yaml:"match,omitempty" jsonschema_description:"which findings take this route; without it, all"`
	To    []string `yaml:"to" jsonschema_description:"names of the alerts (channels) to tell; owner stands for whoever owns what is found, by every channel that can reach them"`
}

const (
	defaultWarningReminder  = 7 * 24 * time.Hour
	defaultCriticalReminder = 24 * time.Hour
	defaultSettle           = 72 * time.Hour
)

// Validate reports contradictions with the place of each.
func (s Settings) Validate() error {
	var problems []error
	problems = append(problems, leadsInOrder("critical", s.Warn, s.Critical))
	for i, rule := range s.Rules {
		problems = append(problems, rule.validate(fmt.Sprintf("rules[%d]", i)))
	}
	return errors.Join(problems...)
}

// Validate reports a critical lead time that is longer than the warning's.
func (l LeadTimes) Validate() error { return leadsInOrder("critical", l.Warn, l.Critical) }

// Validate reports a route that leads nowhere.
func (r Route) Validate() error {
	if len(r.To) == 0 {
		return &watch.FieldError{Path: "to", Err: errors.New("the route names no channel")}
	}
	return r.Match.validate("match")
}

func (r Rule) validate(at string) error {
	problems := []error{r.Match.validate(at + ".match"), leadsInOrder(at+".critical", r.Warn, r.Critical)}
	wrong := func(key, text string) {
		problems = append(problems, &watch.FieldError{Path: at + key, Err: errors.New(text)})
	}
	leadTimes := r.Warn != nil || r.Critical != nil
	switch {
	case !leadTimes && r.Severity == "":
		wrong("", "the rule changes nothing: give warn, critical or severity")
	case leadTimes && (r.Match.Reason != "" || r.Match.Severity != ""):
		wrong(".match", "lead times are chosen before there is a reason or a severity: match by check, kind, name or labels")
	case r.Severity != "" && r.Match.Reason == "":
		wrong(".severity", "a fixed severity needs match.reason, so that it hides no other reason")
	case r.Severity != "" && r.Match.Severity != "":
		wrong(".match.severity", "a fixed severity is chosen by match.reason, not by another severity")
	case r.Severity == watch.Unknown:
		wrong(".severity", "unknown cannot be set by a rule: it means that nobody could look")
	case r.Severity != "" && verdicts[r.Match.Reason].severity == watch.Unknown:
		wrong(".match.reason", fmt.Sprintf("%s means that nobody could look; no rule can grade that", r.Match.Reason))
	}
	return errors.Join(problems...)
}

func (m Match) validate(at string) error {
	var problems []error
	if m.Severity == watch.OK || m.Severity == watch.Unknown {
		problems = append(problems, &watch.FieldError{Path: at + ".severity", Err: fmt.Errorf("%s: want notice, warning or critical; what could not be read counts as warning", m.Severity)})
	}
	for key, glob := range map[string]string{".name": m.Name, ".owner": m.Owner} {
		if _, err := path.Match(glob, ""); err != nil {
			problems = append(problems, &watch.FieldError{Path: at + key, Err: fmt.Errorf("glob %q: %w", glob, err)})
		}
	}
	return errors.Join(problems...)
}

func leadsInOrder(at string, warn, critical *watch.Lead) error {
	// A zero lead time is never outlasted, and is what a mistyped one leaves behind.
	if warn == nil || critical == nil || *warn == (watch.Lead{}) {
		return nil
	}
	some := time.Date(2026, time.July, 31, 0, 0, 0, 0, time.UTC)
	if critical.Before(some).Before(warn.Before(some)) {
		return &watch.FieldError{Path: at, Err: fmt.Errorf("critical (%s) is a longer lead time than warn (%s)", critical, warn)}
	}
	return nil
}
