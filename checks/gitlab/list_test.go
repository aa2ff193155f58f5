package gitlab

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakegitlab"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestTokensOfAProjectAreListedWithTheirDates(t *testing.T) {
	s := begin(t)
	used := access(11, "deploy", "2026-12-02")
	used.LastUsed = now.AddDate(0, 0, -2)
	revoked := access(12, "revoked", "2027-01-01")
	revoked.Revoked = true
	s.instance.Projects["platform/shop"] = fakegitlab.Resource{
		ID: 7, Access: []fakegitlab.AccessToken{used, revoked, access(13, "just expired", "2026-11-20"), access(14, "long gone", "2026-10-22"), access(15, "", "")},
		Deploy: []fakegitlab.DeployToken{{ID: 11, Name: "pull", Username: "gitlab+deploy-token-1", Expires: now.Add(36 * time.Hour)}, {ID: 2, Name: "endless"}},
	}
	project := named("shop")
	project.Owners = []string{"shop@example.com"}
	found, remarks := s.collect(t, Options{Token: s.administrator("2027-01-01"), Projects: []Project{{Entry: project, Project: "platform/shop"}}})
	deploy := checktest.Of[watch.Credential](t, found, "listed/project/shop/access/11")
	if !deploy.NotAfter.Equal(time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)) || deploy.Identity != "11 until 2026-12-02T00:00:00Z" || deploy.Use != (watch.Use{State: watch.InUse, LastUsed: used.LastUsed}) {
		t.Errorf("told %+v", deploy)
	}
	if deploy.Subject.Name != "deploy of project platform/shop" || !slices.Equal(deploy.Subject.Owners, []string{"shop@example.com"}) || deploy.Subject.Link != s.server.URL+"/platform/shop/-/settings/access_tokens" {
		t.Errorf("its subject is %+v", deploy.Subject)
	}
	if expired := checktest.Of[watch.Credential](t, found, "listed/project/shop/access/13"); !expired.NotAfter.Before(now) || expired.Use.State != watch.Unused {
		t.Errorf("told %+v", expired)
	}
	if endless := checktest.Of[watch.Credential](t, found, "listed/project/shop/access/15"); !endless.NotAfter.IsZero() || endless.Subject.Name != "token 15 of project platform/shop" {
		t.Errorf("told %+v", endless)
	}
	if pull := checktest.Of[watch.Credential](t, found, "listed/project/shop/deploy/11"); !pull.NotAfter.Equal(now.Add(36*time.Hour)) || pull.Use.State != "" || pull.Details["user_name"] != "gitlab+deploy-token-1" {
		t.Errorf("told %+v", pull)
	}
	own := checktest.Of[watch.Credential](t, found, "lister")
	if !own.Self || !own.NotAfter.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) || own.Use.State != "" {
		t.Errorf("the own token is %+v", own)
	}
	if old := checktest.Of[watch.Credential](t, found, "listed/project/shop/access/14"); !old.LeftOverFrom.Equal(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("told %+v", old)
	}
	if len(found) != 7 || !slices.Equal(remarks, []string{"project access tokens of project platform/shop: 1 that were revoked were left out"}) {
		t.Errorf("told %v and %q", found, remarks)
	}
}

