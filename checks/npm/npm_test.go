package npm_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/npm"
	"lapsewatch/internal/fakenpm"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestATokenIsTriedAndAllOfItsAccountAreListed(t *testing.T) {
	t.Parallel()
	s := begin(t, append(ada(),
		fakenpm.Token{Account: "bob", Key: "bobs-token", Name: "bob"},
		fakenpm.Token{Account: "ada", Key: "revoked-token", Name: "gone", Expiry: now.AddDate(0, 0, 3), Revoked: now.AddDate(0, 0, -1)},
		fakenpm.Token{Account: "ada", Key: "expired-token", Name: "old", Created: now.AddDate(0, 0, -91), Expiry: now.AddDate(0, 0, -1)},
	), vendortest.DefaultManners()...)
	facts := s.collect(t)
	if len(facts) != 5 {
		t.Errorf("%d facts: %v", len(facts), facts)
	}
	works := checktest.WantCondition(t, facts["token/publish"], "", "the token works, as ada")
	checktest.WantCondition(t, facts["listed/by/publish"], "", "its account has 3 tokens")
	publish, ok := facts["listed/"+publishKey].(watch.Credential)
	if !ok || publish.Form != watch.AccessToken || publish.Identity != publishKey || !publish.NotAfter.Equal(time.Date(2026, time.December, 12, 6, 0, 0, 0, time.UTC)) || publish.Life != 90*24*time.Hour || !publish.NotBefore.IsZero() {
		t.Errorf("the token for publishing: %+v", facts["listed/"+publishKey])
	}
	want := map[string]any{
		"account": "ada", "description": "Publish Token", "read_only": false, "bypass_2fa": true, "permissions": []string{"package:write"},
		"last_used": "2026-11-21T06:00:00Z", "watched_as": []string{"publish"},
	}
	if !reflect.DeepEqual(publish.Details, want) {
		t.Errorf("its details\ngot  %v\nwant %v", publish.Details, want)
	}
	if publish.Subject.Name != "publish_token of ada" || publish.Subject.Owners[0] != "publish@example.com" || works.Subject.Name != "publish" {
		t.Errorf("subjects %+v and %+v", publish.Subject, works.Subject)
	}
	if endless := facts["listed/"+readKey].(watch.Credential); !endless.NotAfter.IsZero() || endless.Details["watched_as"] != nil || endless.Details["last_used"] != nil {
		t.Errorf("a token without an end: %+v", endless)
	}
	if old := facts["listed/expired-token"].(watch.Credential); !old.LeftOverFrom.Equal(now.AddDate(0, 0, 29)) {
		t.Errorf("an expired token: %+v", old)
	}
}

func TestARefusedTokenIsLeftAloneOverPasses(t *testing.T) {
	t.Parallel()
	s := begin(t, nil)
	const why = `it answered 401 Unauthorized: Unauthorized ("Access token expired or revoked. Please try logging in again.")`
	pass := func(after time.Duration, requests int, text string) {
		t.Helper()
		s.Go(now.Add(after))
		facts := s.collect(t)
		checktest.WantCondition(t, facts["token/publish"], watch.TokenRefused, "the token "+text+why)
		if hidden := checktest.WantProblem(t, facts["listed/by/publish"], watch.AuthFailed, "the token that would list them "+text+why); hidden.HidesPrefix != "listed/" {
			t.Errorf("what was listed before counts as gone: %+v", hidden)
		}
		if got := len(s.server.Requests()); got != requests {
			t.Errorf("after %s: %d requests, want %d", after, got, requests)
		}
	}
	where := "is not accepted by " + strings.TrimPrefix(s.server.URL, "https://")
	pass(0, 1, where+": ")
	pass(30*time.Minute, 1, where+"; not asked again before 2026-11-22 07:00 UTC, after 1 refusal: ")
	pass(time.Hour, 2, where+": ")
	pass(2*time.Hour, 2, where+"; not asked again before 2026-11-22 09:00 UTC, after 2 refusals: ")
	for _, ability := range s.check.(watch.Trier).Try(t.Context()) {
		if ability.Err == nil || !ability.Required {
			t.Errorf("tried: %+v", ability)
		}
	}
	if got := len(s.server.Requests()); got != 3 {
		t.Errorf("tried with %d requests", got-2)
	}
	s.registry.Set(ada()...)
	abilities := s.check.(watch.Trier).Try(t.Context())
	if len(abilities) != 2 || abilities[0].Err != nil || abilities[1].Err != nil || abilities[0].Name != "publish" || abilities[1].Name != "tokens of the account of publish" {
		t.Errorf("tried once it works: %+v", abilities)
	}
	if s.Kept() != 0 {
		t.Error("the hold is not forgotten")
	}
}

