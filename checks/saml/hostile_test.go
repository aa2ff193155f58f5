package saml_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"lapsewatch/checks/checktest"
	"lapsewatch/watch"
)

func TestADocumentThatCannotBeReadIsAProblemThatHidesWhatItDescribes(t *testing.T) {
	fine := entityOf(entityID, "", role("IDPSSODescriptor", "", key("signing", text(cert(t, "a", 1)))))
	deep := strings.Repeat("<a>", 70) + strings.Repeat("</a>", 70)
	laughs := `<!DOCTYPE lolz [<!ENTITY a "` + strings.Repeat("ha", 50) + `">` + strings.Repeat(`<!ENTITY b "&a;&a;&a;">`, 20) + `]>`
	cases := []struct {
		name, document string
		reason         watch.Reason
		want           string
	}{
		{"nothing", "", watch.Unparsable, "it holds no XML element"},
		{"white space", " \n\t", watch.Unparsable, "it holds no XML element"},
		{"text", "not metadata", watch.Unparsable, "it does not begin with an XML element"},
		{"JSON", `{"issuer":"x"}`, watch.Unparsable, "it does not begin with an XML element"},
		{"a web page", "<!DOCTYPE html><html><title>Sign in</title></html>", watch.Unparsable, "it is a web page, and no SAML metadata"},
		{"a web page without a document type", "<html><body></body></html>", watch.Unparsable, `it is no SAML metadata: its outermost element is "html"`},
		{"metadata of SAML 1.1's namespace", `<EntityDescriptor entityID="x"/>`, watch.Unparsable, `it is no SAML metadata: its outermost element is "EntityDescriptor"`},
		{"a billion laughs", laughs + fine, watch.Unparsable, "it has a document type (<!DOCTYPE …>), which metadata has no use for, and which is not read"},
		{"an external entity", `<!DOCTYPE x SYSTEM "file:///etc/passwd">` + fine, watch.Unparsable, "it has a document type (<!DOCTYPE …>), which metadata has no use for, and which is not read"},
		{"a document type within", strings.Replace(fine, "<md:IDP", "<!ENTITY a 'b'><md:IDP", 1), watch.Unparsable, "it has a document type (<!DOCTYPE …>), which metadata has no use for, and which is not read"},
		{"an entity that nobody declared", strings.Replace(fine, "<ds:KeyName>k", "<ds:KeyName>&lol;", 1), watch.Unparsable, "line 1 is no XML: invalid character entity &lol;"},
		{"cut off", fine[:len(fine)/2], watch.Unparsable, "line 2 is no XML: unexpected EOF"},
		{"one element is closed by another", "<a></b>", watch.Unparsable, `it is no SAML metadata: its outermost element is "a"`},
		{"something follows", fine + "<more/>", watch.Unparsable, "something follows its end"},
		{"two documents", fine + fine, watch.Unparsable, "something follows its end"},
		{"another encoding", `<?xml version="1.0" encoding="ISO-8859-1"?>` + fine, watch.Unparsable, "it is not encoded in UTF-8, and other encodings are not read"},
		{"UTF-16", "\xff\xfe<\x00a\x00", watch.Unparsable, "line 1 is no XML: invalid UTF-8"},
		{"too deep", groupOf("", deep), watch.TooLarge, "its elements are nested deeper than 64 levels"},
		{"a tag without end", "<md:EntityDescriptor" + namespaces + strings.Repeat(" ", 2<<20) + "/>", watch.TooLarge, "a single tag, text or comment is larger than 1048576 bytes"},
		{"a comment without end", "<!--" + strings.Repeat("<", 2<<20), watch.TooLarge, "a single tag, text or comment is larger than 1048576 bytes"},
		{"a text without end", strings.Replace(fine, "<ds:KeyName>k", "<ds:KeyName>"+strings.Repeat("k", 2<<20), 1), watch.TooLarge, "a single tag, text or comment is larger than 1048576 bytes"},
		{"too many entities that nobody asked for", groupOf("", strings.Repeat(entityOf("urn:x", ""), 51)), watch.TooLarge, "it describes more than 50 entities, and none of them is named in entities"},
		{"too many certificates", entityOf(entityID, "", role("IDPSSODescriptor", "", many(51))), watch.TooLarge, "an entity has more than 50 certificates"},
		{"nothing with a date", entityOf(entityID, "", role("SPSSODescriptor", "")), watch.NoCertificate, "it describes 1 entity, has no certificate, and does not say until when it holds"},
		{"an empty group", groupOf(""), watch.NoCertificate, "it describes 0 entities, has no certificate, and does not say until when it holds"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			facts := look(t, c.document)
			found := checktest.As[watch.Problem](t, facts[0])
			if len(facts) != 1 || found.Reason != c.reason || found.Err.Error() != c.want {
				t.Errorf("got %d facts, %s: %v; want %s: %s", len(facts), found.Reason, found.Err, c.reason, c.want)
			}
			if found.Subject.ID != "idp" || !found.Confined || c.reason != watch.NoCertificate && found.HidesPrefix != "idp/" {
				t.Errorf("got %+v", found)
			}
		})
	}
}

