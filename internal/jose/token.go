// Package jose reads what a JSON Web Token, a JSON Web Key Set and a discovery document say,
// for checks: dates and issuer of a token without its key (RFC 7519, RFC 7515), whether a
// published key signed it (RFC 7517), and which endpoints an authorization server has
// (OpenID Connect Discovery 1.0, RFC 8414). It makes no token, decrypts none, keeps none,
// never follows a URL or a key that a token names, and judges nothing. Cryptography is that
// of go-jose.
package jose

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

const (
	// MaxTokenBytes is more than any server takes in a header.
	MaxTokenBytes = 64 << 10
	maxMembers    = 1000
	maxDepth      = 32
	maxAudiences  = 100
	maxScopes     = 1000
	// none is the algorithm of a token that nobody signed (RFC 7518, 3.6).
	none = "none"
)

// Errors of Read. None repeats what it was given.
var (
	// ErrNoToken: it is no JSON Web Token in the compact form of RFC 7515, section 7.1.
	ErrNoToken = errors.New("it is no JSON Web Token")
	// ErrDamaged is an ErrNoToken whose header is that of a token all the same.
	ErrDamaged = fmt.Errorf("%w, though it begins like one", ErrNoToken)
	// ErrSeveral: it is more than one, with white space between them.
	ErrSeveral = errors.New("it is more than one token")
	// ErrEncrypted: it is one of RFC 7516, whose dates only its recipient can read.
	ErrEncrypted = errors.New("it is an encrypted token (JWE, RFC 7516): only its recipient can read its dates")
	ErrTooLarge  = fmt.Errorf("it is larger than the %d KiB that a token may have", MaxTokenBytes>>10)
)

// Token is what a token says of itself. Nothing of it was verified, and its strings are
// hostile: they are as long as the token allows and may hold control characters. It holds no
// part of the signature, and neither sub nor jti.
type Token struct {
	Algorithm, KeyID, Type string
	Issuer                 string
	Audience               []string
	// ClientID is azp (OpenID Connect Core, 2), or else client_id (RFC 9068, 2.2).
	ClientID string
	// Scopes are those of scope (RFC 8693, 4.2), or else of scp.
	Scopes []string
	// ExpiresAt, NotBefore and IssuedAt are exp, nbf and iat in UTC; zero where the claim is
	// missing, null or Malformed.
	ExpiresAt, NotBefore, IssuedAt time.Time
	// Malformed lists claims that cannot be taken as they were written.
	Malformed []Malformed
	// Fingerprint is "sha256:" and 12 hexadecimal digits of the hash of the whole token, which
	// holds a signature of 128 bits or more. Of an unsigned token, whose claims could be
	// guessed, it is that of issuer, audience and dates alone.
	Fingerprint string
	// Holder is 8 hexadecimal digits of the hash of iss, aud, sub and ClientID. It stays the
	// same over renewals. Whoever guesses a subject can check the guess with it.
	Holder string
}

// Malformed is a claim, or a member of the header, that RFC 7519 does not allow.
type Malformed struct {
	// Claim is "exp", or "alg of the header".
	Claim string
	// Text is a clause without the claim's name: `is the string "tomorrow" and no number of seconds`.
	Text string
}

// Unsigned reports whether anybody could have written it.
func (t Token) Unsigned() bool { return strings.EqualFold(t.Algorithm, none) }

// MalformedClaim gives what is wrong with a claim; empty if nothing is.
func (t Token) MalformedClaim(claim string) string {
	for _, wrong := range t.Malformed {
		if wrong.Claim == claim {
			return wrong.Text
		}
	}
	return ""
}

// Bare takes white space, a byte order mark and "Bearer" from around a token.
func Bare(token []byte) []byte {
	token = bytes.TrimFunc(token, hidden)
	const scheme = "Bearer"
	if len(token) > len(scheme) && bytes.EqualFold(token[:len(scheme)], []byte(scheme)) {
		if rest := bytes.TrimFunc(token[len(scheme):], hidden); len(rest) < len(token)-len(scheme) {
			return rest
		}
	}
	return token
}

func hidden(r rune) bool {
	return unicode.IsSpace(r) || r == 0 || r == '\uFEFF' || r >= '\u200B' && r <= '\u200F' || r == '\u2060'
}

// several reports whether a text is more than one token, with white space between them.
func several(text string) bool {
	count := 0
	for word := range strings.FieldsFuncSeq(text, hidden) {
		parts := strings.Split(word, ".")
		if len(parts) != 3 && len(parts) != 5 {
			continue
		}
		if head, err := object(parts[0]); err == nil && head.text("alg") != "" {
			count++
		}
	}
	return count > 1
}

