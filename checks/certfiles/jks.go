package certfiles

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// The numbers that open a Java keystore of the proprietary formats, and its entry tags.
const (
	magicJKS        = "\xfe\xed\xfe\xed"
	magicJCEKS      = "\xce\xce\xce\xce"
	tagPrivateKey   = 1
	tagTrusted      = 2
	tagSecretKey    = 3
	firstJKSVersion = 1
	lastJKSVersion  = 2
)

var (
	errJKSCut    = errors.New("the Java keystore is cut short or malformed")
	errJKSSecret = errors.New("entries behind a secret key cannot be found: its length is not recorded in the JCEKS format")
)

// storedCertificate is one certificate of a keystore entry.
type storedCertificate struct {
	alias string
	// position counts the certificates of the entry's chain from 1.
	position int
	der      []byte
}

// openJKS lists the certificates of a JKS or JCEKS keystore. They are stored in the
// clear, so no passphrase is asked for; the encrypted private keys are stepped over.
// What was found before an error is returned with it.
//
// The format is walked here because the library that writes it (keystore-go) allocates
// whatever lengths a file states, up to gigabytes, and knows no JCEKS.
func openJKS(data []byte) ([]storedCertificate, error) {
	rest := cryptobyte.String(data)
	var version, entries uint32
	if !rest.Skip(len(magicJKS)) || !rest.ReadUint32(&version) || !rest.ReadUint32(&entries) {
		return nil, errJKSCut
	}
	if version < firstJKSVersion || version > lastJKSVersion {
		return nil, fmt.Errorf("version %d of the Java keystore format is unknown", version)
	}
	var found []storedCertificate
	for range entries {
		entry, err := readJKSEntry(&rest, version)
		found = append(found, entry...)
		if err == nil && len(found) > maxItems {
			err = errTooMany
		}
		if err != nil {
			return found[:min(len(found), maxItems)], err
		}
	}
	return found, nil
}

func readJKSEntry(rest *cryptobyte.String, version uint32) ([]storedCertificate, error) {
	var tag uint32
	var alias cryptobyte.String
	var created uint64
	if !rest.ReadUint32(&tag) || !rest.ReadUint16LengthPrefixed(&alias) || !rest.ReadUint64(&created) {
		return nil, errJKSCut
	}
	chain := uint32(1)
	switch tag {
	case tagPrivateKey:
		var keyLength uint32
		if !rest.ReadUint32(&keyLength) || !rest.Skip(int(keyLength)) || !rest.ReadUint32(&chain) {
			return nil, errJKSCut
		}
	case tagTrusted:
	case tagSecretKey:
		return nil, errJKSSecret
	default:
		return nil, errJKSCut
	}
	var found []storedCertificate
	for position := range min(chain, maxItems+1) {
		var kind cryptobyte.String
		var length uint32
		var der []byte
		if version == lastJKSVersion && !rest.ReadUint16LengthPrefixed(&kind) ||
			!rest.ReadUint32(&length) || !rest.ReadBytes(&der, int(length)) {
			return found, errJKSCut
		}
		found = append(found, storedCertificate{alias: string(alias), position: int(position) + 1, der: der})
	}
	return found, nil
}