// many are certificates that cannot be read, each another.
func many(count int) string {
	var all strings.Builder
	for i := range count {
		all.WriteString(key("signing", fmt.Sprintf("AAAA%04d", i)))
	}
	return all.String()
}

func TestTheSizeOfADocumentIsBounded(t *testing.T) {
	document := file(t, groupOf("", strings.Repeat("<md:x/>", 1000)))
	o := options(document)
	o.MaxBytes = 2048
	found := checktest.As[watch.Problem](t, checktest.Pass(t, checkOf(t, o, checktest.Env(asOf)))[0])
	if found.Reason != watch.TooLarge || found.Err.Error() != "it is larger than 2048 bytes" {
		t.Errorf("got %s: %v", found.Reason, found.Err)
	}
}

func TestACertificateThatCannotBeReadHidesNoOther(t *testing.T) {
	fine := cert(t, "fine", 1)
	cases := []struct{ name, text, want string }{
		{"it is no Base64", "%%%%", "the certificate cannot be read: its text is no Base64"},
		{"it is nothing", "", "the certificate cannot be read: x509: malformed certificate"},
		{"it is no certificate", "AAAAAAAA", "the certificate cannot be read: x509: malformed certificate"},
		{"it is endless", strings.Repeat("AAAA", 50_000), "the certificate cannot be read: its text is longer than 131072 bytes"},
		{"it is cut off", text(fine)[:400], "the certificate cannot be read: x509: malformed certificate"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			facts := look(t, entityOf(entityID, "", role("IDPSSODescriptor", "", key("signing", c.text), key("signing", text(fine)))))
			if len(facts) != 3 || len(certificates(facts)) != 1 {
				t.Fatalf("got %+v", facts)
			}
			found := checktest.As[watch.Problem](t, facts[1])
			if found.Reason != watch.Unparsable || found.Err.Error() != c.want || !found.Confined || found.HidesPrefix != "" {
				t.Errorf("got %+v", found)
			}
		})
	}
}

func TestSpacesAndPEMInACertificateAreBorneWith(t *testing.T) {
	pair := cert(t, "a", 1)
	spread := strings.Join(strings.SplitAfter(text(pair), "A"), " \r\n\t")
	for name, written := range map[string]string{
		"spaces": spread, "PEM": string(pair.ChainPEM()),
		"CDATA": "<![CDATA[" + text(pair) + "]]>", "a comment": text(pair)[:100] + "<!-- half -->" + text(pair)[100:],
	} {
		facts := look(t, "\ufeff"+entityOf(entityID, "", role("IDPSSODescriptor", "", key("signing", written))))
		if found := certificates(facts); len(found) != 1 || !found[0].NotAfter.Equal(pair.Cert.NotAfter) {
			t.Errorf("%s: got %+v", name, facts)
		}
	}
}

