// Package cafile reads the authorities that a connection trusts instead of the
// system's. It judges no certificate.
package cafile

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"
)

// maxBytes holds far more than every public authority together.
const maxBytes = 8 << 20

// Pool reads a PEM file of authorities. It is read at each use, so that a replaced file
// is seen. An error names the file.
func Pool(path string) (*x509.CertPool, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	if len(content) > maxBytes {
		return nil, fmt.Errorf("read CA file %s: larger than %d bytes", path, maxBytes)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("read CA file %s: it holds no PEM certificate", path)
	}
	return pool, nil
}
