package entra

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

// oddities are applications with everything that real tenants hold.
func oddities() []faketenant.Application {
	twins := application(1, "twins", secret(10, "first", days(200)), secret(10, "second", days(300)))
	endless := application(2, "endless", secret(20, "2299", days(0)), secret(21, "null", days(0)))
	endless.PasswordCredentials[0].EndDateTime = "2299-12-30T23:00:00Z"
	endless.PasswordCredentials[1].StartDateTime, endless.PasswordCredentials[1].EndDateTime = "", ""
	return []faketenant.Application{twins, endless, application(3, "deleted", secret(30, "doomed", days(9)))}
}

func oddIDs() []string {
	return []string{
		appID(1) + "/" + keyIDOf(10), appID(1) + "/" + keyIDOf(10) + "#2", appID(2) + "/" + keyIDOf(20), appID(2) + "/" + keyIDOf(21), appID(3) + "/" + keyIDOf(30),
		watchdogApp + "/" + watchdogKey,
	}
}

func TestF10_ALargeTenantOnABadDayIsToldCompletely(t *testing.T) {
	const applications, each = 4_000, 12
	s := beginWith(t, faketenant.Options{
		Directory: faketenant.Directory{
			Users:        []faketenant.User{user(1, "Ada", "ada@example.com")},
			Applications: oddities(),
			Generated:    faketenant.Generated{Applications: applications, SecretsEach: each - 2, CertificatesEach: 2, OwnersEach: 1, From: days(-365)},
		},
		Manners: []faketenant.Manner{
			{Name: "throttled", On: "/applications", Page: 2, Answer: faketenant.Throttled("1")},
			{Name: "token expires", On: "/applications", Page: 3, Answer: faketenant.TokenExpired()},
			{Name: "cut short", On: "/applications", Page: 4, Answer: faketenant.CutShort()},
			// Twice, since the list of applications without owners is the first to end.
			{Name: "unavailable", On: "/applications", Page: faketenant.LastPage, Times: 2, Answer: faketenant.Unavailable("1")},
			{Name: "application deleted", On: "/appCredentialSignInActivities", Answer: faketenant.Before(func(tenant *faketenant.Tenant) {
				tenant.Change(func(d *faketenant.Directory) {
					d.Applications = slices.DeleteFunc(d.Applications, func(a faketenant.Application) bool { return a.DisplayName == "deleted" })
				})
			})},
		},
	})
	told := s.collect(t)
	if len(told.problems) > 0 {
		t.Fatalf("%s: %v", told.problems[0].Subject.ID, told.problems[0].Err)
	}
	ids := told.ids()
	slices.Sort(ids)
	if distinct := slices.Compact(slices.Clone(ids)); len(distinct) != len(ids) {
		t.Errorf("%d subjects share an ID", len(ids)-len(distinct))
	}
	if want := applications*each + len(oddIDs()); len(ids) != want {
		t.Errorf("%d credentials are told, want %d", len(ids), want)
	}
	for _, id := range oddIDs() {
		if _, found := slices.BinarySearch(ids, id); !found {
			t.Errorf("%s is missing", id)
		}
	}
	equal(t, "of an application that was deleted meanwhile", told.of(t, appID(3)+"/"+keyIDOf(30)).Details["deleted"], any("the application was deleted while this pass was under way"))
	equal(t, "2299", told.of(t, appID(2)+"/"+keyIDOf(20)).Endless, true)
	equal(t, "no date", told.of(t, appID(2)+"/"+keyIDOf(21)).NotAfter.IsZero(), true)
	reading := 0
	for _, request := range s.tenant.Requests() {
		if strings.Contains(request.Query.Get("$select"), "keyCredentials") {
			reading++
		}
	}
	// Five pages of applications and one of service principals, and those asked for again.
	if reading < 6 || reading > 12 {
		t.Errorf("%d requests selected keyCredentials", reading)
	}
}

