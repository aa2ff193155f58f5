package tls

import (
	"fmt"
	"slices"

	"lapsewatch/watch"
)

// group is a service with what was learnt at each of its addresses.
type group struct {
	*service
	outcomes []outcome
}

// outcome is what one address gave: a credential or a failure.
type outcome struct {
	endpoint   endpoint
	credential *watch.Credential
	failed     *failure
}

// again reports whether an address is worth a second look: its silence may have been
// this machine's own.
func (o outcome) again() bool {
	return o.failed != nil && o.failed.reason == watch.TimedOut && o.endpoint.listener == nil
}

// facts are what is reported of the group, once nothing more is to be learnt.
func (g *group) facts() []watch.Fact {
	g.nameDivergent()
	var facts []watch.Fact
	skipped := g.skipUnroutable()
	for _, outcome := range g.outcomes {
		switch {
		case outcome.credential != nil:
			if len(skipped) > 0 {
				outcome.credential.Details["skipped_addresses"] = skipped
			}
			facts = append(facts, *outcome.credential)
		case outcome.failed.noRoute && len(skipped) > 0:
		case g.listener != nil && !outcome.failed.spokeTLS:
			// The socket merely serves something else.
		default:
			facts = append(facts, outcome.endpoint.problem(outcome.failed))
		}
	}
	return facts
}

// skipUnroutable lists the addresses of a family to which this machine has no route at
// all, if the service could be read over the other family. They say nothing about the
// service; where they are all there is, they are reported.
func (g *group) skipUnroutable() []string {
	read := slices.ContainsFunc(g.outcomes, func(o outcome) bool { return o.credential != nil })
	var skipped []string
	for _, outcome := range g.outcomes {
		if read && outcome.failed != nil && outcome.failed.noRoute {
			skipped = append(skipped, outcome.endpoint.address.Addr().String())
		}
	}
	return skipped
}

// nameDivergent marks the addresses that serve another leaf than most of their siblings,
// or all of them where no leaf is served by most.
func (g *group) nameDivergent() {
	nodes := map[string][]outcome{}
	total := 0
	for _, outcome := range g.outcomes {
		if outcome.credential != nil {
			nodes[outcome.credential.Identity] = append(nodes[outcome.credential.Identity], outcome)
			total++
		}
	}
	if len(nodes) < 2 {
		return
	}
	usual, tied := mostServed(nodes)
	for identity, serving := range nodes {
		if identity == usual && !tied {
			continue
		}
		for _, outcome := range serving {
			outcome.credential.Observations = append(outcome.credential.Observations, watch.Observation{
				Reason: watch.DivergentNode, Text: divergence(outcome, nodes, usual, tied, total),
			})
		}
	}
}

func mostServed(nodes map[string][]outcome) (identity string, tied bool) {
	most := 0
	for candidate, serving := range nodes {
		switch {
		case len(serving) > most:
			identity, most, tied = candidate, len(serving), false
		case len(serving) == most:
			tied = true
		}
	}
	return identity, tied
}

func divergence(odd outcome, nodes map[string][]outcome, usual string, tied bool, total int) string {
	own := sayTime(odd.credential.NotAfter)
	if !tied {
		others := nodes[usual]
		return fmt.Sprintf("differs from the one that %d of the %d addresses of %s serve: this one ends %s, theirs %s",
			len(others), total, odd.endpoint.host.shown(), own, sayTime(others[0].credential.NotAfter))
	}
	var others []string
	for identity, serving := range nodes {
		for _, other := range serving {
			if identity != odd.credential.Identity {
				others = append(others, fmt.Sprintf("%s (ends %s)", other.endpoint.address.Addr(), sayTime(other.credential.NotAfter)))
			}
		}
	}
	slices.Sort(others)
	return fmt.Sprintf("differs from what other addresses of %s serve, and none is served by most: this one ends %s, against %s",
		odd.endpoint.host.shown(), own, listed(others, maxNamesSaid))
}
