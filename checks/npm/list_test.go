package npm_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakenpm"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestTwoTokensOfAnAccountListItOnce(t *testing.T) {
	t.Parallel()
	s := begin(t, ada())
	s.options.Tokens = listed("read", "publish")
	s.configure(t)
	facts := s.collect(t)
	if asked := len(s.server.To("/tokens")); len(facts) != 6 || asked != 1 {
		t.Errorf("%d facts after %d lists: %v", len(facts), asked, facts)
	}
	tokens := ada()
	tokens[1].ListDenied = true // that of "read", which is asked first
	s.registry.Set(tokens...)
	if again := s.collect(t); len(again) != 6 {
		t.Errorf("%v", again)
	}
	for key, by := range map[string]string{readKey: "read", publishKey: "publish"} {
		told := facts["listed/"+key].(watch.Credential)
		if !reflect.DeepEqual(told.Details["watched_as"], []string{by}) || told.Subject.Owners[0] != "read@example.com" {
			t.Errorf("%+v", told)
		}
	}
}

func TestEveryPageIsRead(t *testing.T) {
	t.Parallel()
	tokens := ada()
	for i := range 23 {
		tokens = append(tokens, fakenpm.Token{Account: "ada", Key: fmt.Sprintf("key-%02d-long", i), Name: fmt.Sprint("t", i)})
	}
	s := begin(t, tokens, vendortest.DefaultManners()...)
	if facts := s.collect(t); len(facts) != 27 {
		t.Errorf("%d facts", len(facts))
	}
	s.registry.Next = func(page int) string { return fmt.Sprintf("%s/-/npm/v1/tokens?page=%d", s.server.URL, page) }
	if facts := s.collect(t); len(facts) != 27 {
		t.Errorf("by absolute addresses: %d facts", len(facts))
	}
}

func TestTheNextPageIsAskedForAtTheSameRegistryOnly(t *testing.T) {
	t.Parallel()
	elsewhere := vendortest.Start(t, http.NotFoundHandler())
	for _, next := range []string{elsewhere.URL + "/-/npm/v1/tokens?page=1", "//192.0.2.1/x", "http://127.0.0.1/x", "https://user@127.0.0.1/x", "%zz"} {
		s := begin(t, ada())
		s.registry.PageSize, s.registry.Next = 1, func(int) string { return next }
		problem := checktest.WantProblem(t, s.collect(t)["listed/by/publish"], watch.Incomplete, "the next page is not at this registry, and is not asked for")
		if problem.HidesPrefix != "listed/" {
			t.Errorf("%s hides %q", next, problem.HidesPrefix)
		}
	}
	if leaked := elsewhere.Requests(); len(leaked) != 0 {
		t.Errorf("asked elsewhere: %v", leaked)
	}
	s := begin(t, ada())
	s.registry.PageSize, s.registry.Next = 1, func(int) string { return "/-/npm/v1/tokens" }
	checktest.WantProblem(t, s.collect(t)["listed/by/publish"], watch.Incomplete, "its pages lead in a circle")
	s.registry.Next = func(page int) string {
		return fmt.Sprintf("/-/npm/v1/tokens?page=0&again=%d", len(s.server.Requests()))
	}
	checktest.WantProblem(t, s.collect(t)["listed/by/publish"], watch.Incomplete, "they fill more than 100 pages")
}

