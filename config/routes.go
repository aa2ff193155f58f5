package config

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"lapsewatch/policy"
)

func (l *loading) routes(nodes []yaml.Node) {
	used := map[string]bool{}
	for i, node := range nodes {
		key := fmt.Sprintf("routes[%d]", i)
		var route policy.Route
		l.refuseAll(key, l.document.decode(&node, &route))
		if !l.refused(key + ".to") {
			l.refuseAll(key, route.Validate())
		}
		l.matchExists(key+".match", route.Match)
		for j, name := range route.To {
			used[name] = true
			l.exists(fmt.Sprintf("%s.to[%d]", key, j), "alert", name, l.alertNames)
		}
		l.config.Routes = append(l.config.Routes, route)
	}
	for _, name := range l.alertNames.words {
		if len(nodes) > 0 && !used[name] {
			l.warn(fmt.Sprintf("no route leads to the alert %q: it will tell nobody", name))
		}
	}
}

// matchExists refuses a match on a check or a kind that does not exist: it would never
// match, and nobody would notice.
func (l *loading) matchExists(key string, match policy.Match) {
	if match.Check != "" {
		l.exists(key+".check", "check", match.Check, l.checkNames)
	}
	if match.Kind != "" {
		l.exists(key+".kind", "kind of check", match.Kind, l.checkKinds)
	}
}

func (l *loading) exists(key, what, name string, there vocabulary) {
	if !there.known[name] && !l.refused(key) {
		l.refuse(key, fmt.Errorf("no %s is named %s%s", what, quoted(name), there.remedy(name)))
	}
}
