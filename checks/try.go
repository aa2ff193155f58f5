package checks

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"lapsewatch/watch"
)

// TryByCollecting is Try for a check whose rights show only in what it reads: it collects
// once, and each subject is an ability that gives the same. What is remembered meanwhile is
// as of any pass.
func TryByCollecting(ctx context.Context, check watch.Check, gives string) []watch.Ability {
	var mu sync.Mutex
	var found []watch.Ability
	add := func(ability watch.Ability) {
		mu.Lock()
		defer mu.Unlock()
		found = append(found, ability)
	}
	err := check.Collect(ctx, func(fact watch.Fact) {
		if _, remark := fact.(watch.Remark); remark {
			return
		}
		ability := watch.Ability{Name: fact.About().Name, Gives: gives, Required: true}
		if problem, failed := fact.(watch.Problem); failed {
			ability.Err, ability.Reason, ability.Remedy = cmp.Or(problem.Err, errUnread), problem.Reason, problem.Remedy
		}
		add(ability)
	})
	if err != nil {
		add(watch.Ability{Name: "try", Gives: gives, Required: true, Err: err})
	}
	slices.SortFunc(found, func(a, b watch.Ability) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// Collecting is a check that is nothing but its Collect.
type Collecting func(ctx context.Context, sink watch.Sink) error

// Collect implements watch.Check.
func (c Collecting) Collect(ctx context.Context, sink watch.Sink) error { return c(ctx, sink) }

// Missed notes in ability the first fact that says that something does not work.
func Missed(ability *watch.Ability, fact watch.Fact) {
	if ability.Err != nil {
		return
	}
	switch fact := fact.(type) {
	case watch.Problem:
		ability.Err, ability.Reason, ability.Remedy = cmp.Or(fact.Err, errUnread), fact.Reason, fact.Remedy
	case watch.Condition:
		if fact.Reason != "" {
			ability.Err, ability.Reason, ability.Remedy = errors.New(fact.Text), fact.Reason, fact.Remedy
		}
	}
}

var errUnread = errors.New("it could not be read")