func TestATokenThatMayNotListIsInOrderAllTheSame(t *testing.T) {
	t.Parallel()
	tokens := ada()
	tokens[0].ListDenied = true
	s := begin(t, tokens)
	facts := s.collect(t)
	checktest.WantCondition(t, facts["token/publish"], "", "the token works, as ada")
	problem := checktest.WantProblem(t, facts["listed/by/publish"], watch.PermissionDenied, "403 Forbidden: Forbidden")
	if problem.HidesPrefix != "listed/" || !strings.HasSuffix(problem.Remedy, "or set list: false, and keep the date of the token in a check that knows it.") {
		t.Errorf("%+v", problem)
	}
	s.options.List = false
	s.configure(t)
	facts = s.collect(t)
	if checktest.WantCondition(t, facts["token/publish"], "", "the token works, as ada; its date is told in the list of its account's tokens only (list: true)"); len(facts) != 1 {
		t.Errorf("%v", facts)
	}
	s.registry.Set()
	if facts = s.collect(t); len(facts) != 1 || facts["token/publish"].(watch.Condition).Reason != watch.TokenRefused {
		t.Errorf("once it is refused: %v", facts)
	}
	for _, answer := range []vendortest.Answer{vendortest.Status(401, ""), vendortest.Page(200), vendortest.Reply(200, "application/json", `{"urls":{}}`), vendortest.Reply(200, "application/json", `{"objects":{"token":"`+publishToken+`"}}`)} {
		s := begin(t, ada(), vendortest.Manner{On: "/tokens", Times: vendortest.Always, Answer: answer})
		facts := s.collect(t)
		checktest.WantCondition(t, facts["token/publish"], "", "the token works, as ada")
		if problem, ok := facts["listed/by/publish"].(watch.Problem); !ok || !problem.Confined || problem.HidesPrefix != "listed/" || problem.Reason != watch.Unparsable && problem.Reason != watch.PermissionDenied {
			t.Errorf("%+v", facts["listed/by/publish"])
		}
	}
}

func TestWhatIsOddInAListHidesNothingElse(t *testing.T) {
	t.Parallel()
	raw := func(text string) fakenpm.Token { return fakenpm.Token{Account: "ada", Raw: text} }
	s := begin(t, append(ada(),
		raw(`{"key":"soon-to-end","name":"soon","expiry":"soon"}`), raw(`{"key":"number-date","expiry":1764000000}`), raw(`{"key":"bad-revoked","revoked":7}`),
		raw(`{"key":"***","name":"hidden","created":"2026-05-28T12:22:18.350Z","expiry":"2027-02-03T20:06:18.920Z"}`),
		raw(`{"key":"***","name":"hidden too","created":"2026-05-28T12:22:18.350Z","expiry":""}`),
		raw(`{"key":"hostile-name","name":"a\u001b[31m\r\nb\u202e `+publishToken[:5]+strings.Repeat("x", 5000)+`","permissions":[{"name":"<script>"}]}`),
		raw(`"no object"`),
	))
	facts := s.collect(t)
	checktest.WantProblem(t, facts["listed/soon-to-end"], watch.Unparsable, "read what the registry lists: its expiry is no date")
	checktest.WantProblem(t, facts["listed/number-date"], watch.Unparsable, "its expiry is no date")
	if facts["listed/bad-revoked"] != nil {
		t.Error("a revoked token is told of")
	}
	hidden, broken := 0, 0
	for id, fact := range facts {
		if strings.HasPrefix(id, "listed/digest-") {
			if credential, ok := fact.(watch.Credential); ok && strings.HasPrefix(credential.Subject.Name, "hidden") {
				hidden++
			} else if problem, ok := fact.(watch.Problem); ok && problem.Reason == watch.Unparsable {
				broken++
			}
		}
	}
	if hidden != 2 || broken != 1 {
		t.Errorf("%d without a key and %d broken: %v", hidden, broken, facts)
	}
	if name := facts["listed/hostile-name"].About().Name; strings.ContainsAny(name, "\x1b\r\n\u202e") || len(name) > 500 {
		t.Errorf("%q", name)
	}
	if _, ok := facts["listed/"+publishKey].(watch.Credential); !ok {
		t.Error("a good token is hidden")
	}
}

