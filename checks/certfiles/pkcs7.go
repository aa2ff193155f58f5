package certfiles

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const oidSignedData = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"

var errNotPKCS7 = errors.New("not DER-encoded PKCS #7 signed data")

// openPKCS7 finds the certificates and CRLs that a PKCS #7 file carries (RFC 2315
// section 9.1). Only the envelope is walked: nothing is verified.
func openPKCS7(der []byte) (certificates, lists []byte, err error) {
	outer := cryptobyte.String(der)
	var content, id, wrapper, signed cryptobyte.String
	if !outer.ReadASN1(&content, asn1.SEQUENCE) || !content.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) || string(id) != oidSignedData ||
		!content.ReadASN1(&wrapper, asn1.Tag(0).Constructed().ContextSpecific()) || !wrapper.ReadASN1(&signed, asn1.SEQUENCE) ||
		!signed.SkipASN1(asn1.INTEGER) || !signed.SkipASN1(asn1.SET) || !signed.SkipASN1(asn1.SEQUENCE) {
		return nil, nil, errNotPKCS7
	}
	var found, revoked cryptobyte.String
	var present bool
	if !signed.ReadOptionalASN1(&found, &present, asn1.Tag(0).Constructed().ContextSpecific()) ||
		!signed.ReadOptionalASN1(&revoked, &present, asn1.Tag(1).Constructed().ContextSpecific()) {
		return nil, nil, errNotPKCS7
	}
	return found, revoked, nil
}
