package oauth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestTheAssertionIsSignedAsTheKeyWants(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve := func(c elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	p256, p384, p521 := curve(elliptic.P256()), curve(elliptic.P384()), curve(elliptic.P521())
	public, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(p256)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	for _, row := range []struct {
		name, key, algorithm, want string
		public                     any
	}{
		{"RSA", pkcs8(rsaKey), "", "RS256", &rsaKey.PublicKey},
		{"RSA in the older form", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)})), "PS256", "PS256", &rsaKey.PublicKey},
		{"P-256 behind its parameters", "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})), "", "ES256", &p256.PublicKey},
		{"P-384", pkcs8(p384), "ES384", "ES384", &p384.PublicKey},
		{"P-521", pkcs8(p521), "", "ES512", &p521.PublicKey},
		{"Ed25519", pkcs8(edKey), "", "EdDSA", public},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets["KEY"] = row.key
			server := clean(t, saysJSON(http.StatusOK, grantedBody))
			got := w.collect(signInAt(server, func(s *oauth.SignIn) {
				s.Secret, s.Key, s.Algorithm, s.KeyID = watch.SecretRef{}, env("KEY"), row.algorithm, "key-7"
			})).condition("sign-in/crm")
			checktest.Equal(t, "reason", got.Reason, "")
			form, err := url.ParseQuery(string(server.To("/token")[0].Body))
			if err != nil {
				t.Fatal(err)
			}
			checktest.Equal(t, "assertion type", form.Get("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			claims := jwt.MapClaims{}
			token, err := jwt.ParseWithClaims(form.Get("client_assertion"), claims, func(*jwt.Token) (any, error) { return row.public, nil })
			if err != nil {
				t.Fatal(err)
			}
			checktest.Equal(t, "algorithm", token.Header["alg"], any(row.want))
			checktest.Equal(t, "key", token.Header["kid"], any("key-7"))
			checktest.Equal(t, "claims", fmt.Sprint(claims["iss"], claims["sub"], claims["aud"]), fmt.Sprint("crm-client", "crm-client", server.URL+"/token"))
			issued, _ := claims["iat"].(float64)
			expires, _ := claims["exp"].(float64)
			checktest.Equal(t, "life", expires-issued, 60)
			if id, _ := claims["jti"].(string); len(id) < 20 {
				t.Errorf("jti is %q", id)
			}
			if off := time.Since(time.Unix(int64(issued), 0)); off.Abs() > time.Minute {
				t.Errorf("it is dated %s off", off)
			}
			w.nothingOf([]string{form.Get("client_assertion"), row.key[40:80]})
		})
	}
}

func TestACertificateIsNamedInTheAssertionAndItsDatesAreTold(t *testing.T) {
	w := newWorld(t)
	root := authority(t, "authority")
	from, until := asOf.Add(-time.Hour), asOf.Add(20*24*time.Hour)
	pair := issue(t, root, pki.Spec{CommonName: "crm", NotBefore: from, NotAfter: until})
	w.secrets["KEY"], w.secrets["CERTIFICATE"] = keyPEM(t, pair), string(pair.ChainPEM())
	server := clean(t, saysJSON(http.StatusOK, grantedBody))
	got := w.collect(signInAt(server, func(s *oauth.SignIn) {
		s.Secret, s.Key, s.Certificate, s.Method, s.AssertionAudience = watch.SecretRef{}, env("KEY"), env("CERTIFICATE"), "private_key_jwt", "https://login.example"
	}))
	checktest.Equal(t, "reason", got.condition("sign-in/crm").Reason, "")
	told := got.credential("certificate/crm")
	checktest.Equal(t, "form", told.Form, watch.ClientCertificate)
	checktest.Equal(t, "until", told.NotAfter, until)
	checktest.Equal(t, "identity", told.Identity, fmt.Sprintf("sha256:%x", sha256.Sum256(pair.Cert.Raw)))
	form, err := url.ParseQuery(string(server.To("/token")[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := jwt.NewParser().ParseUnverified(form.Get("client_assertion"), jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(pair.Cert.Raw)
	checktest.Equal(t, "thumbprint", token.Header["x5t#S256"], any(base64.RawURLEncoding.EncodeToString(sum[:])))
	checktest.Equal(t, "audience", fmt.Sprint(token.Claims.(jwt.MapClaims)["aud"]), "https://login.example")
}

func TestKeysThatCannotBeUsedAreNamedAndNothingIsSent(t *testing.T) {
	root := authority(t, "authority")
	one, other := issue(t, root, pki.Spec{CommonName: "one"}), issue(t, root, pki.Spec{CommonName: "other"})
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, key, certificate, method, algorithm string
		reason                                    watch.Reason
		want                                      string
	}{
		{"none is there", "", string(one.ChainPEM()), "tls_client_auth", "", watch.Unreadable, "read the secret in environment variable KEY: it is empty or not set"},
		{"no PEM", "canary-key", "", "private_key_jwt", "", watch.Unparsable, "read the client's key in environment variable KEY: there is no private key as PEM"},
		{"a passphrase", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", "", "private_key_jwt", "", watch.Unparsable, "read the client's key in environment variable KEY: it is encrypted: give it without a passphrase"},
		{"damaged", "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----", "", "private_key_jwt", "", watch.Unparsable, `read the client's key in environment variable KEY: the PEM block "PRIVATE KEY" holds no key that can be used`},
		{"no certificate as PEM", keyPEM(t, one), "canary", "tls_client_auth", "", watch.Unparsable, "read the client's certificate in environment variable CERTIFICATE: there is none as PEM"},
		{"the key of another certificate", keyPEM(t, other), string(one.ChainPEM()), "tls_client_auth", "", watch.Unparsable, "the key in environment variable KEY is not that of the certificate in environment variable CERTIFICATE"},
		{"an algorithm that does not go with it", keyPEM(t, one), "", "private_key_jwt", "RS256", watch.Unparsable, `sign the client's assertion: the key in environment variable KEY (*ecdsa.PrivateKey) does not go with signing_algorithm "RS256"`},
		{"a weak one", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(weak)})), "", "private_key_jwt", "", watch.Unparsable, "sign the client's assertion: the key in environment variable KEY has 1024 bits, want 2048 or more (RFC 7518, 3.3)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			if row.key != "" {
				w.secrets["KEY"] = row.key
			}
			server := clean(t, saysJSON(http.StatusOK, grantedBody))
			all := w.collect(signInAt(server, func(s *oauth.SignIn) {
				s.Secret, s.Key, s.Method, s.Algorithm = watch.SecretRef{}, env("KEY"), row.method, row.algorithm
				if row.certificate != "" {
					w.secrets["CERTIFICATE"] = row.certificate
					s.Certificate = env("CERTIFICATE")
				}
			}))
			got := all.problem("sign-in/crm")
			// Whatever is wrong with the key, the certificate is told of.
			if row.certificate == "canary" {
				checktest.Equal(t, "reason of the certificate", all.problem("certificate/crm").Reason, row.reason)
			} else if row.certificate != "" {
				checktest.Equal(t, "date of the certificate", all.credential("certificate/crm").NotAfter, one.Cert.NotAfter)
			}
			checktest.Equal(t, "reason", got.Reason, row.reason)
			if !strings.HasSuffix(got.Err.Error(), row.want) {
				t.Errorf("it tells %q, want %q", got.Err, row.want)
			}
			checktest.Equal(t, "requests", len(server.Requests()), 0)
			w.nothingOf([]string{"canary"})
		})
	}
}

