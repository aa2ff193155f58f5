package oidc_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oidc"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/internal/parts"
	"lapsewatch/watch"
)

func TestTheKeysOfListedTokensMustBePublished(t *testing.T) {
	k1, k2, stranger := josetest.EC(t, "k1"), josetest.EC(t, "k2"), josetest.EC(t, "k2")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, k1, k2), none())
	claims := func(iss string, exp time.Duration) string {
		return fmt.Sprintf(`{"iss":%q,"sub":"c4n4ry","exp":%d}`, iss, start.Add(exp).Unix())
	}
	live := claims(issuer.Name(), 90*24*time.Hour)
	tokens := map[string]struct{ token, want string }{
		"published": {k2.Sign(t, live), `ok: the key k2 of the token is published`},
		"gone":      {k1.Sign(t, live), `critical key_vanished: the token names the key "k1", which is not among the keys (published: 1); it was published until 2026-11-22 06:00 UTC at least, and gone at 2026-11-22 07:00 UTC`},
		"expired":   {k1.Sign(t, claims(issuer.Name(), -time.Minute)), `ok: the token expired 2026-11-22 05:59 UTC, so that nobody needs its key`},
		"forged":    {stranger.Sign(t, live), `critical signature_invalid: the token was not signed by the key "k2" that it names`},
		"unsigned":  {josetest.Raw(`{"alg":"none"}`, live, ""), `warning unsigned_token: the token is unsigned (alg "none", RFC 7518, 3.6), so that anybody could have written it`},
		"foreign":   {k2.Sign(t, claims("https://other.example", time.Hour*24)), fmt.Sprintf(`warning claims_unexpected: the token is of the issuer "https://other.example", where %q is expected`, issuer.Name())},
	}
	options := shopOf(issuer)
	want := map[string]string{"discovery/shop": inOrder, "key/shop/k2": there}
	for _, each := range tokens {
		ref := watch.SecretRef{File: write(t, each.token)}
		options.Issuers[0].Tokens = append(options.Issuers[0].Tokens, ref)
		want["token/shop/"+ref.String()] = each.want
	}
	gone := watch.SecretRef{File: "/nowhere/token"}
	opaque := watch.SecretRef{File: write(t, "c4n4ry-opaque")}
	options.Issuers[0].Tokens = append(options.Issuers[0].Tokens, gone, opaque)
	want["token/shop/file /nowhere/token"] = "unknown not_found: could not be read: open /nowhere/token: no such file or directory"
	want["token/shop/"+opaque.String()] = "unknown unparsable: could not be read: read the token in " + opaque.String() + ": it is no JSON Web Token: that has three parts with dots between them"

	d := newDesk()
	d.pass(t, shopOf(issuer))
	issuer.Publish(josetest.Set(t, k2))
	d.now = d.now.Add(time.Hour)
	told, facts := d.pass(t, options)
	expect(t, told, want)
	shown := fmt.Sprintf("%+v", facts)
	for _, each := range tokens {
		for part := range strings.SplitSeq(each.token, ".") {
			if len(part) > 8 && strings.Contains(shown, part[:8]) {
				t.Errorf("a part of a token is shown: %s", part)
			}
		}
	}
	if strings.Contains(shown, "c4n4ry") {
		t.Error("a subject or token is shown")
	}
}

