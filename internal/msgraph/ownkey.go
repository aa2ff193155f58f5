package msgraph

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Entra names certificates by it; nothing is protected with it
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// hintLength is how many characters of a secret Graph shows as its hint.
const hintLength = 3

// maxTokenFile is more than any issuer's token needs.
const maxTokenFile = 64 << 10

// ownKey is what this sign-in proves itself with. It lives as long as the attempt.
type ownKey struct {
	secret   watch.Secret
	chain    []*x509.Certificate // the leaf first
	signer   crypto.PrivateKey
	password watch.Secret
	// assertion is the federated token, and tokenFile where it was read.
	assertion watch.Secret
	tokenFile string
	// machine is what the environment gives azidentity, for the methods that look there.
	machine environment
}

func (k ownKey) secrets() []watch.Secret {
	return append(k.machine.secrets(), k.secret, k.password, k.assertion)
}

// read reads the credential as it is now. Its failures cost no attempt, so nothing is held.
func (g *gate) read(now time.Time) (ownKey, *Failure) {
	key, err := g.readKey()
	if err != nil {
		return key, &Failure{Doing: g.doing(), Reason: watch.AuthUnavailable, Lasting: true, Text: said(err.Error()), Err: err}
	}
	if len(key.chain) > 0 && now.After(key.chain[0].NotAfter) {
		return key, &Failure{
			Doing: g.doing(), Reason: watch.AuthCertificateExpired, Lasting: true,
			Text: fmt.Sprintf("the client certificate in %s has expired on %s", g.options.Certificate, key.chain[0].NotAfter.UTC().Format(time.RFC3339)),
		}
	}
	return key, nil
}

func (g *gate) readKey() (key ownKey, err error) {
	switch g.options.method() {
	case ClientSecret:
		key.secret, err = g.env.Secrets(g.options.Secret)
	case ClientCert:
		key, err = g.readCertificate()
	case WorkloadIdentity:
		if g.options.ClientID == "" {
			return key, errors.New("there is no application to sign in as: AZURE_CLIENT_ID is not set and client_id is not given")
		}
		key.tokenFile = g.options.TokenFile
		if key.tokenFile == "" {
			key.tokenFile = os.Getenv("AZURE_FEDERATED_TOKEN_FILE")
		}
		key.assertion, err = readToken(key.tokenFile)
	case ManagedIdentity, DefaultChain:
		key.machine = readEnvironment()
	case AzureCLI: // which keeps everything to itself
	}
	return key, err
}

func readToken(path string) (watch.Secret, error) {
	if path == "" {
		return watch.Secret{}, errors.New("there is no federated token: AZURE_FEDERATED_TOKEN_FILE is not set and token_file is not given (is the workload identity webhook at work, and the pod labelled for it?)")
	}
	file, err := os.Open(path)
	if err != nil {
		return watch.Secret{}, fmt.Errorf("read the federated token: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxTokenFile+1))
	switch {
	case err != nil:
		return watch.Secret{}, fmt.Errorf("read the federated token: %w", err)
	case len(text) > maxTokenFile:
		return watch.Secret{}, fmt.Errorf("read the federated token in %s: it is larger than %d bytes", path, maxTokenFile)
	case strings.TrimSpace(string(text)) == "":
		return watch.Secret{}, fmt.Errorf("read the federated token in %s: it is empty", path)
	}
	return watch.NewSecret(string(text)), nil
}

func (g *gate) readCertificate() (ownKey, error) {
	var key ownKey
	content, err := g.env.Secrets(g.options.Certificate)
	if err != nil {
		return key, err
	}
	if !g.options.CertificatePassword.IsZero() {
		if key.password, err = g.env.Secrets(g.options.CertificatePassword); err != nil {
			return key, err
		}
	}
	if key.chain, key.signer, err = parseCertificate(content.Reveal(), key.password.Reveal()); err != nil {
		return key, fmt.Errorf("read the client certificate in %s: %w", g.options.Certificate, redact.Error(err, key.password))
	}
	return key, nil
}

// parseCertificate reads PEM or PKCS #12, the latter also in Base64, as Key Vault gives it.
func parseCertificate(content, password string) ([]*x509.Certificate, crypto.PrivateKey, error) {
	var chain []*x509.Certificate
	var signer crypto.PrivateKey
	var err error
	if strings.Contains(content, "-----BEGIN ") {
		chain, signer, err = parsePEM([]byte(content))
	} else {
		chain, signer, err = parsePKCS12(content, password)
	}
	if err != nil {
		return nil, nil, err
	}
	private, ok := signer.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("its private key is %s; Microsoft Entra takes RSA keys only", algorithm(signer))
	}
	for at, cert := range chain {
		if private.PublicKey.Equal(cert.PublicKey) {
			chain[0], chain[at] = chain[at], chain[0]
			return chain, private, nil
		}
	}
	return nil, nil, errors.New("none of its certificates belongs to its private key")
}

func algorithm(signer crypto.PrivateKey) string {
	return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", signer), "*"), ".PrivateKey")
}

func parsePEM(content []byte) (chain []*x509.Certificate, signer crypto.PrivateKey, err error) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		var key crypto.PrivateKey
		switch block.Type {
		case "CERTIFICATE":
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, err
			}
			chain = append(chain, cert)
			continue
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, nil, errors.New("its private key is encrypted PEM, which is not read; use PKCS #12 with certificate_password")
			}
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, nil, errors.New("its private key is encrypted PEM, which is not read; use PKCS #12 with certificate_password")
		default:
			continue
		}
		if err != nil {
			return nil, nil, errors.New("its private key cannot be parsed")
		}
		if signer != nil {
			return nil, nil, errors.New("it holds more than one private key")
		}
		signer = key
	}
	switch {
	case len(chain) == 0:
		return nil, nil, errors.New("it holds no certificate")
	case signer == nil:
		return nil, nil, errors.New("it holds no private key")
	}
	return chain, signer, nil
}

