package domain_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakerdap"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestTheListOfServicesIsReadOnceADay(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	env, now := checktest.Env(asOf), asOf
	env.Now = func() time.Time { return now }
	pass := func() int {
		t.Helper()
		checktest.Pass(t, checkOf(t, w.options("shop.example", "gone.example", "nowhere.test"), env))
		return len(w.To(fakerdap.Bootstrap))
	}
	for _, step := range []struct {
		after time.Duration
		reads int
	}{{0, 1}, {time.Hour, 1}, {24 * time.Hour, 1}, {25 * time.Hour, 2}, {26 * time.Hour, 2}} {
		now = asOf.Add(step.after)
		if got := pass(); got != step.reads {
			t.Errorf("after %s it was read %d times, want %d", step.after, got, step.reads)
		}
	}
}

func TestWithoutTheListWhatIsRememberedIsUsed(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	env, now := checktest.Env(asOf), asOf
	env.Now = func() time.Time { return now }
	w.Misbehave(vendortest.Manner{On: fakerdap.Bootstrap, Times: vendortest.Always, Answer: vendortest.Status(403, "")})
	found := problem(t, one(t, w.options("shop.example"), env))
	if want := "find out which registry to ask: read " + w.URL + ": it answered 403 Forbidden"; found.Reason != watch.PermissionDenied || found.Err.Error() != want {
		t.Errorf("got %s: %v", found.Reason, found.Err)
	}
	w.Misbehave()
	one(t, w.options("shop.example"), env)
	now = asOf.Add(72 * time.Hour)
	w.Misbehave(vendortest.Manner{On: fakerdap.Bootstrap, Times: vendortest.Always, Answer: vendortest.Status(403, "")})
	facts := checktest.Pass(t, checkOf(t, w.options("shop.example"), env))
	if len(facts) != 2 || facts[0] != (watch.Remark{Text: "read " + w.URL + ": it answered 403 Forbidden, so that the addresses of 2026-11-22 were used"}) {
		t.Errorf("got %+v", facts)
	}
	now = asOf.Add(91 * 24 * time.Hour)
	problem(t, one(t, w.options("shop.example"), env))
}

func TestAListThatIsNoneIsAProblem(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	for _, body := range []string{"", "[]", "{}", `{"services":[[["example"]]]}`, `{"services":"x"}`, vendortest.HostilePage} {
		w.Misbehave(vendortest.Manner{On: fakerdap.Bootstrap, Answer: vendortest.Reply(200, "application/json", body)})
		found := problem(t, one(t, w.options("shop.example"), checktest.Env(asOf)))
		if want := "find out which registry to ask: read " + w.URL + ": the answer is no list of RDAP services (RFC 9224)"; found.Reason != watch.Unparsable || found.Err.Error() != want {
			t.Errorf("%s: got %s: %v", body, found.Reason, found.Err)
		}
	}
}

func TestATopLevelDomainWithoutAServiceIsAProblem(t *testing.T) {
	registry := fakerdap.New(shop())
	registry.Elsewhere = map[string][]string{"plain": {"http://rdap.example.net/"}, "user": {"https://u:p@rdap.example.net/"}, "bad": {"://", "ftp://x"}}
	w := begin(t, registry, fine)
	for _, name := range []string{"shop.nowhere", "shop.plain", "shop.user", "shop.bad"} {
		found := problem(t, one(t, w.options(name), checktest.Env(asOf)))
		tld := strings.TrimPrefix(name, "shop")
		if found.Reason != watch.NotFound || found.Err.Error() != "IANA lists no RDAP service with https for "+tld ||
			found.Remedy != "If its registry has one, name that in server, in a check of its own; otherwise write the date into a check of kind register." {
			t.Errorf("got %+v", found)
		}
	}
}

func TestAServerOfYourOwnIsAskedWithoutTheList(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	o := w.options("shop.example")
	o.Server = w.URL + strings.TrimSuffix(fakerdap.Base, "/")
	if _, ok := one(t, o, checktest.Env(asOf)).(watch.Credential); !ok || len(w.To(fakerdap.Bootstrap)) != 0 {
		t.Errorf("asked %+v", w.Requests())
	}
}

