package domain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/domain"
	"lapsewatch/internal/fakerdap"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// many are registered domains.
func many(w world, n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("d%02d.example", i))
		w.Put(fakerdap.Registered(names[i], day(1995, time.August, 14), day(2027, time.August, 13)))
	}
	return names
}

// brief are the IDs of what a pass tells, with the reasons of problems.
func brief(t *testing.T, o domain.Options, env checks.Env) string {
	t.Helper()
	var told []string
	for _, fact := range checktest.Pass(t, checkOf(t, o, env)) {
		text := fact.About().ID
		if problem, bad := fact.(watch.Problem); bad {
			text += " " + string(problem.Reason)
		}
		told = append(told, text)
	}
	slices.Sort(told)
	return strings.Join(told, ", ")
}

func TestARegistryThatFailsForAllIsOneFindingFromPassToPass(t *testing.T) {
	w := begin(t, fakerdap.New(), fine)
	env := checktest.Env(asOf)
	o := w.options(many(w, 12)...)
	checktest.Pass(t, checkOf(t, o, env))
	w.Misbehave(vendortest.Manner{On: ".example", Times: vendortest.Always, Answer: vendortest.Status(503, "3600")})
	for pass := range 3 {
		before := len(w.To("d00.example"))
		if got := brief(t, o, env); got != "registry/example unreadable" {
			t.Errorf("pass %d: %s", pass, got)
		}
		if len(w.To("d00.example")) == before {
			t.Errorf("pass %d did not begin with the first domain", pass)
		}
	}
	if got := brief(t, w.options("d00.example", "d01.example"), env); got != "registry/example unreadable" {
		t.Errorf("of two: %s", got)
	}
	if got := brief(t, w.options("d00.example"), env); got != "example/d00.example unreadable" {
		t.Errorf("of one: %s", got)
	}
}

func TestARegistryThatFailsAfterAnAnswerIsAskedAboutTheSameDomains(t *testing.T) {
	w := begin(t, fakerdap.New(), fine)
	env := checktest.Env(asOf)
	o := w.options(many(w, 6)...)
	checktest.Pass(t, checkOf(t, o, env))
	for pass := range 3 {
		w.Misbehave(vendortest.Manner{On: ".example", After: 1, Times: vendortest.Always, Answer: vendortest.Status(503, "3600")})
		want := "example/d00.example, example/d01.example unreadable, example/d02.example unreadable, example/d03.example unreadable, registry/example unreadable"
		if got := brief(t, o, env); got != want {
			t.Errorf("pass %d: %s\nwant %s", pass, got, want)
		}
	}
}

func TestASecondLookDoesNotChangeWhoseTurnItIs(t *testing.T) {
	w := begin(t, fakerdap.New(), fine)
	env, now := checktest.Env(asOf), asOf
	env.Now = func() time.Time { return now }
	o := w.options(many(w, 8)...)
	limit := func() {
		w.Misbehave(vendortest.Manner{On: ".example", After: 3, Times: vendortest.Always, Answer: vendortest.Status(429, "3600")})
	}
	for pass, want := range []string{
		"example/d00.example, example/d01.example, example/d02.example, registry/example throttled",
		"example/d03.example, example/d04.example, example/d05.example, registry/example throttled",
		"example/d00.example, example/d06.example, example/d07.example, registry/example throttled",
	} {
		limit()
		if got := brief(t, o, env); got != want {
			t.Errorf("pass %d: %s\nwant %s", pass, got, want)
		}
		now = now.Add(24 * time.Hour)
		w.Misbehave()
		var again []watch.Fact
		if err := checkOf(t, o, env).(watch.Rechecker).Recheck(t.Context(), []string{"example/d00.example", "example/d01.example"}, func(fact watch.Fact) { again = append(again, fact) }); err != nil || len(again) != 2 {
			t.Errorf("pass %d: %v, %+v", pass, err, again)
		}
	}
}

func TestASecondLookTellsOfEachDomain(t *testing.T) {
	w := begin(t, fakerdap.New(), fine)
	check := checkOf(t, w.options(many(w, 3)...), checktest.Env(asOf))
	w.Misbehave(vendortest.Manner{On: ".example", Times: vendortest.Always, Answer: vendortest.Status(503, "3600")})
	told := 0
	err := check.(watch.Rechecker).Recheck(t.Context(), []string{"example/d00.example", "example/d01.example"}, func(fact watch.Fact) {
		told++
		problem(t, fact)
	})
	if err != nil || told != 2 {
		t.Errorf("%d facts, %v", told, err)
	}
}

func TestARegistryOfSeveralTopLevelDomainsHidesEachAlone(t *testing.T) {
	w := begin(t, fakerdap.New(), fine)
	o := w.options(append(many(w, 25), "shop.test", "bücher.рф")...)
	o.Server = w.URL + strings.TrimSuffix(fakerdap.Base, "/")
	w.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Status(429, "3600")})
	facts, _ := checktest.ByID(t, checktest.Pass(t, checkOf(t, o, checktest.Env(asOf))))
	for tld, names := range map[string]string{"example": "d18.example, d19.example and 5 more", "test": "nothing new is known of shop.test", "xn--p1ai": "nothing new is known of xn--bcher-kva.xn--p1ai"} {
		found := checktest.WantProblem(t, facts["registry/"+tld], watch.Throttled, names)
		if !found.Confined || found.HidesPrefix != tld+"/" {
			t.Errorf("%+v", found)
		}
	}
	if len(facts) != 3 {
		t.Errorf("%+v", facts)
	}
}
