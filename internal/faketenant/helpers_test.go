package faketenant

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	kiotaauth "github.com/microsoft/kiota-authentication-azure-go"
	kiotahttp "github.com/microsoft/kiota-http-go"
	kiotajson "github.com/microsoft/kiota-serialization-json-go"
)

const (
	watchdogApp    = "11111111-0000-4000-8000-000000000001"
	watchdogSecret = "a.secret~of-the-watchdog"
)

// now is the tenant's time in tests that need none of the machine's.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func fixed() time.Time { return now }

// watchdog is an application that can sign in with watchdogSecret.
func watchdog() Application {
	return Application{
		ID: "22222222-0000-4000-8000-000000000001", AppID: watchdogApp, DisplayName: "Lapsewatch",
		PasswordCredentials: []PasswordCredential{{
			KeyID: "33333333-0000-4000-8000-000000000001", Hint: "a.s", SecretText: watchdogSecret,
			StartDateTime: At(now.AddDate(-1, 0, 0)), EndDateTime: At(now.AddDate(1, 0, 0)),
		}},
	}
}

// start runs a tenant, in which the watchdog may read applications, until the test ends.
func start(t *testing.T, options Options) *Tenant {
	t.Helper()
	options.Directory.Applications = append([]Application{watchdog()}, options.Directory.Applications...)
	if options.Directory.Grants == nil {
		options.Directory.Grants = map[string][]string{watchdogApp: {"Application.Read.All"}}
	}
	if options.Now == nil {
		options.Now = fixed
	}
	if options.Manners == nil {
		options.Manners = WellBehaved()
	}
	tenant, err := Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tenant.Close(); err != nil {
			t.Error(err)
		}
	})
	return tenant
}

// httpClient trusts the tenant's authority, and follows no redirect.
func httpClient(t *testing.T, tenant *Tenant) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(tenant.RootPEM) {
		t.Fatal("the tenant's authority cannot be read")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// clientOptions make azidentity talk to the tenant, once.
func clientOptions(t *testing.T, tenant *Tenant) policy.ClientOptions {
	t.Helper()
	return policy.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: tenant.AuthorityURL},
		Transport: httpClient(t, tenant),
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}
}

func scope(tenant *Tenant) policy.TokenRequestOptions {
	return policy.TokenRequestOptions{Scopes: []string{tenant.GraphURL + "/.default"}}
}

// bySecret is the real azidentity credential of an application's secret.
func bySecret(t *testing.T, tenant *Tenant, tenantID, appID, secret string) azcore.TokenCredential {
	t.Helper()
	credential, err := azidentity.NewClientSecretCredential(tenantID, appID, secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: clientOptions(t, tenant), DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

// adapter is the real SDK's way to the tenant.
func adapter(t *testing.T, tenant *Tenant, credential azcore.TokenCredential) abstractions.RequestAdapter {
	t.Helper()
	host, err := url.Parse(tenant.GraphURL)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := kiotaauth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential, scope(tenant).Scopes, []string{host.Hostname()})
	if err != nil {
		t.Fatal(err)
	}
	factory := serialization.DefaultParseNodeFactoryInstance
	factory.ContentTypeAssociatedFactories["application/json"] = kiotajson.NewJsonParseNodeFactory()
	adapter, err := kiotahttp.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(auth, factory, nil, httpClient(t, tenant))
	if err != nil {
		t.Fatal(err)
	}
	adapter.SetBaseUrl(tenant.GraphURL + "/v1.0")
	return adapter
}

// visitor asks Graph without the SDK.
type visitor struct {
	t      *testing.T
	tenant *Tenant
	http   *http.Client
	token  string
}

// visit signs in as the watchdog.
func visit(t *testing.T, tenant *Tenant) visitor {
	t.Helper()
	client := httpClient(t, tenant)
	response, err := client.PostForm(tenant.AuthorityURL+"/"+tenant.TenantID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {watchdogApp}, "client_secret": {watchdogSecret}, "scope": {tenant.GraphURL + "/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&granted); err != nil || granted.AccessToken == "" {
		t.Fatalf("the watchdog got no access token: %s %v", response.Status, err)
	}
	return visitor{t, tenant, client, granted.AccessToken}
}

// ask sends a GET and returns what came, even where the body was cut short.
func (v visitor) ask(address string, header ...string) (*http.Response, string, error) {
	v.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.tenant.GraphURL + address
	}
	request, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+v.token)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := v.http.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// page is a list or an object as Graph sends it.
type page struct {
	Value []map[string]any `json:"value"`
	Count *int             `json:"@odata.count"`
	Next  string           `json:"@odata.nextLink"`
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func (v visitor) page(address string, header ...string) (page, int) {
	v.t.Helper()
	response, body, err := v.ask(address, header...)
	if err != nil {
		v.t.Fatal(err)
	}
	var read page
	if err := json.Unmarshal([]byte(body), &read); err != nil {
		v.t.Fatalf("GET %s: %s: %v in %.200s", address, response.Status, err, body)
	}
	return read, response.StatusCode
}

// object asks for one object.
func (v visitor) object(address string) map[string]any {
	v.t.Helper()
	_, body, err := v.ask(address)
	var read map[string]any
	if err == nil {
		err = json.Unmarshal([]byte(body), &read)
	}
	if err != nil {
		v.t.Fatalf("GET %s: %v", address, err)
	}
	return read
}
