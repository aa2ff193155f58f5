package faketenant

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/golang-jwt/jwt/v5"

	"lapsewatch/internal/pki"
)

// refusedWith are the AADSTS codes that azidentity was refused with.
func refusedWith(t *testing.T, err error) (codes []int, status int) {
	t.Helper()
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || failed.RawResponse == nil {
		t.Fatalf("azidentity says %T without an answer: %v", err, err)
	}
	body, err := runtime.Payload(failed.RawResponse)
	if err != nil {
		t.Fatal(err)
	}
	var refused struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
		Trace       string `json:"trace_id"`
		Correlation string `json:"correlation_id"`
		Timestamp   string `json:"timestamp"`
	}
	if err := json.Unmarshal(body, &refused); err != nil {
		return nil, failed.RawResponse.StatusCode
	}
	if len(refused.Codes) > 0 && (refused.Error == "" || refused.Trace == "" || refused.Correlation == "" || refused.Timestamp == "" ||
		!strings.Contains(refused.Description, "Trace ID: "+refused.Trace)) {
		t.Errorf("the refusal is not in Entra's shape: %s", body)
	}
	return refused.Codes, failed.RawResponse.StatusCode
}

func TestASecretIsLookedAt(t *testing.T) {
	other := func(edit func(*Application)) Application {
		app := watchdog()
		app.ID, app.AppID = "22222222-0000-4000-8000-00000000000f", "11111111-0000-4000-8000-00000000000f"
		edit(&app)
		return app
	}
	const otherApp = "11111111-0000-4000-8000-00000000000f"
	for _, test := range []struct {
		name          string
		app           Application
		manners       []Manner
		tenant, appID string
		secret        string
		code, status  int
	}{
		{name: "an expired secret", app: other(func(a *Application) { a.PasswordCredentials[0].EndDateTime = At(now) }), code: 7000222, status: 401},
		{name: "a wrong secret", secret: "another", code: 7000215, status: 401},
		{name: "an unknown application", appID: "11111111-0000-4000-8000-0000000000ff", code: 700016, status: 400},
		{name: "a disabled application", app: other(func(a *Application) { a.Disabled = true }), code: 7000112, status: 400},
		{name: "an application that Microsoft disabled", app: other(func(a *Application) { a.DisabledByMicrosoftStatus = "DisabledDueToViolationOfServicesAgreement" }), code: 7000112, status: 400},
		{name: "a tenant's Conditional Access", manners: []Manner{{On: "/token", Answer: ConditionalAccess()}}, code: 53003, status: 400},
		{name: "consent missing", manners: []Manner{{On: "/token", Answer: ConsentMissing()}}, code: 65001, status: 400},
		{name: "throttled", manners: []Manner{{On: "/token", Answer: Throttled("600")}}, status: 429},
		{name: "unavailable", manners: []Manner{{On: "/token", Answer: Unavailable("")}}, status: 503},
		{name: "a proxy's page", manners: []Manner{{On: "/token", Answer: HTML(502)}}, status: 502},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.app.AppID == "" {
				test.app = other(func(*Application) {})
			}
			if test.appID == "" {
				test.appID = otherApp
			}
			if test.secret == "" {
				test.secret = watchdogSecret
			}
			tenant := start(t, Options{Directory: Directory{Applications: []Application{test.app}}, Manners: append(WellBehaved(), test.manners...)})
			_, err := bySecret(t, tenant, tenant.TenantID, test.appID, test.secret).GetToken(t.Context(), scope(tenant))
			codes, status := refusedWith(t, err)
			if status != test.status || test.code != 0 && !slices.Equal(codes, []int{test.code}) {
				t.Errorf("azidentity was refused with %d %v, want %d %d", status, codes, test.status, test.code)
			}
			if strings.Contains(err.Error(), test.secret) {
				t.Errorf("the refusal holds the secret: %v", err)
			}
		})
	}
}

func TestAnUnknownTenantIsNotFound(t *testing.T) {
	tenant := start(t, Options{})
	_, err := bySecret(t, tenant, "99999999-0000-4000-8000-000000000001", watchdogApp, watchdogSecret).GetToken(t.Context(), scope(tenant))
	if err == nil || !strings.Contains(err.Error(), "AADSTS90002") {
		t.Errorf("azidentity says %v, want AADSTS90002", err)
	}
}

