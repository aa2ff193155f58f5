package config

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

func (l *loading) routes(nodes []yaml.Node) {
	for i, node := range nodes {
		key := fmt.Sprintf("routes[%d]", i)
		var route policy.Route
		l.refuseAll(key, l.document.decode(&node, &route))
		if !l.refused(key + ".to") {
			l.refuseAll(key, route.Validate())
		}
		l.matchExists(key+".match", route.Match)
		for j, name := range route.To {
			at := fmt.Sprintf("%s.to[%d]", key, j)
			if name == policy.Owner {
				l.ownersAreTold(at)
			} else {
				l.exists(at, "alert", name, l.alertNames)
			}
		}
		l.config.Routing.Routes = append(l.config.Routing.Routes, route)
	}
}

// ownersAreTold refuses a route to owners where no alert may tell any.
func (l *loading) ownersAreTold(key string) {
	if !l.tellsOwners && len(l.config.Alerts) > 0 && !l.refused("alerts") {
		l.refuse(key, errors.New("no alert tells owners: give one that can, such as email, its owner_domains"))
	}
}

func (l *loading) defaultTo(names []string) {
	for i, name := range names {
		key := fmt.Sprintf("default_to[%d]", i)
		l.exists(key, "alert", name, l.alertNames)
		if l.alertNames.known[name] && !l.reaching[name] {
			l.refuse(key, fmt.Errorf("the alert %q tells only owners, and what nobody owns must reach somebody: give it recipients of its own, or name another", name))
		}
	}
	l.config.Routing.Default = names
}

// fallbacks refuses one that does not exist, tells only owners, or leads back.
func (l *loading) fallbacks() {
	next := map[string]string{}
	for i, alert := range l.config.Alerts {
		key := fmt.Sprintf("alerts[%d].fallback", i)
		if alert.Fallback == "" || l.refused(key) {
			continue
		}
		l.exists(key, "alert", alert.Fallback, l.alertNames)
		if l.alertNames.known[alert.Fallback] && !l.reaching[alert.Fallback] {
			l.refuse(key, fmt.Errorf("the alert %q tells only owners: name one with recipients of its own", alert.Fallback))
		}
		next[alert.Name] = alert.Fallback
		for at, steps := alert.Fallback, 0; at != "" && steps <= len(next); at, steps = next[at], steps+1 {
			if at == alert.Name {
				l.refuse(key, fmt.Errorf("the fallbacks of %q lead back to it", alert.Name))
				break
			}
		}
	}
}

// mustReach refuses a configuration in which a finding could reach nobody.
func (l *loading) mustReach(form fileForm) {
	used := map[string]bool{}
	everything := len(form.Routes) == 0
	caught := false
	for _, route := range l.config.Routing.Routes {
		for _, name := range route.To {
			used[name] = true
			caught = caught || l.reaching[name] && route.Match.TakesAll()
		}
	}
	for _, name := range form.DefaultTo {
		used[name], caught = true, true
	}
	for _, alert := range l.config.Alerts {
		used[alert.Fallback] = true
		caught = caught || everything && l.reaching[alert.Name]
	}
	switch {
	case len(l.config.Alerts) == 0:
		l.config.Silent = l.document.has("alerts")
	case !caught && !l.refused("routes") && !l.refused("alerts") && !l.refused("default_to"):
		l.refuse("alerts", errors.New("a finding could reach nobody: say default_to: [NAME] with the name of an alert that has recipients of its own, or add a last route without match"))
	}
	for _, name := range l.alertNames.words {
		if !everything && !used[name] && !used[policy.Owner] {
			l.warn(fmt.Sprintf("no route leads to the alert %q: it will tell nobody", name))
		}
	}
}

// matchExists refuses a match on a check or a kind that does not exist: it would never
// match, and nobody would notice.
func (l *loading) matchExists(key string, match policy.Match) {
	if match.Check != "" && match.Check != watch.Itself {
		l.exists(key+".check", "check", match.Check, l.checkNames)
	}
	if match.Kind != "" && match.Kind != watch.Itself {
		l.exists(key+".kind", "kind of check", match.Kind, l.checkKinds)
	}
}

func (l *loading) exists(key, what, name string, there vocabulary) {
	if !there.known[name] && !l.refused(key) {
		l.refuse(key, fmt.Errorf("no %s is named %s%s", what, quoted(name), there.remedy(name)))
	}
}
