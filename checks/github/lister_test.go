package github

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakegithub"
	"lapsewatch/internal/vendortest"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

func TestTheOwnTokenIsToldOfEvenWhereItMayNotList(t *testing.T) {
	s := begin(t)
	options := s.byToken("2026-12-24 10:00:00 UTC", fakegithub.Organization{SSO: true})
	for _, scopes := range []string{"read:org", "repo"} { // the second is answered 403
		s.cloud.Tokens[lister] = fakegithub.Token{Login: "admin", Expiration: "2026-12-24 10:00:00 UTC", Scopes: scopes}
		found, _ := s.collect(t, options)
		own := checktest.Of[watch.Credential](t, found, "organization/by%20token/own-token")
		if !own.Self || !own.NotAfter.Equal(time.Date(2026, 12, 24, 10, 0, 0, 0, time.UTC)) || own.Subject.Name != "the token that Lapsewatch lists acme with" {
			t.Errorf("the own token is %+v", own)
		}
	}
	s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Status(http.StatusServiceUnavailable, "3600")})
	found, _ := s.collect(t, options)
	problem := checktest.WantProblem(t, found["organization/by%20token/sso"], watch.Unreadable, "503 Service Unavailable")
	if !strings.HasPrefix("organization/by%20token/own-token", problem.HidesPrefix) || problem.HidesPrefix == "" {
		t.Errorf("it hides %q, and the own token counts as removed", problem.HidesPrefix)
	}
}

func TestATokenIsAskedForWithWhatTheListNeedsAndNoMore(t *testing.T) {
	s := begin(t)
	options := s.acme(t, fakegithub.Organization{SSO: true})
	options.Organizations[0].SSO = true
	s.cloud.Apps[0].Permissions = append(s.cloud.Apps[0].Permissions, "contents")
	s.collect(t, options)
	var asked []string
	for _, request := range s.server.To("/access_tokens") {
		asked = append(asked, string(request.Body))
		if request.Header.Get("Content-Type") != "application/json" || !json.Valid(request.Body) {
			t.Errorf("sent %+v", request)
		}
	}
	if want := []string{`{"permissions":{"organization_personal_access_tokens":"read"}}`, `{"permissions":{"organization_administration":"read"}}`}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q", asked)
	}
}

func TestAPageThatCannotBeFollowedIsNotTheLast(t *testing.T) {
	for name, link := range map[string]string{
		"a cursor":           `<https://x/a?per_page=100&after=Y3Vyc29y>; rel="next"`,
		"the same page":      `<https://x/a?page=1>; rel="next"`,
		"a word":             `<https://x/a?page=abc>; rel="next", <https://x/a?page=7>; rel="last"`,
		"a page further on":  `<https://x/a?page=3>; rel="next"`,
		"without quotes":     `<https://x/a?after=x>; rel=next`,
		"with another words": `<https://x/a?after=x>; title="x"; REL = "prefetch next"`,
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			options := s.acme(t, fakegithub.Organization{FineGrained: []fakegithub.FineGrained{{ID: 1}}})
			s.server.Misbehave(vendortest.Manner{On: "/personal-access-tokens", Times: vendortest.Always, Answer: func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
				w.Header().Set("Link", link)
				usual.ServeHTTP(w, r)
			}})
			found, _ := s.collect(t, options)
			checktest.WantProblem(t, found["organization/acme%20tokens/pat"], watch.Incomplete, "page 1 of the list does not say where the next one is")
			checktest.Of[watch.Credential](t, found, "organization/acme%20tokens/pat/1")
		})
	}
}

func TestACorrectionOfWhoSignsInEndsAHold(t *testing.T) {
	s := begin(t)
	app := s.robot(t)
	wrong := app
	wrong.ClientID = "Iv23liother"
	found, _ := s.collect(t, Options{Apps: []App{wrong}})
	if refused := checktest.Of[watch.Condition](t, found, "app/robot"); refused.Reason != watch.TokenRefused {
		t.Errorf("told %+v", refused)
	}
	found, _ = s.collect(t, Options{Apps: []App{app}})
	if works := checktest.Of[watch.Condition](t, found, "app/robot"); works.Reason != "" {
		t.Errorf("told %+v", works)
	}

	options := s.acme(t, fakegithub.Organization{})
	options.Organizations[0].App.ClientID = "Iv23liother"
	found, _ = s.collect(t, options)
	checktest.WantProblem(t, found["organization/acme%20tokens"], watch.AuthFailed, "Integration not found")
	options.Organizations[0].App = &SignIn{ClientID: app.ClientID, PrivateKey: app.PrivateKey}
	if found, _ = s.collect(t, options); len(found) != 0 {
		t.Errorf("told %v", found)
	}
}

