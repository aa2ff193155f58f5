// Package pki makes certificates for tests, benchmarks and the demo estate. It is no
// certificate authority for production: keys are throw-away and serials predictable.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"sync/atomic"
	"time"
)

// Pair is a certificate with its key and the chain that leads to its root, leaf first
// and without the root.
type Pair struct {
	Cert  *x509.Certificate
	Key   crypto.Signer
	Chain []*x509.Certificate
}

// Spec describes a certificate to make. Zero values give a P-256 leaf without names,
// valid from one hour before to 90 days after the time of the call.
type Spec struct {
	CommonName string
	// Names are DNS names or IP addresses for the subjectAltName.
	Names     []string
	NotBefore time.Time
	NotAfter  time.Time
	IsCA      bool
	Key       crypto.Signer
	// Edit changes the template last.
	Edit func(*x509.Certificate)
}

var serial atomic.Int64

// NewRoot makes a self-signed authority, valid for ten years.
func NewRoot(name string) (Pair, error) {
	return SelfSigned(Spec{CommonName: name, IsCA: true, NotAfter: time.Now().AddDate(10, 0, 0)})
}

// SelfSigned makes a certificate that signs itself.
func SelfSigned(spec Spec) (Pair, error) { return sign(spec, nil) }

// Issue makes a certificate signed by p.
func (p Pair) Issue(spec Spec) (Pair, error) { return sign(spec, &p) }

func sign(spec Spec, issuer *Pair) (Pair, error) {
	key := spec.Key
	if key == nil {
		fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return Pair{}, fmt.Errorf("make a key: %w", err)
		}
		key = fresh
	}
	template := spec.template()
	signer, parent := key, template
	if issuer != nil {
		signer, parent = issuer.Key, issuer.Cert
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return Pair{}, fmt.Errorf("sign certificate %q: %w", spec.CommonName, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return Pair{}, fmt.Errorf("read certificate %q back: %w", spec.CommonName, err)
	}
	pair := Pair{Cert: cert, Key: key, Chain: []*x509.Certificate{cert}}
	if issuer != nil && len(issuer.Chain) > 0 && !selfSigned(issuer.Cert) {
		pair.Chain = append(pair.Chain, issuer.Chain...)
	}
	return pair, nil
}

func selfSigned(cert *x509.Certificate) bool {
	return string(cert.RawSubject) == string(cert.RawIssuer)
}

func (spec Spec) template() *x509.Certificate {
	now := time.Now()
	if spec.NotBefore.IsZero() {
		spec.NotBefore = now.Add(-time.Hour)
	}
	if spec.NotAfter.IsZero() {
		spec.NotAfter = now.AddDate(0, 0, 90)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(serial.Add(1)),
		Subject:               pkix.Name{CommonName: spec.CommonName},
		NotBefore:             spec.NotBefore,
		NotAfter:              spec.NotAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		IsCA:                  spec.IsCA,
	}
	if spec.IsCA {
		template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		template.ExtKeyUsage = nil
	}
	for _, name := range spec.Names {
		if address, err := netip.ParseAddr(name); err == nil {
			template.IPAddresses = append(template.IPAddresses, address.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	if spec.Edit != nil {
		spec.Edit(template)
	}
	return template
}

// TLS is the pair as a server's certificate, with its chain.
func (p Pair) TLS() tls.Certificate {
	cert := tls.Certificate{PrivateKey: p.Key, Leaf: p.Cert}
	for _, link := range p.Chain {
		cert.Certificate = append(cert.Certificate, link.Raw)
	}
	return cert
}

// ChainPEM is the chain as PEM, leaf first.
func (p Pair) ChainPEM() []byte {
	var out []byte
	for _, link := range p.Chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: link.Raw})...)
	}
	return out
}

// KeyPEM is the private key as PKCS #8 PEM.
func (p Pair) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Pool is a pool that trusts p alone.
func (p Pair) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.Cert)
	return pool
}
