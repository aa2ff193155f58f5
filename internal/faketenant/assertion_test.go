package faketenant

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/golang-jwt/jwt/v5"
)

func TestAnAssertionIsLookedAt(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	otherKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cert := certificate(t, key, now.AddDate(0, -1, 0), now.AddDate(0, 1, 0)).Cert
	tenant := start(t, Options{})
	tenant.Change(func(d *Directory) {
		d.Applications[0].KeyCredentials = []KeyCredential{Certificate("33333333-0000-4000-8000-000000000002", cert)}
	})
	endpoint := tenant.AuthorityURL + "/" + tenant.TenantID + "/oauth2/v2.0/token"
	for _, test := range []struct {
		name       string
		thumbprint string
		key        *rsa.PrivateKey
		audience   string
		ends       time.Duration
		code       int
	}{
		{name: "an older client's SHA-1 thumbprint", thumbprint: "x5t", key: key, audience: endpoint, ends: time.Minute},
		{name: "another's key", thumbprint: "x5t#S256", key: otherKey, audience: endpoint, ends: time.Minute, code: 700027},
		{name: "no thumbprint", key: key, audience: endpoint, ends: time.Minute, code: 700027},
		{name: "one for another endpoint", thumbprint: "x5t#S256", key: key, audience: "https://elsewhere.example", ends: time.Minute, code: 700023},
		{name: "one past its time", thumbprint: "x5t#S256", key: key, audience: endpoint, ends: -time.Hour, code: 700024},
	} {
		t.Run(test.name, func(t *testing.T) {
			ends := time.Now().Add(test.ends)
			assertion := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
				"iss": watchdogApp, "sub": watchdogApp, "aud": test.audience, "nbf": ends.Add(-time.Minute).Unix(), "exp": ends.Unix(),
			})
			sha1Sum, sha256Sum := sha1.Sum(cert.Raw), sha256.Sum256(cert.Raw)
			switch test.thumbprint {
			case "x5t":
				assertion.Header["x5t"] = base64.RawURLEncoding.EncodeToString(sha1Sum[:])
			case "x5t#S256":
				assertion.Header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sha256Sum[:])
			}
			credential, err := azidentity.NewClientAssertionCredential(tenant.TenantID, watchdogApp,
				func(context.Context) (string, error) { return assertion.SignedString(test.key) },
				&azidentity.ClientAssertionCredentialOptions{ClientOptions: clientOptions(t, tenant), DisableInstanceDiscovery: true})
			if err != nil {
				t.Fatal(err)
			}
			checkToken(t, tenant, credential, test.code, "")
		})
	}
}

func TestAWorkloadsTokenIsLookedAt(t *testing.T) {
	const subject = "system:serviceaccount:watch:lapsewatch"
	for _, test := range []struct {
		name    string
		has     []FederatedIdentityCredential
		expires time.Duration
		code    int
	}{
		{name: "a federated subject signs in", has: []FederatedIdentityCredential{{Subject: subject, Audiences: []string{FederationAudience}}}},
		{name: "no federation at all", code: 70021},
		{name: "another issuer", has: []FederatedIdentityCredential{{Issuer: "https://elsewhere.example", Subject: subject, Audiences: []string{FederationAudience}}}, code: 700211},
		{name: "another audience", has: []FederatedIdentityCredential{{Subject: subject, Audiences: []string{"api://other"}}}, code: 700212},
		{name: "another subject", has: []FederatedIdentityCredential{{Subject: "system:serviceaccount:watch:other", Audiences: []string{FederationAudience}}}, code: 700213},
		{name: "a token past its time", has: []FederatedIdentityCredential{{Subject: subject, Audiences: []string{FederationAudience}}}, expires: -time.Hour, code: 700024},
	} {
		t.Run(test.name, func(t *testing.T) {
			tenant := start(t, Options{})
			tenant.Change(func(d *Directory) {
				for i := range test.has {
					if test.has[i].Issuer == "" {
						test.has[i].Issuer = tenant.FederatedIssuer()
					}
				}
				d.Applications[0].FederatedIdentityCredentials = test.has
			})
			expires := test.expires
			if expires == 0 {
				expires = time.Hour
			}
			token, err := tenant.FederatedToken(subject, time.Now().Add(expires))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
				t.Fatal(err)
			}
			credential, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
				ClientOptions: clientOptions(t, tenant), DisableInstanceDiscovery: true,
				ClientID: watchdogApp, TenantID: tenant.TenantID, TokenFilePath: file,
			})
			if err != nil {
				t.Fatal(err)
			}
			checkToken(t, tenant, credential, test.code, "")
		})
	}
}

func TestATokenOfAStrangersKeyIsRefused(t *testing.T) {
	tenant, stranger := start(t, Options{}), start(t, Options{})
	tenant.Change(func(d *Directory) {
		d.Applications[0].FederatedIdentityCredentials = []FederatedIdentityCredential{{
			Issuer: stranger.FederatedIssuer(), Subject: "s", Audiences: []string{FederationAudience},
		}}
	})
	credential, err := azidentity.NewClientAssertionCredential(tenant.TenantID, watchdogApp,
		func(context.Context) (string, error) { return stranger.FederatedToken("s", time.Now().Add(time.Hour)) },
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: clientOptions(t, tenant), DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	checkToken(t, tenant, credential, 700027, "")
}