func TestOnlyKeysOfRolesCount(t *testing.T) {
	pair := text(cert(t, "a", 1))
	signature := `<ds:Signature><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + pair + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>`
	facts := look(t, entityOf(entityID, `validUntil="2027-03-01T00:00:00Z"`, signature, "<md:Extensions>"+key("signing", pair)+"</md:Extensions>"))
	if len(facts) != 1 || facts[0].(watch.Credential).Details["signed"] != true {
		t.Errorf("got %+v", facts)
	}
}

func TestHostileNamesStayOneLineAndKeepTheirSubjectsApart(t *testing.T) {
	pair := text(cert(t, "evil \x1b[31m\u202e", 1))
	ids := []string{"urn:a\u202eb", "urn:a\u2066b", "urn:a&#10;b", "", strings.Repeat("x", 5000), strings.Repeat("x", 5001)}
	var members []string
	for _, id := range ids {
		members = append(members, `<md:EntityDescriptor entityID="`+id+`">`+role("IDPSSODescriptor", "", key("signing\u202e", pair))+"</md:EntityDescriptor>")
	}
	facts := look(t, groupOf("", members...))
	seen := map[string]bool{}
	for _, fact := range facts {
		subject := fact.About()
		if seen[subject.ID] {
			t.Errorf("the ID %q stands for two subjects", subject.ID)
		}
		seen[subject.ID] = true
		for _, shown := range []string{subject.ID, subject.Name, fmt.Sprint(detailsOf(fact))} {
			for _, r := range shown {
				if !unicode.IsPrint(r) {
					t.Errorf("%U is shown in %q", r, shown)
				}
			}
		}
	}
	if len(facts) != 1+len(ids) {
		t.Errorf("got %d facts, want %d", len(facts), 1+len(ids))
	}
}

func detailsOf(fact watch.Fact) map[string]any {
	if credential, ok := fact.(watch.Credential); ok {
		return credential.Details
	}
	return nil
}

func TestANameWithASlashCannotBeTakenForAnEntity(t *testing.T) {
	document := file(t, entityOf("b", `validUntil="2027-03-01T00:00:00Z"`))
	document.Name = "a/100%"
	if got := checktest.Pass(t, checkOf(t, options(document), checktest.Env(asOf)))[0].About().ID; got != "a%2F100%25" {
		t.Errorf("got %s", got)
	}
}

func TestABombThatIsCompressedIsBounded(t *testing.T) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	for range 200 {
		_, _ = writer.Write(bytes.Repeat([]byte("<md:x/>"), 10_000))
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	s := serve(t, packed.Bytes(), "gzip")
	o := s.options()
	o.MaxBytes = 1 << 20
	found := checktest.As[watch.Problem](t, checktest.Pass(t, checkOf(t, o, checktest.Env(asOf)))[0])
	if found.Reason != watch.TooLarge || found.Err.Error() != "read "+s.URL+": the answer is larger than 1048576 bytes" {
		t.Errorf("got %s: %v", found.Reason, found.Err)
	}
}

func TestAFileThatIsNotThereOrNoneIsAProblem(t *testing.T) {
	document := file(t, "x")
	folder := document
	folder.Name, folder.File = "folder", t.TempDir()
	gone := document
	gone.Name = "gone"
	if err := os.Remove(gone.File); err != nil {
		t.Fatal(err)
	}
	for _, fact := range checktest.Pass(t, checkOf(t, options(folder, gone), checktest.Env(asOf))) {
		found := checktest.As[watch.Problem](t, fact)
		switch found.Subject.Name {
		case "folder":
			if found.Reason != watch.Unparsable || found.Err.Error() != "it is no regular file" {
				t.Errorf("got %+v", found)
			}
		case "gone":
			if found.Reason != watch.NotFound || !strings.HasPrefix(found.Err.Error(), "read the metadata: stat "+gone.File) {
				t.Errorf("got %+v", found)
			}
		}
	}
}