// Read reads a token in the compact form, with what Bare takes away around it. It needs no
// key and verifies nothing.
func Read(token []byte) (Token, error) {
	token = Bare(token)
	if len(token) > MaxTokenBytes {
		return Token{}, ErrTooLarge
	}
	if several(string(token)) {
		return Token{}, ErrSeveral
	}
	parts := strings.Split(string(token), ".")
	if len(parts) != 3 && len(parts) != 5 {
		return Token{}, fmt.Errorf("%w: that has three parts with dots between them", ErrNoToken)
	}
	head, err := object(parts[0])
	if err != nil {
		return Token{}, fmt.Errorf("%w: its header %w", ErrNoToken, err)
	}
	read := Token{}
	read.header(head)
	switch {
	case read.Algorithm == "":
		return Token{}, fmt.Errorf("%w: its header names no algorithm", ErrNoToken)
	case len(parts) == 5 && slices.ContainsFunc(parts, func(part string) bool { return !base64URL(part) }):
		return Token{}, fmt.Errorf("%w: one of its five parts is not base64url", ErrDamaged)
	case len(parts) == 5:
		return Token{}, ErrEncrypted
	}
	body, err := object(parts[1])
	if err != nil {
		return Token{}, fmt.Errorf("%w: its payload %w", ErrDamaged, err)
	}
	if !base64URL(parts[2]) {
		return Token{}, fmt.Errorf("%w: its signature is not base64url", ErrDamaged)
	}
	subject := read.claims(body)
	read.Holder = shortHash(8, append([]string{read.Issuer, subject, read.ClientID}, slices.Sorted(slices.Values(read.Audience))...)...)
	read.Fingerprint = "sha256:" + read.fingerprint(token, parts[2] == "")
	return read, nil
}

func (t *Token) fingerprint(token []byte, bare bool) string {
	if !bare && !t.Unsigned() {
		sum := sha256.Sum256(token)
		return hex.EncodeToString(sum[:])[:12]
	}
	of := []string{t.Issuer}
	for _, date := range []time.Time{t.ExpiresAt, t.NotBefore, t.IssuedAt} {
		of = append(of, date.Format(time.RFC3339Nano))
	}
	return shortHash(12, append(of, t.Audience...)...)
}

// shortHash hashes the hash of each part, so that no two lists of parts are alike.
func shortHash(digits int, parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		inner := sha256.Sum256([]byte(part))
		sum.Write(inner[:])
	}
	return hex.EncodeToString(sum.Sum(nil))[:digits]
}

// base64URL reports whether text is base64url without padding. The decoder of the standard
// library passes over line breaks, which no service does.
func base64URL(text string) bool {
	if strings.ContainsAny(text, "\r\n") {
		return false
	}
	_, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil
}

// object reads a part of the token as a JSON object. Its error is a clause and repeats
// nothing.
func object(part string) (members, error) {
	if part == "" || !base64URL(part) {
		return members{}, errors.New("is not base64url")
	}
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return members{}, errors.New("is not base64url")
	}
	return readMembers(text)
}

func (t *Token) header(head members) {
	t.Algorithm, t.KeyID, t.Type = head.text("alg"), head.text("kid"), head.text("typ")
	for _, name := range head.twice {
		t.wrong(name+" of the header", "is written twice, and services differ in which of the two they take")
	}
}

// claims gives the subject, which is not kept.
func (t *Token) claims(body members) (subject string) {
	for _, name := range body.twice {
		t.wrong(name, "is written twice, and services differ in which of the two they take")
	}
	date := func(claim string) time.Time {
		raw, there := body.byName[claim]
		if !there || t.MalformedClaim(claim) != "" {
			return time.Time{}
		}
		at, text := NumericDate(raw)
		if text != "" {
			t.wrong(claim, text)
		}
		return at
	}
	t.ExpiresAt, t.NotBefore, t.IssuedAt = date("exp"), date("nbf"), date("iat")
	t.Issuer, subject = body.text("iss"), string(body.byName["sub"])
	if t.ClientID = body.text("azp"); t.ClientID == "" {
		t.ClientID = body.text("client_id")
	}
	t.Audience = body.texts("aud", maxAudiences)
	for _, name := range []string{"scope", "scp"} {
		if len(t.Scopes) > 0 {
			break
		}
		for _, words := range body.texts(name, maxScopes) {
			t.Scopes = append(t.Scopes, strings.Fields(words)...)
		}
	}
	return subject
}

func (t *Token) wrong(claim, text string) {
	t.Malformed = append(t.Malformed, Malformed{Claim: claim, Text: text})
}
