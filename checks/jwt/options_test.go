package jwt_test

import (
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/jwt"
	"lapsewatch/watch"
)

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	fine := func() jwt.Options {
		return jwt.Options{ClockTolerance: watch.Duration(time.Minute), Tokens: []jwt.Token{listed("a", watch.SecretRef{Env: "A"})}, Paths: []string{"/tokens"}}
	}
	tests := map[string]struct {
		change func(*jwt.Options)
		want   string
	}{
		"nothing is wrong":      {func(*jwt.Options) {}, ""},
		"nothing to look at":    {func(o *jwt.Options) { o.Tokens, o.Paths = nil, nil }, "tokens: there is nothing to look at: give at least one token or path"},
		"a token without place": {func(o *jwt.Options) { o.Tokens[0].Token = watch.SecretRef{} }, "tokens[0].token: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		"a name twice":          {func(o *jwt.Options) { o.Tokens = append(o.Tokens, o.Tokens[0]) }, `tokens[1].name: "a" is the name of tokens[0] too`},
		"an empty path":         {func(o *jwt.Options) { o.Paths = []string{" "} }, "paths[0]: is empty"},
		"a path twice":          {func(o *jwt.Options) { o.Paths = []string{"/a", "/a/"} }, "paths[1]: repeats paths[0]"},
		"too many paths":        {func(o *jwt.Options) { o.Paths = make([]string, 1001) }, "paths: 1001 paths are more than 1000"},
		"two sorts of keys":     {func(o *jwt.Options) { o.Keys = jwt.Keys{File: "a", URL: "https://a.example/keys"} }, "keys: want only one of issuers, url and file"},
		"an issuer over http":   {func(o *jwt.Options) { o.Keys.Issuers = []string{"http://a.example"} }, "keys.issuers[0]: is http: anybody on the way can read and change what is sent there"},
		"keys with a password":  {func(o *jwt.Options) { o.Keys.URL = "https://u:p@a.example/keys" }, "keys.url: has a user name"},
		"a tolerance of days":   {func(o *jwt.Options) { o.ClockTolerance = watch.Duration(25 * time.Hour) }, "clock_tolerance: want no more than 24h0m0s"},
		"an issuer that hides":  {func(o *jwt.Options) { o.Issuer = "https://a.example/\u202e" }, "issuer: want at most 1000 characters that can be seen"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			options := fine()
			test.change(&options)
			checktest.WantRefusal(t, options.Validate(), test.want)
		})
	}
}