func parsePKCS12(content, password string) ([]*x509.Certificate, crypto.PrivateKey, error) {
	if decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), "")); err == nil {
		content = string(decoded)
	}
	signer, leaf, chain, err := pkcs12.DecodeChain([]byte(content), password)
	for _, trimmed := range []string{"\n", "\r\n"} { // a secret is read without the end of its line
		if err != nil && !errors.Is(err, pkcs12.ErrIncorrectPassword) {
			signer, leaf, chain, err = pkcs12.DecodeChain([]byte(content+trimmed), password)
		}
	}
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, nil, errors.New("its password is wrong or missing (certificate_password)")
	case err != nil:
		return nil, nil, errors.New("it is neither PEM nor PKCS #12 with one private key")
	}
	return append([]*x509.Certificate{leaf}, chain...), signer, nil
}

// OwnKey is what can be told of the credential that the client signs in with, without
// giving it away. It is empty for methods that keep no credential here.
type OwnKey struct {
	// NotBefore and NotAfter are those of the certificate; zero for a secret, whose dates
	// only Graph knows.
	NotBefore, NotAfter time.Time
	hint                string
	sha1                [sha1.Size]byte
	sha256              [sha256.Size]byte
}

// OwnKey reads the credential as it is now. Its error is a *Failure.
func (c *Client) OwnKey() (OwnKey, error) {
	key, err := c.gate.readKey()
	if err != nil {
		return OwnKey{}, &Failure{Doing: "read the own credential", Reason: watch.AuthUnavailable, Lasting: true, Text: said(err.Error()), Err: err}
	}
	var own OwnKey
	if text := []rune(key.secret.Reveal()); len(text) >= hintLength {
		own.hint = string(text[:hintLength])
	}
	if len(key.chain) > 0 {
		leaf := key.chain[0]
		own.NotBefore, own.NotAfter = leaf.NotBefore.UTC(), leaf.NotAfter.UTC()
		own.sha1, own.sha256 = sha1.Sum(leaf.Raw), sha256.Sum256(leaf.Raw) //nolint:gosec // see the import
	}
	return own, nil
}

// HasHint reports whether the secret begins with what Graph shows of one of its
// passwordCredentials. Three characters are a hint and no proof.
func (k OwnKey) HasHint(hint string) bool { return k.hint != "" && k.hint == hint }

// HasThumbprint reports whether the certificate is the one of that customKeyIdentifier:
// its SHA-1 or SHA-256 thumbprint.
func (k OwnKey) HasThumbprint(identifier []byte) bool {
	return !k.NotAfter.IsZero() && (string(identifier) == string(k.sha1[:]) || string(identifier) == string(k.sha256[:]))
}

// Format keeps the hint out of logs.
func (k OwnKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "<own key>") }