func TestTokensOfAGroupAndItsServiceAccountsAreListed(t *testing.T) {
	s := begin(t)
	s.instance.Groups["platform"] = fakegitlab.Resource{ID: 8, Access: []fakegitlab.AccessToken{access(21, "a", "2026-12-02")}, ServiceAccounts: []fakegitlab.ServiceAccount{
		{ID: 57, Username: "release-bot", Tokens: []fakegitlab.AccessToken{access(22, "publish", "2026-12-03")}},
		{ID: 58, Username: "other-bot", Tokens: []fakegitlab.AccessToken{access(23, "publish", "2026-12-04")}},
	}}
	options := Options{Token: s.administrator(""), Groups: []Group{{Entry: named("platform"), Group: "8", ServiceAccounts: true}}}
	found, _ := s.collect(t, options)
	checktest.Of[watch.Credential](t, found, "listed/group/platform/access/21")
	if bot := checktest.Of[watch.Credential](t, found, "listed/group/platform/service/22"); bot.Subject.Name != "publish of release-bot" {
		t.Errorf("told %+v", bot)
	}
	checktest.Of[watch.Credential](t, found, "listed/group/platform/service/23")
	if len(found) != 3 {
		t.Errorf("told %v", found)
	}

	s.instance.Groups["platform"] = fakegitlab.Resource{ID: 8, Free: true}
	found, _ = s.collect(t, options)
	problem := checktest.Of[watch.Problem](t, found, "listed/group/platform/service")
	if problem.Reason != watch.NotFound || problem.HidesPrefix != "listed/group/platform/service/" {
		t.Errorf("told %+v", problem)
	}
	checktest.WantWords(t, "the remedy", problem.Remedy, "service accounts need GitLab Premium", "or leave service_accounts out")
}

func TestPersonalTokensOfAllUsersAreListedOnceAndWithTheNamesOfThoseWhoMustAct(t *testing.T) {
	s := begin(t)
	s.instance.Users[3] = "octavia"
	bot := access(31, "ci", "2026-12-02")
	s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7, Access: []fakegitlab.AccessToken{bot}}
	gone := access(34, "gone", "2027-06-01")
	gone.Revoked = true
	s.instance.Personal = []fakegitlab.AccessToken{bot, access(32, "laptop", "2026-12-05"), access(33, "later", "2027-06-01"), gone}
	found, remarks := s.collect(t, Options{Token: s.administrator(""), Personal: true, Projects: []Project{{Entry: named("shop"), Project: "shop"}}})
	checktest.Of[watch.Credential](t, found, "listed/project/shop/access/31")
	laptop := checktest.Of[watch.Credential](t, found, "listed/personal/32")
	if laptop.Subject.Name != "laptop of octavia" || laptop.Subject.Labels["login"] != "octavia" || laptop.Details["login"] != "octavia" || laptop.Subject.Link != s.server.URL+"/admin/users" {
		t.Errorf("told %+v", laptop)
	}
	if later := checktest.Of[watch.Credential](t, found, "listed/personal/33"); later.Subject.Name != "later of user 3" {
		t.Errorf("told %+v", later)
	}
	if len(found) != 3 || len(remarks) != 0 || len(s.server.To("/users/3")) != 1 {
		t.Errorf("told %v and %q, and asked %d times who user 3 is", found, remarks, len(s.server.To("/users/3")))
	}
}

func TestALongListIsReadToItsEnd(t *testing.T) {
	for name, without := range map[string]bool{"by its headers": false, "without headers": true} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			var many []fakegitlab.AccessToken
			for id := range int64(300) {
				many = append(many, access(id+1, fmt.Sprint(id), "2027-06-01"))
			}
			s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7, Access: many}
			if without {
				s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
					usual.ServeHTTP(withoutPages{w}, r)
				}})
			}
			found, _ := s.collect(t, Options{Token: s.administrator(""), Projects: []Project{{Entry: named("shop"), Project: "shop"}}})
			if len(found) != 300 || len(found.Problems()) != 0 {
				t.Errorf("told %d facts, with the problems %+v", len(found), found.Problems())
			}
		})
	}
}

type withoutPages struct{ http.ResponseWriter }

