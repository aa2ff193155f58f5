package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakegithub"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestConformance(t *testing.T) {
	s := begin(t)
	app := s.robot(t)
	options := s.acme(t, fakegithub.Organization{FineGrained: []fakegithub.FineGrained{{ID: 1, Expires: now}, {ID: 2, RawExpires: "soon"}}})
	options.Organizations = append(options.Organizations, s.byToken("2027-01-31 12:00:00 UTC", s.cloud.Organizations["acme"]).Organizations...)
	options.Apps = []App{app}
	options.Tokens = []Token{
		{Entry: named("good"), Token: s.keeps("GOOD", classic, &fakegithub.Token{Login: "octocat"})},
		{Entry: named("odd"), Token: s.keeps("ODD", fineGrained, &fakegithub.Token{Login: "octocat", Expiration: "soon"})},
		{Entry: named("unset"), Token: env("UNSET")},
	}
	checktest.Run(t, checktest.Case{
		Kind: Kind, Decode: checktest.Given(s.options(options)), Env: s.env,
		Readable: 4, Unreadable: 4,
	})
}

// TestNothingOfASecretIsToldOrKept lets GitHub repeat all that it was sent.
func TestNothingOfASecretIsToldOrKept(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusInternalServerError, http.StatusTooManyRequests} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			app := s.robot(t)
			options := s.byToken("", fakegithub.Organization{SSO: true})
			options.Organizations = append(options.Organizations, s.acme(t, s.cloud.Organizations["acme"]).Organizations...)
			options.Apps = []App{app}
			options.Tokens = []Token{{Entry: named("ci"), Token: s.keeps("CI", classic, nil)}, {Entry: named("pat"), Token: s.keeps("PAT", fineGrained, nil)}}
			s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Echo(status)})
			c := s.check(t, options)
			told := checktest.Pass(t, c)
			s.WantNoToken(t, checktest.Shown(t, told...)+checktest.ShownOfTry(c.Try(t.Context())), "eyJ", "PRIVATE KEY")
		})
	}
}

func TestAPassThatIsCutShortSaysSoAndBlamesNobody(t *testing.T) {
	s := begin(t)
	options := s.tokenOptions(classic, &fakegithub.Token{Login: "octocat"})
	s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Slow(time.Minute)})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	told, err := checktest.Gather(ctx, s.check(t, options))
	if err == nil || !strings.Contains(err.Error(), "was cut short") || len(told) != 0 {
		t.Errorf("ended with %v and told %v", err, told)
	}
}

func FuzzTheEndOfAToken(f *testing.F) {
	for _, seed := range []string{"2027-01-31 12:34:56 UTC", "2023-12-13 00:00:00 +0100", "2027-01-31 12:00:00 CET", "9999-12-31 23:59:59 -2359", "\x1b[31m", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		header := http.Header{}
		header.Set(expirationHeader, text)
		end, err := endOf(header)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\x1b\r\n") {
				t.Errorf("the error %q is not clean", err)
			}
			return
		}
		if end.Year() < 2000 || end.Year() > 9999 || end.Location() != time.UTC {
			t.Errorf("%q ends at %v", text, end)
		}
	})
}

func FuzzElementsOfLists(f *testing.F) {
	for _, seed := range []string{
		`{"token_id":1,"token_name":"a","token_expires_at":"2026-12-01T00:00:00Z","owner":{"login":"x"}}`, `{"token_id":1,"token_expires_at":"soon"}`, `{"id":-1}`,
		`{"token_id":1e300,"token_expires_at":7}`, `[]`, `null`, `"x"`, `{"token_id":9007199254740993,"token_expires_at":"0001-01-01T00:00:00Z"}`, `{"token_id":2,"owner":{"login":"\u001b"},"repository_selection":"\n"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, element string) {
		if !json.Valid([]byte(element)) {
			return
		}
		c := &check{options: defaults()}
		c.env.Now, c.env.Expect = func() time.Time { return now }, func(int) {}
		told := 0
		p := &pass{check: c, sink: func(fact watch.Fact) {
			told++
			if subject := fact.About(); strings.ContainsAny(subject.Name, "\x1b\r\n") || subject.ID == "" {
				t.Errorf("%q gives the subject %+v", element, subject)
			}
		}}
		l := Organization{Organization: "acme"}.listing(p, look{hides: "organization/acme/pat/"})
		l.fineGrained(json.RawMessage(element))
		if told+l.broken != 1 {
			t.Errorf("%q is told of %d times", element, told+l.broken)
		}
	})
}
