package tls

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
)

// store is the authorities that chains may end at.
type store struct {
	roots *x509.CertPool
	// added are the certificates of the configured files.
	added map[fingerprint]bool
}

const maxTrustFile = 16 << 20

var errNoAuthorities = errors.New("no trusted authorities were found on this machine, so no chain was verified; install them (the package is often called ca-certificates), or list your own under trust.files with system: false")

// open reads the store anew, so that a replaced file is seen. Errors name the file.
func (t Trust) open() (store, error) {
	opened := store{roots: x509.NewCertPool(), added: map[fingerprint]bool{}}
	if t.System {
		system, err := x509.SystemCertPool()
		if err != nil {
			return store{}, fmt.Errorf("read this machine's trusted authorities: %w", err)
		}
		opened.roots = system
	}
	for _, path := range t.Files {
		if err := opened.addFile(path); err != nil {
			return store{}, fmt.Errorf("read trust file %s: %w", path, err)
		}
	}
	return opened, nil
}

func (s *store) addFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return errors.Unwrap(err) // the path is said already
	}
	defer func() { _ = file.Close() }()
	rest, err := io.ReadAll(io.LimitReader(file, maxTrustFile+1))
	if err != nil {
		return err
	}
	if len(rest) > maxTrustFile {
		return fmt.Errorf("it is larger than %d MiB", maxTrustFile>>20)
	}
	found := 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		found++
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("certificate %d: %w", found, err)
		}
		s.roots.AddCert(cert)
		s.added[sha256.Sum256(cert.Raw)] = true
	}
	if found == 0 {
		return errors.New("it holds no PEM certificate")
	}
	return nil
}

// empty reports that nothing is trusted, as in an image without any authorities.
func (s store) empty() bool { return s.roots.Equal(x509.NewCertPool()) }
