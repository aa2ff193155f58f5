package gitlab

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakegitlab"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestATokenEndsAtMidnightUTCAsItsDateBegins(t *testing.T) {
	for name, test := range map[string]struct {
		token fakegitlab.AccessToken
		want  time.Time
	}{
		"on a date":     {access(42, "ci", "2026-12-01"), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},
		"never":         {access(42, "ci", ""), time.Time{}},
		"at an instant": {fakegitlab.AccessToken{ID: 42, Name: "ci", RawExpires: "2026-12-01T02:00:00+02:00"}, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			test.token.LastUsed = now
			found, _ := s.collect(t, s.watching(&fakegitlab.Token{AccessToken: test.token}))
			token := checktest.Of[watch.Credential](t, found, "token/ci")
			if !token.NotAfter.Equal(test.want) || token.Form != watch.AccessToken || token.Self || token.Use != (watch.Use{}) {
				t.Errorf("told %+v, want the end %s", token, test.want)
			}
			if token.Subject.Name != "ci" || token.Details["token_name"] != "ci" || token.Details["last_used_at"] != nil {
				t.Errorf("told %+v", token)
			}
		})
	}
}

func TestATokenThatWasMadeThisMomentIsValid(t *testing.T) {
	s := begin(t)
	token := access(42, "ci", "2027-10-02")
	token.Created = now.Add(20 * time.Second) // by GitLab's clock
	found, _ := s.collect(t, s.watching(&fakegitlab.Token{AccessToken: token}))
	if told := checktest.Of[watch.Credential](t, found, "token/ci"); !told.NotBefore.IsZero() || told.Life != time.Date(2027, 10, 2, 0, 0, 0, 0, time.UTC).Sub(token.Created) {
		t.Errorf("told %+v", told)
	}
}

func TestADateThatIsNoneIsAProblemAndNotEndless(t *testing.T) {
	for _, end := range []any{"soon", "2026-13-01", 17.5, "", []string{}} {
		s := begin(t)
		found, _ := s.collect(t, s.watching(&fakegitlab.Token{AccessToken: fakegitlab.AccessToken{ID: 42, RawExpires: end}}))
		problem := checktest.Of[watch.Problem](t, found, "token/ci")
		if problem.Reason != watch.Unparsable || !problem.Confined {
			t.Errorf("%v gives %+v", end, problem)
		}
		checktest.WantWords(t, "the error", problem.Err.Error(), "the answer is not what GitLab's documentation says")
	}
}

func TestARefusedTokenSaysWhy(t *testing.T) {
	for name, test := range map[string]struct {
		token *fakegitlab.Token
		text  string
	}{
		"unknown": {nil, "GitLab refuses the token: it answered 401 Unauthorized: 401 Unauthorized"},
		"expired": {&fakegitlab.Token{AccessToken: access(1, "ci", "2026-11-22")}, "GitLab refuses the token: it answered 401 Unauthorized: Token is expired. You can either do re-authorization or token refresh."},
		"revoked": {&fakegitlab.Token{AccessToken: fakegitlab.AccessToken{Revoked: true}}, "GitLab refuses the token: it answered 401 Unauthorized: Token was revoked. You have to re-authorize from the user."},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			found, _ := s.collect(t, s.watching(test.token))
			refused := checktest.Of[watch.Condition](t, found, "token/ci")
			if refused.Reason != watch.TokenRefused || refused.Text != test.text || refused.Remedy != newToken {
				t.Errorf("told %+v", refused)
			}
		})
	}
}

