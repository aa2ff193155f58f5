package saml

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
)

// maxCertificate bounds the text of a certificate, and maxCommonName what is shown of its CN.
const (
	maxCertificate = 128 << 10
	maxCommonName  = 60
)

// use is a role of an entity, and what it uses a key for there: signing, encryption, or
// empty for both (saml-metadata-2.0-os, 2.4.1.1).
type use struct{ role, of string }

const (
	signing    = "signing"
	encryption = "encryption"
)

// signs: what is stated otherwise is taken for the use whose end hurts most.
func (u use) signs() bool    { return u.of != encryption }
func (u use) encrypts() bool { return u.of != signing }

// key is a certificate, and all that its entity uses it for.
type key struct {
	fingerprint             string
	notBefore, notAfter     time.Time
	subject, issuer, serial string
	// commonName is what people know the certificate by; it may be empty.
	commonName string
	// err is why there is nothing but the fingerprint.
	err  error
	uses []use
}

var (
	errLong   = fmt.Errorf("its text is longer than %d bytes", maxCertificate)
	errBase64 = errors.New("its text is no Base64")
)

// certificate reads the text of an X509Certificate element (xmldsig-core1, 4.5.4). Of one
// that cannot be read, the fingerprint is that of its text.
func certificate(text string) *key {
	text = strings.Join(strings.FieldsFunc(unarmoured(text), blank), "")
	k := &key{fingerprint: fingerprint([]byte(text))}
	if len(text) > maxCertificate {
		k.err = errLong
		return k
	}
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		k.err = errBase64
		return k
	}
	k.fingerprint = fingerprint(content)
	cert, err := x509.ParseCertificate(content)
	if err != nil {
		k.err = errors.New(clean.Text(err.Error(), 2*shownRunes))
		return k
	}
	k.notBefore, k.notAfter = cert.NotBefore.UTC(), cert.NotAfter.UTC()
	k.subject, k.issuer = clean.Text(cert.Subject.String(), 2*shownRunes), clean.Text(cert.Issuer.String(), 2*shownRunes)
	k.commonName = clean.Text(cert.Subject.CommonName, maxCommonName)
	k.serial = clean.Text(cert.SerialNumber.Text(16), shownRunes)
	return k
}

func blank(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// unarmoured takes away the lines of PEM, which some put there and no standard allows.
func unarmoured(text string) string {
	text = strings.TrimSpace(text)
	text = strings.TrimPrefix(text, "-----BEGIN CERTIFICATE-----")
	return strings.TrimSuffix(text, "-----END CERTIFICATE-----")
}

func fingerprint(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// short tells the certificates of an entity apart.
func (k *key) short() string { return k.fingerprint[:12] }

// name is what people read of it.
func (k *key) name() string {
	if k.commonName == "" {
		return "certificate " + k.short()
	}
	return fmt.Sprintf("certificate %s (%s)", k.short(), k.commonName)
}

func (k *key) signs() bool { return slices.ContainsFunc(k.uses, use.signs) }

// covers reports whether k is there for all that other is used for.
func (k *key) covers(other *key) bool {
	has := func(role string, fits func(use) bool) bool {
		return slices.ContainsFunc(k.uses, func(u use) bool { return u.role == role && fits(u) })
	}
	return !slices.ContainsFunc(other.uses, func(u use) bool {
		return u.signs() && !has(u.role, use.signs) || u.encrypts() && !has(u.role, use.encrypts)
	})
}

// replacement is the one that lives longest of those that can take over; nil if none can.
func (e *entity) replacement(old *key) *key {
	var best *key
	for _, k := range e.keys {
		if k == old || k.err != nil || !k.notAfter.After(old.notAfter) || !k.covers(old) {
			continue
		}
		if best == nil || k.notAfter.After(best.notAfter) {
			best = k
		}
	}
	return best
}

// described are the sorted distinct values of the uses.
func (k *key) described(value func(use) string) []string {
	var all []string
	for _, u := range k.uses {
		all = append(all, value(u))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (u use) named() string {
	if u.of == "" {
		return "any"
	}
	return u.of
}
