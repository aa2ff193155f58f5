package certfiles

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"go/build"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func marshal(t testing.TB, value any) []byte {
	t.Helper()
	der, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func unmarshal(t testing.TB, der []byte, into any) {
	t.Helper()
	if _, err := asn1.Unmarshal(der, into); err != nil {
		t.Fatal(err)
	}
}

// certificate and tbs let a test write what no library signs.
type certificate struct {
	TBS       tbs
	Algorithm asn1.RawValue
	Signature asn1.RawValue
}

type tbs struct {
	Version    int `asn1:"optional,explicit,default:0,tag:0"`
	Serial     asn1.RawValue
	Algorithm  asn1.RawValue
	Issuer     asn1.RawValue
	Validity   validity
	Subject    asn1.RawValue
	Key        asn1.RawValue
	Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
}

type validity struct{ NotBefore, NotAfter asn1.RawValue }

// odd is a good certificate after edit has spoilt it. Its signature no longer fits.
func odd(t testing.TB, edit func(*tbs)) []byte {
	t.Helper()
	var cert certificate
	unmarshal(t, issue(t, "odd.example.com", june).Cert.Raw, &cert)
	edit(&cert.TBS)
	return marshal(t, cert)
}

func utc(text string) asn1.RawValue {
	return asn1.RawValue{Tag: asn1.TagUTCTime, Bytes: []byte(text)}
}

func generalized(text string) asn1.RawValue {
	return asn1.RawValue{Tag: asn1.TagGeneralizedTime, Bytes: []byte(text)}
}

func integer(content ...byte) asn1.RawValue {
	return asn1.RawValue{Tag: asn1.TagInteger, Bytes: content}
}

var oidSAN = asn1.ObjectIdentifier{2, 5, 29, 17}

func altNames(t testing.TB, names ...asn1.RawValue) func(*tbs) {
	return func(c *tbs) {
		c.Extensions = append(slices.DeleteFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidSAN) }),
			pkix.Extension{Id: oidSAN, Value: marshal(t, names)})
	}
}

func dnsName(name string) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(name)}
}

func TestOddCertificates(t *testing.T) {
	year := func(y int) time.Time { return time.Date(y, 12, 31, 23, 59, 59, 0, time.UTC) }
	until := func(end asn1.RawValue) func(*tbs) { return func(c *tbs) { c.Validity.NotAfter = end } }
	tests := []struct {
		name     string
		edit     func(*tbs)
		notAfter time.Time
		detail   string
		want     any
	}{
		{"the end of all days in 9999 is read", until(generalized("99991231235959Z")), year(9999), "irregular", nil},
		{"a UTCTime of 1950 lies in the past", until(utc("501231235959Z")), year(1950), "irregular", nil},
		{"a UTCTime of 2049 lies in the future", until(utc("491231235959Z")), year(2049), "irregular", nil},
		{"a GeneralizedTime begins in 2050", until(generalized("20501231235959Z")), year(2050), "irregular", nil},
		{"a GeneralizedTime before 2050 is read", until(generalized("20301231235959Z")), year(2030), "irregular", nil},
		{"a GeneralizedTime of the year 0 is read", until(generalized("00001231235959Z")), year(0), "irregular", nil},
		{"the first second of all is a date too", until(generalized("00010101000000Z")), time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), "irregular", nil},
		{"a date with an offset is an instant", until(generalized("20280101005959+0100")), year(2027), "irregular", nil},
		{"notAfter before notBefore is told as it stands", until(utc("200101000000Z")), time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), "irregular", nil},
		{"a negative serial number", func(c *tbs) { c.Serial = integer(0xff) }, june, "serial", "-1"},
		{"a negative serial number is told", func(c *tbs) { c.Serial = integer(0x80, 1) }, june, "irregular", "the serial number is negative"},
		{"a serial number of zero", func(c *tbs) { c.Serial = integer(0) }, june, "serial", "00"},
		{"a serial number of 21 octets", func(c *tbs) { c.Serial = integer(slices.Repeat([]byte{0x7f}, 21)...) }, june, "serial", strings.Repeat("7f", 21)},
		{"a serial number of 10,000 octets", func(c *tbs) { c.Serial = integer(slices.Repeat([]byte{0x7f}, 10_000)...) }, june, "serial", "(10000 bytes)"},
		{"a duplicate extension", func(c *tbs) { c.Extensions = append(c.Extensions, c.Extensions[0]) }, june, "irregular", "an extension appears twice"},
		{"a SAN of bytes that are no text", altNames(t, dnsName("\xff\xfe")), june, "dns_names", []string{"\uFFFD"}},
		{"an IP address of three bytes", altNames(t, asn1.RawValue{Class: 2, Tag: 7, Bytes: []byte{1, 2, 3}}), june, "dns_names", nil},
		{"a URI that is none", altNames(t, asn1.RawValue{Class: 2, Tag: 6, Bytes: []byte("http://[")}), june, "irregular", nil},
		{"a SAN that is no list", func(c *tbs) { c.Extensions = []pkix.Extension{{Id: oidSAN, Value: []byte{1}}} }, june, "irregular", "the subject alternative names are malformed"},
		{"no SAN at all", func(c *tbs) { c.Extensions = nil }, june, "dns_names", nil},
		{"a SAN with a line break and NUL is cleaned", altNames(t, dnsName("a\r\nBcc: x@example.com\x00")), june, "dns_names", []string{"a\uFFFDBcc: x@example.com\uFFFD"}},
		{"10,000 SANs are counted and not listed", altNames(t, slices.Repeat([]asn1.RawValue{dnsName("x.example.com")}, 10_000)...), june, "dns_names_omitted", 9_980},
		{"a key that nothing understands", func(c *tbs) { c.Key = asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true} }, june, "irregular", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			der := odd(t, test.edit)
			path := write(t, filepath.Join(t.TempDir(), "odd.crt"), der)
			got := scan(t, path).credential(t, path+"#1")
			if !got.NotAfter.Equal(test.notAfter) {
				t.Errorf("it ends on %s, want %s", got.NotAfter, test.notAfter)
			}
			if got.Identity != fingerprint(der) {
				t.Errorf("its identity is %s", got.Identity)
			}
			if detail := got.Details[test.detail]; fmt.Sprint(detail) != fmt.Sprint(test.want) {
				t.Errorf("%s is %q, want %q", test.detail, detail, test.want)
			}
		})
	}
}

