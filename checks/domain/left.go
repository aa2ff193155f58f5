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

// turned begins with the domain at which the pass before had to stop, so that a registry that
// answers a few questions only is asked about all of them in turn.
func (r *asking) turned(ctx context.Context, domains []asked) []asked {
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

// leave remembers which domain is next, and tells once of all that the registry was not
// asked about, or was and asked to wait.
func (r *asking) leave(ctx context.Context, left []asked) {
	next := ""
	if len(left) > 0 {
		next = left[0].ascii
		r.sink(r.problem(left))
	}
	if before, err := r.env.Memory.Recall(ctx, r.leftKey()); err == nil && string(before) == next {
		return
	}
	if err := r.env.Memory.Remember(ctx, r.leftKey(), []byte(next)); err != nil {
		r.env.Log.Warn("remember which domain is next", "registry", host(r.base), "error", err)
	}
}

// problem is that of the registry. What is known of domains stands meanwhile, that of all of
// the check, since no ID shows of which registry a domain is.
func (r *asking) problem(left []asked) watch.Problem {
	address := strings.TrimSuffix(strings.TrimPrefix(r.base, "https://"), "/")
	told := watch.Problem{
		Subject: watch.Subject{ID: "registry/" + address, Name: "registry " + address}, Confined: true, HidesPrefix: domainPrefix,
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
	if r.hold != nil && r.failures < mostFailures {
		told.Reason, told.Remedy = r.hold.Reason, throttledRemedy
		told.Err = errors.New(r.hold.Clause() + ": " + r.hold.Text + "; nothing new is known of " + which)
		return told
	}
	told.Reason, told.Err = watch.Unreadable, fmt.Errorf("not asked about %s, after %d questions in a row without an answer", which, r.failures)
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
	return again.Collect(ctx, func(fact watch.Fact) {
		if slices.Contains(subjectIDs, fact.About().ID) {
			sink(fact)
		}
	})
}
