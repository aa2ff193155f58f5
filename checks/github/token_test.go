package github

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakegithub"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func (s *scene) tokenOptions(text string, known *fakegithub.Token) Options {
	return Options{Tokens: []Token{{Entry: named("ci"), Token: s.keeps("CI", text, known)}}}
}

func TestATokenEndsWhenTheHeaderSays(t *testing.T) {
	for name, test := range map[string]struct {
		header string
		want   time.Time
	}{
		"in UTC":                     {"2027-01-31 12:34:56 UTC", time.Date(2027, 1, 31, 12, 34, 56, 0, time.UTC)},
		"with an offset":             {"2023-12-13 00:00:00 +0100", time.Date(2023, 12, 12, 23, 0, 0, 0, time.UTC)},
		"with an offset to the west": {"2027-01-31 20:00:00 -0800", time.Date(2027, 2, 1, 4, 0, 0, 0, time.UTC)},
		"as RFC 3339":                {"2027-01-31T12:00:00Z", time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)},
		"never":                      {"", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			found, _ := s.collect(t, s.tokenOptions(fineGrained, &fakegithub.Token{Login: "octocat", Expiration: test.header}))
			token := checktest.Of[watch.Credential](t, found, "token/ci")
			if !token.NotAfter.Equal(test.want) || token.Form != watch.AccessToken || token.Self {
				t.Errorf("told %+v, want the end %s", token, test.want)
			}
			if token.Details["login"] != "octocat" || token.Details["token_kind"] != "fine-grained personal access token" {
				t.Errorf("the details are %v", token.Details)
			}
		})
	}
}

func TestATokenWhoseEndCannotBeReadIsAProblemAndNotEndless(t *testing.T) {
	for _, header := range []string{"2027-13-31 12:00:00 UTC", "soon", "2027-01-31 12:00:00 CET", "0001-01-01 00:00:00 UTC", "2027-01-31 12:00:00", "\u202e2027"} {
		s := begin(t)
		found, _ := s.collect(t, s.tokenOptions(classic, &fakegithub.Token{Login: "octocat", Expiration: header}))
		problem := checktest.Of[watch.Problem](t, found, "token/ci")
		if problem.Reason != watch.Unparsable || !problem.Confined {
			t.Errorf("%q gives %+v", header, problem)
		}
		checktest.WantWords(t, "the error", problem.Err.Error(), "read the expiration of the token, which GitHub gives as", `it is no date such as "2027-01-31 12:00:00 UTC"`)
		if strings.ContainsAny(problem.Err.Error(), "\x1b\u202e\n") {
			t.Errorf("the error %q is not clean", problem.Err)
		}
	}
}

func TestWhatATokenIsIsReadFromItsPrefix(t *testing.T) {
	s := begin(t)
	options := Options{}
	for text, known := range map[string]fakegithub.Token{
		"ghp_CANARYclassic":   {Login: "octocat", Scopes: "repo, read:org"},
		"gho_CANARYoauth":     {Login: "octocat"},
		"ghu_CANARYuser":      {Login: "octocat"},
		"ghs_CANARYinst":      {Installation: true},
		"0123456789abcdef012": {Login: "octocat"},
	} {
		options.Tokens = append(options.Tokens, Token{Entry: named(text[:4]), Token: s.keeps(text, text, &known)})
	}
	found, _ := s.collect(t, options)
	if token := checktest.Of[watch.Credential](t, found, "token/ghp_"); token.Details["scopes"] != "repo, read:org" || token.Subject.Link != s.server.URL+"/settings/tokens" || !token.NotAfter.IsZero() {
		t.Errorf("the classic one is %+v", token)
	}
	if token := checktest.Of[watch.Credential](t, found, "token/gho_"); token.Details["token_kind"] != "OAuth token" {
		t.Errorf("the OAuth token is %+v", token)
	}
	checktest.Of[watch.Credential](t, found, "token/0123")
	if inst := checktest.Of[watch.Condition](t, found, "token/ghs_"); inst.Reason != "" || inst.Text != "GitHub accepts the token and gives it no date: such tokens end after an hour; what lasts is the key of the App, which can be watched under apps" {
		t.Errorf("the installation's is %+v", inst)
	}
	checktest.Of[watch.Condition](t, found, "token/ghu_")
}

