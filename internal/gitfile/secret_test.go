package gitfile_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lapsewatch/internal/gitfile"
	"lapsewatch/watch"
)

func TestNothingSecretOfAnAddressIsShown(t *testing.T) {
	const canary = "ghp_SECRETCANARY"
	for _, address := range []string{
		"https://" + canary + "@127.0.0.1:1/x.git",
		"https://" + canary + ":x-oauth-basic@127.0.0.1:1/x.git",
		"https://u:" + canary + "@127.0.0.1:1/x.git",
		"https://u:ghp_SECRET%40CANARY@127.0.0.1:1/x.git",
		"https://127.0.0.1:1/x.git?private_token=" + canary,
		"https://127.0.0.1:1/x.git#" + canary,
		"ssh://" + canary + "@127.0.0.1:1/x.git",
		"https://" + canary + "@127.0.0.1:port/x.git",
	} {
		p := newPlace(t)
		git(t, p.ours, "remote", "set-url", "origin", address)
		err := p.publisher(nil).Publish(t.Context(), "Stub")
		if err == nil || strings.Contains(err.Error(), "ghp_") || strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), "u:") {
			t.Errorf("%s: error %v", address, err)
		}
	}
	p := newPlace(t)
	git(t, p.ours, "remote", "set-url", "origin", "https://127.0.0.1:1/x.git?private_token="+canary)
	failure(t, p.publisher(nil).Publish(t.Context(), "Stub"), false, `the address of the remote "origin" has a query: run git remote set-url without it, and give the token as git.token`)
}

func TestCredentialsOfTheAddressAreSent(t *testing.T) {
	p := newPlace(t)
	address, ca := p.serve(nil)
	git(t, p.ours, "remote", "set-url", "origin", strings.Replace(address, "https://", "https://lapsewatch:"+token+"@", 1))
	write(t, p.file("stub.md"), "one")
	if err := p.publisher(func(o *gitfile.Options) { o.CAFile = ca }).Publish(t.Context(), "Stub", "stub.md"); err != nil {
		t.Error(err)
	}
}

func TestTheTokenGoesOnlyWhereItIsFor(t *testing.T) {
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer elsewhere.Close()
	p := newPlace(t)
	git(t, p.ours, "remote", "set-url", "origin", "https://git.example.com/acme/status.git")
	git(t, p.ours, "config", "url."+elsewhere.URL+"/.insteadOf", "https://git.example.com/")
	err := p.publisher(func(o *gitfile.Options) {
		o.AllowInsecureHTTP, o.Token, o.URL = true, watch.SecretRef{Env: "TOKEN"}, "https://git.example.com/"
	}).Publish(t.Context(), "Stub")
	failure(t, err, false, `the remote "origin" is at `+elsewhere.URL+", and the token is for https://git.example.com/: it is not sent; look at git.url, and at .git/config of the clone (url, insteadOf)")
	if asked != 0 {
		t.Errorf("%d requests were sent there", asked)
	}
}

func TestATokenNeedsTheAddressThatItIsFor(t *testing.T) {
	tests := []struct{ name, url, want string }{
		{"none", "", "url: want the address that the token is for, such as https://git.example.com"},
		{"no host", "https:///acme", "url: want the address that the token is for"},
		{"in the clear", "http://git.example.com", "url: want https; allow_insecure_http accepts http"},
		{"with a token", "https://token@git.example.com", "url: want it without user name, password and query"},
		{"with a query", "https://git.example.com/?token=x", "url: want it without user name, password and query"},
	}
	for _, test := range tests {
		options := gitfile.Defaults()
		options.Token, options.URL = watch.SecretRef{Env: "TOKEN"}, test.url
		if err := options.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %s", test.name, err, test.want)
		}
	}
	options := gitfile.Defaults()
	options.URL = "https://git.example.com"
	if err := options.Validate(); err == nil || !strings.Contains(err.Error(), "url: leave it out without token, which it is for") {
		t.Errorf("error %v", err)
	}
}
