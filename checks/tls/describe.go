package tls

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	cryptotls "crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

const (
	maxNamesShown = 20
	maxNamesSaid  = 3
	maxIssuerText = 200
	// maxSerialOctets of a serial number are shown.
	maxSerialOctets = 64
)

// credential says what was learnt of an endpoint that presented a certificate.
func (v *verifier) credential(e endpoint, got served) watch.Credential {
	if got.malformed != nil {
		return got.malformed.credential(e, got)
	}
	leaf := got.chain[0]
	verified := v.verify(got.chain)
	fact := watch.Credential{
		Subject: e.subject(), Form: watch.Certificate, Identity: leaf.print.String(),
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Life: leaf.NotAfter.Sub(leaf.NotBefore),
		Details: e.details(),
	}
	describeLeaf(fact.Details, leaf)
	describeSession(fact.Details, got)
	presented := parsed(got.chain)
	first := earliest(presented)
	fact.Details["presented_earliest_not_after"] = stamp(first.NotAfter)
	fact.Details["presented_earliest_subject"] = plainName(first)
	if verified.best != nil {
		decideDates(&fact, verified.best)
		if unneeded := firstUnneeded(presented, verified.best); unneeded != nil {
			fact.Observations = append(fact.Observations, watch.Observation{
				Reason: watch.UnneededExpiring, NotAfter: unneeded.NotAfter,
				Text: fmt.Sprintf("comes with %s, which its best chain does not need and whose notAfter is %s; clients that find no other chain fail from then on", sayName(unneeded), sayTime(unneeded.NotAfter)),
			})
		}
	}
	fact.NotBefore, fact.NotAfter = dated(fact.NotBefore), dated(fact.NotAfter)
	fact.Observations = append(fact.Observations, troubles(e, got, verified)...)
	return fact
}

// credential says what was learnt of an endpoint whose certificate is malformed: its
// dates count all the same, because there are clients that take it.
func (m malformed) credential(e endpoint, got served) watch.Credential {
	details := e.details()
	details["leaf_not_before"], details["leaf_not_after"] = stamp(m.notBefore), stamp(m.notAfter)
	details["fingerprint"] = m.print.String()
	describeSession(details, got)
	return watch.Credential{
		Subject: e.subject(), Form: watch.Certificate, Identity: m.print.String(),
		NotBefore: dated(m.notBefore), NotAfter: dated(m.notAfter), Details: details,
		Observations: []watch.Observation{{Reason: watch.ChainBroken, Text: "is malformed, so that strict clients refuse it: " + clean.Text(m.err.Error(), maxQuoted)}},
		Remedy:       "Issue it anew with a tool that follows RFC 5280, and install the new one.",
	}
}

// decideDates takes the dates of a verified chain: it works as long as all of it does.
func decideDates(fact *watch.Credential, chain []*x509.Certificate) {
	leaf, last := chain[0], earliest(chain)
	fact.Details["verified_earliest_not_after"] = stamp(last.NotAfter)
	fact.Details["verified_earliest_subject"] = plainName(last)
	fact.NotAfter, fact.Life = last.NotAfter, last.NotAfter.Sub(last.NotBefore)
	for _, cert := range chain {
		// An issuer that was made after the leaf had expired does not turn the leaf's
		// own dates around.
		if cert.NotBefore.After(fact.NotBefore) && cert.NotBefore.Before(fact.NotAfter) {
			fact.NotBefore = cert.NotBefore
		}
	}
	if last == leaf {
		return
	}
	role := "intermediate"
	if last == chain[len(chain)-1] {
		role = "trusted root"
	}
	fact.Decides = fmt.Sprintf("the %s %s expires before the leaf, which is valid until %s", role, sayName(last), sayTime(leaf.NotAfter))
	fact.Remedy = "Install a chain whose issuer lasts longer: the leaf outlives the one it depends on."
}

// firstUnneeded is the presented certificate outside the best chain that expires first.
func firstUnneeded(presented, best []*x509.Certificate) *x509.Certificate {
	var first *x509.Certificate
	for _, cert := range presented[1:] {
		if !slices.ContainsFunc(best, cert.Equal) && (first == nil || cert.NotAfter.Before(first.NotAfter)) {
			first = cert
		}
	}
	return first
}

// troubles are the conditions other than dates.
func troubles(e endpoint, got served, verified verdict) []watch.Observation {
	var seen []watch.Observation
	if verified.trouble != nil {
		seen = append(seen, *verified.trouble)
	}
	if len(got.defects) > 0 {
		seen = append(seen, watch.Observation{Reason: watch.ChainBroken, Text: listed(got.defects, 1)})
	}
	if e.verify != "" {
		if err := got.chain[0].VerifyHostname(e.verify); err != nil {
			seen = append(seen, watch.Observation{Reason: watch.NameMismatch, Text: mismatch(e.verify, got.chain[0].Certificate)})
		}
	}
	if got.unproven != "" {
		seen = append(seen, watch.Observation{Reason: watch.KeyNotProven, Text: got.unproven})
	}
	return seen
}

