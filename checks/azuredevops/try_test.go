package azuredevops_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/azuredevops"
	"lapsewatch/checks/checktest"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakedevops"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func expires(t *testing.T, text string) entry.Date {
	t.Helper()
	var day entry.Date
	if err := day.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return day
}

func TestATokenIsTriedAndItsDateIsTheOptions(t *testing.T) {
	t.Parallel()
	s := begin(t, fabrikam(), vendortest.DefaultManners()...)
	told := checktest.WantCondition(t, s.collect(t)["token/release"], "", "the token works, as Ada; no API tells its date, so give it as expires, from the page of the user's personal access tokens")
	if told.Details["user"] != "Ada" {
		t.Errorf("%v", told.Details)
	}
	s.options.Tokens[0].Expires = expires(t, "2026-12-02")
	s.configure(t)
	facts := s.collect(t)
	works := checktest.WantCondition(t, facts["token/release"], "", "the token works, as Ada")
	dated, ok := facts["date/release"].(watch.Credential)
	if !ok || !dated.NotAfter.Equal(time.Date(2026, time.December, 2, 0, 0, 0, 0, time.UTC)) || dated.Form != watch.AccessToken || dated.Identity != "until:2026-12-02T00:00:00Z" || dated.Subject.Name != "release (date in expires)" {
		t.Errorf("%+v", dated)
	}
	if !strings.HasPrefix(works.Identity, "sha256:") || len(facts) != 2 {
		t.Errorf("%+v", facts)
	}
	for _, request := range s.server.Requests() {
		if want := "Basic " + base64.StdEncoding.EncodeToString([]byte(":"+releasePAT)); request.Path != "/fabrikam/_apis/connectionData" || request.Query != "" || request.Header.Get("Authorization") != want {
			t.Errorf("%+v", request)
		}
	}
}

func TestARefusedTokenIsLeftAloneOverPasses(t *testing.T) {
	t.Parallel()
	organization := fabrikam()
	organization.Users[0].PATs[0].Revoked = true
	s := begin(t, organization)
	const why = "it answered 401 Unauthorized: TF400813: The user '' is not authorized to access this resource."
	pass := func(after time.Duration, requests int, text string) {
		t.Helper()
		s.Go(now.Add(after))
		checktest.WantCondition(t, s.collect(t)["token/release"], watch.TokenRefused, "the token is not accepted by "+s.host()+text+why)
		if got := len(s.server.Requests()); got != requests {
			t.Errorf("after %s: %d requests, want %d", after, got, requests)
		}
	}
	pass(0, 1, ": ")
	pass(59*time.Minute, 1, "; not asked again before 2026-11-22 07:00 UTC, after 1 refusal: ")
	pass(61*time.Minute, 2, ": ")
	pass(3*time.Hour, 2, "; not asked again before 2026-11-22 09:01 UTC, after 2 refusals: ")

	s.options.Tokens[0].Expires = expires(t, "2027-01-31T14:00:00Z")
	s.configure(t)
	facts := s.collect(t)
	checktest.WantCondition(t, facts["token/release"], watch.TokenRefused, "the token is not accepted by "+s.host()+"; not asked again before 2026-11-22 09:01 UTC, after 2 refusals: "+why)
	if dated := facts["date/release"].(watch.Credential); len(dated.Observations) != 0 || !dated.NotAfter.Equal(time.Date(2027, time.January, 31, 14, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", dated)
	}
	if abilities := s.check.(watch.Trier).Try(t.Context()); len(abilities) != 1 || abilities[0].Reason != watch.TokenRefused || abilities[0].Err == nil || len(s.server.Requests()) != 3 {
		t.Errorf("tried: %+v", abilities)
	}
	organization.Change(func(o *fakedevops.Organization) { o.Users[0].PATs[0].Revoked = false })
	if abilities := s.check.(watch.Trier).Try(t.Context()); len(abilities) != 1 || abilities[0].Err != nil || s.Kept() != 0 {
		t.Errorf("tried once it works: %+v", abilities)
	}
}

func TestEveryWayOfRefusingIsKnown(t *testing.T) {
	t.Parallel()
	away := func(location string) vendortest.Answer {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		}
	}
	for name, c := range map[string]struct {
		answer vendortest.Answer
		says   string
	}{
		"the sign-in page with 203": {vendortest.Page(203), "it answered with its sign-in page"},
		"a redirect to sign in":     {away("https://spsprodeus23.vssps.visualstudio.com/_signin?realm=dev.azure.com&reply_to=x"), "it answered with its sign-in page"},
		"a page of its own": {func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
			w.Header().Set("X-VSS-E2EID", "38aaa865-2c70-4bf7-a308-0c6539c38c1a")
			vendortest.Page(401)(w, r, usual)
		}, "401 Unauthorized with a web page"},
		"401 with all that it was sent": {vendortest.Echo(401), "it answered 401 Unauthorized"},
	} {
		s := begin(t, fabrikam(), vendortest.Manner{Times: vendortest.Always, Answer: c.answer})
		told, ok := s.collect(t)["token/release"].(watch.Condition)
		if !ok || told.Reason != watch.TokenRefused || !strings.Contains(told.Text, c.says) || s.Kept() != 1 {
			t.Errorf("%s: %+v", name, told)
		}
	}
	public := fabrikam()
	public.Public, public.Users = true, nil
	s := begin(t, public)
	checktest.WantCondition(t, s.collect(t)["token/release"], watch.TokenRefused, "the token is not accepted by "+s.host()+": it takes whoever shows the token for an anonymous visitor")
}