func TestARedirectToAnotherServiceIsFollowedThreeTimes(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	loop := vendortest.Manner{On: "shop.example", Times: vendortest.Always, Answer: vendortest.Redirect(w.URL)}
	w.Misbehave(vendortest.Manner{On: "shop.example", Times: 3, Answer: vendortest.Redirect(w.URL)})
	if _, ok := one(t, w.options("shop.example"), checktest.Env(asOf)).(watch.Credential); !ok {
		t.Error("three redirects were not followed")
	}
	w.Misbehave(loop)
	found := problem(t, one(t, w.options("shop.example"), checktest.Env(asOf)))
	if want := "read " + w.URL + ": it answered 307 Temporary Redirect, which leads elsewhere and is not followed"; found.Err.Error() != want {
		t.Errorf("got %v", found.Err)
	}
	w.Misbehave(vendortest.Manner{On: "shop.example", Times: vendortest.Always, Answer: vendortest.Redirect(strings.Replace(w.URL, "https", "http", 1))})
	problem(t, one(t, w.options("shop.example"), checktest.Env(asOf)))
}

func TestARegistryThatIsAskedTooOftenIsLeftAloneOverPasses(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	env, now := checktest.Env(asOf), asOf
	env.Now = func() time.Time { return now }
	o := w.options("a.example", "shop.example")
	checktest.Pass(t, checkOf(t, o, env))
	before := len(w.Requests())
	w.Misbehave(vendortest.Manner{On: "a.example", Answer: vendortest.Status(429, "600")})
	held := func() {
		t.Helper()
		facts, _ := checktest.ByID(t, checktest.Pass(t, checkOf(t, o, env)))
		found := checktest.WantProblem(t, facts["registry/example"], watch.Throttled, "not asked again before 2026-11-22", ": read "+w.URL+": it answered 429 Too Many Requests; nothing new is known of a.example, shop.example")
		if len(facts) != 1 || found.HidesPrefix != "example/" || found.Subject.Name != "registry of .example" || found.Remedy != "Raise pause, or ask this registry less often: it limits how much it is asked." {
			t.Errorf("got %+v", facts)
		}
		if asked := len(w.Requests()) - before; asked != 1 {
			t.Errorf("asked %d times, want once", asked)
		}
	}
	held()
	now = asOf.Add(9 * time.Minute)
	held()
	abilities := checkOf(t, o, env).(watch.Trier).Try(t.Context())
	if len(abilities) != 2 || abilities[0].Err != nil || abilities[1].Err != nil {
		t.Errorf("Try waits: %+v", abilities)
	}
	if facts, _ := checktest.ByID(t, checktest.Pass(t, checkOf(t, o, env))); len(facts) != 2 || len(facts.Problems()) != 0 {
		t.Errorf("once it answered, %+v", facts)
	}
}

func TestAShortWaitIsWaitedOut(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	w.Misbehave(vendortest.Manner{On: "a.example", Answer: vendortest.Status(429, "")})
	facts, _ := checktest.ByID(t, checktest.Pass(t, checkOf(t, w.options("a.example", "shop.example"), checktest.Env(asOf))))
	if asked := len(w.To("a.example")); asked != 2 || len(facts) != 2 || len(facts.Problems()) != 0 {
		t.Errorf("asked %d times, got %+v", asked, facts)
	}
}

func TestARegistryThatAnswersAFewQuestionsIsAskedAboutAllInTurn(t *testing.T) {
	registry := fakerdap.New()
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("d%d.example", i))
		registry.Put(fakerdap.Registered(names[i], day(2000, time.January, 1), day(2027, time.August, 13)))
	}
	var quota atomic.Int64
	w := begin(t, registry, vendortest.Manner{On: ".example", Times: vendortest.Always, Answer: func(rw http.ResponseWriter, r *http.Request, usual http.Handler) {
		if quota.Add(-1) < 0 {
			vendortest.Status(429, "3600")(rw, r, usual)
			return
		}
		usual.ServeHTTP(rw, r)
	}})
	env, now := checktest.Env(asOf), asOf
	env.Now = func() time.Time { return now }
	seen := map[string]int{}
	for range 5 {
		quota.Store(4)
		for _, fact := range checktest.Pass(t, checkOf(t, w.options(names...), env)) {
			if _, read := fact.(watch.Credential); read {
				seen[fact.About().Name]++
			}
		}
		now = now.Add(24 * time.Hour)
	}
	for _, name := range names {
		if seen[name] != 2 {
			t.Errorf("%s was read %d times, want twice", name, seen[name])
		}
	}
}

