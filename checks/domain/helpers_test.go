package domain_test

import (
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/domain"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakerdap"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// asOf is the instant that the tests judge as of.
var asOf = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

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
	return checktest.Build(t, domain.Kind, o, env)
}

// one is what a pass tells of the only domain.
func one(t testing.TB, o domain.Options, env checks.Env) watch.Fact {
	t.Helper()
	facts := checktest.Pass(t, checkOf(t, o, env))
	if len(facts) != 1 {
		t.Fatalf("got %d facts, want one: %+v", len(facts), facts)
	}
	return facts[0]
}

func problem(t testing.TB, fact watch.Fact) watch.Problem {
	t.Helper()
	found := checktest.As[watch.Problem](t, fact)
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
