package certfiles

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"lapsewatch/watch"
)

// dated is one thing with a date that a file holds: a certificate or a CRL. It keeps
// nothing of the buffer it was read from.
type dated struct {
	form        watch.Form
	fingerprint [sha256.Size]byte
	notBefore   time.Time
	notAfter    time.Time
	subject     string
	issuer      string
	serial      string
	dnsNames    []string
	// moreNames counts the DNS names beyond those listed in dnsNames.
	moreNames int
	authority bool
	// irregular says what is malformed although the dates could be read.
	irregular string
}

// The context-specific tags of RFC 5280, encoded: those of a TBSCertificate, and
// dNSName of a GeneralName.
const (
	tagVersion    = asn1.Tag(0xa0)
	tagIssuerID   = asn1.Tag(0x81)
	tagSubjectID  = asn1.Tag(0x82)
	tagExtensions = asn1.Tag(0xa3)
	tagDNSName    = asn1.Tag(0x82)
)

var errNotCertificate = errors.New("not a DER-encoded X.509 certificate")

// readCertificate reads the first certificate in der (RFC 5280 section 4.1) and returns
// what follows it.
//
// It walks the structure itself because crypto/x509 refuses certificates that servers
// and OpenSSL go on using (a duplicate extension, a malformed SAN, a negative serial
// number): their dates count most of all. What a stricter reader would refuse is told
// in irregular. Not parsing the public key also makes it several times faster.
func readCertificate(der []byte) (dated, []byte, error) {
	rest := cryptobyte.String(der)
	var element, body, tbs cryptobyte.String
	if !rest.ReadASN1Element(&element, asn1.SEQUENCE) {
		return dated{}, nil, errNotCertificate
	}
	whole := []byte(element)
	if !element.ReadASN1(&body, asn1.SEQUENCE) || !body.ReadASN1(&tbs, asn1.SEQUENCE) {
		return dated{}, rest, errNotCertificate
	}
	var serial, issuer, validity, subject cryptobyte.String
	if !tbs.SkipOptionalASN1(tagVersion) ||
		!tbs.ReadASN1(&serial, asn1.INTEGER) || !tbs.SkipASN1(asn1.SEQUENCE) ||
		!tbs.ReadASN1(&issuer, asn1.SEQUENCE) || !tbs.ReadASN1(&validity, asn1.SEQUENCE) ||
		!tbs.ReadASN1(&subject, asn1.SEQUENCE) {
		return dated{}, rest, errNotCertificate
	}
	cert := dated{form: watch.Certificate, fingerprint: sha256.Sum256(whole), serial: serialText(serial)}
	if !readTime(&validity, &cert.notBefore) || !readTime(&validity, &cert.notAfter) {
		return cert, rest, errNotTime
	}
	cert.issuer, cert.subject = nameText(issuer), nameText(subject)
	if !tbs.SkipASN1(asn1.SEQUENCE) || !tbs.SkipOptionalASN1(tagIssuerID) || !tbs.SkipOptionalASN1(tagSubjectID) {
		cert.irregular = "what follows the subject name is malformed"
		return cert, rest, nil
	}
	cert.readExtensions(&tbs)
	if len(serial) > 0 && serial[0]&0x80 != 0 {
		cert.irregular = "the serial number is negative"
	}
	return cert, rest, nil
}

var errNotTime = errors.New("a date is no UTCTime or GeneralizedTime")

// readTime reads a Time (RFC 5280 section 4.1.2.5): a UTCTime with a year of 50 or more
// lies in the 20th century.
func readTime(from *cryptobyte.String, into *time.Time) bool {
	var read bool
	if from.PeekASN1Tag(asn1.UTCTime) {
		read = from.ReadASN1UTCTime(into)
	} else {
		read = from.ReadASN1GeneralizedTime(into)
	}
	*into = into.UTC()
	if read && into.IsZero() {
		// The first second of the year 1 would read as "no date".
		*into = into.Add(time.Second)
	}
	return read
}

// The two extensions that are read, as encoded object identifiers.
const (
	oidSubjectAltName   = "\x55\x1d\x11"
	oidBasicConstraints = "\x55\x1d\x13"
)

func (c *dated) readExtensions(tbs *cryptobyte.String) {
	var wrapper, list cryptobyte.String
	var present bool
	if !tbs.ReadOptionalASN1(&wrapper, &present, tagExtensions) || present && !wrapper.ReadASN1(&list, asn1.SEQUENCE) {
		c.irregular = "the extensions are malformed"
		return
	}
	var seen [16]cryptobyte.String
	known := 0
	for !list.Empty() {
		var extension, id, value cryptobyte.String
		if !list.ReadASN1(&extension, asn1.SEQUENCE) || !extension.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) ||
			!extension.SkipOptionalASN1(asn1.BOOLEAN) || !extension.ReadASN1(&value, asn1.OCTET_STRING) {
			c.irregular = "the extensions are malformed"
			return
		}
		if slices.ContainsFunc(seen[:known], func(earlier cryptobyte.String) bool { return bytes.Equal(earlier, id) }) {
			c.irregular = "an extension appears twice"
		}
		if known < len(seen) {
			seen[known] = id
			known++
		}
		switch string(id) {
		case oidSubjectAltName:
			c.readAltNames(value)
		case oidBasicConstraints:
			c.readBasicConstraints(value)
		}
	}
}

func (c *dated) readBasicConstraints(value cryptobyte.String) {
	var constraints cryptobyte.String
	if !value.ReadASN1(&constraints, asn1.SEQUENCE) ||
		constraints.PeekASN1Tag(asn1.BOOLEAN) && !constraints.ReadASN1Boolean(&c.authority) {
		c.irregular = "the basic constraints are malformed"
	}
}

// serialText writes a serial number as most tools do: in hexadecimal, without leading
// zeros.
func serialText(content []byte) string {
	if len(content) > 64 {
		return fmt.Sprintf("(%d bytes)", len(content))
	}
	if len(content) > 0 && content[0]&0x80 != 0 {
		value := new(big.Int).SetBytes(content)
		value.Sub(value, new(big.Int).Lsh(big.NewInt(1), uint(8*len(content))))
		return value.Text(16)
	}
	for len(content) > 1 && content[0] == 0 {
		content = content[1:]
	}
	return hex.EncodeToString(content)
}