func TestARefusedTokenIsAskedForLessAndLessOften(t *testing.T) {
	s := begin(t)
	options := s.tokenOptions(classic, nil)
	found, _ := s.collect(t, options)
	fresh := checktest.Of[watch.Condition](t, found, "token/ci")
	if fresh.Reason != watch.TokenRefused || fresh.Text != "GitHub refuses the token: it answered 401 Unauthorized: Bad credentials" {
		t.Errorf("told %+v", fresh)
	}
	s.Go(now.Add(30 * time.Minute))
	found, _ = s.collect(t, options)
	held := checktest.Of[watch.Condition](t, found, "token/ci")
	if held.Reason != watch.TokenRefused || held.Text != "GitHub refuses the token (not asked again before 2026-11-22 07:00 UTC, after 1 refusal): it answered 401 Unauthorized: Bad credentials" {
		t.Errorf("told %+v", held)
	}
	if held.Details["next_attempt"] != "2026-11-22T07:00:00Z" || held.Remedy != fresh.Remedy {
		t.Errorf("the details are %v", held.Details)
	}
	s.Go(now.Add(time.Hour))
	s.collect(t, options)
	s.Go(now.Add(150 * time.Minute))
	found, _ = s.collect(t, options)
	checktest.WantWords(t, "the text", checktest.Of[watch.Condition](t, found, "token/ci").Text, "(not asked again before 2026-11-22 09:00 UTC, after 2 refusals)")
	if asked := len(s.server.Requests()); asked != 2 {
		t.Errorf("GitHub was asked %d times in four passes, want 2", asked)
	}
	if abilities := s.check(t, options).Try(t.Context()); len(s.server.Requests()) != 3 || abilities[0].Reason != watch.TokenRefused || abilities[0].Err == nil {
		t.Errorf("Try asked %d times and tells %+v", len(s.server.Requests()), abilities)
	}

	options = s.tokenOptions(fineGrained, &fakegithub.Token{Login: "octocat", Expiration: "2027-01-31 12:00:00 UTC"})
	found, _ = s.collect(t, options)
	checktest.Of[watch.Credential](t, found, "token/ci") // a new token is asked for at once
}

func TestWhyATokenIsNotRead(t *testing.T) {
	for name, test := range map[string]struct {
		answer vendortest.Answer
		reason watch.Reason
		words  []string
	}{
		"GitHub is down":    {vendortest.Status(http.StatusBadGateway, ""), watch.Unreadable, []string{"read https://127.0.0.1", "it answered 502 Bad Gateway"}},
		"too many requests": {vendortest.Status(http.StatusTooManyRequests, "3600"), watch.Throttled, []string{"429 Too Many Requests"}},
		"a secondary limit": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.Header().Set("Retry-After", "60")
			vendortest.Reply(http.StatusForbidden, "application/json", `{"message":"You have exceeded a secondary rate limit.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`)(w, r, nil)
		}, watch.Throttled, []string{"403 Forbidden", "You have exceeded a secondary rate limit."}},
		"too many wrong sign-ins": {vendortest.Reply(http.StatusForbidden, "application/json", `{"message":"Maximum number of login attempts exceeded. Please try again later."}`), watch.Throttled, []string{"Maximum number of login attempts exceeded"}},
		"no right":                {vendortest.Reply(http.StatusForbidden, "application/json", `{"message":"Sorry. Your account was suspended."}`), watch.PermissionDenied, []string{"Sorry. Your account was suspended."}},
		"nothing there":           {vendortest.Reply(http.StatusNotFound, "application/json", `{"message":"Not Found"}`), watch.NotFound, []string{"404 Not Found"}},
		"a page":                  {vendortest.Page(http.StatusOK), watch.Unparsable, []string{"something else than JSON"}},
		"a refusing page":         {vendortest.Page(http.StatusForbidden), watch.PermissionDenied, []string{"with a web page"}},
		"an empty answer":         {vendortest.Reply(http.StatusOK, "application/json", ""), watch.Unreadable, nil},
		"null":                    {vendortest.Reply(http.StatusOK, "application/json", "null"), watch.Unparsable, []string{"not what GitHub's documentation says"}},
		"a list":                  {vendortest.Reply(http.StatusOK, "application/json", "[]"), watch.Unparsable, []string{"not what GitHub's documentation says"}},
		"an empty object":         {vendortest.Reply(http.StatusOK, "application/json", "{}"), watch.Unparsable, []string{"it does not say whose token it is"}},
		"another's words":         {vendortest.Reply(http.StatusOK, "application/json", `{"status":"maintenance"}`), watch.Unparsable, []string{"it does not say whose token it is"}},
		"a page with 401":         {vendortest.Page(http.StatusUnauthorized), watch.Unparsable, []string{"401 Unauthorized with a web page"}},
		"an endless answer":       {vendortest.Endless(), watch.TooLarge, []string{"larger than 4194304 bytes"}},
		"not yet":                 {vendortest.Reply(http.StatusAccepted, "application/json", "{}"), watch.Unreadable, []string{"202 Accepted"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: test.answer})
			found, _ := s.collect(t, s.tokenOptions(classic, &fakegithub.Token{Login: "octocat"}))
			if problem := checktest.WantProblem(t, found["token/ci"], test.reason, test.words...); problem.HidesPrefix != "" {
				t.Errorf("it hides %q", problem.HidesPrefix)
			}
		})
	}
}

