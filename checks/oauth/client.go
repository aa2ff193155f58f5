package oauth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

const (
	// assertionLife is short: an assertion is used at once, and whoever steals it may not.
	assertionLife = time.Minute
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// leastRSABits is what RFC 7518, 3.3 wants of a key that signs.
	leastRSABits = 2048
)

// proof is what a client proves itself with, as it was read for one look.
type proof struct {
	secret      watch.Secret
	key         crypto.Signer
	certificate *tls.Certificate
	// mark tells, as a hash, whether the next pass has the same.
	mark []byte
}

// leaf is the client's own certificate; nil if there is none.
func (p proof) leaf() *x509.Certificate {
	if p.certificate == nil {
		return nil
	}
	return p.certificate.Leaf
}

// unreadable is a reference that gives nothing to use.
type unreadable struct {
	reason watch.Reason
	remedy string
	err    error
}

func (u *unreadable) Error() string { return u.err.Error() }
func (u *unreadable) Unwrap() error { return u.err }

// forTLS is what the client shows in TLS; nil where that is not how it proves itself.
func (c Client) forTLS(with proof) *tls.Certificate {
	if c.byTLS() {
		return with.certificate
	}
	return nil
}

func notRead(err error) *unreadable {
	return &unreadable{reason: watch.Unreadable, remedy: "Check the reference in the options, and that the user that runs Lapsewatch may read what it names.", err: err}
}

func malformed(err error) *unreadable {
	return &unreadable{reason: watch.Unparsable, remedy: "Put it there as PEM.", err: err}
}

// read reads what the client's method needs. The key is no longer kept than the proof. With
// an error comes what could be read before it, the certificate first.
func (c Client) read(secrets watch.SecretReader) (proof, error) {
	var read proof
	var marks [][]byte
	take := func(ref watch.SecretRef, use func(watch.Secret) error) error {
		if ref.IsZero() {
			return nil
		}
		secret, err := secrets(ref)
		if err != nil {
			return notRead(err)
		}
		marks = append(marks, []byte(secret.Reveal()))
		return use(secret)
	}
	if err := take(c.Certificate, func(text watch.Secret) error { return read.takeCertificate([]byte(text.Reveal()), c.Certificate) }); err != nil {
		return read, err
	}
	if err := take(c.Secret, func(text watch.Secret) error { read.secret = text; return nil }); err != nil {
		return read, err
	}
	err := take(c.Key, func(text watch.Secret) error {
		key, err := privateKey([]byte(text.Reveal()))
		if err != nil {
			return malformed(fmt.Errorf("read the client's key in %s: %w", c.Key, err))
		}
		read.key = key
		return nil
	})
	if err != nil {
		return read, err
	}
	read.mark = []byte(holdoff.Digest(marks...))
	return read, read.match(c)
}

// takeCertificate reads a chain, the client's own certificate first.
func (p *proof) takeCertificate(text []byte, from watch.SecretRef) error {
	var chain tls.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" && len(chain.Certificate) < maxChain {
			chain.Certificate = append(chain.Certificate, block.Bytes)
		}
	}
	if len(chain.Certificate) == 0 {
		return malformed(fmt.Errorf("read the client's certificate in %s: there is none as PEM", from))
	}
	leaf, err := x509.ParseCertificate(chain.Certificate[0])
	if err != nil {
		return malformed(fmt.Errorf("read the client's certificate in %s: %w", from, err))
	}
	chain.Leaf, p.certificate = leaf, &chain
	return nil
}

const maxChain = 20

// match reports a key that is not the certificate's, and joins the two.
func (p *proof) match(c Client) error {
	if p.certificate == nil || p.key == nil {
		return nil
	}
	public, comparable := p.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !comparable || !public.Equal(p.certificate.Leaf.PublicKey) {
		return &unreadable{
			reason: watch.Unparsable, remedy: "Put the certificate and the private key that it was made for where the options refer to.",
			err: fmt.Errorf("the key in %s is not that of the certificate in %s", c.Key, c.Certificate),
		}
	}
	p.certificate.PrivateKey = p.key
	return nil
}