func mismatch(name string, leaf *x509.Certificate) string {
	names := hostNames(leaf)
	switch {
	case len(names) > 0:
		return fmt.Sprintf("is not valid for %s, only for %s", name, listed(names, maxNamesSaid))
	case leaf.Subject.CommonName != "":
		return fmt.Sprintf("is not valid for %s: it names no host in subjectAltName, only the legacy Common Name %q, which clients ignore", name, clean.Text(leaf.Subject.CommonName, maxShownName))
	default:
		return fmt.Sprintf("is not valid for %s: it names no host at all", name)
	}
}

// hostNames are the names and addresses that the certificate is valid for, fit to be
// shown; there may be thousands of them.
func hostNames(leaf *x509.Certificate) []string {
	var names []string
	for _, name := range leaf.DNSNames {
		names = append(names, clean.Text(name, maxNameOctets))
	}
	for _, ip := range leaf.IPAddresses {
		if address, ok := netip.AddrFromSlice(ip); ok {
			names = append(names, address.String())
		}
	}
	return names
}

// listed joins at most limit items and counts the rest.
func listed(items []string, limit int) string {
	if len(items) <= limit {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:limit], ", "), len(items)-limit)
}

func (e endpoint) details() map[string]any {
	details := map[string]any{"address": e.address.String()}
	if e.sni != "" {
		details["sni"] = e.sni
	}
	if e.protocol != "" {
		details["starttls"] = string(e.protocol)
	}
	if e.listener != nil {
		e.listener.describe(details)
	}
	return details
}

func describeLeaf(details map[string]any, leaf certificate) {
	details["leaf_not_before"] = stamp(leaf.NotBefore)
	details["leaf_not_after"] = stamp(leaf.NotAfter)
	details["fingerprint"] = leaf.print.String()
	details["serial"] = sayNumber(leaf.SerialNumber)
	details["subject"] = clean.Text(leaf.Subject.String(), maxIssuerText)
	details["issuer"] = clean.Text(leaf.Issuer.String(), maxIssuerText)
	details["key"] = keyType(leaf.Certificate)
	if names := hostNames(leaf.Certificate); len(names) > 0 {
		details["dns_names"] = shortened(names)
	}
}

// shortened is a list as a detail: at most maxNamesShown items, and the count of the rest.
func shortened(items []string) []string {
	if len(items) <= maxNamesShown {
		return items
	}
	return append(items[:maxNamesShown:maxNamesShown], fmt.Sprintf("and %d more", len(items)-maxNamesShown))
}

// sayNumber writes a serial number in hexadecimal, as most tools do. RFC 5280 allows 20
// octets; a hostile certificate has as many as it likes.
func sayNumber(serial *big.Int) string {
	if octets := (serial.BitLen() + 7) / 8; octets > maxSerialOctets {
		return fmt.Sprintf("(%d bytes)", octets)
	}
	return serial.Text(16)
}

func describeSession(details map[string]any, got served) {
	details["tls_version"] = cryptotls.VersionName(got.version)
	details["cipher_suite"] = cryptotls.CipherSuiteName(got.suite)
	if got.clientCertificate != "" {
		details["client_certificate"] = got.clientCertificate
	}
	if got.unfinished != nil {
		details["handshake_error"] = got.unfinished.Error()
	}
	if outOfOrder(got.chain) {
		details["chain_out_of_order"] = true
	}
}

// outOfOrder reports that a presented certificate is not followed by its issuer, though
// that is presented elsewhere (RFC 5246, section 7.4.2; RFC 8446 relaxes it).
func outOfOrder(chain []certificate) bool {
	for i, cert := range chain {
		if selfIssued(cert.Certificate) || i+1 < len(chain) && string(chain[i+1].RawSubject) == string(cert.RawIssuer) {
			continue
		}
		if slices.ContainsFunc(chain, func(other certificate) bool { return string(other.RawSubject) == string(cert.RawIssuer) }) {
			return true
		}
	}
	return false
}

func keyType(leaf *x509.Certificate) string {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	default:
		return leaf.PublicKeyAlgorithm.String()
	}
}

// plainName is a subject as a detail: by its common name, or whole.
func plainName(cert *x509.Certificate) string {
	return strings.Trim(sayName(cert), `"`)
}

func parsed(chain []certificate) []*x509.Certificate {
	all := make([]*x509.Certificate, len(chain))
	for i, cert := range chain {
		all[i] = cert.Certificate
	}
	return all
}

// problem says that an endpoint could not be read. It hides nothing but itself.
func (e endpoint) problem(failed *failure) watch.Problem {
	details := e.details()
	for key, value := range failed.details {
		details[key] = value
	}
	return watch.Problem{Subject: e.subject(), Reason: failed.reason, Err: failed, Confined: true, Details: details, Remedy: failed.remedy}
}
