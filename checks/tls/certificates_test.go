package tls_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	cryptotls "crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/tls"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

func day(text string) time.Time {
	parsed, err := time.Parse("2006-01-02", text)
	if err != nil {
		panic(err)
	}
	return parsed
}

// odd is a certificate that servers really present and that somebody must renew.
type odd struct {
	name string
	make func(t testing.TB, root pki.Pair) cryptotls.Certificate
	// notAfter is what the credential must say; zero for certificates that no library
	// takes, which are a problem.
	notAfter time.Time
	observed []string
	// malformed is what the parser says of a certificate of which only the dates are read.
	malformed string
	// problem is what an unparsable certificate is called after its fingerprint.
	problem string
}

func issued(edit func(*pki.Spec)) func(testing.TB, pki.Pair) cryptotls.Certificate {
	return func(t testing.TB, root pki.Pair) cryptotls.Certificate {
		t.Helper()
		spec := pki.Spec{CommonName: "odd.example", Names: []string{"odd.example"}, NotBefore: day("2020-01-01"), NotAfter: day("2050-01-01")}
		edit(&spec)
		return made(root.Issue(spec))(t).TLS()
	}
}

func forged(change func(t testing.TB, body *toBeSigned)) func(testing.TB, pki.Pair) cryptotls.Certificate {
	return func(t testing.TB, root pki.Pair) cryptotls.Certificate {
		t.Helper()
		leaf := made(root.Issue(pki.Spec{CommonName: "odd.example", Names: []string{"odd.example"}, NotBefore: day("2020-01-01"), NotAfter: day("2030-01-01")}))(t)
		return forge(t, leaf, root, func(body *toBeSigned) { change(t, body) })
	}
}

func withExtension(id asn1.ObjectIdentifier, value []byte) func(testing.TB, pki.Pair) cryptotls.Certificate {
	return forged(func(_ testing.TB, body *toBeSigned) {
		kept := body.Extensions[:0]
		for _, extension := range body.Extensions {
			if !extension.Id.Equal(id) {
				kept = append(kept, extension)
			}
		}
		body.Extensions = append(kept, pkix.Extension{Id: id, Value: value})
	})
}

var subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

