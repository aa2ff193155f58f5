package slack_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/slack"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakeslack"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestEachKindOfTokenIsToldAsWhatSlackSaysOfIt(t *testing.T) {
	t.Parallel()
	s := begin(t, map[string]string{"bot": botToken, "user": userToken, "rotating": rotatingToken, "app": appToken, "silent": "xoxe.xoxp-1-CANARYsilent"}, []fakeslack.Token{
		{Secret: botToken, User: "bot", Bot: true}, {Secret: userToken, User: "grace"}, {Secret: appToken, App: "Deploys"},
		{Secret: rotatingToken, User: "bot", Bot: true, Expires: now.Add(5 * time.Hour)}, {Secret: "xoxe.xoxp-1-CANARYsilent", User: "ada"},
	}, vendortest.DefaultManners()...)
	facts := s.collect(t)

	bot, ok := facts["token/bot"].(watch.Credential)
	if !ok || bot.Form != watch.AccessToken || !bot.NotAfter.IsZero() || bot.Life != 0 || bot.Details["bot_id"] != "BZYBOTHED" || bot.Details["team"] != "Subarachnoid Workspace" {
		t.Errorf("a bot's token: %+v", facts["token/bot"])
	}
	if want := "Turn on token rotation for the app: without it this token never expires."; bot.Remedy != want {
		t.Errorf("its remedy: %q", bot.Remedy)
	}
	if user, ok := facts["token/user"].(watch.Credential); !ok || !user.NotAfter.IsZero() || user.Details["user"] != "grace" || user.Details["bot_id"] != nil {
		t.Errorf("a user's token: %+v", facts["token/user"])
	}
	rotating, ok := facts["token/rotating"].(watch.Credential)
	if !ok || !rotating.NotAfter.Equal(time.Date(2026, time.November, 22, 11, 0, 0, 0, time.UTC)) || rotating.Life != 12*time.Hour {
		t.Errorf("a rotating token: %+v", facts["token/rotating"])
	}
	if bot.Identity == rotating.Identity || !strings.HasPrefix(bot.Identity, "sha256:") || len(bot.Identity) != len("sha256:")+12 {
		t.Errorf("identities %q and %q", bot.Identity, rotating.Identity)
	}
	checktest.WantCondition(t, facts["token/app"], "", "the token works as the app Deploys; Slack tells no date for tokens of its kind")
	checktest.WantCondition(t, facts["token/silent"], "", "the token works as ada of Subarachnoid Workspace; it lasts for 12 hours, and Slack does not say when they end")
}

func TestTheEndCountsFromSlacksClock(t *testing.T) {
	t.Parallel()
	s := begin(t, map[string]string{"rotating": rotatingToken}, []fakeslack.Token{{Secret: rotatingToken, User: "bot", Expires: now.Add(time.Hour)}})
	s.env.Now = func() time.Time { return now.AddDate(1, 0, 0) }
	s.configure(t, "rotating")
	if got := s.collect(t)["token/rotating"].(watch.Credential).NotAfter; !got.Equal(now.Add(time.Hour)) {
		t.Errorf("it ends at %s", got)
	}
}

