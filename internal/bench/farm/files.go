package farm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lapsewatch/internal/pki"
)

const (
	filesPerFolder = 1000
	// everyBundle makes a quarter of the files bundles: a leaf and two authorities.
	everyBundle = 4
)

// WriteFiles fills a folder with PEM files: three quarters hold one certificate, a
// quarter a bundle of three, and one in a hundred is broken.
func WriteFiles(folder string, size int, now time.Time) ([]Subject, error) {
	is, err := newIssuer(now)
	if err != nil {
		return nil, err
	}
	mix := Mix{{Expired, 20}, {Soon, 50}, {Broken, 10}}
	held := make([][]Subject, size)
	err = eachInParallel(mix.faults(size), func(i int, fault Fault) error {
		path := filepath.Join(folder, fmt.Sprint(i/filesPerFolder), fmt.Sprintf("site-%d.pem", i))
		var content []byte
		var err error
		if held[i], content, err = is.file(path, i, fault); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("make room for %s: %w", path, err)
		}
		return os.WriteFile(path, content, 0o600)
	})
	return slices.Concat(held...), err
}

// file makes the content of one file, and tells what is in it.
func (is *issuer) file(path string, i int, fault Fault) ([]Subject, []byte, error) {
	if fault == Broken {
		return []Subject{{Name: path, Fault: Broken}}, []byte("-----BEGIN CERTIFICATE-----\nY3V0IG9mZg==\n-----END CERTIFICATE-----\n"), nil
	}
	leaf, err := is.leaf(i, fault)
	if err != nil {
		return nil, nil, err
	}
	held := leaf.Chain[:1]
	if i%everyBundle == 0 {
		longest := is.paths[len(is.paths)-1]
		held = append(slices.Clip(held), longest.Chain...)
	}
	var subjects []Subject
	for number, cert := range held {
		subject := Subject{Name: path, Fault: fault, NotAfter: cert.NotAfter}
		if number > 0 {
			subject.Name, subject.Fault = fmt.Sprintf("%s #%d", path, number+1), Healthy
		}
		subjects = append(subjects, subject)
	}
	return subjects, pki.Pair{Chain: held}.ChainPEM(), nil
}
