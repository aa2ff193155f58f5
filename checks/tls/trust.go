package tls

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"lapsewatch/internal/cafile"
)

// store is the authorities that chains may end at.
type store struct {
	roots *x509.CertPool
	// added are the certificates of the configured files.
	added map[fingerprint]bool
}

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
		certificates, err := cafile.Certificates(path)
		if err != nil {
			return store{}, err
		}
		for _, cert := range certificates {
			opened.roots.AddCert(cert)
			opened.added[sha256.Sum256(cert.Raw)] = true
		}
	}
	return opened, nil
}

// empty reports that nothing is trusted, as in an image without any authorities.
func (s store) empty() bool { return s.roots.Equal(x509.NewCertPool()) }
