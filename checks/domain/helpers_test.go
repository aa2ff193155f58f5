package domain_test

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/domain"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakerdap"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// asOf is the instant that the tests judge as of.
var asOf = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

func testEnv() checks.Env {
	return checks.Env{
		Now: func() time.Time { return asOf }, Log: slog.New(slog.DiscardHandler), Memory: checks.Forgetful(),
		Concurrency: 4, Timeout: time.Minute, Expect: func(int) {},
	}
}

// world is a registry, and the list that leads to it.
type world struct {
	*fakerdap.Registry
	*vendortest.Server
}

// fine is a manner that never shows.
var fine = vendortest.Manner{After: 1 << 30}

func begin(t testing.TB, registry *fakerdap.Registry, manners ...vendortest.Manner) world {
	t.Helper()
	return world{registry, vendortest.Start(t, registry, manners...)}
}

func (w world) options(names ...string) domain.Options {
	o := domain.Options{BootstrapURL: w.URL + fakerdap.Bootstrap, CAFile: w.CAFile, Pause: watch.Duration(time.Microsecond)}
	for _, name := range names {
		o.Domains = append(o.Domains, domain.Domain{Entry: entry.Entry{Name: name}})
	}
	return o
}

func checkOf(t testing.TB, o domain.Options, env checks.Env) watch.Check {
	t.Helper()
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	check, err := domain.New(o, env)
	if err != nil {
		t.Fatal(err)
	}
	return check
}

func collect(t testing.TB, check watch.Check) []watch.Fact {
	t.Helper()
	var mu sync.Mutex
	var facts []watch.Fact
	err := check.Collect(t.Context(), func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		facts = append(facts, fact)
	})
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// one is what a pass tells of the only domain.
func one(t testing.TB, o domain.Options, env checks.Env) watch.Fact {
	t.Helper()
	facts := collect(t, checkOf(t, o, env))
	if len(facts) != 1 {
		t.Fatalf("got %d facts, want one: %+v", len(facts), facts)
	}
	return facts[0]
}

func problem(t testing.TB, fact watch.Fact) watch.Problem {
	t.Helper()
	found, ok := fact.(watch.Problem)
	if !ok {
		t.Fatalf("got %+v, want a problem", fact)
	}
	if !found.Confined || found.HidesPrefix != "" {
		t.Errorf("the problem claims to hide others: %+v", found)
	}
	return found
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 4, 0, 0, 0, time.UTC)
}

// shop is a registration that ends on 13 August 2027.
func shop() fakerdap.Domain {
	return fakerdap.Registered("shop.example", day(1995, time.August, 14), day(2027, time.August, 13))
}
