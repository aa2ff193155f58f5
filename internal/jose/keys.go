package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"
)

const (
	// MaxKeySetBytes bounds a key set.
	MaxKeySetBytes = 1 << 20
	maxKeys        = 1000
	maxChain       = 20
	// leastRSABits is the least that package crypto/rsa verifies with. Above 4096 bits go-jose
	// takes no key, because a single signature would take long.
	leastRSABits = 1024
)

// ErrNoKeySet: it is no JSON Web Key Set (RFC 7517, section 5).
var ErrNoKeySet = errors.New("it is no JSON Web Key Set (RFC 7517)")

// KeySet is what an issuer publishes, in the order that it does.
type KeySet struct{ Keys []Key }

// Key is one of a set. Its strings are hostile. The private part of a key is never kept.
type Key struct {
	// ID, Type, Use and Algorithm are kid, kty, use and alg; all but Type may be missing.
	ID, Type, Use, Algorithm string
	// Thumbprint is that of RFC 7638 with SHA-256, in base64url. A symmetric key has none,
	// because a short one could be guessed by it; and one that is Unreadable has none.
	Thumbprint string
	// Certificates are those of x5c, the key's own first.
	Certificates []*x509.Certificate
	// Private: the set gives the private part away too, or the key is a symmetric one.
	Private bool
	// Faults are clauses that say how x5c and x5t contradict the key.
	Faults []string
	// Unreadable says in a clause why no signature can be verified with it; empty if one can.
	Unreadable string

	verifies any
}

// Name is the key's ID, or else its thumbprint; empty if it has neither.
func (k Key) Name() string {
	if k.ID != "" {
		return k.ID
	}
	return k.Thumbprint
}

// ParseKeySet reads a JSON Web Key Set. A key of which it can make nothing is listed as
// Unreadable and spoils no other, as section 5 asks.
func ParseKeySet(text []byte) (KeySet, error) {
	if len(text) > MaxKeySetBytes {
		return KeySet{}, fmt.Errorf("%w: it is larger than %d bytes", ErrNoKeySet, MaxKeySetBytes)
	}
	set, err := readMembers(unmarked(text))
	if err != nil {
		return KeySet{}, fmt.Errorf("%w: it %w", ErrNoKeySet, err)
	}
	var listed []json.RawMessage
	if raw, there := set.byName["keys"]; !there || raw[0] != '[' || json.Unmarshal(raw, &listed) != nil {
		return KeySet{}, fmt.Errorf(`%w: it has no list "keys"`, ErrNoKeySet)
	}
	if len(listed) > maxKeys {
		return KeySet{}, fmt.Errorf("%w: it has more than %d keys", ErrNoKeySet, maxKeys)
	}
	read := KeySet{Keys: make([]Key, 0, len(listed))}
	for _, raw := range listed {
		read.Keys = append(read.Keys, readKey(raw))
	}
	return read, nil
}

func readKey(raw json.RawMessage) Key {
	given, err := readMembers(raw)
	if err != nil {
		return Key{Unreadable: err.Error()}
	}
	key := Key{ID: given.text("kid"), Type: given.text("kty"), Use: given.text("use"), Algorithm: given.text("alg")}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		_, there := given.byName[name]
		key.Private = key.Private || there
	}
	key.certificates(given)
	key.material(given)
	key.compare(given)
	return key
}

// material reads the key itself. go-jose is not shown the certificates: over a wrong one it
// would refuse the key.
func (k *Key) material(given members) {
	own := map[string]json.RawMessage{}
	// The public members of RFC 7518, section 6, and RFC 8037, section 2.
	for _, name := range []string{"kty", "crv", "x", "y", "n", "e", "k"} {
		if value, there := given.byName[name]; there {
			own[name] = value
		}
	}
	text, err := json.Marshal(own)
	var read gojose.JSONWebKey
	if err == nil {
		err = read.UnmarshalJSON(text)
	}
	if err != nil {
		k.Unreadable = fmt.Sprintf("is of a type, a form or a size that is not known here (kty %q)", shownWord(k.Type))
		return
	}
	if public, isRSA := read.Key.(*rsa.PublicKey); isRSA {
		if bits := public.N.BitLen(); bits < leastRSABits {
			k.Unreadable = fmt.Sprintf("has %d bits, and nothing verifies with fewer than %d", bits, leastRSABits)
			return
		}
	}
	k.verifies = read.Key
	if _, symmetric := read.Key.([]byte); symmetric {
		return
	}
	if sum, err := read.Thumbprint(crypto.SHA256); err == nil {
		k.Thumbprint = base64.RawURLEncoding.EncodeToString(sum)
	}
}

func (k *Key) certificates(given members) {
	chain := given.texts("x5c", maxChain)
	for i, encoded := range chain {
		// RFC 7517, 4.7 wants plain Base64; some write lines.
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
		if err != nil {
			k.fault("x5c[%d] is not Base64", i)
			return
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			k.fault("x5c[%d] is no certificate", i)
			return
		}
		k.Certificates = append(k.Certificates, certificate)
	}
}

// compare finds where certificate, thumbprints and key contradict each other.
func (k *Key) compare(given members) {
	if len(k.Certificates) == 0 {
		return
	}
	leaf := k.Certificates[0]
	if k.verifies != nil && !samePublicKey(leaf.PublicKey, k.verifies) {
		k.fault("the certificate in x5c is of another key (RFC 7517, 4.7)")
	}
	sha1Sum, sha256Sum := sha1.Sum(leaf.Raw), sha256.Sum256(leaf.Raw)
	for _, print := range []struct {
		name string
		want []byte
	}{{"x5t", sha1Sum[:]}, {"x5t#S256", sha256Sum[:]}} {
		if said := given.text(print.name); said != "" && !isThumbprint(said, print.want) {
			k.fault("%s is not the thumbprint of the certificate in x5c", print.name)
		}
	}
}

func (k *Key) fault(format string, of ...any) {
	k.Faults = append(k.Faults, fmt.Sprintf(format, of...))
}

func samePublicKey(certified, key any) bool {
	switch certified := certified.(type) {
	case *rsa.PublicKey:
		return certified.Equal(asPublic(key))
	case *ecdsa.PublicKey:
		return certified.Equal(asPublic(key))
	case ed25519.PublicKey:
		return certified.Equal(asPublic(key))
	}
	return false
}

func asPublic(key any) crypto.PublicKey { return key }

// isThumbprint accepts base64url, with padding too, and hexadecimal digits, as they are found
// in the field.
func isThumbprint(said string, want []byte) bool {
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(said, "="))
	if err != nil {
		return false
	}
	return bytes.Equal(decoded, want) || strings.EqualFold(said, hex.EncodeToString(want)) || strings.EqualFold(string(decoded), hex.EncodeToString(want))
}
