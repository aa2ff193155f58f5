package github

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakegithub"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// acme are options that list an organization as an App.
func (s *scene) acme(t *testing.T, organization fakegithub.Organization) Options {
	t.Helper()
	if s.cloud.Apps == nil {
		s.robot(t)
	}
	s.cloud.Organizations["acme"] = organization
	entry := named("acme tokens")
	entry.Owners = []string{"platform@example.com"}
	return Options{Organizations: []Organization{{Entry: entry, Organization: "acme", App: &SignIn{ClientID: "Iv23liexample", PrivateKey: env("KEY")}}}}
}

// byToken are options that list the tokens of single sign-on with an owner's token.
func (s *scene) byToken(expiration string, organization fakegithub.Organization) Options {
	ref := s.keeps("LISTER", lister, &fakegithub.Token{Login: "admin", Expiration: expiration, Scopes: "read:org"})
	s.cloud.Organizations["acme"] = organization
	return Options{Organizations: []Organization{{Entry: named("by token"), Organization: "acme", Token: ref, SSO: true}}}
}

func TestAnOrganizationsTokensAreListedWithTheirDates(t *testing.T) {
	s := begin(t)
	options := s.acme(t, fakegithub.Organization{FineGrained: []fakegithub.FineGrained{
		{ID: 11, Name: "deploy", Login: "octocat", Expires: now.AddDate(0, 0, 10), Used: now.AddDate(0, 0, -2), Granted: now.AddDate(0, 0, -20)},
		{ID: 12, Name: "forgotten", Login: "hubot", Expires: now.AddDate(0, 0, -3), Used: now.AddDate(0, -6, 0)},
		{ID: 13, Name: "endless", Login: "hubot"},
		{ID: 14, Name: "long gone", Login: "hubot", Expires: now.AddDate(0, 0, -31)},
	}})
	found, remarks := s.collect(t, options)
	deploy := checktest.Of[watch.Credential](t, found, "organization/acme%20tokens/pat/11")
	if !deploy.NotAfter.Equal(now.AddDate(0, 0, 10)) || deploy.Identity != "11 until 2026-12-02T06:00:00Z" || deploy.Subject.Name != "deploy of octocat" {
		t.Errorf("told %+v", deploy)
	}
	if deploy.Use != (watch.Use{State: watch.InUse, LastUsed: now.AddDate(0, 0, -2)}) || deploy.Self || deploy.Life != 30*day {
		t.Errorf("told %+v", deploy)
	}
	if !slices.Equal(deploy.Subject.Owners, []string{"platform@example.com"}) || deploy.Subject.Labels["login"] != "octocat" || deploy.Subject.Labels["organization"] != "acme" {
		t.Errorf("its subject is %+v", deploy.Subject)
	}
	if forgotten := checktest.Of[watch.Credential](t, found, "organization/acme%20tokens/pat/12"); forgotten.Use.State != watch.Unused || !forgotten.NotAfter.Before(now) {
		t.Errorf("told %+v", forgotten)
	}
	if endless := checktest.Of[watch.Credential](t, found, "organization/acme%20tokens/pat/13"); !endless.NotAfter.IsZero() {
		t.Errorf("told %+v", endless)
	}
	if gone := checktest.Of[watch.Credential](t, found, "organization/acme%20tokens/pat/14"); !gone.LeftOverFrom.Equal(now.AddDate(0, 0, -1)) || gone.Life != 0 {
		t.Errorf("told %+v", gone)
	}
	if len(found) != 4 || len(remarks) != 0 {
		t.Errorf("told %v and %q", found, remarks)
	}
}

func TestALongListIsReadToItsEnd(t *testing.T) {
	for name, without := range map[string]bool{"by its links": false, "without links": true} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			var many []fakegithub.FineGrained
			for id := range int64(300) {
				many = append(many, fakegithub.FineGrained{ID: id + 1, Name: fmt.Sprint(id), Login: "octocat", Expires: now.AddDate(0, 2, 0)})
			}
			options := s.acme(t, fakegithub.Organization{FineGrained: many})
			if without {
				s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
					usual.ServeHTTP(withoutLink{w}, r)
				}})
			}
			found, _ := s.collect(t, options)
			if len(found) != 300 || len(found.Problems()) != 0 {
				t.Errorf("told %d facts, with the problems %+v", len(found), found.Problems())
			}
		})
	}
}

