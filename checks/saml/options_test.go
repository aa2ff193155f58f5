package saml_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/saml"
	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"nothing is wrong", "metadata: [{name: a, url: https://idp.example.com/m, entities: [urn:a, 'https://*']}, {name: b, file: m.xml}]", ""},
		{"nothing to read", "metadata: []", "metadata: there is nothing to read: give at least one metadata document"},
		{"no source", "metadata: [{name: a}]", "metadata[0]: give one of url and file"},
		{"two sources", "metadata: [{name: a, url: https://x, file: y}]", "metadata[0]: give one of url and file"},
		{"plain http", "metadata: [{name: a, url: http://x}]", "metadata[0].url: want an https URL without user name or password"},
		{"a password in the URL", "metadata: [{name: a, url: https://u:p@x}]", "metadata[0].url: want an https URL without user name or password"},
		{"a name twice", "metadata: [{name: a, file: x}, {name: a, file: y}]", `metadata[1].name: "a" is the name of metadata[0] too`},
		{"a pattern that is none", "metadata: [{name: a, file: x, entities: ['[']}]", "metadata[0].entities[0]: want an entityID of at most 1024 characters, in which * stands for any text and ? for any character"},
		{"an empty pattern", "metadata: [{name: a, file: x, entities: ['']}]", "metadata[0].entities[0]: want an entityID of at most 1024 characters, in which * stands for any text and ? for any character"},
		{"no bytes", "metadata: [{name: a, file: x}]\nmax_bytes: 0", "max_bytes: want 1024 to 268435456"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := saml.Kind.Build(checktest.YAML(c.text), checktest.Env(asOf))
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

func TestTargetsOfAScan(t *testing.T) {
	for target, want := range map[string]bool{"saml:idp.xml": true, "saml:/etc/idp.xml": true, "saml:https://idp.example.com/metadata": true, "saml:": false, "idp.xml": false, "samlx": false} {
		if got := saml.Kind.Takes(target); got != want {
			t.Errorf("%s: got %t", target, got)
		}
	}
	path := file(t, entityOf(entityID, `validUntil="2027-03-01T00:00:00Z"`)).File
	check, err := saml.Kind.BuildForTargets([]string{"saml:" + path, "saml:" + path}, checktest.Env(asOf))
	if err != nil {
		t.Fatal(err)
	}
	if facts := checktest.Pass(t, check); len(facts) != 1 || facts[0].About().Name != path {
		t.Errorf("got %+v", facts)
	}
	if _, err := saml.Kind.BuildForTargets([]string{"saml:http://idp.example.com"}, checktest.Env(asOf)); err == nil || !strings.Contains(err.Error(), "want an https URL") {
		t.Errorf("got %v", err)
	}
}

func TestEntitiesOfAFederationAreChosen(t *testing.T) {
	var members []string
	for i := range 3000 {
		members = append(members, entityOf(fmt.Sprintf("https://sp%d.example.com/shibboleth", i), "", role("SPSSODescriptor", "", key("signing", "AAAA"))))
	}
	members = append(members, entityOf("urn:mace:partner", `validUntil="2027-03-01T00:00:00Z"`))
	document := file(t, groupOf("", members...), "https://sp12.example.com/*", "urn:mace:partner", "https://gone.example.com", "https://sp29?0.*")
	document.Entry = entry.Entry{Name: "fed", Owners: []string{"ada@example.com"}, Link: "https://fed.example.com"}
	facts := checktest.Pass(t, checkOf(t, options(document), checktest.Env(asOf)))
	got := map[string]int{}
	for _, fact := range facts {
		subject := fact.About()
		name, _, _ := strings.Cut(subject.Name, ", certificate")
		got[name]++
		if !reflect.DeepEqual(subject.Owners, []string{"ada@example.com"}) || subject.Link != "https://fed.example.com" {
			t.Errorf("got %+v", subject)
		}
	}
	want := map[string]int{"fed": 1, "fed: https://sp12.example.com/shibboleth": 1, "fed: urn:mace:partner": 1, "fed: https://gone.example.com": 1}
	for i := range 10 {
		want[fmt.Sprintf("fed: https://sp29%d0.example.com/shibboleth", i)] = 1
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, fact := range facts {
		if found, ok := fact.(watch.Problem); ok && found.Reason == watch.NotFound {
			if found.Err.Error() != "the metadata describes no entity https://gone.example.com" || !found.Confined {
				t.Errorf("got %+v", found)
			}
		}
	}
	if got := facts[0].(watch.Condition).Details; got["entities"] != 3001 || got["entities_watched"] != 12 {
		t.Errorf("got %v", got)
	}
}