// An issuer is discovered once a pass, and what is its own document is believed.
func TestEndpointsAreThoseOfTheDiscoveryDocument(t *testing.T) {
	for _, row := range []struct {
		name, document string
		reason         watch.Reason
		want           string
	}{
		{"another issuer's", `{"issuer":"https://other.example","token_endpoint":"URL/token"}`, watch.IssuerMismatch, "the discovery document of URL is that of another issuer, \"https://other.example\": nothing is sent to the endpoints that it names"},
		{"without the endpoint", `{"issuer":"URL"}`, watch.NotFound, "the discovery document of URL names no token_endpoint that can be used"},
		{"with one over http", `{"issuer":"URL","token_endpoint":"http://127.0.0.1/token"}`, watch.NotFound, "the discovery document of URL names no token_endpoint that can be used"},
		{"none", `nothing`, watch.Unparsable, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets["SECRET"] = "canary-secret-0123456789"
			var server *vendortest.Server
			server = clean(t, func(w http.ResponseWriter, r *http.Request) {
				saysJSON(http.StatusOK, strings.ReplaceAll(row.document, "URL", server.URL))(w, r)
			})
			options := signInAt(server, func(s *oauth.SignIn) { s.TokenURL, s.Issuer = "", server.URL })
			second := options.SignIns[0]
			second.Entry = named("second")
			options.SignIns = append(options.SignIns, second)
			got := w.collect(options)
			problem := got.problem("sign-in/crm")
			checktest.Equal(t, "reason", problem.Reason, row.reason)
			if row.want != "" {
				checktest.Equal(t, "error", problem.Err.Error(), strings.ReplaceAll(row.want, "URL", server.URL))
			}
			checktest.Equal(t, "reason of the other", got.problem("sign-in/second").Reason, row.reason)
			checktest.Equal(t, "requests of a token", len(server.To("/token")), 0)
			if sent := len(server.To("/.well-known/openid-configuration")); sent != 1 {
				t.Errorf("the document was read %d times", sent)
			}
		})
	}
}

func TestAServerThatRefusesTheCertificateInTLSRefusesTheClient(t *testing.T) {
	ours, theirs := authority(t, "ours"), authority(t, "theirs")
	for _, row := range []struct {
		name string
		pair pki.Pair
		want string
	}{
		{"one of another authority", issue(t, ours, pki.Spec{CommonName: "crm"}), "its client certificate is refused (TLS alert: unknown certificate authority)"},
		{"one that has expired", issue(t, theirs, pki.Spec{CommonName: "crm", NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}), "its client certificate is refused (TLS alert: expired certificate)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets["KEY"], w.secrets["CERTIFICATE"] = keyPEM(t, row.pair), string(row.pair.ChainPEM())
			at, caFile := mutualTLS(t, theirs)
			options := oauth.Options{CAFile: caFile, SignIns: []oauth.SignIn{{
				Entry: named("crm"), Client: oauth.Client{ClientID: "crm", Key: env("KEY"), Certificate: env("CERTIFICATE")}, TokenURL: at + "/token",
			}}}
			got := w.collect(options).condition("sign-in/crm")
			checktest.Equal(t, "reason", got.Reason, watch.SignInClientRefused)
			checktest.Equal(t, "text", got.Text, "cannot sign in at "+at+" as client crm: "+row.want)
			checktest.Equal(t, "remedy", got.Remedy, "Check the client's certificate and its authority against what is registered at the authorization server.")
		})
	}
}