func TestACertificateWhoseDateCannotBeReadIsNamedByItsFingerprint(t *testing.T) {
	for name, end := range map[string]asn1.RawValue{
		"a leap second": utc("261231235960Z"), "29 February of a common year": utc("270229000000Z"),
		"fractions of a second": generalized("20271231235959.5Z"), "a word": utc("tomorrow"),
	} {
		t.Run(name, func(t *testing.T) {
			der := odd(t, func(c *tbs) { c.Validity.NotAfter = end })
			path := write(t, filepath.Join(t.TempDir(), "odd.crt"), certPEM(der))
			got := scan(t, path)
			got.wantProblem(t, path+"#1", watch.Unparsable, true, "read certificate file "+path+": a date is no UTCTime or GeneralizedTime")
			if id := got.problem(t, path+"#1").Details["identity"]; id != fingerprint(der) {
				t.Errorf("its identity is %q", id)
			}
		})
	}
}

func TestNamesAreWrittenAsRFC4514(t *testing.T) {
	name := pkix.Name{
		Country: []string{"DE"}, Organization: []string{`Müller, "Söhne" + Co; <x>`}, CommonName: "#a ",
		ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, Value: "example"},
			{Type: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: "other"},
		},
	}
	der := odd(t, func(c *tbs) { c.Subject = asn1.RawValue{FullBytes: marshal(t, name.ToRDNSequence())} })
	cert, _, err := readCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if want := `1.2.3.4=other,DC=example,CN=\#a\ ,O=Müller\, \"Söhne\" \+ Co\; \<x\>,C=DE`; cert.subject != want {
		t.Errorf("the subject is %s\nwant %s", cert.subject, want)
	}
}

func TestOldStringTypesAreDecoded(t *testing.T) {
	for tag, content := range map[int]string{20: "caf\xe9", 30: "\x00c\x00a\x00f\x00\xe9", 28: "\x00\x00\x00c\x00\x00\x00a\x00\x00\x00f\x00\x00\x00\xe9", 12: "café"} {
		pair := marshal(t, struct {
			ID    asn1.ObjectIdentifier
			Value asn1.RawValue
		}{asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.RawValue{Tag: tag, Bytes: []byte(content)}})
		set := marshal(t, asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: pair})
		if got := nameText(set); got != "CN=café" {
			t.Errorf("string type %d gives %q", tag, got)
		}
	}
}

// TestTheStandardLibraryAgrees compares every certificate of crypto/x509's own test
// data, the NIST PKITS suite among them, with what crypto/x509 reads.
func TestTheStandardLibraryAgrees(t *testing.T) {
	corpus := filepath.Join(build.Default.GOROOT, "src", "crypto", "x509", "testdata")
	files, err := filepath.Glob(filepath.Join(corpus, "nist-pkits", "certs", "*.crt"))
	if err != nil || len(files) < 400 {
		t.Fatalf("%s holds %d certificates (%v): tests need the source of the Go standard library", corpus, len(files), err)
	}
	got := scan(t, corpus)
	compared := 0
	for _, path := range files {
		der, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		compareWithStandardLibrary(t, der)
		want, err := x509.ParseCertificate(der)
		if err != nil {
			got.credential(t, path+"#1")
			continue
		}
		compared++
		got.wantDate(t, path+"#1", want.NotAfter)
	}
	if compared < 390 {
		t.Errorf("crypto/x509 read only %d of %d certificates", compared, len(files))
	}
}

// compareWithStandardLibrary holds readCertificate to crypto/x509 wherever that can read
// a certificate at all.
func compareWithStandardLibrary(t testing.TB, der []byte) {
	t.Helper()
	want, err := x509.ParseCertificate(der)
	if err != nil {
		return
	}
	got, _, err := readCertificate(der)
	if err != nil {
		t.Fatalf("crypto/x509 reads %x and we do not: %v", der, err)
	}
	var names []string
	for _, name := range want.DNSNames[:min(len(want.DNSNames), maxDNSNames)] {
		names = append(names, clean.Text(name, maxNameRunes))
	}
	serial, readable := new(big.Int).SetString(got.serial, 16)
	switch {
	case !got.notBefore.Equal(want.NotBefore) || !got.notAfter.Equal(want.NotAfter):
		t.Errorf("dated %s to %s, want %s to %s", got.notBefore, got.notAfter, want.NotBefore, want.NotAfter)
	case !slices.Equal(got.dnsNames, names):
		t.Errorf("the DNS names are %q, want %q", got.dnsNames, names)
	case got.authority != want.IsCA:
		t.Errorf("an authority: %t, want %t", got.authority, want.IsCA)
	case readable && serial.Cmp(want.SerialNumber) != 0:
		t.Errorf("the serial number is %s, want %s", got.serial, want.SerialNumber.Text(16))
	}
}
