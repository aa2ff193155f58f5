package certfiles

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"lapsewatch/watch"
)

// keepIn adds what was decoded since the item at from to a place of its own, numbered
// from 1.
func (s *scratch) keepIn(from int, mark func(*held)) {
	for i := range s.items[from:] {
		item := &s.items[from+i]
		item.number = i + 1
		mark(item)
	}
}

func (s *scratch) decodeJKS(data []byte) {
	stored, err := openJKS(data)
	seen := map[string]int{}
	place := ""
	for _, certificate := range stored {
		if certificate.position == 1 {
			place = distinct(seen, fmt.Sprintf("alias %q", cleanName(certificate.alias)))
		}
		s.keepFirst(readCertificate(certificate.der))
		item := &s.items[len(s.items)-1]
		item.place, item.number = place, certificate.position
	}
	if err != nil {
		s.keep(held{reason: watch.Unparsable, err: err, remedy: remedyConvertJKS, hidesMore: true})
	}
}

const remedyConvertJKS = "Convert the key store: keytool -importkeystore -srckeystore FILE -destkeystore NEW -deststoretype pkcs12"

const remedyConvertBKS = "Convert the key store: keytool -importkeystore -srckeystore FILE -srcstoretype BKS -destkeystore NEW -deststoretype pkcs12 -providerclass org.bouncycastle.jce.provider.BouncyCastleProvider -providerpath bcprov.jar"

// isBouncyCastle recognises a BKS key store by its name, or by its version and the length
// of its salt.
func isBouncyCastle(path string, data []byte) bool {
	return strings.EqualFold(filepath.Ext(path), ".bks") ||
		bytes.HasPrefix(data, []byte("\x00\x00\x00\x01\x00\x00\x00\x14")) || bytes.HasPrefix(data, []byte("\x00\x00\x00\x02\x00\x00\x00\x14"))
}

func (s *scratch) decodePKCS12(file source, data []byte) error {
	if _, _, err := parsePFX(data); err != nil {
		return err
	}
	passphrases, configured, unread := s.check.passphrasesFor(file.path)
	certificates, err := openPKCS12(data, passphrases)
	switch {
	case errors.Is(err, errWrongPassphrase) && unread != nil:
		return &unopened{watch.PassphraseMissing, fmt.Errorf("read its passphrase: %w", unread), "Make the passphrase readable where the check's option passphrases says it is."}
	case errors.Is(err, errWrongPassphrase) && configured:
		return &unopened{watch.PassphraseWrong, err, "Correct the passphrase that the check's option passphrases names for this file."}
	case errors.Is(err, errWrongPassphrase):
		return &unopened{watch.PassphraseMissing, errNeedsPassphrase, "Name the passphrase by reference in the check's option passphrases (in a configuration; docs/checks/certfiles.md shows one)."}
	case err != nil && len(certificates) == 0:
		return &unopened{watch.Unparsable, err, remedyPKCS12(err)}
	}
	for _, der := range certificates {
		s.keepFirst(readCertificate(der))
	}
	if err != nil {
		s.keep(held{reason: watch.Unparsable, err: err, remedy: remedyPKCS12(err), hidesMore: true})
	}
	return nil
}

func remedyPKCS12(err error) string {
	if errors.Is(err, errStrictSafe) {
		return "Write its certificates to a PEM file beside it, where odd ones are read too: openssl pkcs12 -in FILE -nokeys -out NEW.pem"
	}
	return "Write the file again as plain DER: openssl pkcs12 -in FILE -nodes | openssl pkcs12 -export -out NEW"
}

var errNeedsPassphrase = errors.New("is protected by a passphrase and none is configured for it")

// unopened is why a file of a known format could not be read.
type unopened struct {
	reason watch.Reason
	cause  error
	remedy string
}

func (u *unopened) Error() string { return u.cause.Error() }
func (u *unopened) Unwrap() error { return u.cause }

// decodeKubeconfig reads the client and authority certificates of a kubeconfig, those
// in other files too.
func (s *scratch) decodeKubeconfig(file source, data []byte) (string, error) {
	entries, err := openKubeconfig(file.path, data)
	switch {
	case err != nil && len(entries) == 0 && saysKubeconfig(data):
		return formatKubeconfig, err
	case err != nil && len(entries) == 0:
		return "", err
	}
	for _, entry := range entries {
		if len(s.items) >= maxItems {
			s.keep(held{reason: watch.TooLarge, err: errTooMany, hidesMore: true})
			break
		}
		from := len(s.items)
		s.decodeKubeEntry(entry)
		s.keepIn(from, func(item *held) {
			item.place, item.contexts, item.referenced = entry.role, entry.contexts, entry.file
		})
	}
	if err != nil {
		s.keep(held{reason: watch.Unparsable, err: err, hidesMore: true})
	}
	return formatKubeconfig, nil
}

func (s *scratch) decodeKubeEntry(entry kubeEntry) {
	from := len(s.items)
	var text []byte
	var err error
	if entry.file != "" {
		text, err = s.readReferenced(entry.file)
	} else if text, err = entry.decode(); err != nil {
		s.keep(held{reason: watch.Unparsable, err: err, hidesMore: true})
		return
	}
	if err != nil {
		s.keep(held{reason: reasonOf(err), err: err, hidesMore: true})
		return
	}
	if !s.decodePEM(text, true) || len(s.items) == from {
		s.keep(held{reason: watch.NoCertificate, err: fmt.Errorf("%s: %w", entry.role, errNoCertificate)})
	}
}

// readReferenced reads a file that a kubeconfig refers to, into memory of its own: the
// kubeconfig itself occupies the buffer.
func (s *scratch) readReferenced(path string) ([]byte, error) {
	state, err := statFile(path)
	if err != nil {
		return nil, fmt.Errorf("read certificate file %s: %w", cleanPath(path), pathless(err))
	}
	if err := s.check.readable(state); err != nil {
		return nil, fmt.Errorf("read certificate file %s: %w", cleanPath(path), err)
	}
	text, err := readWhole(path, nil, s.check.maxFileSize)
	if err != nil {
		return nil, fmt.Errorf("read certificate file %s: %w", cleanPath(path), err)
	}
	return text, nil
}
