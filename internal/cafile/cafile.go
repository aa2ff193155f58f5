// Package cafile reads the authorities that a connection or a chain trusts beside the
// system's or instead of them. It judges no certificate.
package cafile

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
)

// maxBytes holds far more than every public authority together.
const maxBytes = 8 << 20

// Certificates reads the certificates of a PEM file; blocks of other kinds are passed
// over. A file that holds none, or a malformed one, is an error: an authority that is
// silently left out shows only as connections that fail. Errors name the file.
func Certificates(path string) ([]*x509.Certificate, error) {
	rest, err := content(path)
	if err != nil {
		return nil, err
	}
	var certificates []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read CA file %s: certificate %d: %w", path, len(certificates)+1, err)
		}
		certificates = append(certificates, cert)
	}
	if len(certificates) == 0 {
		return nil, fmt.Errorf("read CA file %s: it holds no PEM certificate", path)
	}
	return certificates, nil
}

func content(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err) // it names the path
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	if len(content) > maxBytes {
		return nil, fmt.Errorf("read CA file %s: larger than %d bytes", path, maxBytes)
	}
	return content, nil
}

// Pool reads a PEM file of authorities as Certificates does. It is read at each use, so
// that a replaced file is seen.
func Pool(path string) (*x509.CertPool, error) {
	certificates, err := Certificates(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, cert := range certificates {
		pool.AddCert(cert)
	}
	return pool, nil
}