func TestF10_AListThatBreaksOffSaysSoAndHidesNothing(t *testing.T) {
	const other = "https://graph.example.net/v1.0/applications"
	for _, row := range []struct {
		name   string
		manner faketenant.Manner
		reason watch.Reason
		words  string
	}{
		{
			"a link back to the same page", faketenant.Manner{Page: 2, Times: faketenant.Always, Answer: faketenant.NextLink("")},
			watch.Incomplete, "list applications, page 3: the list leads back to a page that was read already",
		},
		{
			"a link to another host", faketenant.Manner{Page: 2, Times: faketenant.Always, Answer: faketenant.NextLink(other)},
			watch.Incomplete, "list applications, page 2: the link to the next page leads away from GRAPH, to https://graph.example.net",
		},
		{
			"a last page that never comes", faketenant.Manner{Page: faketenant.LastPage, Times: faketenant.Always, Answer: faketenant.Unavailable("100000")},
			watch.Throttled, "it asks to wait until",
		},
		{
			"a page without a list", faketenant.Manner{Page: 3, Times: faketenant.Always, Answer: faketenant.Reply(200, "application/json", "{}")},
			watch.Incomplete, "list applications, page 3: the answer holds no list, not even an empty one",
		},
		{
			"a page of a proxy", faketenant.Manner{Page: 3, Times: faketenant.Always, Answer: faketenant.HTML(200)},
			watch.Unparsable, "a proxy or a sign-in page may stand in between",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.manner.On = "/applications"
			s := beginWith(t, faketenant.Options{
				Directory: faketenant.Directory{Generated: faketenant.Generated{Applications: 3100, SecretsEach: 1, OwnersEach: 1, From: days(-1)}},
				Manners:   []faketenant.Manner{row.manner},
			})
			told := s.collect(t)
			if len(told.problems) != 1 {
				t.Fatalf("%d problems, want 1", len(told.problems))
			}
			problem := told.problems[0]
			equal(t, "subject", problem.Subject.ID, tenantPrefix+"applications")
			equal(t, "reason", problem.Reason, row.reason)
			if words := strings.Replace(row.words, "GRAPH", strings.TrimPrefix(s.tenant.GraphURL, "https://"), 1); !strings.Contains(problem.Err.Error(), words) {
				t.Errorf("the problem is %q, want %q in it", problem.Err, words)
			}
			if problem.Confined || problem.HidesPrefix != "" {
				t.Error("the problem claims that nothing is missing")
			}
			if len(told.credentials) < 900 {
				t.Errorf("only %d credentials of the pages that were read are told", len(told.credentials))
			}
			for _, request := range s.tenant.Requests() {
				if !strings.HasPrefix("https://"+request.Host, s.tenant.GraphURL) {
					t.Errorf("a request went to %s", request.Host)
				}
			}
		})
	}
}

func TestF10_ServicePrincipalsThatCannotBeReadHideNoApplication(t *testing.T) {
	directory := contoso()
	s := beginWith(t, faketenant.Options{Directory: directory, Manners: []faketenant.Manner{
		{On: "/servicePrincipals", Times: faketenant.Always, Answer: faketenant.Reply(200, "application/json", `{"value":null}`)},
	}})
	told := s.collect(t)
	equal(t, "problems", fmt.Sprint(len(told.problems), " ", told.problems[0].Subject.ID), "1 "+tenantPrefix+"service-principals")
	told.of(t, appID(1)+"/"+keyIDOf(10))
	for _, id := range told.ids() {
		if strings.Contains(id, keyIDOf(110)) {
			t.Error("an Application Proxy secret is told, though it is no less one for want of its service principal")
		}
	}
}

func TestAPassThatIsCutShortSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := beginWith(t, faketenant.Options{
		Directory: faketenant.Directory{Generated: faketenant.Generated{Applications: 2500, SecretsEach: 1, From: days(-1)}},
		Manners: []faketenant.Manner{
			{On: "/applications", Page: 2, Answer: faketenant.Before(func(*faketenant.Tenant) { cancel() })},
		},
	})
	told, err := s.collectErr(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the pass ended with %v", err)
	}
	if len(told.problems) > 0 {
		t.Errorf("the end of the pass is told as %v", told.problems[0].Err)
	}
}
