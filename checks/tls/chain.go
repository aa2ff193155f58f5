package tls

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// fingerprint is the SHA-256 of a certificate's DER.
type fingerprint [sha256.Size]byte

func (f fingerprint) String() string { return "sha256:" + hex.EncodeToString(f[:]) }

// certificate is a parsed certificate with its fingerprint.
type certificate struct {
	*x509.Certificate
	print fingerprint
}

func certificatesOf(parsed []*x509.Certificate) []certificate {
	chain := make([]certificate, len(parsed))
	for i, cert := range parsed {
		chain[i] = certificate{Certificate: cert, print: sha256.Sum256(cert.Raw)}
	}
	return chain
}

// malformed is a certificate that cannot be parsed and of which only the dates are known.
type malformed struct {
	print               fingerprint
	notBefore, notAfter time.Time
	err                 error
}

// served parses what was overheard. A leaf without dates is a failure; whatever cannot
// be parsed beside it is a defect of the chain.
func (f flight) served() (served, *failure) {
	got := served{version: f.version, suite: f.suite}
	for i, der := range f.chain {
		// The copy keeps a certificate that is cached from keeping its whole flight.
		cert, err := x509.ParseCertificate(bytes.Clone(der))
		switch {
		case err == nil:
			got.chain = append(got.chain, certificate{Certificate: cert, print: sha256.Sum256(der)})
		case i == 0:
			leaf := malformed{print: sha256.Sum256(der), err: err}
			var dated bool
			if leaf.notBefore, leaf.notAfter, dated = validityOf(der); !dated {
				return served{}, leaf.unparsable()
			}
			got.malformed = &leaf
			return got, nil
		default:
			got.defects = append(got.defects, fmt.Sprintf("comes with a certificate (%s) that cannot be parsed: %s", fingerprint(sha256.Sum256(der)), clean.Text(err.Error(), maxQuoted)))
		}
	}
	if f.truncated {
		got.defects = append(got.defects, "comes in a certificate message that is malformed or larger than clients accept")
	}
	return got, nil
}

func (m malformed) unparsable() *failure {
	return &failure{
		reason: watch.Unparsable, details: map[string]any{"fingerprint": m.print.String()}, spokeTLS: true,
		err: fmt.Errorf("the certificate %s cannot be parsed: %s", m.print, clean.Text(m.err.Error(), maxQuoted)),
	}
}

// validityOf reads the validity (RFC 5280, section 4.1.2.5) of a certificate that is
// otherwise malformed, as far as the malformation allows.
func validityOf(der []byte) (notBefore, notAfter time.Time, ok bool) {
	var cert, body, validity cryptobyte.String
	in := cryptobyte.String(der)
	ok = in.ReadASN1(&cert, asn1.SEQUENCE) && cert.ReadASN1(&body, asn1.SEQUENCE) &&
		body.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) &&
		body.SkipASN1(asn1.INTEGER) && body.SkipASN1(asn1.SEQUENCE) && body.SkipASN1(asn1.SEQUENCE) &&
		body.ReadASN1(&validity, asn1.SEQUENCE) &&
		readTime(&validity, &notBefore) && readTime(&validity, &notAfter)
	return notBefore, notAfter, ok
}

func readTime(in *cryptobyte.String, out *time.Time) bool {
	if in.PeekASN1Tag(asn1.UTCTime) {
		return in.ReadASN1UTCTime(out)
	}
	return in.ReadASN1GeneralizedTime(out)
}

// dated keeps a date from reading as none, which the first second of the year 1 would.
func dated(t time.Time) time.Time {
	if t.IsZero() {
		return t.Add(time.Second)
	}
	return t
}

// stamp is the form of dates in details: RFC 3339 in UTC.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// sayTime is the form of dates in texts.
func sayTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// earliest is the certificate of a chain whose notAfter comes first; of equal ones, the
// one nearest to the leaf.
func earliest(chain []*x509.Certificate) *x509.Certificate {
	first := chain[0]
	for _, cert := range chain[1:] {
		if cert.NotAfter.Before(first.NotAfter) {
			first = cert
		}
	}
	return first
}

// sayName is how a certificate is called in texts: by its common name, its whole subject
// or, where it has none, its fingerprint.
func sayName(cert *x509.Certificate) string {
	name := cert.Subject.CommonName
	if name == "" {
		name = cert.Subject.String()
	}
	if name == "" {
		return fingerprint(sha256.Sum256(cert.Raw)).String()
	}
	return `"` + clean.Text(name, maxShownName) + `"`
}

const maxShownName = 80

// sayIssuer is how the issuer of a certificate is called in texts.
func sayIssuer(cert *x509.Certificate) string {
	name := cert.Issuer.CommonName
	if name == "" {
		name = cert.Issuer.String()
	}
	if name == "" {
		return "an authority without a name"
	}
	return `"` + clean.Text(name, maxShownName) + `"`
}