func TestEveryErrorOfSlackIsToldApart(t *testing.T) {
	t.Parallel()
	refused := func(meaning, code string) string {
		return "the token is not accepted by Slack: " + meaning + " (" + code + ")"
	}
	for code, want := range map[string]string{
		"invalid_auth":     refused("the token is not valid, or this machine's address is not one that the app allows", "invalid_auth"),
		"token_expired":    refused("the token has expired", "token_expired"),
		"token_revoked":    refused("the token was revoked, its user or workspace deleted, or the app removed", "token_revoked"),
		"account_inactive": refused("its user or workspace was deleted, or its app removed", "account_inactive"),
		"not_authed":       refused("it takes the token for none at all", "not_authed"),
	} {
		s := begin(t, map[string]string{"bot": botToken}, []fakeslack.Token{{Secret: botToken, Error: code}})
		got := checktest.WantCondition(t, s.collect(t)["token/bot"], watch.TokenRefused, want)
		if got.Details["code"] != code || got.Details["refusals"] != 1 || got.Details["next_attempt"] != "2026-11-22T07:00:00Z" {
			t.Errorf("%s: %v", code, got.Details)
		}
	}
	for code, want := range map[string]watch.Reason{
		"ratelimited": watch.Throttled, "accesslimited": watch.PermissionDenied, "not_allowed_token_type": watch.PermissionDenied,
		"internal_error": watch.Unreadable, "what_is_this": watch.Unreadable,
	} {
		s := begin(t, map[string]string{"bot": botToken}, []fakeslack.Token{{Secret: botToken, Error: code}})
		checktest.WantProblem(t, s.collect(t)["token/bot"], want, `it answered with the error "`+code+`"`)
		if s.Kept() != 0 {
			t.Errorf("%s is held", code)
		}
	}
}

func TestARefusedTokenIsLeftAloneOverPasses(t *testing.T) {
	t.Parallel()
	s := begin(t, map[string]string{"bot": botToken}, nil)
	pass := func(after time.Duration, requests int, text string) {
		t.Helper()
		s.Go(now.Add(after))
		checktest.WantCondition(t, s.collect(t)["token/bot"], watch.TokenRefused, text)
		if got := len(s.server.To("/auth.test")); got != requests {
			t.Errorf("after %s: %d requests, want %d", after, got, requests)
		}
	}
	const why = "the token is not valid, or this machine's address is not one that the app allows (invalid_auth)"
	pass(0, 1, "the token is not accepted by Slack: "+why)
	pass(59*time.Minute, 1, "the token is not accepted by Slack; not asked again before 2026-11-22 07:00 UTC, after 1 refusal: "+why)
	pass(time.Hour, 2, "the token is not accepted by Slack: "+why)
	pass(2*time.Hour, 2, "the token is not accepted by Slack; not asked again before 2026-11-22 09:00 UTC, after 2 refusals: "+why)

	abilities := s.check.(watch.Trier).Try(t.Context())
	if len(abilities) != 1 || abilities[0].Reason != watch.TokenRefused || abilities[0].Err == nil || len(s.server.To("/auth.test")) != 3 {
		t.Errorf("tried: %+v", abilities)
	}
	s.slack.Set(fakeslack.Token{Secret: botToken, User: "bot"})
	if abilities = s.check.(watch.Trier).Try(t.Context()); len(abilities) != 1 || abilities[0].Err != nil {
		t.Errorf("tried once it works: %+v", abilities)
	}
	if _, works := s.collect(t)["token/bot"].(watch.Credential); !works {
		t.Error("a trial that succeeds does not end the hold")
	}
}

func TestANewTokenEndsTheHold(t *testing.T) {
	t.Parallel()
	s := begin(t, map[string]string{"bot": "xoxb-old-CANARY"}, []fakeslack.Token{{Secret: botToken, User: "bot"}})
	if _, refused := s.collect(t)["token/bot"].(watch.Condition); !refused {
		t.Error("the old one works")
	}
	s.Put("bot", botToken)
	if _, works := s.collect(t)["token/bot"].(watch.Credential); !works {
		t.Error("the new one is not tried")
	}
}

