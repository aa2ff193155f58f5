package saml_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/watch"
)

func TestADocumentAndItsCertificatesAreRead(t *testing.T) {
	pair := cert(t, "idp-signing", 1)
	facts := look(t, entityOf(entityID, `validUntil="2027-02-28T23:59:59Z" cacheDuration="PT6H"`,
		role("IDPSSODescriptor", "", key("signing", text(pair)), key("encryption", text(pair))),
		role("AttributeAuthorityDescriptor", "", key("signing", text(pair)))))
	if len(facts) != 2 {
		t.Fatalf("got %+v", facts)
	}
	source := facts[0].(watch.Credential).Details["source"]
	want := watch.Credential{
		Subject: watch.Subject{ID: "idp", Name: "idp"}, Form: watch.Metadata, Identity: "valid until 2027-02-28T23:59:59Z",
		NotAfter: time.Date(2027, 2, 28, 23, 59, 59, 0, time.UTC),
		Details:  map[string]any{"source": source, "entities": 1, "entities_watched": 1, "signed": false, "cache_duration": "PT6H"},
		Remedy:   "Let whoever publishes the metadata issue it anew before that date: nobody may rely on it afterwards (saml-metadata-2.0-os, 4.3).",
	}
	if !reflect.DeepEqual(facts[0], want) {
		t.Errorf("got\n%+v\nwant\n%+v", facts[0], want)
	}
	print := short(t, facts, "idp-signing")
	full := facts[1].(watch.Credential).Details["sha256"].(string)
	want = watch.Credential{
		Subject: watch.Subject{ID: "idp/" + entityID + "/sha256:" + print, Name: "idp: " + entityID + ", certificate " + print + " (idp-signing)"},
		Form:    watch.SigningCertificate, Identity: "sha256:" + full, Use: watch.Use{State: watch.UseUnknown},
		NotBefore: time.Date(2025, 12, 1, 12, 0, 0, 0, time.UTC), NotAfter: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC),
		Details: map[string]any{
			"entity_id": entityID, "sha256": full, "subject": "CN=idp-signing", "issuer": "CN=idp-signing", "serial": pair.Cert.SerialNumber.Text(16),
			"roles": []string{"AttributeAuthorityDescriptor", "IDPSSODescriptor"}, "uses": []string{"encryption", "signing"},
		},
		Remedy: "Let whoever runs the entity add its next certificate to its metadata; once all partners have read that, sign with the new one and remove this one.",
	}
	if !reflect.DeepEqual(facts[1], want) {
		t.Errorf("got\n%+v\nwant\n%+v", facts[1], want)
	}
}

func TestACertificateThatOnlyEncryptsIsCalledSo(t *testing.T) {
	facts := look(t, entityOf(entityID, "", role("SPSSODescriptor", "", key("encryption", text(cert(t, "enc", 1))), key("signing", text(cert(t, "sig", 1))), key("", text(cert(t, "both", 1))))))
	got := map[any]watch.Form{}
	for _, found := range certificates(facts) {
		got[found.Details["subject"]] = found.Form
	}
	want := map[any]watch.Form{"CN=enc": watch.EncryptionCertificate, "CN=sig": watch.SigningCertificate, "CN=both": watch.SigningCertificate}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWhatCanTakeOverIsNamed(t *testing.T) {
	old, next := cert(t, "old", 1), cert(t, "next", 3)
	cases := []struct {
		name     string
		keys     string
		replaced bool
	}{
		{"both sign in the same role", role("IDPSSODescriptor", "", key("signing", text(old)), key("signing", text(next))), true},
		{"the new one is for both uses", role("IDPSSODescriptor", "", key("signing", text(old)), key("", text(next))), true},
		{"the new one only encrypts", role("IDPSSODescriptor", "", key("signing", text(old)), key("encryption", text(next))), false},
		{"the new one is of another role", role("IDPSSODescriptor", "", key("signing", text(old))) + role("SPSSODescriptor", "", key("signing", text(next))), false},
		{"the old one is needed for more", role("IDPSSODescriptor", "", key("", text(old)), key("signing", text(next))), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			facts := look(t, entityOf(entityID, "", c.keys))
			for _, found := range certificates(facts) {
				if found.Details["subject"] != "CN=old" {
					if found.Replacement != nil {
						t.Errorf("the newer one is replaced by %+v", found.Replacement)
					}
					continue
				}
				if (found.Replacement != nil) != c.replaced {
					t.Fatalf("got %+v", found.Replacement)
				}
				if c.replaced && (found.Replacement.Name != "certificate "+short(t, facts, "next")+" (next)" || !found.Replacement.NotAfter.Equal(next.Cert.NotAfter)) {
					t.Errorf("got %+v", found.Replacement)
				}
				want := "Let whoever runs the entity add its next certificate to its metadata; once all partners have read that, sign with the new one and remove this one."
				if c.replaced {
					want = "Its successor, certificate " + short(t, facts, "next") + ", stands in the metadata already: let all partners that keep a copy take that one, then sign with it, and remove this one after its end."
				}
				if found.Remedy != want {
					t.Errorf("got  %s\nwant %s", found.Remedy, want)
				}
			}
		})
	}
}

