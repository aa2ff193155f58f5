package saml_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/saml"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// asOf is the instant that the tests judge as of.
var asOf = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

func options(documents ...saml.Metadata) saml.Options {
	return saml.Options{Metadata: documents, MaxBytes: 64 << 20}
}

func checkOf(t testing.TB, o saml.Options, env checks.Env) watch.Check {
	t.Helper()
	return checktest.Build(t, saml.Kind, o, env)
}

// file writes a document and names it idp.
func file(t testing.TB, content string, entities ...string) saml.Metadata {
	t.Helper()
	path := filepath.Join(t.TempDir(), "metadata.xml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return saml.Metadata{Entry: entry.Entry{Name: "idp"}, File: path, Entities: entities}
}

// look is what a document in a file leads to.
func look(t testing.TB, content string, entities ...string) []watch.Fact {
	t.Helper()
	return checktest.Pass(t, checkOf(t, options(file(t, content, entities...)), checktest.Env(asOf)))
}

// cert is a certificate of a name that holds for so many years from 1 December 2025 on.
func cert(t testing.TB, name string, years int) pki.Pair {
	t.Helper()
	from := time.Date(2025, 12, 1, 12, 0, 0, 0, time.UTC)
	pair, err := pki.SelfSigned(pki.Spec{CommonName: name, NotBefore: from, NotAfter: from.AddDate(years, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func text(pair pki.Pair) string { return base64.StdEncoding.EncodeToString(pair.Cert.Raw) }

// key is a KeyDescriptor; without a use it has no such attribute.
func key(use, certificate string) string {
	if use != "" {
		use = fmt.Sprintf(" use=%q", use)
	}
	return "<md:KeyDescriptor" + use + "><ds:KeyInfo><ds:KeyName>k</ds:KeyName><ds:X509Data><ds:X509Certificate>\n" +
		certificate + "\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
}

func role(name, attributes string, keys ...string) string {
	return fmt.Sprintf("<md:%s %s>%s</md:%[1]s>", name, attributes, strings.Join(keys, ""))
}

const namespaces = ` xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:mdrpi="urn:oasis:names:tc:SAML:metadata:rpi"`

func entityOf(id, attributes string, roles ...string) string {
	return fmt.Sprintf("<md:EntityDescriptor%s entityID=%q %s>%s</md:EntityDescriptor>", namespaces, id, attributes, strings.Join(roles, ""))
}

func groupOf(attributes string, members ...string) string {
	return fmt.Sprintf("<md:EntitiesDescriptor%s %s>%s</md:EntitiesDescriptor>", namespaces, attributes, strings.Join(members, ""))
}

const entityID = "https://idp.example.com/saml"

// short are the 12 digits that tell certificates apart.
func short(t testing.TB, facts []watch.Fact, subject string) string {
	t.Helper()
	for _, fact := range facts {
		if credential, ok := fact.(watch.Credential); ok && credential.Details["subject"] == "CN="+subject {
			return strings.TrimPrefix(credential.Identity, "sha256:")[:12]
		}
	}
	t.Fatalf("no certificate of %s in %+v", subject, facts)
	return ""
}

func certificates(facts []watch.Fact) (found []watch.Credential) {
	for _, fact := range facts {
		if credential, ok := fact.(watch.Credential); ok && credential.Form != watch.Metadata {
			found = append(found, credential)
		}
	}
	return found
}