func TestWhatBecomesOfATokenIsToldOfTheSameToken(t *testing.T) {
	s := begin(t)
	options := s.watching(&fakegitlab.Token{AccessToken: access(42, "ci", "2026-12-01")})
	found, _ := s.collect(t, options)
	identity := checktest.Of[watch.Credential](t, found, "token/ci").Identity
	checktest.Equal(t, "the identity", identity, listedtoken.Identity(watch.NewSecret(watchedToken)))

	s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Reply(http.StatusOK, "application/json", `{"id":42,"revoked":true}`)})
	found, _ = s.collect(t, options)
	revoked := checktest.Of[watch.Condition](t, found, "token/ci")
	if revoked.Reason != watch.TokenInactive || revoked.Identity != identity {
		t.Errorf("told %+v", revoked)
	}
	s.server.Misbehave()
	delete(s.instance.Tokens, watchedToken)
	for pass := range 2 { // the second is held
		found, _ = s.collect(t, options)
		if refused := checktest.Of[watch.Condition](t, found, "token/ci"); refused.Reason != watch.TokenRefused || refused.Identity != identity {
			t.Errorf("pass %d told %+v", pass, refused)
		}
	}
	s.instance.Tokens["glpat-CANARYrenewed"] = fakegitlab.Token{AccessToken: access(43, "ci", "2026-12-01")}
	s.Put("CI", "glpat-CANARYrenewed")
	found, _ = s.collect(t, options)
	if renewed := checktest.Of[watch.Credential](t, found, "token/ci"); renewed.Identity == identity {
		t.Errorf("told %+v", renewed)
	}
}

func TestARefusedTokenIsAskedForLessAndLessOften(t *testing.T) {
	s := begin(t)
	options := s.watching(nil)
	for i, test := range []struct {
		after time.Duration
		asked int
		text  string
	}{
		{0, 1, "GitLab refuses the token: it answered"},
		{59 * time.Minute, 1, "(not asked again before 2026-11-22 07:00 UTC, after 1 refusal)"},
		{time.Hour, 2, "GitLab refuses the token: it answered"},
		{150 * time.Minute, 2, "(not asked again before 2026-11-22 09:00 UTC, after 2 refusals)"},
	} {
		s.Go(now.Add(test.after))
		found, _ := s.collect(t, options)
		refused := checktest.Of[watch.Condition](t, found, "token/ci")
		checktest.WantWords(t, "the text", refused.Text, test.text)
		if asked := len(s.server.Requests()); asked != test.asked || refused.Reason != watch.TokenRefused {
			t.Errorf("after pass %d GitLab was asked %d times: %+v", i, asked, refused)
		}
	}
	if abilities := s.check(t, options).Try(t.Context()); len(s.server.Requests()) != 3 || abilities[0].Reason != watch.TokenRefused || abilities[0].Err == nil {
		t.Errorf("Try asked %d times and tells %+v", len(s.server.Requests()), abilities)
	}
	s.instance.Tokens["glpat-renewed"] = fakegitlab.Token{AccessToken: access(2, "ci", "2026-12-01")}
	s.Put("CI", "glpat-renewed")
	found, _ := s.collect(t, options)
	checktest.Of[watch.Credential](t, found, "token/ci") // a new token is asked for at once
}

func TestWhyATokenIsNotRead(t *testing.T) {
	for name, test := range map[string]struct {
		answer vendortest.Answer
		reason watch.Reason
		words  []string
	}{
		"GitLab is down":     {vendortest.Status(http.StatusBadGateway, ""), watch.Unreadable, []string{"read https://127.0.0.1", "it answered 502 Bad Gateway"}},
		"too many requests":  {vendortest.Status(http.StatusTooManyRequests, "3600"), watch.Throttled, []string{"429 Too Many Requests"}},
		"a blocked account":  {vendortest.Reply(http.StatusForbidden, "application/json", `{"message":"403 Forbidden - Your account has been blocked."}`), watch.PermissionDenied, []string{"403 Forbidden - Your account has been blocked."}},
		"an older GitLab":    {vendortest.Reply(http.StatusNotFound, "application/json", `{"error":"404 Not Found"}`), watch.NotFound, []string{"it answered 404 Not Found"}},
		"another sort":       {vendortest.Reply(http.StatusBadRequest, "application/json", `{"message":"400 Bad request - This endpoint requires token type to be a personal access token"}`), watch.Unreadable, []string{"requires token type"}},
		"words in an object": {vendortest.Reply(http.StatusBadRequest, "application/json", `{"message":{"base":["is wrong"]}}`), watch.Unreadable, []string{`{"base":["is wrong"]}`}},
		"a page":             {vendortest.Page(http.StatusOK), watch.Unparsable, []string{"something else than JSON"}},
		"a refusing page":    {vendortest.Page(http.StatusForbidden), watch.PermissionDenied, []string{"with a web page"}},
		"an empty answer":    {vendortest.Reply(http.StatusOK, "application/json", ""), watch.Unparsable, []string{"something else than JSON"}},
		"null":               {vendortest.Reply(http.StatusOK, "application/json", "null"), watch.Unparsable, []string{"not what GitLab's documentation says"}},
		"an object":          {vendortest.Reply(http.StatusOK, "application/json", "{}"), watch.Unparsable, []string{"it describes no token"}},
		"a page with 401":    {vendortest.Page(http.StatusUnauthorized), watch.Unparsable, []string{"401 Unauthorized with a web page"}},
		"an endless answer":  {vendortest.Endless(), watch.TooLarge, []string{"larger than 4194304 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: test.answer})
			found, _ := s.collect(t, s.watching(&fakegitlab.Token{AccessToken: access(1, "ci", "")}))
			if problem := checktest.WantProblem(t, found["token/ci"], test.reason, test.words...); problem.HidesPrefix != "" || s.Kept() != 0 {
				t.Errorf("it hides %q, and %d are held", problem.HidesPrefix, s.Kept())
			}
		})
	}
}