func oddCertificates() []odd {
	return []odd{
		{name: "an ordinary certificate", make: issued(func(s *pki.Spec) { s.NotAfter = day("2031-05-06") }), notAfter: day("2031-05-06")},
		{name: "an expired certificate still yields its notAfter", make: issued(func(s *pki.Spec) { s.NotAfter = day("2021-05-06") }), notAfter: day("2021-05-06")},
		{name: "a certificate that is not valid yet", make: issued(func(s *pki.Spec) { s.NotBefore = day("2045-01-01") }), notAfter: day("2050-01-01")},
		{name: "a negative serial number", make: forged(func(_ testing.TB, b *toBeSigned) { b.SerialNumber = big.NewInt(-77) }), notAfter: day("2030-01-01")},
		{name: "a serial number of zero", make: forged(func(_ testing.TB, b *toBeSigned) { b.SerialNumber = new(big.Int) }), notAfter: day("2030-01-01")},
		{name: "a serial number of 21 octets", make: forged(func(_ testing.TB, b *toBeSigned) { b.SerialNumber = new(big.Int).Lsh(big.NewInt(1), 163) }), notAfter: day("2030-01-01")},
		{name: "a certificate without expiry (9999-12-31)", make: issued(func(s *pki.Spec) { s.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }), notAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{name: "a UTCTime of 50 is 1950", make: issued(func(s *pki.Spec) { s.NotBefore, s.NotAfter = day("1950-01-01"), day("1950-06-01") }), notAfter: day("1950-06-01")},
		{name: "a UTCTime of 49 is 2049", make: issued(func(s *pki.Spec) { s.NotAfter = day("2049-12-31") }), notAfter: day("2049-12-31")},
		{name: "a notAfter before its notBefore", make: forged(func(t testing.TB, b *toBeSigned) {
			b.Validity = asn1.RawValue{FullBytes: encode(t, struct{ NotBefore, NotAfter time.Time }{day("2030-01-01"), day("2024-01-01")})}
		}), notAfter: day("2024-01-01")},
		{name: "a notAfter in the first second of all dates, which is none to Go", make: forged(func(_ testing.TB, b *toBeSigned) {
			b.Validity = asn1.RawValue{FullBytes: append([]byte{0x30, 0x22, 0x18, 0x0f}, "00010101000000Z\x18\x0f00010101000000Z"...)}
		}), notAfter: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)},
		{
			name: "no subjectAltName, only the legacy Common Name", make: issued(func(s *pki.Spec) { s.Names = nil }), notAfter: day("2050-01-01"),
			observed: []string{`name_mismatch: is not valid for odd.example: it names no host in subjectAltName, only the legacy Common Name "odd.example", which clients ignore`},
		},
		{
			name: "neither a subjectAltName nor a Common Name", make: issued(func(s *pki.Spec) { s.CommonName, s.Names = "", nil }), notAfter: day("2050-01-01"),
			observed: []string{"name_mismatch: is not valid for odd.example: it names no host at all"},
		},
		{
			name: "another name", make: issued(func(s *pki.Spec) { s.Names = []string{"a.example", "b.example", "192.0.2.7", "c.example"} }), notAfter: day("2050-01-01"),
			observed: []string{"name_mismatch: is not valid for odd.example, only for a.example, b.example, c.example and 1 more"},
		},
		{
			name: "a subjectAltName with CR, LF and NUL", make: issued(func(s *pki.Spec) { s.Names = []string{"a.example\r\nBcc: x@evil.example\x00"} }), notAfter: day("2050-01-01"),
			observed: []string{"name_mismatch: is not valid for odd.example, only for a.example\uFFFDBcc: x@evil.example\uFFFD"},
		},
		{
			name: "ten thousand names", make: issued(func(s *pki.Spec) {
				s.Names = nil
				for i := range 10_000 {
					s.Names = append(s.Names, fmt.Sprintf("n%d.example", i))
				}
			}), notAfter: day("2050-01-01"),
			observed: []string{"name_mismatch: is not valid for odd.example, only for n0.example, n1.example, n2.example and 9997 more"},
		},
		{
			name: "a critical extension that nobody knows", make: issued(func(s *pki.Spec) {
				s.Edit = func(c *x509.Certificate) {
					c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
				}
			}), notAfter: day("2050-01-01"), observed: []string{"chain_broken: has a chain with a critical extension that clients do not know"},
		},
		{
			name: "a certificate for clients only", make: issued(func(s *pki.Spec) {
				s.Edit = func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
			}), notAfter: day("2050-01-01"), observed: []string{"chain_broken: is not issued for TLS servers (extended key usage)"},
		},
		{name: "a duplicate extension", make: forged(func(_ testing.TB, b *toBeSigned) { b.Extensions = append(b.Extensions, b.Extensions[0]) }), notAfter: day("2030-01-01"), malformed: "x509: certificate contains duplicate extension"},
		{name: "a subjectAltName that is not ASCII", make: withExtension(subjectAltName, []byte{0x30, 0x05, 0x82, 0x03, 'a', 0xff, 'b'}), notAfter: day("2030-01-01"), malformed: "x509: "},
		{name: "an IP address of three octets", make: withExtension(subjectAltName, []byte{0x30, 0x05, 0x87, 0x03, 1, 2, 3}), notAfter: day("2030-01-01"), malformed: "x509: "},
		{name: "a URI that is none", make: withExtension(subjectAltName, append([]byte{0x30, 0x0b, 0x86, 0x09}, "https://["...)), notAfter: day("2030-01-01"), malformed: "x509: "},
		{name: "trailing data after the certificate", make: func(t testing.TB, root pki.Pair) cryptotls.Certificate {
			chain := issued(func(*pki.Spec) {})(t, root)
			chain.Certificate[0] = append(bytes.Clone(chain.Certificate[0]), 0x05, 0x00)
			return chain
		}, notAfter: day("2050-01-01"), malformed: "x509: trailing data"},
		{name: "no certificate at all but noise", make: func(t testing.TB, root pki.Pair) cryptotls.Certificate {
			chain := issued(func(*pki.Spec) {})(t, root)
			chain.Certificate[0] = []byte("this is no DER")
			return chain
		}, problem: " cannot be parsed: x509: malformed certificate"},
	}
}

func TestOddCertificatesAreRead(t *testing.T) {
	root := newRoot(t, "test root")
	for _, version := range []uint16{cryptotls.VersionTLS12, cryptotls.VersionTLS13} {
		for _, odd := range oddCertificates() {
			t.Run(cryptotls.VersionName(version)+"/"+odd.name, func(t *testing.T) {
				chain := odd.make(t, root)
				address := peer(t, &cryptotls.Config{Certificates: []cryptotls.Certificate{chain}, MinVersion: version, MaxVersion: version})
				facts := collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("odd.example", address)}, Trust: trusting(t, root)})
				odd.check(t, facts, chain)
			})
		}
	}
}

