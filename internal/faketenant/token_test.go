package faketenant

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

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