func TestBadNewsOfADomainIsLookedAtAgain(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	check := checkOf(t, w.options("shop.example", "other.example"), checktest.Env(asOf))
	w.Misbehave(vendortest.Manner{On: "shop.example", Answer: vendortest.Reply(404, "application/rdap+json", "")})
	facts, _ := checktest.ByID(t, checktest.Pass(t, check))
	checktest.Of[watch.Condition](t, facts, "example/shop.example")
	before := len(w.Requests())
	var again []watch.Fact
	if err := check.(watch.Rechecker).Recheck(t.Context(), []string{"example/shop.example"}, func(fact watch.Fact) { again = append(again, fact) }); err != nil {
		t.Fatal(err)
	}
	if asked := len(w.Requests()) - before; asked != 1 || len(again) != 1 {
		t.Fatalf("asked %d times, got %+v", asked, again)
	}
	checktest.As[watch.Credential](t, again[0])
}

func TestARegistryThatIsDownIsNotAskedAboutEachDomain(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	w.Misbehave(vendortest.Manner{On: ".example", Times: vendortest.Always, Answer: vendortest.Status(504, "3600")})
	facts, _ := checktest.ByID(t, checktest.Pass(t, checkOf(t, w.options("a.example", "b.example", "c.example", "d.example", "e.example"), checktest.Env(asOf))))
	if asked := len(w.To(".example")); asked != 3 || len(facts) != 1 {
		t.Fatalf("asked %d times, got %+v", asked, facts)
	}
	found := checktest.WantProblem(t, facts["registry/example"], watch.Unreadable, "nothing new is known of a.example, b.example, c.example, d.example, e.example, after 3 questions in a row without an answer: read "+w.URL+": it answered 504 Gateway Timeout")
	if found.HidesPrefix != "example/" {
		t.Errorf("got %+v", found)
	}
}

func TestTheWordsOfARefusalAreTheRegistrys(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	w.Misbehave(vendortest.Manner{On: "shop.example", Times: vendortest.Always, Answer: vendortest.Reply(http.StatusForbidden, "application/rdap+json",
		`{"errorCode":403,"title":"Your network\u202e","description":["was blocked","for 24 h\r\n"]}`)})
	found := problem(t, one(t, w.options("shop.example"), checktest.Env(asOf)))
	if want := "read " + w.URL + ": it answered 403 Forbidden: Your network\ufffd was blocked for 24 h"; found.Reason != watch.PermissionDenied || found.Err.Error() != want {
		t.Errorf("got %s: %v", found.Reason, found.Err)
	}
}

func TestAnAnswerWithoutEndIsTooLarge(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	w.Misbehave(vendortest.Manner{On: "shop.example", Times: vendortest.Always, Answer: vendortest.Endless()})
	found := problem(t, one(t, w.options("shop.example"), checktest.Env(asOf)))
	if found.Reason != watch.TooLarge || found.Err.Error() != "read "+w.URL+": the answer is larger than 4194304 bytes" {
		t.Errorf("got %s: %v", found.Reason, found.Err)
	}
}

func TestASlowRegistryTimesOut(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	env := checktest.Env(asOf)
	one(t, w.options("shop.example"), env) // where to ask is known now
	env.Timeout = 200 * time.Millisecond
	w.Misbehave(vendortest.Manner{On: "shop.example", Times: vendortest.Always, Answer: vendortest.Slow(time.Minute)})
	found := problem(t, one(t, w.options("shop.example"), env))
	if found.Reason != watch.TimedOut || found.Err.Error() != "read "+w.URL+": no answer in time" {
		t.Errorf("got %s: %v", found.Reason, found.Err)
	}
}