// privateKey reads the first private key of a PEM text. Its errors repeat nothing of it.
func privateKey(text []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(bytes.TrimPrefix(text, []byte("\uFEFF"))); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, errors.New("it is encrypted: give it without a passphrase")
			}
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("it is encrypted: give it without a passphrase")
		default:
			continue
		}
		signer, usable := key.(crypto.Signer)
		if err != nil || !usable {
			return nil, fmt.Errorf("the PEM block %q holds no key that can be used", block.Type)
		}
		return signer, nil
	}
	return nil, errors.New("there is no private key as PEM")
}

// prove adds to a request what the client proves itself with there. It gives the secrets
// that the request holds then.
func (c Client) prove(with proof, endpoint, audience string, now time.Time, form url.Values, header http.Header) ([]watch.Secret, error) {
	switch c.method() {
	case secretBasic:
		// RFC 6749, 2.3.1: both are encoded as in a form before they are joined.
		pair := url.QueryEscape(c.ClientID) + ":" + url.QueryEscape(with.secret.Reveal())
		basic := base64.StdEncoding.EncodeToString([]byte(pair))
		header.Set("Authorization", "Basic "+basic)
		return []watch.Secret{with.secret, watch.NewSecret(basic)}, nil
	case secretPost:
		form.Set("client_id", c.ClientID)
		form.Set("client_secret", with.secret.Reveal())
		return []watch.Secret{with.secret}, nil
	case privateKeyJWT:
		if c.AssertionAudience != "" {
			audience = c.AssertionAudience
		}
		if audience == "" {
			audience = endpoint
		}
		assertion, err := c.assertion(with, audience, now)
		if err != nil {
			return nil, err
		}
		form.Set("client_id", c.ClientID)
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
		return []watch.Secret{watch.NewSecret(assertion)}, nil
	default:
		form.Set("client_id", c.ClientID)
		return nil, nil
	}
}

// signingMethods are those of RFC 7518 and RFC 8037 that private_key_jwt is used with.
func signingMethods() map[string]jwt.SigningMethod {
	return map[string]jwt.SigningMethod{
		"RS256": jwt.SigningMethodRS256, "PS256": jwt.SigningMethodPS256,
		"ES256": jwt.SigningMethodES256, "ES384": jwt.SigningMethodES384, "ES512": jwt.SigningMethodES512,
		"EdDSA": jwt.SigningMethodEdDSA,
	}
}

// assertion is a JSON Web Token that the client signs (RFC 7523, section 3).
func (c Client) assertion(with proof, audience string, now time.Time) (string, error) {
	method, err := c.signingMethod(with.key)
	if err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(method, jwt.MapClaims{
		"iss": c.ClientID, "sub": c.ClientID, "aud": audience, "jti": rand.Text(),
		// Without nbf, which RFC 7523 does not ask for: a server whose clock is a second behind
		// would refuse it.
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if c.KeyID != "" {
		token.Header["kid"] = c.KeyID
	}
	if leaf := with.leaf(); leaf != nil {
		// Microsoft Entra finds the key by it.
		sum := sha256.Sum256(leaf.Raw)
		token.Header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	signed, err := token.SignedString(with.key)
	if err != nil {
		return "", fmt.Errorf("sign the client's assertion: %w", err)
	}
	return signed, nil
}

// signingMethod is the configured one, if the key goes with it, or that of the key.
func (c Client) signingMethod(key crypto.Signer) (jwt.SigningMethod, error) {
	var fitting []string
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < leastRSABits {
			return nil, malformed(fmt.Errorf("sign the client's assertion: the key in %s has %d bits, want %d or more (RFC 7518, 3.3)", c.Key, key.N.BitLen(), leastRSABits))
		}
		fitting = []string{"RS256", "PS256"}
	case *ecdsa.PrivateKey:
		fitting = map[elliptic.Curve][]string{elliptic.P256(): {"ES256"}, elliptic.P384(): {"ES384"}, elliptic.P521(): {"ES512"}}[key.Curve]
	case ed25519.PrivateKey:
		fitting = []string{"EdDSA"}
	}
	for _, name := range fitting {
		if c.Algorithm == "" || c.Algorithm == name {
			return signingMethods()[name], nil
		}
	}
	return nil, malformed(fmt.Errorf("sign the client's assertion: the key in %s (%T) does not go with signing_algorithm %q", c.Key, key, c.Algorithm))
}