func TestWhoMayNotAskWhoseATokenIsIsNoRefusedToken(t *testing.T) {
	t.Parallel()
	whoami := func(status int) vendortest.Manner {
		return vendortest.Manner{On: "/whoami", Times: vendortest.Always, Answer: vendortest.Status(status, "")}
	}
	tokens := func(status int) vendortest.Manner {
		return vendortest.Manner{On: "/tokens", Times: vendortest.Always, Answer: vendortest.Status(status, "")}
	}
	s := begin(t, ada(), whoami(401))
	facts := s.collect(t)
	checktest.WantCondition(t, facts["token/publish"], "", "the token works, and may not ask whose it is")
	if publish := facts["listed/"+publishKey].(watch.Credential); publish.Subject.Name != "publish_token of the account of publish" || publish.Details["account"] != nil || s.Kept() != 0 {
		t.Errorf("%+v, %d are held", publish, s.Kept())
	}
	for _, status := range []int{401, 404} { // without a list, whoami is all that there is
		s = begin(t, ada(), whoami(401), tokens(status))
		if told := s.collect(t)["token/publish"].(watch.Condition); told.Reason != watch.TokenRefused || s.Kept() != 1 {
			t.Errorf("%d: %+v", status, told)
		}
	}
	for status, reason := range map[int]watch.Reason{403: watch.PermissionDenied, 500: watch.Unreadable} {
		s = begin(t, ada(), whoami(401), tokens(status))
		if checktest.WantProblem(t, s.collect(t)["token/publish"], reason, fmt.Sprint(status)); s.Kept() != 0 {
			t.Errorf("%d is held against the token", status)
		}
	}
}

func TestOneOutageIsOneProblemAndHidesThatOfTheList(t *testing.T) {
	t.Parallel()
	s := begin(t, ada(), vendortest.Manner{On: "/tokens", Times: vendortest.Always, Answer: vendortest.Status(403, "")})
	list := checktest.WantProblem(t, s.collect(t)["listed/by/publish"], watch.PermissionDenied, "403")
	s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Status(503, "3600")})
	facts := s.collect(t)
	if problem := checktest.WantProblem(t, facts["token/publish"], watch.Unreadable, "503"); len(facts) != 1 || !strings.HasPrefix(list.Subject.ID, problem.HidesPrefix) {
		t.Errorf("%v", facts)
	}
}

func TestThePagesOfARegistryBelowAPathAreThere(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"/-/npm/v1/tokens?page=1", "/api/npm/repo/-/npm/v1/tokens?page=1", "-/npm/v1/tokens?page=1"} {
		s := begin(t, ada())
		s.registry.PageSize, s.registry.Next = 1, func(int) string { return next }
		s.options.Registry = s.server.URL + "/api/npm/repo/"
		s.configure(t)
		checktest.WantCondition(t, s.collect(t)["listed/by/publish"], "", "its account has 2 tokens")
		for _, request := range s.server.Requests() {
			if !strings.HasPrefix(request.Path, "/api/npm/repo/-/") {
				t.Errorf("%s leads to %s", next, request.Path)
			}
		}
	}
	for _, next := range []string{"/../../x/-/npm/v1/tokens", "https://HOST/other/-/npm/v1/tokens", "https://HOST/api/npm/repo/../other"} {
		s := begin(t, ada())
		s.registry.PageSize, s.registry.Next = 1, func(int) string { return strings.ReplaceAll(next, "https://HOST", s.server.URL) }
		s.options.Registry = s.server.URL + "/api/npm/repo/"
		s.configure(t)
		checktest.WantProblem(t, s.collect(t)["listed/by/publish"], watch.Incomplete, "the next page is not at this registry")
	}
}

func TestWhatWasNotRevokedIsTold(t *testing.T) {
	t.Parallel()
	for revoked, gone := range map[string]bool{`false`: false, `null`: false, `""`: false, `0`: false, `true`: true, `"2026-11-20T00:00:00Z"`: true, `"once"`: true} {
		s := begin(t, append(ada(), fakenpm.Token{Account: "ada", Raw: `{"key":"abcdef123","name":"x","expiry":"2026-11-25T00:00:00Z","revoked":` + revoked + `}`}))
		if _, told := s.collect(t)["listed/abcdef123"].(watch.Credential); told == gone {
			t.Errorf("revoked: %s is told of: %t", revoked, told)
		}
	}
}

func TestTokensThatLookAlikeAreTwo(t *testing.T) {
	t.Parallel()
	raw := func(expiry string) fakenpm.Token {
		return fakenpm.Token{Account: "ada", Raw: `{"key":"***","name":"x","expiry":` + expiry + `}`}
	}
	s := begin(t, append(ada(), raw(`"2026-11-25T00:00:00Z"`), raw(`"2027-11-25T00:00:00Z"`), raw(`null`), raw(`null`)))
	if facts := s.collect(t); len(facts) != 8 {
		t.Errorf("%d facts: %v", len(facts), facts)
	}
}
