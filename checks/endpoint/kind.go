// Package endpoint measures how long the members of a group take to answer, by HTTP, HTTPS
// or TCP, and names the member that is slow, silent or failing beside its peers: one of two
// rings, one of several regions.
//
// It sends a few plain requests to each member and pass, each by a connection of its own. It
// does not judge how grave that is (package policy does), signs in nowhere but by the headers
// that it is given, runs no script, loads no resource of a page, measures no throughput, and
// does not follow a certificate's dates: kind tls does.
package endpoint

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

// Kind is the catalog's entry.
var Kind = checks.Define("endpoint", defaults, New)

type check struct {
	options Options
	env     checks.Env
	timeout time.Duration
	groups  []*group
}

// group is a configured one made ready.
type group struct {
	name    string
	members []*member
}

// member is a configured one made ready.
type member struct {
	Member
	subject watch.Subject
	target  *url.URL
	expects statuses
	book    *holdoff.Book
	// fresh: its credential was refused in the latest pass, so that a second look may ask
	// once more.
	fresh atomic.Bool
}

// New makes the check from options that Validate accepted.
func New(options Options, env checks.Env) (watch.Check, error) {
	c := &check{options: options, env: env, timeout: env.Timeout}
	if options.Timeout > 0 {
		c.timeout = time.Duration(options.Timeout)
	}
	if warn := time.Duration(options.Warn); warn >= c.timeout {
		return nil, &watch.FieldError{Path: "warn", Err: fmt.Errorf("want less than the timeout of %s: nothing would ever be slow", c.timeout)}
	}
	for _, configured := range options.Groups {
		made := &group{name: configured.Name}
		for _, one := range configured.Members {
			ready, err := c.member(configured, one)
			if err != nil {
				return nil, err
			}
			made.members = append(made.members, ready)
		}
		c.groups = append(c.groups, made)
	}
	return c, nil
}

func (c *check) member(in Group, one Member) (*member, error) {
	target, err := one.target()
	if err != nil {
		return nil, fmt.Errorf("read the address of %s/%s: %w", in.Name, one.Name, err)
	}
	expects, err := parseStatuses(one.ExpectStatus)
	if err != nil {
		return nil, fmt.Errorf("read the statuses that %s/%s may answer with: %w", in.Name, one.Name, err)
	}
	made := &member{Member: one, target: target, expects: expects, subject: watch.Subject{
		ID: url.PathEscape(in.Name) + "/" + url.PathEscape(one.Name), Name: in.Name + "/" + one.Name,
		Owners: one.Owners, Link: one.Link,
	}}
	if len(made.subject.Owners) == 0 {
		made.subject.Owners = in.Owners
	}
	if made.subject.Link == "" {
		made.subject.Link = in.Link
	}
	made.book = &holdoff.Book{
		Memory: c.env.Memory, Log: c.env.Log, Key: "endpoint:" + holdoff.Digest([]byte(made.subject.ID)),
		Options: holdoff.Digest([]byte(one.URL), []byte(one.Method)), Subject: made.subject.Name,
	}
	return made, nil
}

// Collect implements watch.Check. A group is told of once its last member was looked at, and
// no group waits for another.
func (c *check) Collect(ctx context.Context, sink watch.Sink) error {
	members := 0
	for _, g := range c.groups {
		members += len(g.members)
	}
	c.env.Expect(members)
	return c.pass(ctx, c.groups, look{samples: c.options.Samples, sink: sink})
}

// Recheck implements watch.Rechecker: it asks the groups of the subjects once more, with all
// of their members, since they are compared with each other.
func (c *check) Recheck(ctx context.Context, subjectIDs []string, sink watch.Sink) error {
	asked := func(m *member) bool { return slices.Contains(subjectIDs, m.subject.ID) }
	again := slices.DeleteFunc(slices.Clone(c.groups), func(g *group) bool { return !slices.ContainsFunc(g.members, asked) })
	return c.pass(ctx, again, look{samples: c.options.Samples, again: true, sink: func(fact watch.Fact) {
		if slices.Contains(subjectIDs, fact.About().ID) {
			sink(fact)
		}
	}})
}

// Try asks each member once.
func (c *check) Try(ctx context.Context) []watch.Ability {
	var mu sync.Mutex
	var found []watch.Ability
	err := c.pass(ctx, c.groups, look{samples: 1, trying: true, sink: func(fact watch.Fact) {
		ability := watch.Ability{Name: fact.About().Name, Gives: "answers as expected", Required: true}
		if !late(fact) {
			checks.Missed(&ability, fact)
		}
		mu.Lock()
		defer mu.Unlock()
		found = append(found, ability)
	}})
	if err != nil {
		found = append(found, watch.Ability{Name: "try", Gives: "answers as expected", Required: true, Err: err})
	}
	slices.SortFunc(found, func(a, b watch.Ability) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// late reports whether a fact says no more than that an answer came late.
func late(fact watch.Fact) bool {
	condition, ok := fact.(watch.Condition)
	return ok && (condition.Reason == watch.ResponseSlow || condition.Reason == watch.DivergentMember)
}

const maxShown = 200

func shown(text string) string { return clean.Text(strings.Join(strings.Fields(text), " "), maxShown) }
