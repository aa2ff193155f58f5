// Package josetest signs tokens for tests and is an issuer that publishes its keys: the
// contract of OpenID Connect Discovery 1.0 and RFC 7517 over package vendortest. It gives out
// no tokens over the network, and its keys are throw-away.
package josetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"sync"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"lapsewatch/internal/pki"
	"lapsewatch/internal/vendortest"
)

// Signer is a key with its name.
type Signer struct {
	ID        string
	Algorithm string
	// Key is the private key, or the shared secret.
	Key any
	// Certified is the certificate that stands beside the key; nil without one.
	Certified *pki.Pair
}

// RSA makes a signer for RS256.
func RSA(t testing.TB, id string) Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	return signer(t, id, "RS256", key, err)
}

// EC makes a signer for ES256.
func EC(t testing.TB, id string) Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return signer(t, id, "ES256", key, err)
}

// Ed25519 makes a signer for EdDSA.
func Ed25519(t testing.TB, id string) Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return signer(t, id, "EdDSA", key, err)
}

func signer(t testing.TB, id, algorithm string, key any, err error) Signer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return Signer{ID: id, Algorithm: algorithm, Key: key}
}

// With is the signer with a certificate of its key.
func (s Signer) With(t testing.TB, issuer pki.Pair, spec pki.Spec) Signer {
	t.Helper()
	spec.Key = s.Key.(crypto.Signer)
	pair, err := issuer.Issue(spec)
	if err != nil {
		t.Fatal(err)
	}
	s.Certified = &pair
	return s
}

// Sign makes a token; claims is anything that can be encoded as JSON, or JSON as a string.
func (s Signer) Sign(t testing.TB, claims any) string {
	t.Helper()
	options := (&gojose.SignerOptions{}).WithType("at+jwt")
	if s.ID != "" {
		options = options.WithHeader("kid", s.ID)
	}
	with, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(s.Algorithm), Key: s.Key}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := with.Sign([]byte(text(t, claims)))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// JWK is the public key as the member of a set.
func (s Signer) JWK(t testing.TB) map[string]any {
	t.Helper()
	key := gojose.JSONWebKey{Key: s.Key, KeyID: s.ID, Algorithm: s.Algorithm, Use: "sig"}
	if private, ok := s.Key.(crypto.Signer); ok {
		key.Key = private.Public()
	}
	if s.Certified != nil {
		key.Certificates = s.Certified.Chain
	}
	encoded, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(encoded, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// Set is the key set of the signers.
func Set(t testing.TB, signers ...Signer) []byte {
	t.Helper()
	keys := []any{}
	for _, each := range signers {
		keys = append(keys, each.JWK(t))
	}
	return []byte(text(t, map[string]any{"keys": keys}))
}

// Raw puts a token together from its header and claims, as JSON, and a signature of any bytes.
func Raw(header, claims, signature string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode([]byte(signature))
}

func text(t testing.TB, value any) string {
	t.Helper()
	if written, ok := value.(string); ok {
		return written
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// Issuer publishes a discovery document and a key set. It misbehaves as vendortest does.
type Issuer struct {
	*vendortest.Server
	mu       sync.Mutex
	path     string
	document map[string]any
	keys     []byte
}

// StartIssuer serves an issuer at that path, which may be empty, until the test ends.
func StartIssuer(t testing.TB, path string, keys []byte, manners ...vendortest.Manner) *Issuer {
	t.Helper()
	issuer := &Issuer{path: path, keys: keys}
	issuer.Server = vendortest.Start(t, http.HandlerFunc(issuer.serve), manners...)
	at := issuer.Name()
	issuer.document = map[string]any{
		"issuer": at, "jwks_uri": at + "/keys", "token_endpoint": at + "/token", "authorization_endpoint": at + "/authorize",
		"introspection_endpoint": at + "/introspect", "grant_types_supported": []string{"client_credentials", "refresh_token"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "private_key_jwt"},
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
	}
	return issuer
}

// Name is the issuer as its documents and tokens call it.
func (i *Issuer) Name() string { return i.URL + i.path }

// Publish replaces the key set.
func (i *Issuer) Publish(keys []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

// Change sets members of the discovery document; nil takes one out.
func (i *Issuer) Change(members map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	changed := maps.Clone(i.document)
	for name, value := range members {
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
	}
	i.document = changed
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	document, keys := i.document, i.keys
	i.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case i.path + "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(document) // a client that left needs no answer
	case i.path + "/keys":
		_, _ = w.Write(keys)
	default:
		http.NotFound(w, r)
	}
}
