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

var errUnread = errors.New("it could not be read")