func TestTheRateLimitIsNotWaitedFor(t *testing.T) {
	s := begin(t)
	s.cloud.Limit = -1
	found, _ := s.collect(t, s.tokenOptions(classic, &fakegithub.Token{Login: "octocat"}))
	problem := checktest.Of[watch.Problem](t, found, "token/ci")
	if problem.Reason != watch.Throttled || len(s.server.Requests()) != 1 {
		t.Errorf("told %+v after %d requests", problem, len(s.server.Requests()))
	}
	checktest.WantWords(t, "the error", problem.Err.Error(), "its limit is used up until 2099-01-01T00:00:00Z")
}

func TestNoTokenFollowsARedirect(t *testing.T) {
	s, other := begin(t), begin(t)
	s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Redirect(other.server.URL)})
	found, _ := s.collect(t, s.tokenOptions(classic, &fakegithub.Token{Login: "octocat"}))
	checktest.WantWords(t, "the error", checktest.Of[watch.Problem](t, found, "token/ci").Err.Error(), "it answered 307 Temporary Redirect, which leads elsewhere and is not followed")
	if len(other.server.Requests()) != 0 {
		t.Error("the other server was asked")
	}
}

func TestALostAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.server.Misbehave(vendortest.DefaultManners()...)
	found, _ := s.collect(t, s.tokenOptions(classic, &fakegithub.Token{Login: "octocat", Expiration: "2027-01-31 12:00:00 UTC"}))
	checktest.Of[watch.Credential](t, found, "token/ci")
}

func TestASecretThatIsNoTokenIsNotSent(t *testing.T) {
	s := begin(t)
	s.Put("CI", "ghp_one\nghp_two")
	s.Put("NBSP", "ghp_abc\u00a0def")
	s.Put("CONTROL", "ghp_abc\x01def")
	s.Put("LONG", "ghp_"+strings.Repeat("x", 16<<10))
	options := Options{Tokens: []Token{{Entry: named("ci"), Token: env("CI")}, {Entry: named("none"), Token: env("NONE")}}}
	for _, name := range []string{"NBSP", "CONTROL", "LONG"} {
		options.Tokens = append(options.Tokens, Token{Entry: named(name), Token: env(name)})
	}
	found, _ := s.collect(t, options)
	checktest.WantWords(t, "the error", checktest.Of[watch.Problem](t, found, "token/ci").Err.Error(), "read the token: it holds white space or characters that no token has")
	if none := checktest.Of[watch.Problem](t, found, "token/none"); none.Reason != watch.Unreadable || none.Err.Error() != "read the token: read the secret in environment variable NONE: it is empty or not set" {
		t.Errorf("told %+v", none)
	}
	for _, name := range []string{"NBSP", "CONTROL", "LONG"} {
		checktest.WantProblem(t, found["token/"+name], watch.Unreadable, "read the token: it ")
	}
	if len(s.server.Requests()) != 0 {
		t.Error("GitHub was asked")
	}
}

func TestAnEnterpriseServerIsAskedBelowItsPath(t *testing.T) {
	s := begin(t)
	s.cloud.Prefix = "/api/v3"
	found, _ := s.collect(t, s.tokenOptions(fineGrained, &fakegithub.Token{Login: "octocat"}))
	if token := checktest.Of[watch.Credential](t, found, "token/ci"); token.Subject.Link != s.server.URL+"/settings/personal-access-tokens" {
		t.Errorf("told %+v", token)
	}
	if path := s.server.Requests()[0].Path; path != "/api/v3/user" {
		t.Errorf("asked for %s", path)
	}
}