func TestWhatTheRegistryAnswersIsToldApart(t *testing.T) {
	t.Parallel()
	whoami := func(answer vendortest.Answer) []vendortest.Manner {
		return []vendortest.Manner{{On: "/whoami", Times: vendortest.Always, Answer: answer}}
	}
	for name, c := range map[string]struct {
		answer vendortest.Answer
		reason watch.Reason
		says   string
	}{
		"a web page":               {vendortest.Page(200), watch.Unparsable, "200 OK with a web page"},
		"an empty object":          {vendortest.Reply(200, "application/json", `{}`), watch.Unparsable, "it does not say whose token it is"},
		"a number for a name":      {vendortest.Reply(200, "application/json", `{"username":7}`), watch.Unparsable, "not what a registry answers"},
		"an outage":                {vendortest.Status(503, "1"), watch.Unreadable, "503 Service Unavailable"},
		"throttling":               {vendortest.Status(429, "3600"), watch.Throttled, "429 Too Many Requests"},
		"half an answer":           {vendortest.CutShort(), watch.Unreadable, "closed the connection"},
		"an answer without end":    {vendortest.Endless(), watch.TooLarge, "larger than"},
		"a redirect":               {vendortest.Redirect("https://192.0.2.1"), watch.Unreadable, "leads elsewhere and is not followed"},
		"a registry that has none": {vendortest.Reply(404, "application/json", `{"error":"not_found"}`), watch.NotFound, "404 Not Found: not_found"},
		"a page with 401":          {vendortest.Page(401), watch.Unparsable, "401 Unauthorized with a web page"},
		"a lack of rights":         {vendortest.Echo(403), watch.PermissionDenied, "403 Forbidden"},
	} {
		s := begin(t, ada(), whoami(c.answer)...)
		problem := checktest.WantProblem(t, s.collect(t)["token/publish"], c.reason, c.says)
		if problem.HidesPrefix != "listed/" || s.Kept() != 0 {
			t.Errorf("%s hides %q, %d are kept", name, problem.HidesPrefix, s.Kept())
		}
	}
	for challenge, says := range map[string]string{"OTP": "it asks for a one-time password", "ipaddress": "the token may not be used from this address", `Bearer realm="x", otp`: "one-time password"} {
		tokens := ada()
		tokens[0].Challenge = challenge
		s := begin(t, tokens)
		problem := checktest.WantProblem(t, s.collect(t)["token/publish"], watch.PermissionDenied, says)
		if problem.Remedy != "Look at the message: the token may only be used from addresses that its settings allow, or not without a one-time password." {
			t.Errorf("%s: %s", challenge, problem.Remedy)
		}
	}
}

func TestACutShortPassSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := begin(t, ada(), vendortest.Manner{On: "/tokens", Answer: func(http.ResponseWriter, *http.Request, http.Handler) { cancel() }})
	if err := s.check.Collect(ctx, func(fact watch.Fact) { t.Errorf("told %+v", fact) }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestTheCheckKeepsItsContract(t *testing.T) {
	s := begin(t, ada())
	s.options.Tokens = listed("publish", "read", "missing")
	checktest.Run(t, checktest.Case{
		Kind: npm.Kind, Decode: checktest.Given(s.options), Env: s.env,
		Readable: 6, Unreadable: 1,
	})
}

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*npm.Options)
		want   string
	}{
		"nothing is wrong":      {func(*npm.Options) {}, ""},
		"no tokens":             {func(o *npm.Options) { o.Tokens = nil }, "tokens: there is nothing to watch: give at least one token"},
		"a token without place": {func(o *npm.Options) { o.Tokens[0].Token = watch.SecretRef{} }, "tokens[0].token: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		"a name twice":          {func(o *npm.Options) { o.Tokens = listed("a", "a") }, `tokens[1].name: "a" is the name of tokens[0] too`},
		"plain http":            {func(o *npm.Options) { o.Registry = "http://registry.npmjs.org" }, "registry: want https://HOST: tokens are sent there"},
	} {
		options := npm.Options{Tokens: listed("a"), Registry: "https://registry.npmjs.org"}
		c.change(&options)
		t.Run(name, func(t *testing.T) { checktest.WantRefusal(t, options.Validate(), c.want) })
	}
}
