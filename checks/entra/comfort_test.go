package entra

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

// What ends soon must be told, whatever becomes of the questions about it.
func TestF10_APassThatEndsEarlyStillTellsWhatEndsSoon(t *testing.T) {
	var soon []faketenant.Application
	for n := range 40 {
		soon = append(soon, application(n+1, "app", secret(n+1, "main", days(2))))
	}
	for name, manner := range map[string]faketenant.Manner{
		"a report that hangs":                {On: "/appCredentialSignInActivities", Times: faketenant.Always, Answer: faketenant.Slow(time.Hour)},
		"owners that are slow":               {On: "/owners", Times: faketenant.Always, Answer: faketenant.Slow(2 * time.Second)},
		"a second page that hangs":           {On: "/applications", Page: 2, Times: faketenant.Always, Answer: faketenant.Slow(time.Hour)},
		"service principals that never come": {On: "/servicePrincipals", Times: faketenant.Always, Answer: faketenant.Slow(time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := beginWith(t, faketenant.Options{
				Directory: faketenant.Directory{Applications: soon, Generated: faketenant.Generated{Applications: 1200, SecretsEach: 1, From: days(-1)}},
				Manners:   []faketenant.Manner{manner},
			}, func(o *Options) { o.FallbackOwners = []string{"platform@example.com"} })
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			told, err := s.collectErr(ctx)
			due := 0
			for _, credential := range told.credentials {
				if credential.NotAfter.Equal(days(2)) {
					due++
					if len(credential.Subject.Owners) == 0 {
						t.Errorf("nobody is told of %s", credential.Subject.Name)
					}
				}
			}
			if due != 40 {
				t.Errorf("%d of 40 that end in two days are told (%v)", due, err)
			}
		})
	}
}

func TestListsThatAreMissingAreNotTakenForEmpty(t *testing.T) {
	strip := func(property string) faketenant.Answer {
		return faketenant.Edited(func(body []byte) []byte { return []byte(strings.ReplaceAll(string(body), property, "renamed")) })
	}
	for _, property := range []string{"passwordCredentials", "keyCredentials"} {
		s := beginWith(t, faketenant.Options{
			Directory: faketenant.Directory{Applications: []faketenant.Application{application(1, "one", secret(1, "main", days(2)))}},
			Manners:   []faketenant.Manner{{On: "/applications", Times: faketenant.Always, Answer: strip(property)}},
		})
		told := s.collect(t)
		if len(told.problems) == 0 || told.problems[0].Reason != watch.Unparsable {
			t.Errorf("without %s: problems %v, remarks %v", property, told.problems, told.remarks)
		}
	}
}

func TestDisuseIsProvedByNothingLess(t *testing.T) {
	used := func(edit func(*holder, *activity)) watch.Use {
		h := &holder{appID: appID(1)}
		a := activity{last: map[credentialKey]time.Time{{appID(1), keyIDOf(1), false}: days(-60)}, read: now}
		edit(h, &a)
		return a.use(h, &item{form: watch.ClientSecret, keyID: keyIDOf(1), end: days(200)}, now, 30*day)
	}
	equal(t, "a sign-in 60 days ago", used(func(*holder, *activity) {}).State, watch.Unused)
	equal(t, "of an application that others use too", used(func(h *holder, _ *activity) { h.multiTenant = true }), watch.Use{
		State: watch.UseUnknown, LastUsed: days(-60), Text: "sign-ins in other tenants, which may use it too, are not in this tenant's report"})
	equal(t, "with rows that cannot be read", used(func(_ *holder, a *activity) { a.unreadable = true }).State, watch.UseUnknown)
	equal(t, "judged as of an instant after the report", used(func(_ *holder, a *activity) { a.read = days(-40) }).State, watch.InUse)
	remembered := watch.Use{State: watch.Unused, LastUsed: days(-60), Text: "as of 2026-11-20"}
	brokenOff := func(last time.Time) func(*holder, *activity) {
		return func(h *holder, a *activity) {
			key := credentialKey{h.appID, keyIDOf(1), false}
			a.unknown, a.before = "it broke off", map[[8]byte]watch.Use{key.digest(): remembered}
			a.last[key] = last
		}
	}
	equal(t, "what an earlier report said, when this one broke off", used(brokenOff(time.Time{})), remembered)
	equal(t, "what this one still showed before it broke off", used(brokenOff(days(-1))), watch.Use{State: watch.InUse, LastUsed: days(-1)})
	var odd activity
	odd.last = map[credentialKey]time.Time{{appID(1), keyIDOf(1), false}: {}}
	for text, unreadable := range map[string]bool{"22.11.2026": true, "0001-01-01T00:00:00Z": false, "": false} {
		odd.unreadable = false
		odd.note(signInRow{AppID: appID(1), KeyID: keyIDOf(1), Origin: "application", SignIn: &struct {
			Last *string `json:"lastSignInDateTime"`
		}{&text}})
		equal(t, "unreadable after "+text, odd.unreadable, unreadable)
	}
}

