package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

// Opening says what becomes of a finding on a status system.
type Opening string

// The openings.
const (
	// OpenNothing leaves the status system alone.
	OpenNothing Opening = "nothing"
	// OpenDraft makes a stub that only staff sees.
	OpenDraft Opening = "draft"
	// OpenPublic makes a stub that everybody sees who sees the status system.
	OpenPublic Opening = "public"
	// OpenMaintenance announces a scheduled maintenance.
	OpenMaintenance Opening = "maintenance"
)

// StubRule says which findings become incident stubs, and how.
type StubRule struct {
	Match        Match          `yaml:"match,omitempty" jsonschema_description:"which findings the rule is for; without match.severity, those that are critical"`
	AtCritical   Opening        `yaml:"at_critical,omitempty" jsonschema:"enum=nothing,enum=draft,enum=maintenance" jsonschema_description:"what to make of a date that is near and still to come: nothing, draft (the default where the system has drafts) or maintenance"`
	AtExpiry     Opening        `yaml:"at_expiry,omitempty" jsonschema:"enum=nothing,enum=draft,enum=public" jsonschema_description:"what to make of what hurts already: nothing, draft (the default where the system has drafts) or public (needs public: true)"`
	HoldOff      watch.Duration `yaml:"hold_off,omitempty" jsonschema_description:"how long it must have been bad before a stub is opened, and well again after a relapse before the stub moves on; default: at once, and 1h"`
	GoodPasses   int            `yaml:"good_passes,omitempty" jsonschema:"minimum=1,maximum=100" jsonschema_description:"how many passes in a row must see it well before the stub is resolved; default 3"`
	ReopenWithin watch.Duration `yaml:"reopen_within,omitempty" jsonschema_description:"a stub is opened again, and no other made, when the same lapses within this time after it was resolved; default 1d"`
	Together     string         `yaml:"together,omitempty" jsonschema_description:"what makes one stub of several findings: credential (the default: the same certificate or secret), finding, check, name, label:NAME or detail:NAME"`
	Upstreams    []string       `yaml:"upstreams,omitempty" jsonschema_description:"names of checks of kind upstream: while a provider there is not well, a stub that began meanwhile stays open with it"`
	Maintenance  *Maintenance   `yaml:"maintenance,omitempty" jsonschema_description:"when to rotate, for at_critical: maintenance"`
}

// Maintenance says when planned rotations take place.
type Maintenance struct {
	At     string         `yaml:"at" json:"at" jsonschema:"required" jsonschema_description:"time of day, such as 02:00"`
	Zone   string         `yaml:"zone,omitempty" json:"zone,omitempty" jsonschema_description:"IANA time zone of that time, such as Europe/Berlin; default UTC"`
	Lasts  watch.Duration `yaml:"lasts" json:"lasts" jsonschema:"required" jsonschema_description:"length of the maintenance, such as 1h"`
	Before watch.Duration `yaml:"before,omitempty" json:"before,omitempty" jsonschema_description:"how long before the date it is over at the latest; default 1d"`
}

// ComponentRule ties findings to a component of the status system.
type ComponentRule struct {
	Match      Match                 `yaml:"match,omitempty" jsonschema_description:"which findings concern the component; without it, all"`
	Component  string                `yaml:"component" jsonschema:"required" jsonschema_description:"id of the component at the status system; where it has none, its name"`
	Name       string                `yaml:"name,omitempty" jsonschema_description:"what people call it, for the texts"`
	AtCritical watch.ComponentStatus `yaml:"at_critical,omitempty" jsonschema_description:"how it stands while the date is still to come; default operational"`
	AtExpiry   watch.ComponentStatus `yaml:"at_expiry,omitempty" jsonschema_description:"how it stands while it hurts; default partial_outage"`
}

const (
	defaultGoodPasses   = 3
	defaultReopenWithin = 24 * time.Hour
	defaultRelapseCalm  = time.Hour
	defaultBefore       = 24 * time.Hour
	maxStubDuration     = 400 * 24 * time.Hour
	maxMaintenance      = 24 * time.Hour
)

// The ways in which findings are put together.
const (
	togetherCredential = "credential"
	togetherFinding    = "finding"
	togetherCheck      = "check"
	togetherName       = "name"
	togetherLabel      = "label:"
	togetherDetail     = "detail:"
)