func (o odd) check(t *testing.T, facts []watch.Fact, chain cryptotls.Certificate) {
	t.Helper()
	if o.problem != "" {
		problem := problemOf(t, facts)
		if problem.Reason != watch.Unparsable || !problem.Confined {
			t.Errorf("got reason %s, confined %t", problem.Reason, problem.Confined)
		}
		print := fmt.Sprintf("the certificate %s", printOf(chain))
		if text := problem.Err.Error(); !strings.HasPrefix(text, print) || !strings.Contains(text, o.problem) {
			t.Errorf("got %q, want %s… %s", text, print, o.problem)
		}
		return
	}
	credential := credentialOf(t, facts)
	if !credential.NotAfter.Equal(o.notAfter) {
		t.Errorf("notAfter is %s, want %s", credential.NotAfter, o.notAfter)
	}
	if credential.Identity != printOf(chain) {
		t.Errorf("identity is %s, want %s", credential.Identity, printOf(chain))
	}
	if o.malformed == "" {
		wantObserved(t, credential, o.observed...)
		return
	}
	said := observed(credential)
	if want := "chain_broken: is malformed, so that strict clients refuse it: " + o.malformed; len(said) != 1 || !strings.HasPrefix(said[0], want) {
		t.Errorf("observed %q, want %q", said, want)
	}
	if credential.Details["fingerprint"] != printOf(chain) || credential.Details["leaf_not_after"] != o.notAfter.Format(time.RFC3339) || credential.NotBefore.IsZero() {
		t.Errorf("notBefore %s, details %v", credential.NotBefore, credential.Details)
	}
	if credential.Remedy != "Issue it anew with a tool that follows RFC 5280, and install the new one." {
		t.Errorf("the remedy is %q", credential.Remedy)
	}
}

func TestDetailsOfACertificate(t *testing.T) {
	root := newRoot(t, "test root")
	leaf := made(root.Issue(pki.Spec{
		CommonName: "www.example", Names: []string{"www.example", "192.0.2.7"}, NotBefore: day("2025-02-03"), NotAfter: day("2031-05-06"),
		Edit: func(c *x509.Certificate) { c.SerialNumber = big.NewInt(0xbeef) },
	}))(t)
	address := presenting(t, leaf.TLS())
	credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("www.example", address)}, Trust: trusting(t, root)}))
	want := map[string]any{
		"address": address.String(), "sni": "www.example",
		"tls_version": "TLS 1.3", "cipher_suite": credential.Details["cipher_suite"],
		"fingerprint": printOf(leaf.TLS()), "serial": "beef", "key": "ECDSA P-256",
		"subject": "CN=www.example", "issuer": "CN=test root",
		"leaf_not_before": "2025-02-03T00:00:00Z", "leaf_not_after": "2031-05-06T00:00:00Z",
		"presented_earliest_not_after": "2031-05-06T00:00:00Z", "presented_earliest_subject": "www.example",
		"verified_earliest_not_after": "2031-05-06T00:00:00Z", "verified_earliest_subject": "www.example",
	}
	names, _ := credential.Details["dns_names"].([]string)
	if strings.Join(names, " ") != "www.example 192.0.2.7" {
		t.Errorf("dns_names are %q", names)
	}
	delete(credential.Details, "dns_names")
	if got, wanted := fmt.Sprint(credential.Details), fmt.Sprint(want); got != wanted {
		t.Errorf("details are\n\t%s\nwant\n\t%s", got, wanted)
	}
	if !strings.HasPrefix(fmt.Sprint(credential.Details["cipher_suite"]), "TLS_") {
		t.Errorf("cipher_suite is %v", credential.Details["cipher_suite"])
	}
	if credential.Life != day("2031-05-06").Sub(day("2025-02-03")) {
		t.Errorf("life is %s", credential.Life)
	}
}

func TestA7_NoNameInACertificateSteersATerminal(t *testing.T) {
	hostile := "\x1b]0;owned\x07\u202egpj.\u200bexe\r\nnext line"
	shown := "\uFFFD]0;owned\uFFFDgpj.\uFFFDexe\uFFFDnext line"
	stranger := newRoot(t, hostile)
	leaf := made(stranger.Issue(pki.Spec{CommonName: "leaf " + hostile, Names: []string{"\x1b[2J.example"}}))(t)
	credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("a.example", presenting(t, leaf.TLS()))}, Trust: trusting(t, newRoot(t, "test root"))}))
	wantObserved(t, credential,
		`untrusted_issuer: is issued by "`+shown+`", which is neither trusted here nor sent along`,
		"name_mismatch: is not valid for a.example, only for \uFFFD[2J.example",
	)
	for key, value := range credential.Details {
		if strings.ContainsAny(fmt.Sprint(value), "\x1b\x07\u202e\u200b\r\n") {
			t.Errorf("%s is %q", key, value)
		}
	}
}

