package gitlab

import (
	"context"
	"encoding/json"
	"errors"
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

func TestConformance(t *testing.T) {
	s := begin(t)
	s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7, Access: []fakegitlab.AccessToken{access(1, "a", "2026-12-01"), {ID: 2, RawExpires: "soon"}}}
	options := s.watching(&fakegitlab.Token{AccessToken: access(3, "ci", "")})
	options.Token, options.Projects = s.administrator("2027-01-01"), []Project{{Entry: named("shop"), Project: "shop"}, {Entry: named("none"), Project: "none"}}
	options.Tokens = append(options.Tokens, Token{Entry: named("unset"), Token: env("UNSET")})
	checktest.Run(t, checktest.Case{
		Kind: Kind, Decode: checktest.Given(s.options(options)), Env: s.env,
		Readable: 3, Unreadable: 4,
	})
}

// TestNothingOfASecretIsToldOrKept lets GitLab repeat all that it was sent.
func TestNothingOfASecretIsToldOrKept(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusInternalServerError} {
		for _, from := range []int{0, 2} {
			t.Run(fmt.Sprintf("%d after %d", status, from), func(t *testing.T) {
				t.Parallel()
				s := begin(t)
				options := s.watching(&fakegitlab.Token{AccessToken: access(3, "ci", "")})
				options.Token, options.Projects, options.Personal = s.administrator("2027-01-01"), []Project{{Entry: named("shop"), Project: "shop"}}, true
				s.server.Misbehave(vendortest.Manner{After: from, Times: vendortest.Always, Answer: vendortest.Echo(status)})
				c := s.check(t, options)
				told, err := checktest.Gather(t.Context(), c)
				s.WantNoToken(t, checktest.Shown(t, told...)+checktest.ShownOfTry(c.Try(t.Context()))+fmt.Sprint(err))
			})
		}
	}
}

func TestAPassThatIsCutShortSaysSoAndBlamesNobody(t *testing.T) {
	s := begin(t)
	options := s.watching(&fakegitlab.Token{AccessToken: access(3, "ci", "")})
	options.Token, options.Personal = s.administrator(""), true
	s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Slow(time.Minute)})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	told, err := checktest.Gather(ctx, s.check(t, options))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "was cut short") || len(told) != 0 {
		t.Errorf("ended with %v and told %v", err, told)
	}
}

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	token := watch.SecretRef{Env: "T"}
	good := Options{URL: publicURL, Tokens: []Token{{Entry: named("ci"), Token: token}}}
	for name, test := range map[string]struct {
		change func(*Options)
		want   []string
	}{
		"nothing to watch":     {func(o *Options) { o.Tokens = nil }, []string{"tokens"}},
		"http":                 {func(o *Options) { o.URL = "http://gitlab.example.com" }, []string{"url"}},
		"nobody who lists":     {func(o *Options) { o.Personal = true }, []string{"token"}},
		"two places":           {func(o *Options) { o.Personal, o.Token = true, watch.SecretRef{Env: "A", File: "b"} }, []string{"token"}},
		"nothing to list":      {func(o *Options) { o.Token = token }, []string{"token"}},
		"two of one name":      {func(o *Options) { o.Tokens = append(o.Tokens, o.Tokens[0]) }, []string{"tokens[1].name"}},
		"no name and no token": {func(o *Options) { o.Tokens[0] = Token{} }, []string{"tokens[0].name", "tokens[0].token"}},
		"a project that leads out": {func(o *Options) {
			o.Token, o.Projects = token, []Project{{Entry: named("p"), Project: "a/../b"}, {Entry: named("q"), Project: "a?b"}, {Entry: named("r")}}
		}, []string{"projects[0].project", "projects[1].project", "projects[2].project"}},
		"a project and a group twice": {func(o *Options) {
			o.Token = token
			o.Projects = []Project{{Entry: named("p"), Project: "platform/shop"}, {Entry: named("q"), Project: "Platform/Shop"}}
			o.Groups = []Group{{Entry: named("p"), Group: "8"}, {Entry: named("q"), Group: "8"}}
		}, []string{"projects[1].project", "groups[1].group"}},
		"a group with a slash in front": {func(o *Options) { o.Token, o.Groups = token, []Group{{Entry: named("g"), Group: "/a"}} }, []string{"groups[0].group"}},
	} {
		t.Run(name, func(t *testing.T) {
			options := good
			options.Tokens = slices.Clone(good.Tokens)
			test.change(&options)
			checktest.Equal(t, "what is refused", strings.Join(checktest.Places(t, options.Validate()), " "), strings.Join(test.want, " "))
		})
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func FuzzElementsOfLists(f *testing.F) {
	for _, seed := range []string{
		`{"id":1,"name":"a","expires_at":"2026-12-01"}`, `{"id":1,"expires_at":"soon"}`, `{"id":-1}`, `{"id":1e300}`, `[]`, `null`, `"x"`,
		`{"id":9223372036854775807,"expires_at":"0001-01-01","last_used_at":"9999-12-31T23:59:59Z"}`, `{"id":2,"scopes":["\u001b"],"user_id":-3,"revoked":true}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, element string) {
		if !json.Valid([]byte(element)) {
			return
		}
		c := &check{}
		c.env.Now, c.env.Expect = func() time.Time { return now }, func(int) {}
		p := &pass{check: c, seen: map[tokenID]bool{}, sink: func(fact watch.Fact) {
			if subject := fact.About(); strings.ContainsAny(subject.Name, "\x1b\r\n") || subject.ID == "" {
				t.Errorf("%q gives the subject %+v", element, subject)
			}
		}}
		for _, read := range []func(*reading, json.RawMessage){(*reading).accessToken, (*reading).deployToken} {
			r := &reading{list: list{prefix: "listed/x/", of: "x"}, ask: &caller{pass: p}, ids: map[int64]bool{}}
			read(r, json.RawMessage(element))
			if len(r.held)+r.revoked+r.broken != 1 {
				t.Errorf("%q is told of %d times", element, len(r.held)+r.revoked+r.broken)
			}
			for _, token := range r.held {
				p.sink(token.fact)
			}
		}
	})
}
