package estate

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// passphrase opens the estate's key stores. It protects throw-away keys of a demo.
const passphrase = "estate-demo"

// PassphraseFile holds the passphrase of the estate's PKCS #12 and JKS files.
func (e *Estate) PassphraseFile() string {
	return filepath.Join(e.Folder, "secrets", "keystore-passphrase")
}

func (e *Estate) writeFiles() error {
	e.WatchedFiles = filepath.Join(e.Folder, "certs")
	e.Kubeconfig = filepath.Join(e.Folder, "kubeconfig")
	e.CRLFile = filepath.Join(e.Folder, "estate.crl")
	for _, folder := range []string{e.WatchedFiles, filepath.Join(e.Folder, "secrets")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("make room for the estate: %w", err)
		}
	}
	for _, file := range []struct {
		path    string
		content func() ([]byte, error)
	}{
		{e.CAFile, func() ([]byte, error) { return e.authority.root.ChainPEM(), nil }},
		{e.PassphraseFile(), func() ([]byte, error) { return []byte(passphrase + "\n"), nil }},
		{filepath.Join(e.WatchedFiles, "gateway.pem"), e.bundleWithKey},
		{filepath.Join(e.WatchedFiles, "appliance.der"), e.der},
		{filepath.Join(e.WatchedFiles, "scanner.p12"), e.pkcs12},
		{filepath.Join(e.WatchedFiles, "billing.jks"), e.jks},
		{filepath.Join(e.WatchedFiles, "broken.pem"), e.broken},
		{e.Kubeconfig, e.kubeconfig},
		{e.CRLFile, e.crl},
	} {
		content, err := file.content()
		if err == nil {
			err = os.WriteFile(file.path, content, 0o600)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", file.path, err)
		}
	}
	return nil
}

// bundleWithKey is what many a server wants: key, comment, certificate and chain in one.
func (e *Estate) bundleWithKey() ([]byte, error) {
	pair, err := e.authority.issuing.Issue(e.authority.yearly(12, "gateway"+domain))
	if err != nil {
		return nil, err
	}
	key, err := pair.KeyPEM()
	if err != nil {
		return nil, err
	}
	comment := []byte("# gateway: key, certificate and chain\r\n")
	return bytes.Join([][]byte{comment, key, pair.ChainPEM()}, nil), nil
}

func (e *Estate) der() ([]byte, error) {
	pair, err := e.authority.issuing.Issue(e.authority.yearly(90, "appliance"+domain))
	if err != nil {
		return nil, err
	}
	return pair.Cert.Raw, nil
}

func (e *Estate) pkcs12() ([]byte, error) {
	pair, err := e.authority.issuing.Issue(e.authority.yearly(6, "scanner"+domain))
	if err != nil {
		return nil, err
	}
	return pkcs12.Modern.Encode(pair.Key, pair.Cert, pair.Chain[1:], passphrase)
}

func (e *Estate) jks() ([]byte, error) {
	pair, err := e.authority.issuing.Issue(e.authority.yearly(28, "billing"+domain))
	if err != nil {
		return nil, err
	}
	store := keystore.New()
	err = store.SetTrustedCertificateEntry("billing", keystore.TrustedCertificateEntry{
		CreationTime: e.authority.now,
		Certificate:  keystore.Certificate{Type: "X.509", Content: pair.Cert.Raw},
	})
	var content bytes.Buffer
	if err == nil {
		err = store.Store(&content, []byte(passphrase))
	}
	return content.Bytes(), err
}

// broken is named for a certificate and holds none.
func (e *Estate) broken() ([]byte, error) {
	return []byte("-----BEGIN CERTIFICATE-----\nY3V0IG9mZiB3aGlsZSBjb3B5aW5n\n-----END CERTIFICATE-----\n"), nil
}

func (e *Estate) kubeconfig() ([]byte, error) {
	pair, err := e.authority.issuing.Issue(e.authority.yearly(5, "deployer"))
	if err != nil {
		return nil, err
	}
	key, err := pair.KeyPEM()
	if err != nil {
		return nil, err
	}
	encode := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
  - name: estate
    cluster: {server: "https://k8s.estate.example:6443", certificate-authority-data: %s}
users:
  - name: deployer
    user: {client-certificate-data: %s, client-key-data: %s}
contexts:
  - name: estate
    context: {cluster: estate, user: deployer}
current-context: estate
`, encode(e.authority.root.ChainPEM()), encode(pair.ChainPEM()), encode(key)), nil
}

func (e *Estate) crl() ([]byte, error) {
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number:     big.NewInt(1),
		ThisUpdate: e.authority.now.Add(-6 * day),
		NextUpdate: e.authority.now.Add(20 * time.Hour),
	}, e.authority.issuing.Cert, e.authority.issuing.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list}), nil
}
