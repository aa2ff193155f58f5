package tls_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	cryptotls "crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"

	"lapsewatch/internal/pki"
)

// toBeSigned is the TBSCertificate of RFC 5280, section 4.1, open to changes that
// x509.CreateCertificate refuses to make.
type toBeSigned struct {
	Version      int `asn1:"optional,explicit,default:0,tag:0"`
	SerialNumber *big.Int
	Algorithm    pkix.AlgorithmIdentifier
	Issuer       asn1.RawValue
	Validity     asn1.RawValue
	Subject      asn1.RawValue
	PublicKey    asn1.RawValue
	Extensions   []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
}

type signedCertificate struct {
	Body      asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

// forge changes a certificate and signs it again with its issuer's key.
func forge(t testing.TB, leaf, issuer pki.Pair, change func(*toBeSigned)) cryptotls.Certificate {
	t.Helper()
	var body toBeSigned
	if _, err := asn1.Unmarshal(leaf.Cert.RawTBSCertificate, &body); err != nil {
		t.Fatal(err)
	}
	change(&body)
	der := encode(t, body)
	digest := sha256.Sum256(der)
	signature, err := issuer.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	signed := encode(t, signedCertificate{
		Body: asn1.RawValue{FullBytes: der}, Algorithm: body.Algorithm,
		Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
	chain := leaf.TLS()
	chain.Certificate[0] = signed
	chain.Leaf = nil
	return chain
}

func encode(t testing.TB, value any) []byte {
	t.Helper()
	der, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