func TestWhatIsNoAnswerIsNoProof(t *testing.T) {
	t.Parallel()
	on := func(answer vendortest.Answer) []vendortest.Manner {
		return []vendortest.Manner{{Times: vendortest.Always, Answer: answer}}
	}
	for name, c := range map[string]struct {
		answer vendortest.Answer
		reason watch.Reason
		says   string
	}{
		"a web page":            {vendortest.Page(200), watch.Unparsable, "a web page"},
		"an empty object":       {vendortest.Reply(200, "application/json", `{}`), watch.Unparsable, "no answer of auth.test"},
		"null":                  {vendortest.Reply(200, "application/json", `null`), watch.Unparsable, "no answer of auth.test"},
		"no word why":           {vendortest.Reply(200, "application/json", `{"ok":false}`), watch.Unparsable, "no answer of auth.test"},
		"ok as text":            {vendortest.Reply(200, "application/json", `{"ok":"true"}`), watch.Unparsable, "no answer of auth.test"},
		"an outage":             {vendortest.Status(503, "1"), watch.Unreadable, "503 Service Unavailable"},
		"throttling":            {vendortest.Status(429, "3600"), watch.Throttled, "429 Too Many Requests"},
		"half an answer":        {vendortest.CutShort(), watch.Unreadable, "the server closed the connection"},
		"an answer without end": {vendortest.Endless(), watch.TooLarge, "larger than"},
		"a redirect":            {vendortest.Redirect("https://192.0.2.1"), watch.Unreadable, "leads elsewhere and is not followed"},
		"its own words":         {vendortest.Echo(403), watch.PermissionDenied, "403 Forbidden"},
		"a page with 401":       {vendortest.Page(401), watch.Unparsable, "401 Unauthorized with a web page"},
		"a time that is over":   {vendortest.Reply(200, "application/json", `{"ok":true,"user":"u","team":"t","expires_in":-5}`), watch.Unparsable, "gives it -5 seconds, which is no time that a token has left"},
		"a time without end":    {vendortest.Reply(200, "application/json", `{"ok":true,"user":"u","team":"t","expires_in":1e300}`), watch.Unparsable, "gives it 1e+300 seconds"},
		"more than a year":      {vendortest.Reply(200, "application/json", `{"ok":true,"user":"u","team":"t","expires_in":40000000}`), watch.Unparsable, "gives it 4e+07 seconds"},
		"its own words as 200":  {vendortest.Echo(200), watch.Unparsable, "200 OK"},
	} {
		s := begin(t, map[string]string{"bot": botToken}, nil, on(c.answer)...)
		problem := checktest.WantProblem(t, s.collect(t)["token/bot"], c.reason, c.says)
		if s.Kept() != 0 {
			t.Errorf("%s is held against the token", name)
		}
		if problem.Err != nil && !strings.HasPrefix(problem.Err.Error(), "post to "+s.server.URL+": ") {
			t.Errorf("%s: %v", name, problem.Err)
		}
	}
	s := begin(t, map[string]string{"bot": botToken}, nil, on(vendortest.Echo(401))...)
	if told := s.collect(t)["token/bot"].(watch.Condition); told.Reason != watch.TokenRefused || !strings.Contains(told.Text, "401 Unauthorized") {
		t.Errorf("401: %+v", told)
	}
}

func TestHostileNamesAreMadeHarmless(t *testing.T) {
	t.Parallel()
	s := begin(t, map[string]string{"app": appToken}, nil, vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Reply(200, "application/json",
		`{"ok":true,"app_name":"Deploys\u001b[31m\r\n\u202e `+"`rm -rf`"+` `+appToken+`","team":"`+strings.Repeat("x", 5000)+`"}`)})
	told := s.collect(t)["token/app"].(watch.Condition)
	if strings.ContainsAny(told.Text, "\x1b\r\n\u202e`") || len(told.Details["team"].(string)) > 110 {
		t.Errorf("%q %q", told.Text, told.Details)
	}
}

