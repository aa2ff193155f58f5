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
	// stalled: the credential is of a server that fell silent after its certificates.
	stalled bool
	failed  *failure
}

// again reports whether an address is worth a second look: its silence may have been
// this machine's own.
func (o outcome) again() bool {
	silent := o.failed != nil && o.failed.reason == watch.TimedOut
	return (silent || o.stalled) && o.endpoint.listener == nil
}

// facts are what is reported of the group, once nothing more is to be learnt.
func (g *group) facts(here families) []watch.Fact {
	skipped := g.skipped(here)
	g.nameDivergent()
	g.noteUnread(skipped)
	var facts []watch.Fact
	for _, outcome := range g.outcomes {
		switch {
		case outcome.credential != nil:
			if len(skipped) > 0 {
				outcome.credential.Details["skipped_addresses"] = skipped
			}
			facts = append(facts, *outcome.credential)
		case slices.Contains(skipped, outcome.address()):
		case g.listener != nil && !outcome.failed.spokeTLS:
			// The socket merely serves something else.
		default:
			facts = append(facts, outcome.endpoint.problem(outcome.failed))
		}
	}
	return facts
}

func (o outcome) address() string { return o.endpoint.address.Addr().String() }

// skipped lists the addresses that are passed over: those of a family that this machine
// takes no part in, if the other family could be read, so that a machine without IPv6
// does not blame every service that has it. Addresses that were configured are never
// among them, nor is one of a family of which anything else was learnt.
func (g *group) skipped(here families) []string {
	if len(g.addresses) > 0 || !slices.ContainsFunc(g.outcomes, func(o outcome) bool { return o.credential != nil }) {
		return nil
	}
	var skipped []string
	for _, ipv6 := range []bool{false, true} {
		var family []string
		for _, outcome := range g.outcomes {
			if outcome.endpoint.address.Addr().Is6() != ipv6 {
				continue
			}
			if outcome.failed == nil || !outcome.failed.noRoute {
				family = nil
				break
			}
			family = append(family, outcome.address())
		}
		if len(family) > 0 && !here.takePart(ipv6) {
			skipped = append(skipped, family...)
		}
	}
	return skipped
}

// noteUnread names in each credential the siblings that it could not be compared with.
func (g *group) noteUnread(skipped []string) {
	var unread []string
	for _, outcome := range g.outcomes {
		if outcome.credential == nil && !slices.Contains(skipped, outcome.address()) {
			unread = append(unread, outcome.address())
		}
	}
	if len(unread) == 0 {
		return
	}
	for _, outcome := range g.outcomes {
		if outcome.credential != nil {
			outcome.credential.Details["not_compared_with"] = shortened(unread)
		}
	}
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
	among := fmt.Sprintf("%d addresses of %s", total, g.host.shown())
	if total < len(g.outcomes) {
		among += " that could be read"
	}
	usual, tied := mostServed(nodes)
	for identity, serving := range nodes {
		if identity == usual && !tied {
			continue
		}
		for _, outcome := range serving {
			outcome.credential.Observations = append(outcome.credential.Observations, watch.Observation{
				Reason: watch.DivergentNode, Text: divergence(outcome, nodes, usual, tied, among),
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

func divergence(odd outcome, nodes map[string][]outcome, usual string, tied bool, among string) string {
	own := sayTime(odd.credential.NotAfter)
	if !tied {
		others := nodes[usual]
		return fmt.Sprintf("differs from the one that %d of the %s serve: this one ends %s, theirs %s",
			len(others), among, own, sayTime(others[0].credential.NotAfter))
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
