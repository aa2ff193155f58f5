package farm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"lapsewatch/internal/pki"
)

// issuer makes the farm's certificates: twenty issuing paths, chains of two and three,
// and few leaf keys, because making keys is what takes the time.
type issuer struct {
	root  pki.Pair
	paths []pki.Pair
	ecdsa []crypto.Signer
	rsa   []crypto.Signer
	scts  pkix.Extension
	birth time.Time
}

const (
	issuingPaths = 20
	leafKeys     = 8
	day          = 24 * time.Hour
	leafLife     = 397 * day
)

func newIssuer(now time.Time) (*issuer, error) {
	// Older than every leaf: an authority that was born after its leaf had died would
	// leave no instant at which the chain is valid.
	founded := now.AddDate(-5, 0, 0)
	root, err := pki.SelfSigned(pki.Spec{CommonName: "Farm Root", IsCA: true, NotBefore: founded, NotAfter: now.AddDate(10, 0, 0)})
	if err != nil {
		return nil, err
	}
	made := &issuer{root: root, birth: now.UTC().Truncate(time.Second)}
	for i := range issuingPaths {
		authority := pki.Spec{CommonName: fmt.Sprintf("Farm Issuing CA %d", i), IsCA: true, NotBefore: founded, NotAfter: now.AddDate(5, 0, 0)}
		path, err := root.Issue(authority)
		if err == nil && i%2 == 1 {
			authority.CommonName += " level 2"
			path, err = path.Issue(authority)
		}
		if err != nil {
			return nil, err
		}
		made.paths = append(made.paths, path)
	}
	if made.scts, err = signedCertificateTimestamps(); err != nil {
		return nil, err
	}
	return made, made.makeKeys()
}

func (is *issuer) makeKeys() error {
	for range leafKeys {
		small, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return fmt.Errorf("make a leaf key: %w", err)
		}
		large, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return fmt.Errorf("make a leaf key: %w", err)
		}
		is.ecdsa, is.rsa = append(is.ecdsa, small), append(is.rsa, large)
	}
	return nil
}

// signedCertificateTimestamps is the embedded SCT list (RFC 6962, section 3.3) of two
// logs. Nothing verifies it here; it is there for its size.
func signedCertificateTimestamps() (pkix.Extension, error) {
	const logEntry = 119
	list := make([]byte, 0, 2+2*(2+logEntry))
	list = append(list, 0, 2*(2+logEntry))
	for range 2 {
		entry := make([]byte, logEntry)
		if _, err := rand.Read(entry); err != nil {
			return pkix.Extension{}, fmt.Errorf("make timestamps: %w", err)
		}
		list = append(append(list, 0, logEntry), entry...)
	}
	value, err := asn1.Marshal(list)
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("make timestamps: %w", err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value}, nil
}

// notAfter spreads the dates so that each is the endpoint's own and no verdict changes
// while the benchmark runs.
func (is *issuer) notAfter(i int, fault Fault) time.Time {
	spread := time.Duration(i%86_000) * time.Second
	switch fault {
	case Expired:
		return is.birth.Add(-day - spread*20)
	case Soon:
		return is.birth.Add(10*day + spread*10)
	default:
		return is.birth.Add(60*day + spread*300)
	}
}

// usesRSA and onlyTLS12 give a quarter of the farm each, independently.
func usesRSA(i int) bool   { return i%4 == 0 }
func onlyTLS12(i int) bool { return i/4%4 == 0 }

// leaf makes the certificate of the i-th endpoint or file.
func (is *issuer) leaf(i int, fault Fault) (pki.Pair, error) {
	keys := is.ecdsa
	if usesRSA(i) {
		keys = is.rsa
	}
	host := i
	if fault == WrongHost {
		host = i + 1<<23
	}
	notAfter := is.notAfter(i, fault)
	spec := pki.Spec{
		CommonName: fmt.Sprintf("host-%d.farm.example", host),
		Names:      []string{hostOf(host).String(), fmt.Sprintf("host-%d.farm.example", host)},
		NotBefore:  notAfter.Add(-leafLife),
		NotAfter:   notAfter,
		Key:        keys[i%len(keys)],
		Edit:       func(t *x509.Certificate) { t.ExtraExtensions = append(t.ExtraExtensions, is.scts) },
	}
	sign := is.paths[i%len(is.paths)].Issue
	if fault == SelfSigned {
		sign = pki.SelfSigned
	}
	return sign(spec)
}

// eachInParallel calls grow for every fault, with one worker a core.
func eachInParallel(faults []Fault, grow func(i int, fault Fault) error) error {
	workers := runtime.GOMAXPROCS(0)
	failed := make([]error, workers)
	var running sync.WaitGroup
	for worker := range workers {
		running.Go(func() {
			for i := worker; i < len(faults) && failed[worker] == nil; i += workers {
				failed[worker] = grow(i, faults[i])
			}
		})
	}
	running.Wait()
	return errors.Join(failed...)
}