func TestOnlyAnAnswerThatAcceptsTheTokenEndsItsRefusals(t *testing.T) {
	s := begin(t)
	options := s.byToken("", fakegithub.Organization{SSO: true})
	delete(s.cloud.Tokens, lister)
	at := now
	for refusals, text := range []string{"401 Unauthorized: Bad credentials", "503 Service Unavailable", "401 Unauthorized: Bad credentials"} {
		s.server.Misbehave()
		if refusals == 1 {
			s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Status(http.StatusServiceUnavailable, "3600")})
		}
		s.Go(at)
		found, _ := s.collect(t, options)
		checktest.WantWords(t, "what is told", checktest.Shown(t, found["organization/by%20token"], found["organization/by%20token/sso"]), text)
		at = at.Add(17 * time.Hour)
	}
	s.Go(at.Add(-17*time.Hour + time.Minute))
	found, _ := s.collect(t, options)
	checktest.WantProblem(t, found["organization/by%20token"], watch.AuthFailed, "after 2 refusals")
}

func TestOtherAnswersThanGitHubsProveNothing(t *testing.T) {
	for name, body := range map[string]string{"an empty object": "{}", "another's": `{"status":"ok","id":0}`} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			app := s.robot(t)
			options := s.acme(t, fakegithub.Organization{})
			options.Apps = []App{app}
			options.Tokens = []Token{{Entry: named("inst"), Token: s.keeps("INST", "ghs_CANARYinst", &fakegithub.Token{Installation: true})}}
			s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Reply(http.StatusOK, "application/json", body)})
			found, _ := s.collect(t, options)
			checktest.WantProblem(t, found["app/robot"], watch.Unparsable, "it describes no App")
			checktest.WantProblem(t, found["token/inst"], watch.Unparsable, "it does not say whose token it is")
			checktest.WantProblem(t, found["organization/acme%20tokens"], watch.Unparsable, "it describes no installation")
		})
	}
	s := begin(t)
	app := s.robot(t)
	s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Page(http.StatusUnauthorized)})
	found, _ := s.collect(t, Options{Apps: []App{app}})
	checktest.WantProblem(t, found["app/robot"], watch.Unparsable, "401 Unauthorized with a web page")
	if s.Kept() != 0 {
		t.Error("a page is held against the key")
	}
}

func TestATokenHasTheOrdinaryLeadTimesHoweverOftenItIsReplaced(t *testing.T) {
	s := begin(t)
	for pass, test := range []struct{ text, expiration string }{
		{classic, "2027-01-01 06:00:00 UTC"}, {fineGrained, "2026-12-12 06:00:00 UTC"}, {lister, "2026-11-29 07:00:00 UTC"},
	} {
		found, _ := s.collect(t, s.tokenOptions(test.text, &fakegithub.Token{Login: "octocat", Expiration: test.expiration}))
		token := checktest.Of[watch.Credential](t, found, "token/ci")
		checktest.Equal(t, "the life", token.Life, 0)
		// Nobody knows how old the one is that another was replaced by.
		judged := policy.Judge{}.Finding(policy.Origin{Check: "github", Kind: "github"}, token, now)
		if want := []watch.Severity{watch.OK, watch.Warning, watch.Warning}[pass]; judged.Severity != want {
			t.Errorf("pass %d: %s: %s", pass, judged.Severity, judged.Message)
		}
	}
	checktest.Equal(t, "what is remembered of tokens", s.Kept(), 0)
}

func TestTheLifeOfAListedTokenIsThatSinceItsGrantWhereThatCanBe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		granted, end time.Time
		want         time.Duration
	}{
		"a month":                      {now.AddDate(0, 0, -20), now.AddDate(0, 0, 10), 30 * day},
		"a year and a day":             {now.Add(-day), now.Add(365 * day), 366 * day},
		"longer than any":              {now.Add(-day), now.Add(365*day + time.Second), 0},
		"regenerated again and again":  {now.AddDate(-3, 0, 0), now.AddDate(0, 0, 30), 0},
		"the shortest":                 {now, now.Add(7 * day), 7 * day},
		"approved shortly before":      {now.Add(-day), now.Add(5 * day), 0},
		"a grant that is yet to come":  {now.Add(time.Second), now.Add(30 * day), 0},
		"a grant that nobody tells":    {time.Time{}, now.Add(30 * day), 0},
		"no end":                       {now.Add(-day), time.Time{}, 0},
		"a grant behind the own end":   {now.Add(-day), now.Add(-2 * day), 0},
		"one that has expired already": {now.Add(-40 * day), now.Add(-10 * day), 30 * day},
	} {
		if got := lifeOf(test.granted, test.end, now); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