func TestTheLimitThatGitLabTellsIsNotSleptThrough(t *testing.T) {
	s := begin(t)
	s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
		w.Header().Set("RateLimit-Limit", "1") // one a minute, which the library would keep to
		usual.ServeHTTP(w, r)
	}})
	s.instance.Groups["platform"] = fakegitlab.Resource{ID: 8, Access: []fakegitlab.AccessToken{access(1, "a", "2026-12-01")}}
	found, _ := s.collect(t, Options{Token: s.administrator("2027-01-01"), Groups: []Group{{Entry: named("p"), Group: "platform"}}})
	checktest.Of[watch.Credential](t, found, "listed/group/p/access/1")
}

func TestNoTokenFollowsARedirect(t *testing.T) {
	s, other := begin(t), begin(t)
	s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Redirect(other.server.URL)})
	found, _ := s.collect(t, s.watching(&fakegitlab.Token{AccessToken: access(1, "ci", "")}))
	checktest.WantWords(t, "the error", checktest.Of[watch.Problem](t, found, "token/ci").Err.Error(), "it answered 307 Temporary Redirect, which leads elsewhere and is not followed")
	if len(other.server.Requests()) != 0 {
		t.Error("the other server was asked")
	}
}

func TestATokenOfAnotherSortIsNotSent(t *testing.T) {
	for text, words := range map[string]string{
		"gldt-CANARY":              "the token in environment variable CI is a deploy token: GitLab does not say of it when it ends",
		"glcbt-64_CANARY":          "a job token, which ends with its job",
		"glrt-CANARY":              "a runner authentication token",
		"glpat-one\nglpat-CANARY2": "read the token: it holds white space or characters that no token has",
		"glpat-CANARY\u00e9\x01":   "read the token: it holds white space or characters that no token has",
		"":                         "read the token: it is empty",
	} {
		s := begin(t)
		options := s.watching(nil)
		s.Put("CI", text)
		found, _ := s.collect(t, options)
		problem := checktest.Of[watch.Problem](t, found, "token/ci")
		checktest.WantWords(t, "the error", problem.Err.Error(), words)
		if len(s.server.Requests()) != 0 || problem.Remedy == "" {
			t.Errorf("GitLab was asked, or nothing is advised: %+v", problem)
		}
	}
}

func TestAnInstanceBelowAFolderIsAskedThere(t *testing.T) {
	s := begin(t)
	s.instance.Prefix = "/gitlab"
	found, _ := s.collect(t, s.watching(&fakegitlab.Token{AccessToken: access(1, "ci", "2026-12-01")}))
	token := checktest.Of[watch.Credential](t, found, "token/ci")
	if want := []string{"read_api"}; !reflect.DeepEqual(token.Details["scopes"], want) || token.Identity != listedtoken.Identity(watch.NewSecret(watchedToken)) {
		t.Errorf("told %+v", token)
	}
	if path := s.server.Requests()[0].Path; path != "/gitlab/api/v4/personal_access_tokens/self" {
		t.Errorf("asked for %s", path)
	}
}