func (w withoutPages) WriteHeader(status int) {
	for name := range w.Header() {
		if strings.HasPrefix(name, "X-") {
			w.Header().Del(name)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func TestAListThatBreaksOffHidesWhatItHolds(t *testing.T) {
	t.Parallel()
	s := begin(t)
	var many []fakegitlab.AccessToken
	for id := range int64(250) {
		many = append(many, access(id+1, "", "2027-06-01"))
	}
	s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7, Access: many}
	s.server.Misbehave(vendortest.Manner{On: "/access_tokens", After: 1, Times: vendortest.Always, Answer: vendortest.CutShort()})
	found, _ := s.collect(t, Options{Token: s.administrator(""), Projects: []Project{{Entry: named("shop"), Project: "shop"}}})
	problem := checktest.Of[watch.Problem](t, found, "listed/project/shop/access")
	if problem.Reason != watch.Incomplete || problem.HidesPrefix != "listed/project/shop/access/" || problem.Subject.Name != "project access tokens of project shop" {
		t.Errorf("told %+v", problem)
	}
	checktest.WantWords(t, "the error", problem.Err.Error(), "the list broke off at page 2")
	if len(found) != 101 {
		t.Errorf("told %d facts, want the first page and the problem", len(found))
	}
}

func TestALostAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.server.Misbehave(vendortest.DefaultManners()...)
	s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7, Access: []fakegitlab.AccessToken{access(1, "ci", "2026-12-01")}}
	found, _ := s.collect(t, Options{Token: s.administrator(""), Projects: []Project{{Entry: named("shop"), Project: "shop"}}})
	checktest.Of[watch.Credential](t, found, "listed/project/shop/access/1")
	if problems := found.Problems(); len(problems) != 0 {
		t.Errorf("told %+v", problems)
	}
}

func TestAnEmptyAnswerIsNoEmptyList(t *testing.T) {
	for name, body := range map[string]string{"no body": "", "null": "null", "an object": "{}"} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7}
			s.server.Misbehave(vendortest.Manner{On: "/access_tokens", Times: vendortest.Always, Answer: vendortest.Reply(http.StatusOK, "application/json", body)})
			found, _ := s.collect(t, Options{Token: s.administrator(""), Projects: []Project{{Entry: named("shop"), Project: "shop"}}})
			if problem := checktest.Of[watch.Problem](t, found, "listed/project/shop/access"); problem.HidesPrefix == "" || len(found) != 1 {
				t.Errorf("told %+v", found)
			}
		})
	}
}

func TestOneTokenThatCannotBeReadHidesNoOther(t *testing.T) {
	s := begin(t)
	s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7, Access: []fakegitlab.AccessToken{
		{ID: 1, RawExpires: "soon"}, access(2, "\x1b[31mred\r\nBcc: x", "2026-12-01"),
	}}
	options := Options{Token: s.administrator(""), Projects: []Project{{Entry: named("shop"), Project: "shop"}}}
	found, _ := s.collect(t, options)
	if problem := checktest.Of[watch.Problem](t, found, "listed/project/shop/access/1"); problem.Reason != watch.Unparsable || !problem.Confined || problem.HidesPrefix != "" {
		t.Errorf("told %+v", problem)
	}
	if hostile := checktest.Of[watch.Credential](t, found, "listed/project/shop/access/2"); hostile.Subject.Name != "\uFFFD[31mred\uFFFDBcc: x of project shop" {
		t.Errorf("its name is %q", hostile.Subject.Name)
	}
	s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7, Access: []fakegitlab.AccessToken{{WithoutID: true}, access(2, "a", "")}}
	found, _ = s.collect(t, options)
	checktest.WantWords(t, "the error", checktest.Of[watch.Problem](t, found, "listed/project/shop/access").Err.Error(), "1 elements of the list cannot be read")
	checktest.Of[watch.Credential](t, found, "listed/project/shop/access/2")
}

