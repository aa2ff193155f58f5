package config

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"

	"lapsewatch/incidents"
	"lapsewatch/internal/affected"
	"lapsewatch/internal/ticket"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// StatusSystem is one configured status system.
type StatusSystem struct {
	Name string
	Kind incidents.Kind
	// Public: what it shows to everybody may be written. Notify: its subscribers are told.
	Public, Notify bool
	Language       string
	Texts          incidents.Texts
	MostNew        int
	Rules          []policy.StubRule
	Components     []policy.ComponentRule
	Affected       []Affected
	// Decode fills the kind's options, for Kind.Build. It was tried once already.
	Decode watch.Decoder
}

// Affected says who suffers from which findings.
type Affected struct {
	Match           policy.Match `yaml:"match,omitempty" jsonschema_description:"which findings it is about; without it, all"`
	affected.Source `yaml:",inline"`
}

type incidentForm struct {
	Name       string                 `yaml:"name"`
	Kind       string                 `yaml:"kind"`
	Public     bool                   `yaml:"public" jsonschema_description:"true lets stubs be made where everybody can read them; without it only drafts and what staff alone sees"`
	Notify     bool                   `yaml:"notify" jsonschema_description:"true lets the system tell its subscribers of each step of a public stub"`
	Language   string                 `yaml:"language" jsonschema:"enum=en,enum=fr" jsonschema_description:"language of the built-in texts: en (default) or fr"`
	Texts      incidents.Texts        `yaml:"texts" jsonschema_description:"your own words in place of the built-in ones"`
	MostNew    int                    `yaml:"most_new" jsonschema:"minimum=1,maximum=100" jsonschema_description:"how many stubs one pass may open; what is more becomes one stub for all; default 20"`
	Rules      []policy.StubRule      `yaml:"rules" jsonschema_description:"which findings become stubs: the first rule that matches counts; without rules, all that is critical"`
	Components []policy.ComponentRule `yaml:"components" jsonschema_description:"which findings concern which components of the status system"`
	Affected   []Affected             `yaml:"affected" jsonschema_description:"who suffers from which findings, for the part of a stub that only staff reads"`
	Options    yaml.Node              `yaml:"options"`
}

const (
	maxIncidentRules = 200
	mostNew          = 100
)

func (l *loading) incidents(nodes []yaml.Node, source string) {
	l.config.IncidentSource = source
	l.refuseAll("incident_source", ticket.ValidateSource(source))
	names, places := names{}, map[string]string{}
	for i, node := range nodes {
		key := fmt.Sprintf("incidents[%d]", i)
		var form incidentForm
		l.refuseAll(key, l.document.decode(&node, &form))
		l.name(key, form.Name, names)
		system := StatusSystem{
			Name: form.Name, Public: form.Public, Notify: form.Notify, Language: form.Language, Texts: form.Texts, MostNew: form.MostNew,
			Rules: form.Rules, Components: form.Components, Affected: form.Affected, Decode: l.decoder(form.Options),
		}
		if len(system.Rules) == 0 {
			system.Rules = []policy.StubRule{{}}
		}
		l.incidentRules(key, form)
		var known bool
		if system.Kind, known = kindNamed(l, key, form.Kind, l.catalog.Incidents); known {
			env := incidents.Env{Env: alertEnv(form.Name), Source: source}
			built, err := system.Kind.Build(l.trial(key+".options", system.Decode), env)
			l.refuseAll(key+".options", err)
			if err == nil {
				l.openings(key, system, built.Traits())
				if place := built.Traits().Place; places[place] != "" {
					l.refuse(key, fmt.Errorf("%s keeps its stubs at the same place: they would take each other's for their own", places[place]))
				} else if place != "" {
					places[place] = key
				}
			}
		}
		l.config.Incidents = append(l.config.Incidents, system)
	}
}

func (l *loading) incidentRules(key string, form incidentForm) {
	if form.MostNew < 0 || form.MostNew > mostNew {
		l.refuse(key+".most_new", fmt.Errorf("want 1 to %d", mostNew))
	}
	for name, count := range map[string]int{"rules": len(form.Rules), "components": len(form.Components), "affected": len(form.Affected)} {
		if count > maxIncidentRules {
			l.refuse(key+"."+name, fmt.Errorf("want at most %d", maxIncidentRules))
		}
	}
	for i, rule := range form.Rules {
		at := fmt.Sprintf("%s.rules[%d]", key, i)
		l.refuseAll(at, rule.Validate())
		l.matchExists(at+".match", rule.Match)
		for j, upstream := range rule.Upstreams {
			l.exists(fmt.Sprintf("%s.upstreams[%d]", at, j), "check", upstream, l.checkNames)
		}
	}
	for i, component := range form.Components {
		at := fmt.Sprintf("%s.components[%d]", key, i)
		l.refuseAll(at, component.Validate())
		l.matchExists(at+".match", component.Match)
	}
	for i, source := range form.Affected {
		at := fmt.Sprintf("%s.affected[%d]", key, i)
		for _, fault := range source.Faults() {
			l.refuse(below(at, fault.Path), fault.Err)
		}
		l.matchExists(at+".match", source.Match)
	}
}

// openings refuses rules by which nothing could come to stand on the system, or more than
// was asked for.
func (l *loading) openings(key string, system StatusSystem, traits incidents.Traits) {
	if _, err := incidents.NewWords(system.Language, system.Texts, traits.Quote); err != nil {
		l.wordFaults(key, err)
	}
	staffOnly := traits.Hides || traits.Private
	if !staffOnly && !system.Public {
		l.refuse(key+".public", fmt.Errorf("%s has no drafts: whatever is made there can be read by everybody; say public: true if that is wanted", system.Kind.Name()))
		return
	}
	for i, rule := range system.Rules {
		at := fmt.Sprintf("%s.rules[%d]", key, i)
		switch {
		case rule.AtExpiry == policy.OpenPublic && !system.Public && !traits.Private:
			l.refuse(at+".at_expiry", errors.New("public needs public: true beside the kind: everybody would read it"))
		case rule.AtExpiry == policy.OpenDraft && !staffOnly, rule.AtCritical == policy.OpenDraft && !staffOnly:
			l.refuse(at, fmt.Errorf("draft: %s has no drafts; want nothing or public", system.Kind.Name()))
		case rule.AtCritical == policy.OpenMaintenance && !traits.Plans:
			l.refuse(at+".at_critical", fmt.Errorf("maintenance: %s has no scheduled maintenances", system.Kind.Name()))
		case rule.AtCritical == policy.OpenMaintenance && !system.Public && !traits.Private:
			l.refuse(at+".at_critical", errors.New("maintenance needs public: true beside the kind: everybody would read it"))
		}
	}
}

func (l *loading) wordFaults(key string, err error) {
	if fault, ok := errors.AsType[*watch.FieldError](err); ok && fault.Path == "language" {
		l.refuse(key+".language", fault.Err)
		return
	}
	l.refuseAll(key+".texts", err)
}
