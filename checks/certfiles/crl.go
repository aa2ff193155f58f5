package certfiles

import (
	"crypto/sha256"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"lapsewatch/watch"
)

var errNotCRL = errors.New("not a DER-encoded certificate revocation list")

// readCRL reads a certificate revocation list (RFC 5280 section 5.1). Its thisUpdate and
// nextUpdate become notBefore and notAfter; a list without nextUpdate has no notAfter.
// The revoked certificates, of which there may be many thousands, are not read.
func readCRL(der []byte) (dated, []byte, error) {
	rest := cryptobyte.String(der)
	var element, body, tbs, issuer cryptobyte.String
	if !rest.ReadASN1Element(&element, asn1.SEQUENCE) {
		return dated{}, nil, errNotCRL
	}
	whole := []byte(element)
	if !element.ReadASN1(&body, asn1.SEQUENCE) || !body.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.INTEGER) || !tbs.SkipASN1(asn1.SEQUENCE) || !tbs.ReadASN1(&issuer, asn1.SEQUENCE) {
		return dated{}, rest, errNotCRL
	}
	list := dated{form: watch.CRL, fingerprint: sha256.Sum256(whole), issuer: nameText(issuer)}
	if !readTime(&tbs, &list.notBefore) {
		return dated{}, rest, errNotCRL
	}
	if tbs.PeekASN1Tag(asn1.UTCTime) || tbs.PeekASN1Tag(asn1.GeneralizedTime) {
		if !readTime(&tbs, &list.notAfter) {
			return dated{}, rest, errNotTime
		}
	}
	return list, rest, nil
}