func TestTheKindPassesTheConformanceSuite(t *testing.T) {
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, josetest.EC(t, "k1")), none())
	gone := josetest.StartIssuer(t, "", nil, none())
	gone.Change(map[string]any{"issuer": nil})
	options := shopOf(issuer)
	options.CAFile = write(t, string(issuer.Root.ChainPEM())+string(gone.Root.ChainPEM()))
	options.Issuers = append(options.Issuers, oidc.Issuer{Entry: entry.Entry{Name: "gone"}, Issuer: gone.Name()})
	checktest.Run(t, checktest.Case{
		Kind: oidc.Kind, Decode: checktest.Given(options), Env: newDesk().env,
		Readable: 2, Unreadable: 1,
	})
}

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	fine := func() oidc.Options {
		return oidc.Options{Issuers: []oidc.Issuer{{Entry: entry.Entry{Name: "a"}, Issuer: "https://a.example", Tokens: []watch.SecretRef{{Env: "A"}}}}}
	}
	tests := map[string]struct {
		change func(*oidc.Options)
		want   string
	}{
		"nothing is wrong": {func(*oidc.Options) {}, ""},
		"no issuers":       {func(o *oidc.Options) { o.Issuers = nil }, "issuers: there is nothing to watch: give at least one issuer"},
		"no name":          {func(o *oidc.Options) { o.Issuers[0].Name = "" }, "issuers[0].name: want a name of 1 to 200 characters that can be seen"},
		"http":             {func(o *oidc.Options) { o.Issuers[0].Issuer = "http://a.example" }, "issuers[0].issuer: is http: anybody on the way can read and change what is sent there"},
		"an issuer twice": {func(o *oidc.Options) {
			o.Issuers = append(o.Issuers, oidc.Issuer{Entry: entry.Entry{Name: "b"}, Issuer: "https://a.example"})
		}, "issuers[1].issuer: repeats issuers[0].issuer"},
		"a token twice":         {func(o *oidc.Options) { o.Issuers[0].Tokens = []watch.SecretRef{{Env: "A"}, {Env: "A"}} }, "issuers[0].tokens[1]: repeats issuers[0].tokens[0]"},
		"a token without place": {func(o *oidc.Options) { o.Issuers[0].Tokens = make([]watch.SecretRef, 1) }, "issuers[0].tokens[0]: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		"many tokens":           {func(o *oidc.Options) { o.Issuers[0].Tokens = make([]watch.SecretRef, 101) }, "issuers[0].tokens: 101 tokens are more than 100"},
		"a life without end":    {func(o *oidc.Options) { o.Issuers[0].MaxTokenLife = watch.Duration(4000 * 24 * time.Hour) }, "issuers[0].max_token_life: want no more than 3660 days"},
		"changes shown forever": {func(o *oidc.Options) { o.ChangesShown = watch.Duration(4000 * 24 * time.Hour) }, "changes_shown: want no more than 3660 days"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			options := fine()
			test.change(&options)
			checktest.WantRefusal(t, options.Validate(), test.want)
		})
	}
}

func TestTargetsOfAScanBeginWithOIDC(t *testing.T) {
	for target, want := range map[string]bool{"oidc:https://login.example": true, "oidc:": false, "https://login.example": false} {
		if got := oidc.Kind.Takes(target); got != want {
			t.Errorf("%q: %v", target, got)
		}
	}
	if _, err := oidc.Kind.BuildForTargets([]string{"oidc:https://a.example", "oidc:https://a.example"}, newDesk().env); err != nil {
		t.Error(err)
	}
	if _, err := oidc.Kind.BuildForTargets([]string{"oidc:a.example"}, newDesk().env); err == nil {
		t.Error("an issuer that is no URL was accepted")
	}
}

func TestARealServerIsReadWithATokenOfItsOwn(t *testing.T) {
	root, pair := parts.Authority(t)
	server := parts.OAuth(t, root, pair, parts.OAuthOptions{KeyID: "march"})
	token := watch.SecretRef{File: write(t, server.AccessToken(t, url.Values{"scope": {"api:read"}, "resource": {"https://jwt.example"}}))}
	d := newDesk()
	d.now = time.Now()
	told, _ := d.pass(t, oidc.Options{
		CAFile: write(t, string(root.ChainPEM())), ChangesShown: watch.Duration(time.Hour),
		Issuers: []oidc.Issuer{{Entry: entry.Entry{Name: "real"}, Issuer: server.Issuer, Tokens: []watch.SecretRef{token}}},
	})
	expect(t, told, map[string]string{"discovery/real": inOrder, "key/real/march": there, "token/real/" + token.String(): "ok: the key march of the token is published"})
}
