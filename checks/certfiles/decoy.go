package certfiles

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"software.sslmate.com/src/go-pkcs12"
)

var (
	oidPBMAC1         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	oidPBKDF2         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
)

// errStrictSafe is about a safe that was refused as a whole, for one certificate in it
// perhaps: the library parses what it decrypts, and gives no access to the bytes.
var errStrictSafe = errors.New("read an encrypted PKCS #12 safe")

// encryptedCertificates decrypts one safe by itself. pkcs12.DecodeChain, which knows all
// the ciphers, takes only files with exactly one private key, and decrypts it. So the
// safe is wrapped into a file of its own behind a decoy, a throw-away key with its
// certificate: that refuses a further key before it is decrypted, and lets key stores
// with many entries, or with none, be read.
func encryptedCertificates(safe contentInfo, passphrase string) ([][]byte, error) {
	decoy, err := decoySafe()
	if err != nil {
		return nil, err
	}
	file, err := wrapSafes([]contentInfo{decoy, safe}, passphrase)
	if err != nil {
		return nil, err
	}
	_, _, certificates, err := pkcs12.DecodeChain(file, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStrictSafe, err)
	}
	found := make([][]byte, 0, len(certificates))
	for _, cert := range certificates {
		found = append(found, cert.Raw)
	}
	return found, nil
}

func decoySafe() (contentInfo, error) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return contentInfo{}, fmt.Errorf("make a decoy certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return contentInfo{}, fmt.Errorf("encode a decoy key: %w", err)
	}
	bag, err := asn1.Marshal(certBag{ID: oidX509CertBag, Data: cert})
	if err != nil {
		return contentInfo{}, fmt.Errorf("encode a decoy bag: %w", err)
	}
	bags, err := asn1.Marshal([]safeBag{{ID: oidKeyBag, Value: explicit(pkcs8)}, {ID: oidCertBag, Value: explicit(bag)}})
	if err != nil {
		return contentInfo{}, fmt.Errorf("encode a decoy safe: %w", err)
	}
	return dataContent(bags)
}

func explicit(der []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der}
}

func dataContent(content []byte) (contentInfo, error) {
	octets, err := asn1.Marshal(content)
	if err != nil {
		return contentInfo{}, fmt.Errorf("encode PKCS #12 content: %w", err)
	}
	return contentInfo{ContentType: oidData, Content: explicit(octets)}, nil
}

// wrapSafes makes a PKCS #12 file of the safes. Its MAC is PBMAC1 (RFC 9579) with a
// single round, as it protects nothing: the file never leaves this process.
func wrapSafes(safes []contentInfo, passphrase string) ([]byte, error) {
	content, err := asn1.Marshal(safes)
	if err != nil {
		return nil, fmt.Errorf("encode PKCS #12 safes: %w", err)
	}
	authSafe, err := dataContent(content)
	if err != nil {
		return nil, err
	}
	file := pfx{Version: 3, AuthSafe: authSafe}
	if passphrase != "" {
		file.MacData.FullBytes, err = pbmac1(content, passphrase)
		if err != nil {
			return nil, err
		}
	}
	der, err := asn1.Marshal(file)
	if err != nil {
		return nil, fmt.Errorf("encode a PKCS #12 file: %w", err)
	}
	return der, nil
}

// The structures of RFC 8018 appendix A.
type (
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		KeyLength  int
		PRF        pkix.AlgorithmIdentifier
	}
	pbmac1Params struct {
		KDF     asn1.RawValue
		Message pkix.AlgorithmIdentifier
	}
	algorithm struct {
		Algorithm  asn1.ObjectIdentifier
		Parameters any
	}
	macData struct {
		Mac  digestInfo
		Salt []byte
	}
	digestInfo struct {
		Algorithm asn1.RawValue
		Digest    []byte
	}
)

func pbmac1(content []byte, passphrase string) ([]byte, error) {
	salt := make([]byte, 8)
	key, err := pbkdf2.Key(sha256.New, passphrase, salt, 1, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive a MAC key: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(content)
	hash := pkix.AlgorithmIdentifier{Algorithm: oidHMACWithSHA256}
	kdf, err := asn1.Marshal(algorithm{oidPBKDF2, pbkdf2Params{salt, 1, sha256.Size, hash}})
	if err != nil {
		return nil, fmt.Errorf("encode a MAC: %w", err)
	}
	method, err := asn1.Marshal(algorithm{oidPBMAC1, pbmac1Params{asn1.RawValue{FullBytes: kdf}, hash}})
	if err != nil {
		return nil, fmt.Errorf("encode a MAC: %w", err)
	}
	return asn1.Marshal(macData{digestInfo{asn1.RawValue{FullBytes: method}, mac.Sum(nil)}, salt})
}