type withoutLink struct{ http.ResponseWriter }

func (w withoutLink) WriteHeader(status int) {
	w.Header().Del("Link")
	w.ResponseWriter.WriteHeader(status)
}

func TestAListThatBreaksOffHidesWhatItHolds(t *testing.T) {
	t.Parallel()
	s := begin(t)
	var many []fakegithub.FineGrained
	for id := range int64(250) {
		many = append(many, fakegithub.FineGrained{ID: id + 1, Login: "octocat", Expires: now.AddDate(0, 2, 0)})
	}
	options := s.acme(t, fakegithub.Organization{FineGrained: many})
	s.server.Misbehave(vendortest.Manner{On: "/personal-access-tokens", After: 1, Times: vendortest.Always, Answer: vendortest.CutShort()})
	found, _ := s.collect(t, options)
	problem := checktest.Of[watch.Problem](t, found, "organization/acme%20tokens/pat")
	if problem.Reason != watch.Incomplete || problem.HidesPrefix != "organization/acme%20tokens/pat/" || problem.Subject.Name != "fine-grained personal access tokens of acme" {
		t.Errorf("told %+v", problem)
	}
	checktest.WantWords(t, "the error", problem.Err.Error(), "the list broke off at page 2")
	if len(found) != 101 {
		t.Errorf("told %d facts, want the first page and the problem", len(found))
	}
	if asked := len(s.server.To("/personal-access-tokens")); asked != 4 {
		t.Errorf("GitHub was asked %d times, want the lost page three times", asked)
	}
}

func TestAnEmptyAnswerIsNoEmptyList(t *testing.T) {
	for name, body := range map[string]string{"no body": "", "null": "null", "an object": "{}"} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			options := s.acme(t, fakegithub.Organization{FineGrained: []fakegithub.FineGrained{{ID: 1}}})
			s.server.Misbehave(vendortest.Manner{On: "/personal-access-tokens", Times: vendortest.Always, Answer: vendortest.Reply(http.StatusOK, "application/json", body)})
			found, _ := s.collect(t, options)
			if problem := checktest.Of[watch.Problem](t, found, "organization/acme%20tokens/pat"); problem.HidesPrefix == "" {
				t.Errorf("told %+v", problem)
			}
		})
	}
}

func TestOneTokenThatCannotBeReadHidesNoOther(t *testing.T) {
	s := begin(t)
	options := s.acme(t, fakegithub.Organization{FineGrained: []fakegithub.FineGrained{
		{ID: 1, RawExpires: "soon"}, {ID: 2, Name: "\x1b[31mred\r\nBcc: x", Login: "octocat", Expires: now.AddDate(0, 2, 0)}, {ID: 3, RawExpires: []int{1}},
	}})
	found, _ := s.collect(t, options)
	for _, id := range []string{"organization/acme%20tokens/pat/1", "organization/acme%20tokens/pat/3"} {
		if problem := checktest.Of[watch.Problem](t, found, id); problem.Reason != watch.Unparsable || !problem.Confined || problem.HidesPrefix != "" {
			t.Errorf("told %+v", problem)
		}
	}
	if hostile := checktest.Of[watch.Credential](t, found, "organization/acme%20tokens/pat/2"); hostile.Subject.Name != "\uFFFD[31mred\uFFFDBcc: x of octocat" {
		t.Errorf("its name is %q", hostile.Subject.Name)
	}
	if len(found) != 3 {
		t.Errorf("told %v", found)
	}

	s.acme(t, fakegithub.Organization{FineGrained: []fakegithub.FineGrained{{ID: 1, WithoutTokenID: true}, {ID: 2}}})
	found, _ = s.collect(t, options)
	problem := checktest.Of[watch.Problem](t, found, "organization/acme%20tokens/pat")
	checktest.WantWords(t, "the error", problem.Err.Error(), "1 elements of the list cannot be read")
	checktest.Of[watch.Credential](t, found, "organization/acme%20tokens/pat/2")
}

