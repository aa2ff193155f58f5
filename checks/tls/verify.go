package tls

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"lapsewatch/watch"
)

// verdict is what verification made of a presented chain.
type verdict struct {
	// best is the verified chain, leaf and root included, that lasts longest; nil when
	// there is none.
	best []*x509.Certificate
	// trouble is why there is none.
	trouble *watch.Observation
}

// verifier verifies the chains of one pass. Package x509 does the judging. What it
// found out about the issuers of one leaf is used for other leaves with the same issuer
// that come with the same certificates, after their own signatures have been checked;
// whatever could make a difference between two such leaves goes to x509 again.
type verifier struct {
	store store
	now   time.Time
	// issuers is valid for this pass: its entries were verified as of now.
	issuers    *lru.Cache[fingerprint, issuers]
	signatures signatures
}

// issuers is what is known of those above a leaf.
type issuers struct {
	// parent is the leaf's immediate issuer.
	parent certificate
	// above are the verified chains without their leaf; empty when there are none.
	above   [][]*x509.Certificate
	trouble *watch.Observation
}

const (
	maxIssuers    = 1024
	maxSignatures = 16384
)

func newVerifier(trusted store, now time.Time, known signatures) *verifier {
	return &verifier{store: trusted, now: now, issuers: newLRU[fingerprint, issuers](maxIssuers), signatures: known}
}

// newLRU makes a cache of a constant size, the only reason for which lru.New fails.
func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err)
	}
	return cache
}

// verify judges a presented chain as of now, or, so that a leaf that has expired is not
// also called broken, as of the leaf's validity.
func (v *verifier) verify(chain []certificate) verdict {
	if v.store.empty() {
		return verdict{}
	}
	leaf := chain[0]
	shared := leafIsPlain(leaf.Certificate) && within(leaf.Certificate, v.now) && !v.store.added[leaf.print]
	key := issuersKey(chain)
	chain, oversized := affordableChain(chain)
	if shared {
		if known, found := v.issuers.Get(key); found && v.signatures.check(leaf, known.parent) == nil {
			return known.verdict(leaf.Certificate)
		}
	}
	chains, at, err := v.build(chain)
	if err == nil {
		if found, ok := sharedIssuers(chain, chains); shared && ok {
			v.issuers.Add(key, found)
		}
		return verdict{best: longest(chains)}
	}
	trouble, parent := v.diagnose(chain, oversized, at, err)
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); shared && unknown && parent != nil {
		v.issuers.Add(key, issuers{parent: *parent, trouble: &trouble})
	}
	return verdict{trouble: &trouble}
}