func TestKeyTypes(t *testing.T) {
	root := newRoot(t, "test root")
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := made(root.Issue(pki.Spec{Names: []string{"a.example"}, Key: key}))(t)
	credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("a.example", presenting(t, leaf.TLS()))}, Trust: trusting(t, root)}))
	if credential.Details["key"] != "Ed25519" {
		t.Errorf("key is %v", credential.Details["key"])
	}
}

func TestA9_TenThousandNamesAreBoundedInDetails(t *testing.T) {
	root := newRoot(t, "test root")
	leaf := issued(func(s *pki.Spec) {
		s.CommonName = "\x1b[31m" + strings.Repeat("x", 60_000) + "\u202e"
		s.Names = nil
		for i := range 3_000 {
			s.Names = append(s.Names, fmt.Sprintf("n%d.example", i))
		}
	})(t, root)
	credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("n1.example", presenting(t, leaf))}, Trust: trusting(t, root)}))
	names, _ := credential.Details["dns_names"].([]string)
	if len(names) != 21 || names[20] != "and 2980 more" {
		t.Errorf("dns_names has %d entries and ends with %q", len(names), names[len(names)-1])
	}
	subject := fmt.Sprint(credential.Details["subject"])
	if len([]rune(subject)) != 200 || strings.ContainsAny(subject, "\x1b\u202e") {
		t.Errorf("the subject is %d runes: %q", len([]rune(subject)), subject)
	}
	if credential.Details["presented_earliest_subject"] == nil || len([]rune(fmt.Sprint(credential.Details["presented_earliest_subject"]))) > 80 {
		t.Errorf("presented_earliest_subject is %q", credential.Details["presented_earliest_subject"])
	}
}

func TestF14_HostileCertificatesEachYieldTheirFinding(t *testing.T) {
	const endpoints = 400
	root := newRoot(t, "test root")
	kinds := oddCertificates()
	chains := make([]cryptotls.Certificate, len(kinds))
	for i, kind := range kinds {
		chains[i] = kind.make(t, root)
	}
	config := &cryptotls.Config{GetCertificate: func(hello *cryptotls.ClientHelloInfo) (*cryptotls.Certificate, error) {
		local := netip.MustParseAddrPort(hello.Conn.LocalAddr().String()).Addr().Unmap().As4()
		return &chains[(int(local[2])<<8|int(local[3]))%len(chains)], nil
	}}
	address := peerOn(t, "0.0.0.0:0", config)
	loris := talker(t, dribble)
	options := tls.Options{Trust: trusting(t, root), Timeout: watch.Duration(3 * time.Second), Concurrency: 64}
	for i := range endpoints {
		host := fmt.Sprintf("127.79.%d.%d", i>>8, i&255)
		options.Targets = append(options.Targets, tls.Target{Host: "odd.example", Port: address.Port(), Addresses: []string{host}, SNI: new(fmt.Sprintf("i%d.example", i)), VerifyName: new(false)})
	}
	options.Targets = append(options.Targets, at("loris.example", loris))
	facts := collect(t, testEnv(), options)
	if len(facts) != endpoints+1 {
		t.Fatalf("%d facts for %d endpoints", len(facts), endpoints+1)
	}
	for _, fact := range facts {
		checkHostile(t, fact, kinds)
	}
}

func checkHostile(t *testing.T, fact watch.Fact, kinds []odd) {
	t.Helper()
	id := fact.About().ID
	if strings.HasPrefix(id, "loris.example/") {
		if problem, ok := fact.(watch.Problem); !ok || problem.Reason != watch.TimedOut {
			t.Errorf("%s: %+v", id, fact)
		}
		return
	}
	host := netip.MustParseAddrPort(strings.Split(id, "/")[1]).Addr().As4()
	kind := kinds[(int(host[2])<<8|int(host[3]))%len(kinds)]
	switch fact := fact.(type) {
	case watch.Problem:
		if kind.problem == "" || fact.Reason != watch.Unparsable {
			t.Errorf("%s: %s: got %s: %v", id, kind.name, fact.Reason, fact.Err)
		}
	case watch.Credential:
		if kind.problem != "" || !fact.NotAfter.Equal(kind.notAfter) {
			t.Errorf("%s: %s: got notAfter %s, want %s", id, kind.name, fact.NotAfter, kind.notAfter)
		}
	}
}
