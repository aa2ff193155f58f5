package tls

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// climb is how far the presented certificates lead up from the leaf.
type climb struct {
	// parent is the leaf's immediate issuer, if it was presented and did sign the leaf.
	parent *certificate
	// top is the last certificate reached.
	top certificate
	// fault says what is wrong on the way.
	fault string
}

// diagnose finds the words for why package x509 found no chain. parent is the leaf's
// presented issuer where the trouble lies above it and is thus the same for each of
// that issuer's leaves.
func (v *verifier) diagnose(chain, oversized []certificate, at time.Time, err error) (trouble watch.Observation, parent *certificate) {
	leaf := chain[0].Certificate
	if selfSigned(leaf) {
		return watch.Observation{Reason: watch.SelfSigned, Text: "is self-signed"}, nil
	}
	way := v.climb(chain, oversized, at)
	switch {
	case way.fault != "":
		return watch.Observation{Reason: watch.ChainBroken, Text: way.fault}, way.parent
	case refusal(err) != "":
		return watch.Observation{Reason: watch.ChainBroken, Text: refusal(err)}, nil
	case way.parent == nil:
		return lonely(chain), nil
	case selfIssued(way.top.Certificate):
		return watch.Observation{Reason: watch.UntrustedIssuer, Text: fmt.Sprintf("leads to the authority %s, which is not trusted here", sayName(way.top.Certificate))}, way.parent
	default:
		return watch.Observation{Reason: watch.UntrustedIssuer, Text: fmt.Sprintf("is issued under %s, which is not trusted here", sayIssuer(way.top.Certificate))}, way.parent
	}
}

// lonely words the case that the leaf's issuer is neither presented nor trusted. Nobody
// can tell a missing intermediate from an unknown authority by that alone; what hints
// at the former is that other issuers were presented, or that the leaf says where its
// issuer is to be fetched (RFC 5280, section 4.2.2.1).
func lonely(chain []certificate) watch.Observation {
	issuer := sayIssuer(chain[0].Certificate)
	if len(chain) > 1 || len(chain[0].IssuingCertificateURL) > 0 {
		return watch.Observation{Reason: watch.ChainBroken, Text: fmt.Sprintf("comes without the intermediate certificate of its issuer %s", issuer)}
	}
	return watch.Observation{Reason: watch.UntrustedIssuer, Text: fmt.Sprintf("is issued by %s, which is neither trusted here nor sent along", issuer)}
}

func (v *verifier) climb(chain, oversized []certificate, at time.Time) climb {
	way := climb{top: chain[0]}
	for range chain {
		if selfIssued(way.top.Certificate) {
			return way
		}
		next, err := v.issuerAmong(chain, way.top)
		if err != nil {
			way.fault = badLink(way.top, next, err)
			return way
		}
		if next == nil {
			way.fault = tooLarge(way.top, oversized)
			return way
		}
		if way.parent == nil {
			way.parent = next
		}
		way.top = *next
		if !within(next.Certificate, at) {
			way.fault = outOfDate(next.Certificate, at)
			return way
		}
	}
	return way
}

// issuerAmong finds the presented certificate that signed child, preferring one that is
// not child itself. Where those that bear the issuer's name did not, it returns the
// first of them with the error.
func (v *verifier) issuerAmong(chain []certificate, child certificate) (*certificate, error) {
	var bearer *certificate
	var reason error
	for i := range chain {
		candidate := &chain[i]
		if candidate.print == child.print || !bytes.Equal(candidate.RawSubject, child.RawIssuer) {
			continue
		}
		err := v.signatures.check(child, *candidate)
		if err == nil {
			return candidate, nil
		}
		if bearer == nil {
			bearer, reason = candidate, err
		}
	}
	return bearer, reason
}

func badLink(child certificate, issuer *certificate, err error) string {
	if weak, ok := errors.AsType[x509.InsecureAlgorithmError](err); ok {
		return fmt.Sprintf("has a chain in which %s is signed with %s, which clients refuse", sayName(child.Certificate), x509.SignatureAlgorithm(weak))
	}
	if _, ok := errors.AsType[x509.ConstraintViolationError](err); ok {
		return fmt.Sprintf("has a chain in which %s is issued by %s, which is no authority (CA)", sayName(child.Certificate), sayName(issuer.Certificate))
	}
	return fmt.Sprintf("has a chain in which the signature of %s on %s does not verify", sayName(issuer.Certificate), sayName(child.Certificate))
}

func outOfDate(issuer *x509.Certificate, at time.Time) string {
	if at.Before(issuer.NotBefore) {
		return fmt.Sprintf("has a chain whose certificate %s is not valid before %s", sayName(issuer), sayTime(issuer.NotBefore))
	}
	return fmt.Sprintf("has a chain whose certificate %s expired %s", sayName(issuer), sayTime(issuer.NotAfter))
}

// refusal words what package x509 refused a chain for, other than an unknown authority.
func refusal(err error) string {
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		return "has a chain with a critical extension that clients do not know"
	}
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if !ok {
		return ""
	}
	switch invalid.Reason {
	case x509.Expired:
		return "leads to a trusted authority that is out of date: " + outOfDateTrusted(invalid.Cert)
	case x509.IncompatibleUsage:
		return "is not issued for TLS servers (extended key usage)"
	case x509.TooManyIntermediates:
		return fmt.Sprintf("has a chain with more intermediates below %s than it allows", sayName(invalid.Cert))
	case x509.NotAuthorizedToSign:
		return fmt.Sprintf("has a chain with %s in it, which is no authority (CA)", sayName(invalid.Cert))
	default:
		return "has a chain that clients refuse: " + clean.Text(err.Error(), maxQuoted)
	}
}

func outOfDateTrusted(cert *x509.Certificate) string {
	return fmt.Sprintf("%s is valid from %s to %s", sayName(cert), sayTime(cert.NotBefore), sayTime(cert.NotAfter))
}

// selfSigned gives a certificate in its own name the benefit of the doubt where its
// algorithm or its key is too weak or too new to check.
func selfSigned(cert *x509.Certificate) bool {
	if !selfIssued(cert) {
		return false
	}
	err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	_, isRSA := cert.PublicKey.(*rsa.PublicKey)
	return err == nil || errors.Is(err, x509.ErrUnsupportedAlgorithm) || isRSA && !errors.Is(err, rsa.ErrVerification)
}

func selfIssued(cert *x509.Certificate) bool { return bytes.Equal(cert.RawSubject, cert.RawIssuer) }
