package tls

import (
	"bytes"
	"crypto/rsa"
	"fmt"
	"slices"
)

// What is verified of a presented chain is bounded, because whoever presents it decides
// what that costs: a signature by an RSA key of 16,384 bits takes milliseconds to check,
// and many issuers of one name are all tried.
const (
	// maxBeside is far more than any chain needs; some servers send a whole bundle.
	maxBeside = 32
	// maxNamesakes leaves room for every cross-certificate of one authority.
	maxNamesakes = 8
	// maxIssuerBits is the limit of crypto/tls for the keys of a chain.
	maxIssuerBits = 8192
)

// affordableChain is the part of a presented chain that is verified: the leaf and, of
// what comes beside it, the first certificates within the limits, each once. Those whose
// key is too large are returned apart.
func affordableChain(chain []certificate) (kept, oversized []certificate) {
	kept = chain[:1:1]
	for _, cert := range chain[1:] {
		switch {
		case len(kept) > maxBeside || len(oversized) == maxBeside:
			return kept, oversized
		case rsaBits(cert) > maxIssuerBits:
			oversized = append(oversized, cert)
		case !slices.ContainsFunc(kept, cert.same) && namesakes(kept, cert) < maxNamesakes:
			kept = append(kept, cert)
		}
	}
	return kept, oversized
}

func (c certificate) same(other certificate) bool { return c.print == other.print }

func namesakes(chain []certificate, cert certificate) int {
	count := 0
	for _, other := range chain[1:] {
		if bytes.Equal(other.RawSubject, cert.RawSubject) {
			count++
		}
	}
	return count
}

func rsaBits(cert certificate) int {
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return 0
	}
	return key.N.BitLen()
}

// tooLarge is the fault of a chain whose next issuer is among the oversized ones.
func tooLarge(child certificate, oversized []certificate) string {
	for _, cert := range oversized {
		if bytes.Equal(cert.RawSubject, child.RawIssuer) {
			return fmt.Sprintf("has a chain in which the RSA key of %s has %d bits, more than many clients accept", sayName(cert.Certificate), rsaBits(cert))
		}
	}
	return ""
}
