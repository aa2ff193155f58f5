package certfiles

import (
	"cmp"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"
)

// A file may demand so many rounds of key derivation in all, and have so many safes, so
// that a hostile one cannot hold a worker for hours. OpenSSL writes 2,048 rounds a safe,
// Java 10,000.
const (
	maxKeyRounds = 5_000_000
	maxSafes     = 64
)

// constructedBit marks an ASN.1 tag whose content is a list of further elements.
const constructedBit = 0x20

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidKeyBag        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidCertBag       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509CertBag   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}

	errNotPKCS12       = errors.New("not DER-encoded PKCS #12")
	errExcessive       = fmt.Errorf("the PKCS #12 file demands more than %d rounds of key derivation or has more than %d safes", maxKeyRounds, maxSafes)
	errWrongPassphrase = errors.New("none of the configured passphrases opens it")
)

// The structures of RFC 7292 section 4.
type (
	pfx struct {
		Version  int
		AuthSafe contentInfo
		MacData  asn1.RawValue `asn1:"optional"`
	}
	contentInfo struct {
		ContentType asn1.ObjectIdentifier
		Content     asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	safeBag struct {
		ID         asn1.ObjectIdentifier
		Value      asn1.RawValue   `asn1:"tag:0,explicit"`
		Attributes []asn1.RawValue `asn1:"set,optional"`
	}
	certBag struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}
)

// openPKCS12 lists the certificates of a PKCS #12 file, key store or trust store, in the
// file's order, with the first passphrase that opens it. No private key is decrypted.
// What was found beside what cannot be read is returned with the error.
func openPKCS12(data []byte, passphrases []string) ([][]byte, error) {
	store, safes, err := parsePFX(data)
	if err != nil {
		return nil, err
	}
	cost := keyCost{}
	cost.add(store.MacData.FullBytes, 0)
	for _, safe := range safes {
		if safe.ContentType.Equal(oidEncryptedData) {
			cost.add(safe.Content.Bytes, 0)
		}
	}
	if cost.excessive || len(safes) > maxSafes {
		return nil, errExcessive
	}
	for _, passphrase := range passphrases {
		found, err := openSafes(data, safes, passphrase)
		if !errors.Is(err, pkcs12.ErrIncorrectPassword) && !errors.Is(err, pkcs12.ErrDecryption) {
			return found, err
		}
	}
	return nil, errWrongPassphrase
}

func parsePFX(data []byte) (pfx, []contentInfo, error) {
	var store pfx
	var content []byte
	var safes []contentInfo
	if rest, err := asn1.Unmarshal(data, &store); err != nil || len(rest) > 0 || store.Version != 3 || !store.AuthSafe.ContentType.Equal(oidData) {
		return store, nil, errNotPKCS12
	}
	if _, err := asn1.Unmarshal(store.AuthSafe.Content.Bytes, &content); err != nil {
		return store, nil, fmt.Errorf("read the PKCS #12 safe: %w", err)
	}
	if _, err := asn1.Unmarshal(content, &safes); err != nil {
		return store, nil, fmt.Errorf("read the PKCS #12 safe: %w", err)
	}
	return store, safes, nil
}

// keyCost sums up the rounds of key derivation that parameters demand. Whatever the
// algorithm, its rounds are the only integer in them that may grow.
type keyCost struct {
	rounds    int
	excessive bool
}

// maxDepth is deeper than the parameters of any algorithm.
const maxDepth = 16

func (k *keyCost) add(der cryptobyte.String, depth int) {
	for !der.Empty() && !k.excessive {
		var value cryptobyte.String
		var tag cbasn1.Tag
		switch {
		case depth > maxDepth || !der.ReadAnyASN1(&value, &tag):
			k.excessive = true
		case tag == cbasn1.INTEGER:
			k.addInteger(value)
		case tag&constructedBit != 0:
			k.add(value, depth+1)
		}
	}
}

func (k *keyCost) addInteger(integer []byte) {
	value := 0
	for _, b := range integer {
		if value = value<<8 | int(b); value > maxKeyRounds {
			break
		}
	}
	k.rounds += value
	k.excessive = k.rounds > maxKeyRounds
}

// openSafes reads the certificate bags of all safes.
func openSafes(data []byte, safes []contentInfo, passphrase string) ([][]byte, error) {
	// A trust store is read whole; for every other file this verifies the passphrase
	// against the MAC and ends before a key would be decrypted.
	if trusted, err := pkcs12.DecodeTrustStore(data, passphrase); err == nil {
		var found [][]byte
		for _, cert := range trusted {
			found = append(found, cert.Raw)
		}
		return found, nil
	} else if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, err
	}
	var found [][]byte
	var unread error
	for _, safe := range safes {
		var certificates [][]byte
		var err error
		if safe.ContentType.Equal(oidData) {
			certificates, err = plainCertificates(safe)
		} else {
			certificates, err = encryptedCertificates(safe, passphrase)
		}
		if errors.Is(err, pkcs12.ErrIncorrectPassword) || errors.Is(err, pkcs12.ErrDecryption) {
			return nil, err
		}
		found = append(found, certificates...)
		unread = cmp.Or(unread, err)
	}
	return found, unread
}

func plainCertificates(safe contentInfo) ([][]byte, error) {
	var content []byte
	var bags []safeBag
	if _, err := asn1.Unmarshal(safe.Content.Bytes, &content); err != nil {
		return nil, fmt.Errorf("read a PKCS #12 safe: %w", err)
	}
	if _, err := asn1.Unmarshal(content, &bags); err != nil {
		return nil, fmt.Errorf("read the bags of a PKCS #12 safe: %w", err)
	}
	var found [][]byte
	var unread error
	for _, bag := range bags {
		var certificate certBag
		if !bag.ID.Equal(oidCertBag) {
			continue
		}
		if _, err := asn1.Unmarshal(bag.Value.Bytes, &certificate); err != nil {
			unread = fmt.Errorf("read a PKCS #12 certificate bag: %w", err)
			continue
		}
		found = append(found, certificate.Data)
	}
	return found, unread
}