// certificate makes an RSA certificate, the only kind that azidentity signs in with.
func certificate(t *testing.T, key *rsa.PrivateKey, from, until time.Time) pki.Pair {
	t.Helper()
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "watchdog", NotBefore: from, NotAfter: until, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestACertificateIsLookedAt(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := certificate(t, key, now.AddDate(0, -1, 0), now.AddDate(0, 1, 0))
	expired := certificate(t, key, now.AddDate(0, -2, 0), now)
	for _, test := range []struct {
		name       string
		registered []pki.Pair
		cert       *x509.Certificate
		code       int
		words      string
	}{
		{name: "a registered certificate signs in", registered: []pki.Pair{expired, good}, cert: good.Cert},
		{name: "one not registered", registered: []pki.Pair{expired}, cert: good.Cert, code: 700027, words: "The key was not found."},
		{name: "an expired one", registered: []pki.Pair{expired, good}, cert: expired.Cert, code: 700027, words: "The key used is expired."},
	} {
		t.Run(test.name, func(t *testing.T) {
			tenant := start(t, Options{})
			tenant.Change(func(d *Directory) {
				for _, pair := range test.registered {
					d.Applications[0].KeyCredentials = append(d.Applications[0].KeyCredentials, Certificate("33333333-0000-4000-8000-000000000002", pair.Cert))
				}
			})
			credential, err := azidentity.NewClientCertificateCredential(tenant.TenantID, watchdogApp, []*x509.Certificate{test.cert}, key,
				&azidentity.ClientCertificateCredentialOptions{ClientOptions: clientOptions(t, tenant), DisableInstanceDiscovery: true})
			if err != nil {
				t.Fatal(err)
			}
			checkToken(t, tenant, credential, test.code, test.words)
		})
	}
}

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

// checkToken wants a token that Graph takes, or a refusal with that code and words.
func checkToken(t *testing.T, tenant *Tenant, credential azcore.TokenCredential, code int, words string) {
	t.Helper()
	token, err := credential.GetToken(t.Context(), scope(tenant))
	if code != 0 {
		codes, _ := refusedWith(t, err)
		if !slices.Equal(codes, []int{code}) || !strings.Contains(err.Error(), words) {
			t.Errorf("azidentity was refused with %v, want %d and the words %q: %v", codes, code, words, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	v := visitor{t, tenant, httpClient(t, tenant), token.Token}
	if _, status := v.page("/v1.0/applications"); status != 200 {
		t.Errorf("Graph answers the token with %d", status)
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

func TestAManagedIdentitySignsInWithoutACredential(t *testing.T) {
	const identity = "11111111-0000-4000-8000-000000000009"
	tenant := start(t, Options{Directory: Directory{
		ServicePrincipals: []ServicePrincipal{{ID: "44444444-0000-4000-8000-000000000009", AppID: identity, ServicePrincipalType: "ManagedIdentity"}},
		Grants:            map[string][]string{identity: {"Application.Read.All"}},
	}})
	t.Setenv("IDENTITY_ENDPOINT", tenant.ManagedIdentityURL())
	t.Setenv("IDENTITY_HEADER", tenant.ManagedIdentityHeader())
	credential, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: clientOptions(t, tenant)})
	if err != nil {
		t.Fatal(err)
	}
	checkToken(t, tenant, credential, 0, "")
}

func TestAShortLifetimeAsksForATokenAtEachRequest(t *testing.T) {
	tenant := start(t, Options{TokenLifetime: 200 * time.Second})
	credential := bySecret(t, tenant, tenant.TenantID, watchdogApp, watchdogSecret)
	for range 3 {
		if _, err := credential.GetToken(t.Context(), scope(tenant)); err != nil {
			t.Fatal(err)
		}
	}
	if asked := len(tenant.To("/token")); asked != 3 {
		t.Errorf("azidentity asked %d times for three tokens of 200 seconds", asked)
	}
}