func TestTheEarliestEndCounts(t *testing.T) {
	at := func(text string) string { return `validUntil="` + text + `"` }
	signs := role("IDPSSODescriptor", "", key("signing", text(cert(t, "a", 1))))
	cases := []struct{ name, document, want string }{
		{"none is stated", entityOf(entityID, "", signs), "idp: was read, describes 1 entity, and does not say until when it holds"},
		{"that of the root", entityOf(entityID, at("2027-03-01T00:00:00Z"), signs), "idp: 2027-03-01T00:00:00Z"},
		{"that of the root in another zone", entityOf(entityID, at("2027-03-01T00:00:00+01:00"), signs), "idp: 2027-02-28T23:00:00Z"},
		{"one without a zone is UTC", entityOf(entityID, at("2028-02-29T12:00:00"), signs), "idp: 2028-02-29T12:00:00Z"},
		{"one with a fraction", entityOf(entityID, at("2027-03-01T00:00:00.25Z"), signs), "idp: 2027-03-01T00:00:00.25Z"},
		{"that of a role", entityOf(entityID, at("2027-03-01T00:00:00Z"), role("IDPSSODescriptor", at("2027-01-01T00:00:00Z"))),
			"idp: 2027-03-01T00:00:00Z\nidp: " + entityID + ": 2027-01-01T00:00:00Z (the validUntil of its IDPSSODescriptor)"},
		{"that of an entity of a group", groupOf(at("2027-03-01T00:00:00Z"), entityOf("urn:a", at("2027-02-01T00:00:00Z")), entityOf("urn:b", "")),
			"idp: 2027-03-01T00:00:00Z\nidp: urn:a: 2027-02-01T00:00:00Z"},
		{"that of a group within", groupOf("", groupOf(at("2027-02-01T00:00:00Z"), entityOf("urn:a", at("2027-03-01T00:00:00Z")))),
			"idp: was read, describes 1 entity, and does not say until when it holds\nidp: urn:a: 2027-02-01T00:00:00Z (the validUntil of its EntitiesDescriptor)"},
		{"one that is no time", entityOf(entityID, at("next Tuesday"), signs), `idp: unparsable: its validUntil is "next Tuesday": want a time as 2027-03-01T17:00:00Z`},
		{"30 February", entityOf(entityID, at("2027-02-30T00:00:00Z"), signs), `idp: unparsable: its validUntil is "2027-02-30T00:00:00Z": want a time as 2027-03-01T17:00:00Z`},
		{"one that is no time within", groupOf("", entityOf("urn:a", at("\u202eno")), entityOf("urn:b", "", signs)),
			"idp: was read, describes 2 entities, and does not say until when it holds\nidp: urn:a: unparsable: its validUntil is \"\ufffdno\": want a time as 2027-03-01T17:00:00Z"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, fact := range look(t, c.document) {
				switch fact := fact.(type) {
				case watch.Credential:
					if fact.Form != watch.Metadata {
						continue
					}
					line := fact.Subject.Name + ": " + fact.NotAfter.Format(time.RFC3339Nano)
					if fact.Decides != "" {
						line += " (" + fact.Decides + ")"
					}
					got = append(got, line)
				case watch.Condition:
					got = append(got, fact.Subject.Name+": "+fact.Text)
				case watch.Problem:
					got = append(got, fmt.Sprintf("%s: %s: %v", fact.Subject.Name, fact.Reason, fact.Err))
				}
			}
			if joined := strings.Join(got, "\n"); joined != c.want {
				t.Errorf("got\n%s\nwant\n%s", joined, c.want)
			}
		})
	}
}

func TestTheLifeOfADocumentFollowsFromItsPublication(t *testing.T) {
	published := `<md:Extensions><mdrpi:PublicationInfo creationInstant="2026-11-22T00:00:00Z" publisher="urn:p"/></md:Extensions>`
	facts := look(t, groupOf(`validUntil="2026-12-06T00:00:00Z"`, published, entityOf("urn:a", "", role("SPSSODescriptor", "", key("signing", text(cert(t, "a", 1)))))))
	if got := facts[0].(watch.Credential).Life; got != 14*24*time.Hour {
		t.Errorf("got %s", got)
	}
}

// forgetting is a memory that is out of reach.
type forgetting struct{ watch.Memory }

func (forgetting) Recall(context.Context, string) ([]byte, error) {
	return nil, errors.New("the ledger is locked")
}

func TestOnceADocumentWasIssuedAnewItsLifeIsKnown(t *testing.T) {
	env, now := checktest.Env(asOf), asOf
	env.Now = func() time.Time { return now }
	kept := file(t, "")
	issued := func(until string) time.Duration {
		t.Helper()
		if err := os.WriteFile(kept.File, []byte(entityOf(entityID, `validUntil="`+until+`"`)), 0o600); err != nil {
			t.Fatal(err)
		}
		return checktest.Pass(t, checkOf(t, options(kept), env))[0].(watch.Credential).Life
	}
	if got := issued("2026-12-01T06:00:00Z"); got != 0 {
		t.Errorf("seen once, it lives for %s", got)
	}
	now = asOf.Add(24 * time.Hour)
	if got := issued("2026-12-01T06:00:00Z"); got != 0 {
		t.Errorf("seen twice and unchanged, it lives for %s", got)
	}
	now = asOf.Add(48 * time.Hour)
	if got := issued("2026-12-08T06:00:00Z"); got != 14*24*time.Hour {
		t.Errorf("issued anew for two weeks, it lives for %s", got)
	}
	now = asOf.Add(96 * time.Hour)
	if got := issued("2026-12-08T06:00:00Z"); got != 14*24*time.Hour {
		t.Errorf("as that one grows old, it lives for %s", got)
	}
	now = asOf.Add(97 * time.Hour)
	if got := issued("2026-12-07T06:00:00Z"); got != 14*24*time.Hour {
		t.Errorf("replaced by one that ends earlier, it lives for %s", got)
	}
	memory := env.Memory
	env.Memory = forgetting{memory}
	if got := issued("2026-12-08T06:00:00Z"); got != 0 {
		t.Errorf("where nothing is recalled, it lives for %s", got)
	}
	env.Memory = memory
	if got := issued("2026-12-08T06:00:00Z"); got != 14*24*time.Hour {
		t.Errorf("once that is over, it lives for %s", got)
	}
}
