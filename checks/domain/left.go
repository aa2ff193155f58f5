package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

func (r *asking) leftKey() string { return "rdap-next:" + holdoff.Digest([]byte(r.base)) }

// turned begins with the domain at which a limit of the registry ended an earlier pass, so
// that one which answers a few questions only is asked about all of them in turn.
func (r *asking) turned(ctx context.Context, domains []asked) []asked {
	if r.again {
		return domains
	}
	name, err := r.env.Memory.Recall(ctx, r.leftKey())
	if err != nil {
		r.env.Log.Warn("recall which domain is next", "registry", host(r.base), "error", err)
	}
	first := slices.IndexFunc(domains, func(a asked) bool { return a.ascii == string(name) })
	if first <= 0 {
		return domains
	}
	return slices.Concat(domains[first:], domains[:first])
}

// leave ends the questions; those from stopped on were not asked, or had the registry ask to
// wait. Where it failed for all that were asked, the registry alone is told of.
func (r *asking) leave(ctx context.Context, domains []asked, stopped int) {
	left := domains[stopped:]
	if alone := !r.any && len(domains) > 1 && !r.again; alone {
		r.unanswered, left = nil, domains
	}
	r.tellUnanswered()
	for _, of := range byTLD(left) {
		r.sink(r.problem(of))
	}
	switch whole := stopped == len(domains); {
	case r.again:
	case whole && r.failures == 0:
		r.next(ctx, "")
	case r.limited():
		r.next(ctx, domains[stopped].ascii)
	}
}

// limited tells a registry that limits questions from one that fails: the next pass begins
// where the one stopped, and with the same domains where the other did.
func (r *asking) limited() bool { return r.hold != nil && r.failures < mostFailures }

func (r *asking) next(ctx context.Context, name string) {
	if before, err := r.env.Memory.Recall(ctx, r.leftKey()); err == nil && string(before) == name {
		return
	}
	if err := r.env.Memory.Remember(ctx, r.leftKey(), []byte(name)); err != nil {
		r.env.Log.Warn("remember which domain is next", "registry", host(r.base), "error", err)
	}
}

// byTLD keeps the order of domains, and of the first of each top-level domain.
func byTLD(domains []asked) [][]asked {
	var groups [][]asked
	for _, a := range domains {
		i := slices.IndexFunc(groups, func(group []asked) bool { return group[0].tld() == a.tld() })
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], a)
	}
	return groups
}

// problem is that of the registry of one top-level domain. What is known of the domains below
// it stands meanwhile.
func (r *asking) problem(left []asked) watch.Problem {
	tld := left[0].tld()
	told := watch.Problem{
		Subject: watch.Subject{ID: "registry/" + tld, Name: "registry of ." + tld}, Confined: true, HidesPrefix: tld + "/",
		Details: map[string]any{"server": host(r.base), "domains_left_out": len(left)},
	}
	var names []string
	for _, a := range left[:min(len(left), namedLeft)] {
		names = append(names, a.ascii)
	}
	which := strings.Join(names, ", ")
	if more := len(left) - namedLeft; more > 0 {
		which += fmt.Sprintf(" and %d more", more)
	}
	if r.limited() {
		told.Reason, told.Remedy = r.hold.Reason, throttledRemedy
		told.Err = errors.New(r.hold.Clause() + ": " + r.hold.Text + "; nothing new is known of " + which)
		return told
	}
	told.Reason, told.Err = watch.Unreadable, fmt.Errorf("nothing new is known of %s, after %d questions in a row without an answer", which, r.failures)
	if r.failure != nil {
		told.Reason, told.Err = r.failure.Reason, fmt.Errorf("%w: %w", told.Err, r.failure)
	}
	return told
}

// Recheck implements watch.Rechecker: it asks again about domains that bad news is about to
// be told of.
func (c *check) Recheck(ctx context.Context, subjectIDs []string, sink watch.Sink) error {
	again := *c
	again.domains = slices.DeleteFunc(slices.Clone(c.domains), func(a asked) bool { return !slices.Contains(subjectIDs, a.subject().ID) })
	return again.collect(ctx, func(fact watch.Fact) {
		if slices.Contains(subjectIDs, fact.About().ID) {
			sink(fact)
		}
	}, manner{again: true})
}