func TestTokensOfSingleSignOnAreListedOnRequest(t *testing.T) {
	s := begin(t)
	options := s.acme(t, fakegithub.Organization{SSO: true, Authorizations: []fakegithub.Authorization{
		{ID: 5, Type: "personal access token", Login: "octocat", Note: "old script", Authorized: now.AddDate(-1, 0, 0), Used: now.AddDate(0, 0, -1), Expires: now.AddDate(0, 0, 5)},
		{ID: 6, Type: "SSH key", Login: "octocat", Note: "laptop"},
	}})
	found, _ := s.collect(t, options)
	if len(found) != 0 {
		t.Errorf("told %v without sso", found)
	}
	options.Organizations[0].SSO = true
	found, remarks := s.collect(t, options)
	script := checktest.Of[watch.Credential](t, found, "organization/acme%20tokens/sso/5")
	if !script.NotAfter.Equal(now.AddDate(0, 0, 5)) || script.Subject.Name != "old script of octocat" || script.Details["authorized_at"] != "2025-11-22T06:00:00Z" {
		t.Errorf("told %+v", script)
	}
	if len(found) != 1 || !slices.Equal(remarks, []string{"tokens authorized for single sign-on of acme: 1 credentials of another sort, such as SSH keys, were left out: GitHub gives them no date"}) {
		t.Errorf("told %v and %q", found, remarks)
	}

	s.acme(t, fakegithub.Organization{})
	found, _ = s.collect(t, options)
	problem := checktest.Of[watch.Problem](t, found, "organization/acme%20tokens/sso")
	if problem.Reason != watch.NotFound || problem.HidesPrefix != "organization/acme%20tokens/sso/" {
		t.Errorf("told %+v", problem)
	}
	checktest.WantWords(t, "the remedy", problem.Remedy, "needs GitHub Enterprise Cloud with SAML single sign-on, or leave sso out")
}

func TestWhoMayNotListIsToldWhichRightIsMissing(t *testing.T) {
	s := begin(t)
	options := s.acme(t, fakegithub.Organization{SSO: true})
	options.Organizations[0].SSO = true
	s.cloud.Apps[0].Permissions = nil
	found, _ := s.collect(t, options)
	for part, right := range map[string]string{"pat": "Personal access tokens", "sso": "Administration"} {
		problem := checktest.WantProblem(t, found["organization/acme%20tokens/"+part], watch.PermissionDenied, "The permissions requested are not granted to this installation.")
		checktest.WantWords(t, "the remedy", problem.Remedy, fmt.Sprintf("Give the App the organization permission %q (read), and let an owner of acme accept it.", right))
	}
	abilities := s.check(t, options).Try(t.Context())
	if len(abilities) != 1 || abilities[0].Reason != watch.PermissionDenied || abilities[0].Gives != "says when the personal access tokens of acme end" || !abilities[0].Required {
		t.Errorf("Try tells %+v", abilities)
	}

	options = s.byToken("", fakegithub.Organization{SSO: true})
	s.cloud.Tokens[lister] = fakegithub.Token{Login: "admin", Scopes: "repo"}
	found, _ = s.collect(t, options)
	problem := checktest.WantProblem(t, found["organization/by%20token/sso"], watch.PermissionDenied, "Resource not accessible by personal access token")
	checktest.WantWords(t, "the remedy", problem.Remedy, "Let an owner of acme make a classic token with the scope read:org")
}

func TestARefusedSignInHidesTheOrganizationAndIsNotRepeated(t *testing.T) {
	s := begin(t)
	options := s.byToken("", fakegithub.Organization{SSO: true, Authorizations: []fakegithub.Authorization{{ID: 1, Type: "personal access token"}}})
	delete(s.cloud.Tokens, lister)
	for pass, text := range []string{
		"GitHub refuses what Lapsewatch signs in with: it answered 401 Unauthorized: Bad credentials",
		"GitHub refuses what Lapsewatch signs in with (not asked again before 2026-11-22 07:00 UTC, after 1 refusal): it answered 401 Unauthorized: Bad credentials",
	} {
		found, _ := s.collect(t, options)
		problem := checktest.Of[watch.Problem](t, found, "organization/by%20token")
		if problem.Reason != watch.AuthFailed || problem.Err.Error() != text || problem.HidesPrefix != "organization/by%20token/" || problem.Remedy == "" {
			t.Errorf("pass %d told %+v", pass, problem)
		}
	}
	if len(s.server.Requests()) != 1 {
		t.Errorf("GitHub was asked %d times", len(s.server.Requests()))
	}
	s.keeps("LISTER", lister, &fakegithub.Token{Scopes: "admin:org"})
	s.Go(now.Add(2 * time.Hour))
	found, _ := s.collect(t, options)
	checktest.Of[watch.Credential](t, found, "organization/by%20token/sso/1")
}