func TestWhoMayNotListIsToldWhichRightIsMissing(t *testing.T) {
	s := begin(t)
	s.instance.Projects["platform/shop"] = fakegitlab.Resource{ID: 7}
	s.instance.Groups["platform"] = fakegitlab.Resource{ID: 8}
	options := Options{
		Token: s.administrator(""), Groups: []Group{{Entry: named("platform"), Group: "platform"}},
		Projects: []Project{{Entry: named("shop"), Project: "platform/shop"}, {Entry: named("hidden"), Project: "other/secret"}},
	}
	s.instance.Tokens[listerToken] = fakegitlab.Token{
		AccessToken: fakegitlab.AccessToken{ID: 900, Scopes: []string{"read_api"}, Expires: "2027-01-01"}, Roles: map[string]int{"platform/shop": 30, "platform": 40},
	}
	found, _ := s.collect(t, options)
	for id, remedy := range map[string]string{
		// GitLab answers 401 to the first two, and 403 to the third.
		"listed/project/shop/access":   "Give token the scope read_api, and its user the role Maintainer (of a group: Owner) in project platform/shop.",
		"listed/group/platform/access": "Give token the scope read_api, and its user the role Maintainer (of a group: Owner) in group platform.",
		"listed/project/shop/deploy":   "Give token the scope read_api, and its user the role Maintainer in project platform/shop.",
	} {
		problem := checktest.Of[watch.Problem](t, found, id)
		if problem.Reason != watch.PermissionDenied || problem.Remedy != remedy || problem.HidesPrefix != id+"/" {
			t.Errorf("told %+v", problem)
		}
	}
	if hidden := checktest.Of[watch.Problem](t, found, "listed/project/hidden/access"); hidden.Reason != watch.NotFound {
		t.Errorf("told %+v", hidden)
	}
	checktest.Of[watch.Credential](t, found, "lister") // it was not taken for refused
	abilities := s.check(t, options).Try(t.Context())
	if len(abilities) != 7 || abilities[0].Err != nil || abilities[0].Gives != "signs in to list tokens" || abilities[1].Reason != watch.PermissionDenied || abilities[6].Err != nil {
		t.Errorf("Try tells %+v", abilities)
	}
}

func TestARefusedListerHidesAllThatIsListedAndIsNotAskedAgain(t *testing.T) {
	s := begin(t)
	s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7}
	options := Options{Token: s.administrator(""), Projects: []Project{{Entry: named("shop"), Project: "shop"}}}
	s.instance.Tokens[listerToken] = fakegitlab.Token{AccessToken: access(900, "lapsewatch", "2026-11-22")}
	for pass, text := range []string{
		"GitLab refuses the token that Lapsewatch lists with: it answered 401 Unauthorized: Token is expired. You can either do re-authorization or token refresh.",
		"GitLab refuses the token that Lapsewatch lists with (not asked again before 2026-11-22 07:00 UTC, after 1 refusal): it answered 401 Unauthorized: Token is expired. You can either do re-authorization or token refresh.",
	} {
		found, _ := s.collect(t, options)
		problem := checktest.Of[watch.Problem](t, found, "lister")
		if problem.Reason != watch.AuthFailed || problem.Err.Error() != text || problem.HidesPrefix != "listed/" || !problem.Confined || problem.Remedy == "" || len(found) != 1 {
			t.Errorf("pass %d told %+v", pass, problem)
		}
	}
	if len(s.server.Requests()) != 1 {
		t.Errorf("GitLab was asked %d times", len(s.server.Requests()))
	}
}

func TestAnOlderGitLabIsListedAllTheSame(t *testing.T) {
	s := begin(t)
	s.instance.Old = true
	s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7, Access: []fakegitlab.AccessToken{access(1, "ci", "2026-12-01")}}
	found, remarks := s.collect(t, Options{Token: s.administrator(""), Projects: []Project{{Entry: named("shop"), Project: "shop"}}})
	checktest.Of[watch.Credential](t, found, "listed/project/shop/access/1")
	if len(found) != 1 || len(remarks) != 1 || !strings.HasPrefix(remarks[0], "until when the token works that Lapsewatch lists with is not known") {
		t.Errorf("told %v and %q", found, remarks)
	}
}