// Validate reports contradictions with the place of each.
func (r StubRule) Validate() error {
	problems := []error{r.Match.validate("match")}
	wrong := func(path, text string) {
		problems = append(problems, &watch.FieldError{Path: path, Err: errors.New(text)})
	}
	if r.AtCritical != "" && !slices.Contains([]Opening{OpenNothing, OpenDraft, OpenMaintenance}, r.AtCritical) {
		wrong("at_critical", fmt.Sprintf("%q: want nothing, draft or maintenance: what has not lapsed yet is not made public as an incident", r.AtCritical))
	}
	if r.AtExpiry != "" && !slices.Contains([]Opening{OpenNothing, OpenDraft, OpenPublic}, r.AtExpiry) {
		wrong("at_expiry", fmt.Sprintf("%q: want nothing, draft or public", r.AtExpiry))
	}
	if r.AtCritical == OpenNothing && r.AtExpiry == OpenNothing {
		wrong("at_expiry", "the rule makes nothing of what it matches: put what is to be left alone into no rule, or give one of the two")
	}
	for path, duration := range map[string]watch.Duration{"hold_off": r.HoldOff, "reopen_within": r.ReopenWithin} {
		if time.Duration(duration) > maxStubDuration {
			wrong(path, "want at most 400d")
		}
	}
	if r.GoodPasses < 0 || r.GoodPasses > 100 {
		wrong("good_passes", "want 1 to 100")
	}
	if !knownTogether(r.Together) {
		wrong("together", fmt.Sprintf("%q: want credential, finding, check, name, label:NAME or detail:NAME", r.Together))
	}
	switch {
	case r.AtCritical == OpenMaintenance && r.Maintenance == nil:
		wrong("maintenance", "is missing: at_critical: maintenance needs to know when, such as {at: \"02:00\", lasts: 1h}")
	case r.Maintenance != nil && r.AtCritical != OpenMaintenance:
		wrong("maintenance", "is used with at_critical: maintenance only")
	case r.Maintenance != nil:
		problems = append(problems, r.Maintenance.faults()...)
	}
	return errors.Join(problems...)
}

func knownTogether(together string) bool {
	for _, prefix := range []string{togetherLabel, togetherDetail} {
		if name, of := strings.CutPrefix(together, prefix); of {
			return name != ""
		}
	}
	return slices.Contains([]string{"", togetherCredential, togetherFinding, togetherCheck, togetherName}, together)
}

func (m Maintenance) faults() []error {
	var problems []error
	wrong := func(path string, err error) {
		problems = append(problems, &watch.FieldError{Path: "maintenance." + path, Err: err})
	}
	if _, err := time.Parse("15:04", m.At); err != nil {
		wrong("at", fmt.Errorf("%q: want a time of day, such as \"02:00\" (in quotes)", m.At))
	}
	if _, err := time.LoadLocation(m.Zone); err != nil {
		wrong("zone", fmt.Errorf("%q is no time zone of the IANA database, such as Europe/Berlin", m.Zone))
	}
	if m.Lasts <= 0 || time.Duration(m.Lasts) > maxMaintenance {
		wrong("lasts", errors.New("want more than nothing and at most 24h"))
	}
	if time.Duration(m.Before) > maxStubDuration {
		wrong("before", errors.New("want at most 400d"))
	}
	return problems
}

// Validate reports a component without an id.
func (c ComponentRule) Validate() error {
	problems := []error{c.Match.validate("match")}
	for key, given := range map[string]bool{"severity": c.Match.Severity != "", "reason": c.Match.Reason != ""} {
		if given {
			problems = append(problems, &watch.FieldError{Path: "match." + key, Err: errors.New("has no use here: rules decide what becomes a stub, and at_critical and at_expiry how the component stands")})
		}
	}
	if strings.TrimSpace(c.Component) == "" {
		problems = append(problems, &watch.FieldError{Path: "component", Err: errors.New("is missing: the id of the component at the status system")})
	}
	return errors.Join(problems...)
}

// window is the last maintenance that is over in time before the date, or else the next
// one that is over before the date at all; nil if there is none to come.
func (m Maintenance) window(notAfter, now time.Time) *watch.Window {
	zone, err := time.LoadLocation(m.Zone)
	clock, clockErr := time.Parse("15:04", m.At)
	if err != nil || clockErr != nil {
		return nil
	}
	before := time.Duration(m.Before)
	if before == 0 {
		before = defaultBefore
	}
	on := func(day time.Time) watch.Window {
		day = day.In(zone)
		from := time.Date(day.Year(), day.Month(), day.Day(), clock.Hour(), clock.Minute(), 0, 0, zone).UTC()
		return watch.Window{From: from, Until: from.Add(time.Duration(m.Lasts))}
	}
	for day := notAfter.Add(-before); day.After(now.Add(-48 * time.Hour)); day = day.Add(-24 * time.Hour) {
		if window := on(day); window.From.After(now) && !window.Until.After(notAfter.Add(-before)) {
			return &window
		}
	}
	for day := now; day.Before(notAfter); day = day.Add(24 * time.Hour) {
		if window := on(day); window.From.After(now) && !window.Until.After(notAfter) {
			return &window
		}
	}
	return nil
}
