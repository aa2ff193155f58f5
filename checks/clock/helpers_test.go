package clock_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/clock"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// believing is an Env whose references say that the own clock is off by so much.
func believing(off time.Duration) checks.Env {
	env := checks.DefaultEnv(nil)
	env.Reference = func(context.Context) watch.Reference {
		return watch.Reference{Asked: 4, Answered: 4, Agreeing: 4, Majority: true, Offset: off, Uncertainty: time.Microsecond, At: time.Now()}
	}
	return env
}

// options are those of a check over the targets.
func options(targets ...string) clock.Options {
	o := clock.Options{Samples: 1, Interval: watch.Duration(100 * time.Millisecond)}
	for _, target := range targets {
		o.Targets = append(o.Targets, clock.Target{URL: target})
	}
	return o
}

func built(t testing.TB, o clock.Options, env checks.Env) watch.Check {
	t.Helper()
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	check, err := clock.New(o, env)
	if err != nil {
		t.Fatal(err)
	}
	return check
}

// facts are those of one pass, by their subject's ID.
func facts(t testing.TB, check watch.Check) map[string]watch.Fact {
	t.Helper()
	var mu sync.Mutex
	found := map[string]watch.Fact{}
	err := check.Collect(t.Context(), func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		found[fact.About().ID] = fact
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// findings are those of one pass as the default policy judges them, in the order of
// their IDs.
func findings(t testing.TB, check watch.Check) []watch.Finding {
	t.Helper()
	found := facts(t, check)
	var judged []watch.Finding
	for _, id := range slices.Sorted(maps.Keys(found)) {
		judged = append(judged, policy.Judge{}.Finding(policy.Origin{Check: "clocks", Kind: "clock"}, found[id], time.Now()))
	}
	return judged
}

// read is the one clock of a pass.
func read(t testing.TB, o clock.Options, env checks.Env) watch.Clock {
	t.Helper()
	for _, fact := range facts(t, built(t, o, env)) {
		if read, ok := fact.(watch.Clock); ok {
			return read
		}
		t.Fatalf("the clock was not read: %+v", fact)
	}
	t.Fatal("there is no fact")
	return watch.Clock{}
}

// near fails the test unless an offset is the wanted one within its own uncertainty, and a
// little for what two clients of one machine do to each other.
func near(t *testing.T, got watch.Clock, want time.Duration) {
	t.Helper()
	if off := (got.Offset - want).Abs(); off > got.Uncertainty+5*time.Millisecond {
		t.Errorf("%s is off by %v ± %v, want %v", got.Subject.Name, got.Offset, got.Uncertainty, want)
	}
}
