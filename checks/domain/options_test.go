package domain_test

import (
	"strings"
	"testing"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/domain"
	"lapsewatch/internal/fakerdap"
)

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	const bad = "want the name of a domain, such as example.com, without a scheme, port or path"
	cases := []struct{ name, text, want string }{
		{"nothing is wrong", "domains: [example.com, example.co.uk, bücher.de, {name: example.org, owners: [a@example.com], link: https://r.example}]", ""},
		{"a top-level domain that is not in the list of suffixes", "domains: [example.corp]", ""},
		{"nothing to watch", "domains: []", "domains: there is nothing to watch: give at least one domain"},
		{"a name below", "domains: [www.example.com]", "domains[0].name: www.example.com lies below the domain that is registered: want example.com"},
		{"a name below, in two labels", "domains: [a.b.example.co.uk]", "domains[0].name: a.b.example.co.uk lies below the domain that is registered: want example.co.uk"},
		{"a suffix", "domains: [co.uk]", "domains[0].name: co.uk is a public suffix: domains are registered below it"},
		{"a top-level domain", "domains: [com]", "domains[0].name: com is a public suffix: domains are registered below it"},
		{"what a private registry gives away", "domains: [example.github.io]", "domains[0].name: example.github.io lies below the domain that is registered: want github.io"},
		{"what a private registry has registered", "domains: [github.io]", ""},
		{"what a private registry gives away, at its own server", "domains: [example.uk.com]\nserver: https://rdap.example.net/", ""},
		{"a URL", "domains: [https://example.com]", "domains[0].name: " + bad},
		{"a port", "domains: ['example.com:443']", "domains[0].name: " + bad},
		{"an underscore", "domains: [_dmarc.example.com]", "domains[0].name: " + bad},
		{"an address", "domains: [192.0.2.1]", "domains[0].name: want the name of a domain: an address has no registration that lapses"},
		{"a name with a space", "domains: [exa mple.com]", "domains[0].name: " + bad},
		{"a path that would lead elsewhere", "domains: [../../admin.com]", "domains[0].name: " + bad},
		{"a domain twice", "domains: [bücher.de, xn--bcher-kva.de]", "domains[1].name: xn--bcher-kva.de is the domain of domains[0] too"},
		{"plain http", "domains: [example.com]\nserver: http://rdap.example.net", "server: want an https URL without user name, password, query or fragment"},
		{"a query", "domains: [example.com]\nbootstrap_url: https://x/?y", "bootstrap_url: want an https URL without user name, password, query or fragment"},
		{"a long pause", "domains: [example.com]\npause: 2m", "pause: want more than 0 and at most 1m0s"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := domain.Kind.Build(checktest.YAML(c.text), checktest.Env(asOf))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAnUnknownKeyOfADomainIsRefused(t *testing.T) {
	if _, err := domain.Kind.Build(checktest.YAML("domains: [{name: example.com, expires: 2027-01-01}]"), checktest.Env(asOf)); err == nil {
		t.Error("a misspelt key was accepted")
	}
}

func TestTargetsOfAScan(t *testing.T) {
	for target, want := range map[string]bool{"domain:example.com": true, "domain:": false, "example.com": false, "domains:x": false} {
		if got := domain.Kind.Takes(target); got != want {
			t.Errorf("%s: got %t", target, got)
		}
	}
	if _, err := domain.Kind.BuildForTargets([]string{"domain:www.example.com"}, checktest.Env(asOf)); err == nil ||
		err.Error() != "target domain:www.example.com: www.example.com lies below the domain that is registered: want example.com" {
		t.Errorf("got %v", err)
	}
	if _, err := domain.Kind.BuildForTargets([]string{"domain:example.com", "domain:EXAMPLE.com"}, checktest.Env(asOf)); err != nil {
		t.Error(err)
	}
}

func TestTheFakeSaysNoMoreThanItsContract(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	o := w.options("shop.example")
	o.Server = w.URL + "/elsewhere"
	found := problem(t, one(t, o, checktest.Env(asOf)))
	if !strings.HasSuffix(found.Err.Error(), "it answered 400 Bad Request: Bad Request by the fake registry") {
		t.Errorf("got %v", found.Err)
	}
}