// build finds the verified chains, and the time as of which it looked.
func (v *verifier) build(chain []certificate) ([][]*x509.Certificate, time.Time, error) {
	leaf := chain[0].Certificate
	options := x509.VerifyOptions{Roots: v.store.roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, cert := range chain[1:] {
		options.Intermediates.AddCert(cert.Certificate)
	}
	at := clamp(v.now, leaf)
	chains, err := verifyAsOf(leaf, at, options)
	if err != nil && !at.Equal(v.now) {
		// The issuers may be younger than the leaf claims to be.
		if later, laterErr := verifyAsOf(leaf, v.now, options); laterErr == nil {
			return later, v.now, nil
		}
	}
	return chains, at, err
}

// verifyAsOf verifies whatever the leaf's own dates say; package x509 reads them from
// the structure.
func verifyAsOf(leaf *x509.Certificate, at time.Time, options x509.VerifyOptions) ([][]*x509.Certificate, error) {
	options.CurrentTime = at
	if within(leaf, at) {
		return leaf.Verify(options)
	}
	timeless := *leaf
	timeless.NotBefore, timeless.NotAfter = at, at
	chains, err := timeless.Verify(options)
	for _, chain := range chains {
		chain[0] = leaf
	}
	return chains, err
}

func within(cert *x509.Certificate, at time.Time) bool {
	return !at.Before(cert.NotBefore) && !at.After(cert.NotAfter)
}

func clamp(now time.Time, leaf *x509.Certificate) time.Time {
	switch {
	case now.After(leaf.NotAfter):
		return leaf.NotAfter
	case now.Before(leaf.NotBefore):
		return leaf.NotBefore
	default:
		return now
	}
}

// longest is the chain whose earliest notAfter is the latest; of equal ones, the
// shortest.
func longest(chains [][]*x509.Certificate) []*x509.Certificate {
	return slices.MaxFunc(chains, func(a, b []*x509.Certificate) int {
		if order := earliest(a).NotAfter.Compare(earliest(b).NotAfter); order != 0 {
			return order
		}
		return len(b) - len(a)
	})
}

func (i issuers) verdict(leaf *x509.Certificate) verdict {
	if i.trouble != nil {
		return verdict{trouble: i.trouble}
	}
	chains := make([][]*x509.Certificate, len(i.above))
	for n, above := range i.above {
		chains[n] = append([]*x509.Certificate{leaf}, above...)
	}
	return verdict{best: longest(chains)}
}

// issuersKey stands for a leaf's issuer together with everything that was presented
// beside the leaf.
func issuersKey(chain []certificate) fingerprint {
	key := make([]byte, 0, len(chain)*len(fingerprint{})+len(chain[0].RawIssuer))
	for _, cert := range chain[1:] {
		key = append(key, cert.print[:]...)
	}
	return sha256.Sum256(append(key, chain[0].RawIssuer...))
}

// leafIsPlain reports that nothing in the leaf but its signature and dates has a say in
// whether a chain to it verifies.
func leafIsPlain(leaf *x509.Certificate) bool {
	forServers := len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0 ||
		slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny)
	return forServers && len(leaf.UnhandledCriticalExtensions) == 0 && !leaf.IsCA && !asksForPolicies(leaf)
}

func asksForPolicies(cert *x509.Certificate) bool {
	return cert.RequireExplicitPolicy > 0 || cert.RequireExplicitPolicyZero || cert.InhibitPolicyMapping > 0 || cert.InhibitPolicyMappingZero ||
		cert.InhibitAnyPolicy > 0 || cert.InhibitAnyPolicyZero
}

// sharedIssuers takes what verified chains say of every plain leaf of the same issuer:
// they must begin with one parent and constrain neither names nor policies.
func sharedIssuers(chain []certificate, chains [][]*x509.Certificate) (issuers, bool) {
	var shared issuers
	for _, verified := range chains {
		if len(verified) < 2 {
			return issuers{}, false
		}
		for _, cert := range verified[1:] {
			if constrainsNames(cert) || asksForPolicies(cert) || string(cert.RawSubject) == string(chain[0].RawSubject) {
				return issuers{}, false
			}
		}
		if shared.parent.Certificate == nil {
			shared.parent = certificatesOf(verified[1:2])[0]
		}
		if !verified[1].Equal(shared.parent.Certificate) {
			return issuers{}, false
		}
		shared.above = append(shared.above, verified[1:])
	}
	return shared, true
}

func constrainsNames(cert *x509.Certificate) bool {
	return len(cert.PermittedDNSDomains)+len(cert.ExcludedDNSDomains)+len(cert.PermittedIPRanges)+len(cert.ExcludedIPRanges)+
		len(cert.PermittedEmailAddresses)+len(cert.ExcludedEmailAddresses)+len(cert.PermittedURIDomains)+len(cert.ExcludedURIDomains) > 0
}

// signatures remembers which certificate signed which, over all passes: that never
// changes. A signature that does not verify is checked again each time.
type signatures struct {
	good *lru.Cache[[2]fingerprint, struct{}]
}

func newSignatures() signatures {
	return signatures{good: newLRU[[2]fingerprint, struct{}](maxSignatures)}
}

// check reports whether parent may have signed child and did.
func (s signatures) check(child, parent certificate) error {
	pair := [2]fingerprint{child.print, parent.print}
	if _, found := s.good.Get(pair); found {
		return nil
	}
	if err := child.CheckSignatureFrom(parent.Certificate); err != nil {
		return fmt.Errorf("check the signature on %s: %w", sayName(child.Certificate), err)
	}
	s.good.Add(pair, struct{}{})
	return nil
}
