package saml

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

func FuzzRead(f *testing.F) {
	const spaces = ` xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`
	for _, seed := range []string{
		`<EntityDescriptor` + spaces + ` entityID="a" validUntil="2027-03-01T00:00:00Z"><IDPSSODescriptor><KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>`,
		`<EntitiesDescriptor` + spaces + `><EntitiesDescriptor validUntil="x"><EntityDescriptor entityID=""/></EntitiesDescriptor></EntitiesDescriptor>`,
		`<!DOCTYPE a [<!ENTITY b "c">]><EntityDescriptor` + spaces + `>&b;</EntityDescriptor>`,
		`<?xml version="1.0" encoding="latin1"?><a/>`, "\xff\xfe", "<", "<a", strings.Repeat("<a>", 100),
	} {
		f.Add(seed, "")
		f.Add(seed, "a*")
	}
	f.Fuzz(func(t *testing.T, text, pattern string) {
		var patterns []string
		if clean.Text(pattern, maxEntityID) != pattern {
			return // options refuse it
		}
		if pattern != "" {
			patterns = []string{pattern}
		}
		found, err := read(strings.NewReader(text), 1<<16, patterns)
		slowly, errSlowly := read(iotest.OneByteReader(strings.NewReader(text)), 1<<16, patterns)
		if (err == nil) != (errSlowly == nil) || found.count != slowly.count {
			t.Errorf("read at once: %v; byte by byte: %v", err, errSlowly)
		}
		if err != nil {
			_, bad := errors.AsType[malformed](err)
			if _, much := errors.AsType[excessive](err); !bad && !much {
				t.Errorf("an error of a source that never failed: %v", err)
			}
			return
		}
		m := Metadata{Entry: entry.Entry{Name: "m"}, File: "f"}
		for _, fact := range m.facts(found, 0) {
			subject := fact.About()
			if strings.ContainsFunc(subject.ID+subject.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("a subject shows %q, %q", subject.ID, subject.Name)
			}
			if problem, ok := fact.(watch.Problem); ok && (problem.Err == nil || !problem.Confined) {
				t.Errorf("got %+v", problem)
			}
		}
	})
}

func TestAnErrorOfTheSourceIsNotTakenForOneOfTheDocument(t *testing.T) {
	broken := errors.New("the cable was cut")
	_, err := read(io.MultiReader(strings.NewReader(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><b>`), iotest.ErrReader(broken)), 1<<16, nil)
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
