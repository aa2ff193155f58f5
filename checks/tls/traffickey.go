package tls

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	cryptotls "crypto/tls"
	"encoding/hex"
	"fmt"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/cryptobyte"
)

const nonceLength = 12

// newRecordOpener derives the traffic keys of RFC 8446, section 7.3.
func newRecordOpener(suite uint16, secret []byte) (*recordOpener, error) {
	var digest func() hash.Hash
	var keyLength int
	newAEAD := newGCM
	switch suite {
	case cryptotls.TLS_AES_128_GCM_SHA256:
		digest, keyLength = sha256.New, 16
	case cryptotls.TLS_AES_256_GCM_SHA384:
		digest, keyLength = sha512.New384, 32
	case cryptotls.TLS_CHACHA20_POLY1305_SHA256:
		digest, keyLength, newAEAD = sha256.New, chacha20poly1305.KeySize, chacha20poly1305.New
	default:
		return nil, fmt.Errorf("cipher suite %s is none of TLS 1.3", cryptotls.CipherSuiteName(suite))
	}
	key, err := expandLabel(digest, secret, "key", keyLength)
	if err != nil {
		return nil, err
	}
	iv, err := expandLabel(digest, secret, "iv", nonceLength)
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, fmt.Errorf("derive traffic keys: %w", err)
	}
	return &recordOpener{aead: aead, iv: iv}, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// expandLabel is HKDF-Expand-Label with an empty context (RFC 8446, section 7.1).
func expandLabel(digest func() hash.Hash, secret []byte, label string, length int) ([]byte, error) {
	var info cryptobyte.Builder
	info.AddUint16(uint16(length))
	info.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + label)) })
	info.AddUint8(0)
	encoded, err := info.Bytes()
	if err != nil {
		return nil, fmt.Errorf("derive traffic keys: %w", err)
	}
	key, err := hkdf.Expand(digest, secret, string(encoded), length)
	if err != nil {
		return nil, fmt.Errorf("derive traffic keys: %w", err)
	}
	return key, nil
}

// keyLog takes the server's handshake traffic secret from the lines that crypto/tls
// writes in the NSS key log format. It reads certificates that crypto/tls refuses to
// hand over, and it never leaves the process.
type keyLog struct{ secret []byte }

func (k *keyLog) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) == 3 && string(fields[0]) == "SERVER_HANDSHAKE_TRAFFIC_SECRET" {
		secret, err := hex.DecodeString(string(fields[2]))
		if err != nil {
			return 0, fmt.Errorf("read key log: %w", err)
		}
		k.secret = secret
	}
	return len(line), nil
}