func TestWhatIsNoAnswerIsNoProof(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer vendortest.Answer
		reason watch.Reason
		says   string
	}{
		"a web page with 200":   {vendortest.Page(200), watch.Unparsable, "which does not say whose token it is"},
		"an empty object":       {vendortest.Reply(200, "application/json", `{}`), watch.Unparsable, "which does not say whose token it is"},
		"an outage":             {vendortest.Status(503, "1"), watch.Unreadable, "503 Service Unavailable"},
		"throttling":            {vendortest.Status(429, "3600"), watch.Throttled, "429 Too Many Requests"},
		"half an answer":        {vendortest.CutShort(), watch.Unreadable, "closed the connection"},
		"an answer without end": {vendortest.Endless(), watch.TooLarge, "larger than"},
		"a redirect elsewhere":  {vendortest.Redirect("https://192.0.2.1"), watch.Unreadable, "leads elsewhere and is not followed"},
		"a policy":              {vendortest.Echo(403), watch.PermissionDenied, "403 Forbidden"},
		"a page with 401":       {vendortest.Page(401), watch.Unparsable, "401 Unauthorized with a web page"},
		"no such organization":  {vendortest.Status(404, ""), watch.NotFound, "404 Not Found"},
	} {
		s := begin(t, fabrikam(), vendortest.Manner{Times: vendortest.Always, Answer: c.answer})
		if problem := checktest.WantProblem(t, s.collect(t)["token/release"], c.reason, c.says); problem.HidesPrefix != "" || s.Kept() != 0 {
			t.Errorf("%s: %+v", name, problem)
		}
		s.options.Tokens[0].Expires = expires(t, "2026-12-02")
		s.configure(t)
		facts := s.collect(t)
		checktest.WantProblem(t, facts["token/release"], c.reason, c.says)
		if dated, ok := facts["date/release"].(watch.Credential); !ok || !dated.NotAfter.Equal(time.Date(2026, time.December, 2, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s with a date: %+v", name, dated)
		}
	}
}

func TestATokenThatCannotBeReadIsAProblemWhateverItsDate(t *testing.T) {
	t.Parallel()
	s := begin(t, fabrikam())
	s.Put("release", "")
	s.options.Tokens[0].Expires = expires(t, "2026-12-02")
	s.configure(t)
	checktest.WantProblem(t, s.collect(t)["token/release"], watch.Unreadable, "read the token: it is empty")
}

func TestACutShortPassSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := begin(t, fabrikam(), vendortest.Manner{Answer: func(http.ResponseWriter, *http.Request, http.Handler) { cancel() }})
	if err := s.check.Collect(ctx, func(fact watch.Fact) { t.Errorf("told %+v", fact) }); !errors.Is(err, context.Canceled) || s.Kept() != 0 {
		t.Errorf("%v", err)
	}
}

func TestTheCheckKeepsItsContract(t *testing.T) {
	s := begin(t, fabrikam())
	s.Put("refused", "CANARY")
	s.options.Tokens = listed("release", "refused", "missing")
	checktest.Run(t, checktest.Case{
		Kind: azuredevops.Kind, Decode: checktest.Given(s.options), Env: s.env,
		Readable: 2, Unreadable: 1,
	})
}

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	list := func(change func(*azuredevops.List)) func(*azuredevops.Options) {
		return func(o *azuredevops.Options) {
			o.List = &azuredevops.List{SignIn: msgraph.SignIn{Tenant: "example.com"}}
			change(o.List)
		}
	}
	for name, c := range map[string]struct {
		change func(*azuredevops.Options)
		want   string
	}{
		"nothing is wrong":          {func(*azuredevops.Options) {}, ""},
		"a list alone":              {func(o *azuredevops.Options) { list(func(*azuredevops.List) {})(o); o.Tokens = nil }, ""},
		"nothing to watch":          {func(o *azuredevops.Options) { o.Tokens = nil }, "tokens: there is nothing to watch: give tokens, or list"},
		"no organization":           {func(o *azuredevops.Options) { o.Organization = "" }, "organization: it is missing: want what stands behind https://dev.azure.com/"},
		"a server instead":          {func(o *azuredevops.Options) { o.Organization, o.URL = "", "https://tfs.example.com/DefaultCollection" }, ""},
		"a path as an organization": {func(o *azuredevops.Options) { o.Organization = "a/../b" }, `organization: "a/../b" is no name of an organization: want what stands behind https://dev.azure.com/`},
		"plain http":                {func(o *azuredevops.Options) { o.URL = "http://tfs" }, "url: want https://HOST: tokens are sent there"},
		"a token without place":     {func(o *azuredevops.Options) { o.Tokens[0].Token = watch.SecretRef{} }, "tokens[0].token: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		"a name twice":              {func(o *azuredevops.Options) { o.Tokens = listed("a", "a") }, `tokens[1].name: "a" is the name of tokens[0] too`},
		"no tenant":                 {list(func(l *azuredevops.List) { l.Tenant = "" }), "list.tenant: it is missing: want the tenant's ID or one of its verified domains"},
		"an unknown whose":          {list(func(l *azuredevops.List) { l.Whose = "all" }), `list.whose: "all" is not known; want organization or own`},
		"own tokens of a service":   {list(func(l *azuredevops.List) { l.Whose = azuredevops.Own }), "list.sign_in: whose: own lists the tokens of a user, and needs a user's sign-in: want azure_cli or default"},
		"own tokens of a user":      {list(func(l *azuredevops.List) { l.Whose, l.Method = azuredevops.Own, msgraph.AzureCLI }), ""},
		"a list by plain http":      {list(func(l *azuredevops.List) { l.URL = "http://x" }), "list.url: want https://HOST: tokens are sent there"},
	} {
		options := azuredevops.Options{Organization: "fabrikam", Tokens: listed("a")}
		c.change(&options)
		t.Run(name, func(t *testing.T) { checktest.WantRefusal(t, options.Validate(), c.want) })
	}
}