func TestAFilterThatFitsNothingIsNamed(t *testing.T) {
	told := begin(t, contoso(), func(o *Options) {
		o.Exclude = []Filter{{Name: "crm-*"}, {Name: "nomatch*"}}
		o.Owners = []OwnerRule{{Filter: Filter{Tag: "pay*"}, To: []string{"a@example.com"}}}
	}).collect(t)
	for _, want := range []string{"exclude[1] fits no application and no service principal", "owners[0] fits no application and no service principal"} {
		if !slices.Contains(told.remarks, want) {
			t.Errorf("%q is not among %q", want, told.remarks)
		}
	}
	if slices.Contains(told.remarks, "exclude[0] fits no application and no service principal") {
		t.Error("a filter that fits is said to fit nothing")
	}
}

func TestAnApplicationThatIsListedTwiceIsToldOnce(t *testing.T) {
	twice := func(body []byte) []byte {
		var page map[string]json.RawMessage
		var listed []json.RawMessage
		_ = json.Unmarshal(body, &page)
		_ = json.Unmarshal(page["value"], &listed)
		page["value"], _ = json.Marshal(append(listed, listed...))
		edited, _ := json.Marshal(page)
		return edited
	}
	s := beginWith(t, faketenant.Options{
		Directory: faketenant.Directory{Applications: []faketenant.Application{application(1, "one", secret(1, "main", days(2)), secret(2, "spare", days(200)))}},
		Manners:   []faketenant.Manner{{On: "/applications", Times: faketenant.Always, Answer: faketenant.Edited(twice)}},
	})
	equal(t, "facts", s.collect(t).ids(), []string{watchdogApp + "/" + watchdogKey, appID(1) + "/" + keyIDOf(1), appID(1) + "/" + keyIDOf(2)})
}

func TestWhatManyCredentialsAreNotInUseIsRememberedWhole(t *testing.T) {
	p := &pass{env: testEnv()}
	p.env.Memory = checks.Forgetful()
	unused := map[credentialKey]time.Time{}
	for n := range 2*unusedEach + 1 {
		unused[credentialKey{appID(n), keyIDOf(n), false}] = days(-60)
	}
	p.rememberUnused(t.Context(), unused, now)
	for n := range unusedKeys {
		if kept, _ := p.env.Memory.Recall(t.Context(), unusedKey(n)); len(kept) > 4<<10 {
			t.Errorf("%d bytes under one key are more than a ledger takes", len(kept))
		}
	}
	known := p.recallUnused(t.Context(), now)
	equal(t, "known", len(known), len(unused))
	equal(t, "one of them", known[credentialKey{appID(7), keyIDOf(7), false}.digest()].State, watch.Unused)
	equal(t, "known before it was read, by a clock that was ahead", len(p.recallUnused(t.Context(), days(-2))), 0)
	p.rememberUnused(t.Context(), nil, now)
	equal(t, "known once all of them are gone", len(p.recallUnused(t.Context(), now)), 0)
}

func TestAReportThatIsMissingForOnceRaisesNoSupersededSecretAnew(t *testing.T) {
	s := begin(t, contoso())
	old := appID(2) + "/" + keyIDOf(20)
	equal(t, "with the report", s.collect(t).of(t, old).Use, watch.Use{State: watch.Unused, LastUsed: days(-90)})
	s.tenant.Revoke(watchdogApp, "AuditLog.Read.All")
	use := s.collect(t).of(t, old).Use
	equal(t, "state without it", use.State, watch.Unused)
	if !strings.HasPrefix(use.Text, "as of ") || dateOf(use.LastUsed) != dateOf(days(-90)) {
		t.Errorf("without the report the use is %+v", use)
	}
	equal(t, "what was in use", s.collect(t).of(t, appID(1)+"/"+keyIDOf(10)).Use.State, watch.UseUnknown)
	p := &pass{env: s.check.env}
	if known := p.recallUnused(t.Context(), time.Now().Add(8*day)); len(known) != 0 {
		t.Errorf("after eight days it is still believed: %v", known)
	}
}