func TestATokenThatCannotBeSentIsAProblem(t *testing.T) {
	t.Parallel()
	s := begin(t, map[string]string{"empty": "", "two lines": "xoxb-CANARY\nxoxb-CANARY", "refresh": "xoxe-1-CANARY", "long": "xoxb-" + strings.Repeat("x", 16<<10)}, nil)
	s.configure(t, "empty", "two lines", "refresh", "long", "missing")
	facts := s.collect(t)
	checktest.WantProblem(t, facts["token/empty"], watch.Unreadable, "read the token: it is empty")
	checktest.WantProblem(t, facts["token/two lines"], watch.Unreadable, "read the token: it holds white space or characters that no token has")
	checktest.WantProblem(t, facts["token/long"], watch.Unreadable, "read the token: it is longer than 16384 bytes")
	missing := checktest.WantProblem(t, facts["token/missing"], watch.Unreadable, "read the token: read the secret in environment variable missing: it is empty or not set")
	if missing.Remedy != "Put the token where it is referred to (environment variable missing), and nothing else." {
		t.Errorf("the remedy: %s", missing.Remedy)
	}
	refresh := checktest.WantProblem(t, facts["token/refresh"], watch.Unparsable, "it is a refresh token")
	if refresh.Remedy != "List the access token here, and let a check of kind oauth watch the refresh token." {
		t.Errorf("the remedy: %s", refresh.Remedy)
	}
	if sent := s.server.Requests(); len(sent) != 0 {
		t.Errorf("sent: %v", sent)
	}
}

func TestTheTokenGoesInTheHeaderAndNowhereElse(t *testing.T) {
	t.Parallel()
	s := begin(t, map[string]string{"bot": botToken}, []fakeslack.Token{{Secret: botToken, User: "bot"}})
	s.collect(t)
	for _, request := range s.server.Requests() {
		if request.Method != http.MethodPost || request.Path != "/api/auth.test" || request.Query != "" || len(request.Body) != 0 || request.Header.Get("Authorization") != "Bearer "+botToken {
			t.Errorf("%+v", request)
		}
	}
}

func TestACutShortPassHoldsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := begin(t, map[string]string{"bot": botToken}, nil, vendortest.Manner{Answer: func(http.ResponseWriter, *http.Request, http.Handler) { cancel() }})
	err := s.check.Collect(ctx, func(fact watch.Fact) { t.Errorf("told %+v", fact) })
	if !errors.Is(err, context.Canceled) || s.Kept() != 0 {
		t.Errorf("%v; %d are kept", err, s.Kept())
	}
}

func TestTheCheckKeepsItsContract(t *testing.T) {
	s := begin(t, map[string]string{"bot": botToken, "refused": "xoxb-CANARY"}, []fakeslack.Token{{Secret: botToken, User: "bot"}})
	checktest.Run(t, checktest.Case{
		Kind: slack.Kind, Decode: checktest.Given(s.options("bot", "refused", "missing")), Env: s.env,
		Readable: 2, Unreadable: 1,
	})
}

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*slack.Options)
		want   string
	}{
		"nothing is wrong":      {func(*slack.Options) {}, ""},
		"no tokens":             {func(o *slack.Options) { o.Tokens = nil }, "tokens: there is nothing to watch: give at least one token"},
		"a token without place": {func(o *slack.Options) { o.Tokens[0].Token = watch.SecretRef{} }, "tokens[0].token: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		"a name twice":          {func(o *slack.Options) { o.Tokens = tokens("a", "a") }, `tokens[1].name: "a" is the name of tokens[0] too`},
		"plain http":            {func(o *slack.Options) { o.URL = "http://slack.com/api" }, "url: want https://HOST: tokens are sent there"},
		"a URL with a query":    {func(o *slack.Options) { o.URL = "https://slack.com/api?token=x" }, "url: want nothing behind the path"},
		"a URL with a password": {func(o *slack.Options) { o.URL = "https://u:p@slack.com/api" }, "url: it holds a user name or password"},
		"no URL":                {func(o *slack.Options) { o.URL = "" }, "url: want https://HOST: tokens are sent there"},
		"a URL that is none":    {func(o *slack.Options) { o.URL = "https://%zz" }, "url: it cannot be parsed as a URL: want https://HOST"},
	} {
		options := slack.Options{Tokens: []slack.Token{{Entry: entry.Entry{Name: "a"}, Token: watch.SecretRef{Env: "A"}}}, URL: "https://slack.com/api"}
		c.change(&options)
		t.Run(name, func(t *testing.T) { checktest.WantRefusal(t, options.Validate(), c.want) })
	}
}
