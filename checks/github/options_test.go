package github

import (
	"slices"
	"strings"
	"testing"

	"lapsewatch/checks/checktest"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	token, key := watch.SecretRef{Env: "T"}, watch.SecretRef{Env: "K"}
	good := Options{APIURL: publicAPI, Tokens: []Token{{Entry: named("ci"), Token: token}}}
	for name, test := range map[string]struct {
		change func(*Options)
		want   []string
	}{
		"nothing to watch":      {func(o *Options) { o.Tokens = nil }, []string{"tokens"}},
		"http":                  {func(o *Options) { o.APIURL = "http://github.example.com/api/v3" }, []string{"api_url"}},
		"a query":               {func(o *Options) { o.APIURL = "https://github.example.com/?" }, []string{"api_url"}},
		"two of one name":       {func(o *Options) { o.Tokens = append(o.Tokens, o.Tokens[0]) }, []string{"tokens[1].name"}},
		"no name and no token":  {func(o *Options) { o.Tokens[0] = Token{} }, []string{"tokens[0].name", "tokens[0].token"}},
		"an App that is nobody": {func(o *Options) { o.Apps = []App{{Entry: named("a"), SignIn: SignIn{PrivateKey: key}}} }, []string{"apps[0].client_id"}},
		"an App that is two": {func(o *Options) {
			o.Apps = []App{{Entry: named("a"), SignIn: SignIn{AppID: 1, ClientID: "x", PrivateKey: key}}}
		}, []string{"apps[0].client_id"}},
		"a negative App":       {func(o *Options) { o.Apps = []App{{Entry: named("a"), SignIn: SignIn{AppID: -1, PrivateKey: key}}} }, []string{"apps[0].app_id"}},
		"an App without a key": {func(o *Options) { o.Apps = []App{{Entry: named("a"), SignIn: SignIn{AppID: 1}}} }, []string{"apps[0].private_key"}},
		"a path": {func(o *Options) {
			o.Organizations = []Organization{{Entry: named("o"), Organization: "a/../b", Token: token, SSO: true}}
		}, []string{"organizations[0].organization"}},
		"nobody who lists": {func(o *Options) { o.Organizations = []Organization{{Entry: named("o"), Organization: "a"}} }, []string{"organizations[0].app"}},
		"a token for what Apps alone may list": {func(o *Options) {
			o.Organizations = []Organization{{Entry: named("o"), Organization: "a", Token: token}}
		}, []string{"organizations[0].token"}},
		"an App that lists, odd": {func(o *Options) {
			o.Organizations = []Organization{{Entry: named("o"), Organization: "a", App: &SignIn{ClientID: "a b"}}}
		}, []string{"organizations[0].app.client_id", "organizations[0].app.private_key"}},
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

func TestTheWebAddressFollowsFromTheAPIs(t *testing.T) {
	for api, want := range map[string]string{
		publicAPI:                             "https://github.com",
		"https://github.example.com/api/v3":   "https://github.example.com",
		"https://api.octocorp.ghe.com":        "https://octocorp.ghe.com",
		"https://github.example.com:8443/a/b": "https://github.example.com:8443",
	} {
		if got := (Options{APIURL: api}).web(); got != want || strings.Contains(got, "api.") {
			t.Errorf("%s leads to %s, want %s", api, got, want)
		}
	}
}
