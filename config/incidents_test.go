package config

import (
	"context"
	"strings"
	"testing"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// board is a status system that nobody asks for anything.
type board struct{ traits incidents.Traits }

func (b board) Traits() incidents.Traits { return b.traits }

func (board) List(context.Context, time.Time) ([]incidents.Remote, error) { return nil, nil }

func (board) Read(context.Context, string) (incidents.Remote, bool, error) {
	return incidents.Remote{}, false, nil
}

func (board) Create(context.Context, incidents.Stub) (incidents.Remote, error) {
	return incidents.Remote{}, nil
}

func (board) Update(context.Context, incidents.Remote, incidents.Stub) (incidents.Remote, error) {
	return incidents.Remote{}, nil
}

func (board) Annotate(context.Context, incidents.Remote, incidents.Note) error { return nil }

func (board) Draft(context.Context, incidents.Remote, incidents.Note) error { return nil }

type boardOptions struct {
	Page string `yaml:"page"`
}

func boards() Catalog {
	catalog := testCatalog(nil)
	for name, traits := range map[string]incidents.Traits{"open": {}, "drafting": {Hides: true, Plans: true, Place: "drafts"}} {
		catalog.Incidents = append(catalog.Incidents, incidents.Define(name, func() boardOptions { return boardOptions{} },
			func(boardOptions, incidents.Env) (incidents.System, error) { return board{traits}, nil }))
	}
	return catalog
}

func withIncidents(lines ...string) string {
	return "checks: [{name: web, kind: probe, options: {targets: [a]}}]\nalerts: []\nincidents:\n  - name: status\n" + strings.Join(lines, "\n") + "\n"
}

func TestStatusSystemsAreReadWithTheirRules(t *testing.T) {
	text := withIncidents("    kind: drafting", "    language: fr", "    options: {page: abc}",
		"    rules: [{match: {check: web}, together: 'label:service', hold_off: 10m, upstreams: [web]}]",
		"    components: [{component: c1, name: Portal, at_expiry: major_outage}]",
		"    affected: [{names: [orders], match: {kind: probe}}]") + "incident_source: north\n"
	loaded, err := loadText(fileName, []byte(text), Source{}, boards())
	if err != nil {
		t.Fatal(err)
	}
	system := loaded.Incidents[0]
	if system.Language != "fr" || system.Rules[0].Together != "label:service" || time.Duration(system.Rules[0].HoldOff) != 10*time.Minute || loaded.IncidentSource != "north" ||
		system.Components[0].AtExpiry != watch.MajorOutage || system.Affected[0].Names[0] != "orders" || system.Affected[0].Match.Kind != "probe" {
		t.Errorf("%+v", system)
	}
	loaded, err = loadText(fileName, []byte(withIncidents("    kind: drafting")), Source{}, boards())
	if err != nil || len(loaded.Incidents[0].Rules) != 1 || loaded.Incidents[0].Rules[0].Match.Severity != "" {
		t.Errorf("without rules everything critical counts: %v, %v", loaded, err)
	}
	var options boardOptions
	if err := system.Decode(&options); err != nil || options.Page != "abc" {
		t.Errorf("options %+v, %v", options, err)
	}
}

func TestF18_StatusSystemsThatCouldDoNothingOrTooMuchAreRefused(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"a system without drafts and nothing said of the public": {
			withIncidents("    kind: open"), "lapsewatch.yaml:4: incidents[0].public: open has no drafts: whatever is made there can be read by everybody; say public: true if that is wanted",
		},
		"a draft where there is none": {
			withIncidents("    kind: open", "    public: true", "    rules: [{at_expiry: draft}]"), "lapsewatch.yaml:7: incidents[0].rules[0]: draft: open has no drafts; want nothing or public",
		},
		"public by a rule and not by the system": {
			withIncidents("    kind: drafting", "    rules: [{at_expiry: public}]"), "lapsewatch.yaml:6: incidents[0].rules[0].at_expiry: public needs public: true beside the kind: everybody would read it",
		},
		"a maintenance that would be public": {
			withIncidents("    kind: drafting", "    rules: [{at_critical: maintenance, maintenance: {at: '02:00', lasts: 1h}}]"),
			"lapsewatch.yaml:6: incidents[0].rules[0].at_critical: maintenance needs public: true beside the kind: everybody would read it",
		},
		"a maintenance where there is none": {
			withIncidents("    kind: open", "    public: true", "    rules: [{at_critical: maintenance, maintenance: {at: '02:00', lasts: 1h}}]"),
			"lapsewatch.yaml:7: incidents[0].rules[0].at_critical: maintenance: open has no scheduled maintenances",
		},
		"an unknown kind":             {withIncidents("    kind: opne"), `lapsewatch.yaml:5: incidents[0].kind: unknown kind "opne"`},
		"an upstream that is none":    {withIncidents("    kind: drafting", "    rules: [{upstreams: [cloud]}]"), `lapsewatch.yaml:6: incidents[0].rules[0].upstreams[0]: no check is named "cloud"`},
		"a match on no check":         {withIncidents("    kind: drafting", "    components: [{component: c, match: {check: wbe}}]"), `lapsewatch.yaml:6: incidents[0].components[0].match.check: no check is named "wbe"`},
		"a language that is none":     {withIncidents("    kind: drafting", "    language: de"), `lapsewatch.yaml:6: incidents[0].language: language "de" has no built-in texts`},
		"a template that is wrong":    {withIncidents("    kind: drafting", "    texts: {title: '{{.Nmae}}'}"), "lapsewatch.yaml:6: incidents[0].texts.title: "},
		"nobody affected":             {withIncidents("    kind: drafting", "    affected: [{match: {check: web}}]"), "lapsewatch.yaml:6: incidents[0].affected[0]: nobody is named: give names, command or query"},
		"a component without its id":  {withIncidents("    kind: drafting", "    components: [{name: Portal}]"), "lapsewatch.yaml:6: incidents[0].components[0].component: is missing: the id of the component at the status system"},
		"a status that no system has": {withIncidents("    kind: drafting", "    components: [{component: c, at_expiry: down}]"), "lapsewatch.yaml:6: incidents[0].components[0].at_expiry: component status \"down\": want one of"},
		"a component by severity": {
			withIncidents("    kind: drafting", "    components: [{component: c, match: {severity: critical}}]"),
			"lapsewatch.yaml:6: incidents[0].components[0].match.severity: has no use here: rules decide what becomes a stub, and at_critical and at_expiry how the component stands",
		},
		"two at one place": {
			withIncidents("    kind: drafting", "  - {name: statut, kind: drafting, language: fr}"), "lapsewatch.yaml:6: incidents[1]: incidents[0] keeps its stubs at the same place: they would take each other's for their own",
		},
		"too many at once": {withIncidents("    kind: drafting", "    most_new: 101"), "lapsewatch.yaml:6: incidents[0].most_new: want 1 to 100"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			loaded, err := loadText(fileName, []byte(test.text), Source{}, boards())
			if loaded != nil || err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestWhatHasNotLapsedIsNotMadePublicByAnyConfiguration(t *testing.T) {
	text := withIncidents("    kind: drafting", "    public: true", "    rules: [{at_critical: public}]")
	if _, err := loadText(fileName, []byte(text), Source{}, boards()); err == nil || !strings.Contains(err.Error(), string(policy.OpenPublic)) {
		t.Error(err)
	}
}
