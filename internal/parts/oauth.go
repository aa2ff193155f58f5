package parts

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"lapsewatch/internal/pki"
)

// OAuthOptions are what an authorization server is started with.
type OAuthOptions struct {
	// Client is the certificate, with its key, of the clients "assertion" (private_key_jwt),
	// "self-signed" and "mtls" (RFC 8705); without one there are no such clients. ClientRoot
	// issued it, as "mtls" wants.
	Client     pki.Pair
	ClientRoot pki.Pair
	// Shift is how far its clock is off; positive is ahead.
	Shift time.Duration
	// KeyID names the key that it signs with; "signing-1" if it is empty. Each server has a
	// key of its own.
	KeyID string
}

// AuthorizationServer is a running oidc-provider. Its clients with a secret are "basic",
// "post", "expired", "soon" (for 3 s after its start), and, for refresh tokens, "web" and
// "steady", whose tokens are not rotated; the secret of each is its name and "-secret".
//
// An access token is a JWT where the request's resource holds the word jwt
// ("https://jwt.example"), and lives for 2 s where it holds the word brief, else 300 s;
// without a resource it is opaque and lives for 120 s. The scope of resources is api:read.
// JWTs are refused by introspection.
type AuthorizationServer struct {
	// Issuer is an https URL without a path.
	Issuer string
	client *http.Client
}

// OAuth starts an authorization server that serves pair, whose authority is root.
func OAuth(t testing.TB, root, pair pki.Pair, options OAuthOptions) AuthorizationServer {
	t.Helper()
	path := program(t, "node", "nodejs")
	library := filepath.Join(oauthLibrary(t), "node_modules", "oidc-provider", "lib", "index.js")
	if _, err := os.Stat(library); err != nil {
		t.Fatalf("oidc-provider is not here (%v): run `make test-parts`", err)
	}
	p := newPart(t, pair)
	p.asRoot = true // its library lies in the home of whoever runs the tests
	p.listenOn("https")
	if options.KeyID == "" {
		options.KeyID = "signing-1"
	}
	clientRoot := root
	if options.Client.Cert != nil && options.ClientRoot.Cert != nil {
		clientRoot = options.ClientRoot
	}
	server := AuthorizationServer{Issuer: "https://" + p.address("https"), client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: root.Pool()}, DisableKeepAlives: true}}}
	script := p.configure("oauth.mjs", struct {
		*part
		Library, Issuer, KeyID, ClientKeys, ClientSubject, ClientRoot string
	}{p, (&url.URL{Scheme: "file", Path: library}).String(), server.Issuer, options.KeyID, clientKeys(t, options.Client), subjectOf(options.Client), p.file("client-root.pem", clientRoot.ChainPEM())})
	command := []string{path, script}
	if options.Shift != 0 {
		command = append(shifted(t, options.Shift), command...)
	}
	p.start(syscall.SIGKILL, p.accepting, "/usr/bin/env", command...)
	return server
}

// Authority is a root, and a pair of its for a server on 127.0.0.1.
func Authority(t testing.TB) (root, pair pki.Pair) {
	t.Helper()
	root, err := pki.NewRoot("authority")
	if err != nil {
		t.Fatal(err)
	}
	pair, err = root.Issue(pki.Spec{CommonName: "127.0.0.1", Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	return root, pair
}

// oauthLibrary is where documents.sh keeps what npm has installed.
func oauthLibrary(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "lapsewatch-parts", "oauth")
}

// clientKeys are the public keys of the client, as a JSON array of JWKs.
func clientKeys(t testing.TB, client pki.Pair) string {
	t.Helper()
	if client.Cert == nil {
		return "[]"
	}
	key := jose.JSONWebKey{Key: client.Cert.PublicKey, KeyID: "client-1", Use: "sig", Certificates: []*x509.Certificate{client.Cert}}
	encoded, err := json.Marshal([]jose.JSONWebKey{key})
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func subjectOf(client pki.Pair) string {
	if client.Cert == nil {
		return ""
	}
	return "CN=" + client.Cert.Subject.CommonName
}

// RefreshToken is a new refresh token of the client, which lives for so long.
func (s AuthorizationServer) RefreshToken(t testing.TB, client string, life time.Duration) string {
	t.Helper()
	where := fmt.Sprintf("%s/_mint?client=%s&ttl=%d", s.Issuer, url.QueryEscape(client), int(life.Seconds()))
	response, err := s.client.Get(where)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	token, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("mint a refresh token: %s, %v", response.Status, err)
	}
	return string(token)
}

// AccessToken is a new access token of the client "post"; form may hold a scope and a
// resource.
func (s AuthorizationServer) AccessToken(t testing.TB, form url.Values) string {
	t.Helper()
	asked := url.Values{"grant_type": {"client_credentials"}, "client_id": {"post"}, "client_secret": {"post-secret"}}
	maps.Copy(asked, form)
	response, err := s.client.PostForm(s.Issuer+"/token", asked)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if err != nil || json.Unmarshal(text, &got) != nil || got.AccessToken == "" {
		t.Fatalf("get an access token: %s %s, %v", response.Status, text, err)
	}
	return got.AccessToken
}
