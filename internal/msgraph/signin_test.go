package msgraph

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// withCertificate lets the own application sign in with the pair's certificate too.
func withCertificate(server *faketenant.Tenant, pair pki.Pair) {
	server.Change(func(d *faketenant.Directory) {
		d.Applications[0].KeyCredentials = []faketenant.KeyCredential{faketenant.Certificate("88888888-2222-4333-8444-555555555555", pair.Cert)}
	})
}

func pemOf(t testing.TB, pair pki.Pair) string {
	t.Helper()
	key, err := pair.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	return string(key) + string(pair.ChainPEM())
}

func pkcs12Of(t testing.TB, pair pki.Pair, password string) string {
	t.Helper()
	file, err := pkcs12.Modern.Encode(pair.Key, pair.Cert, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

// lineEnding is a PKCS #12 file as the reader of secrets gives it, whose last bytes (of how
// often its key is derived) look like the end of a line.
func lineEnding(t testing.TB, end string) string {
	t.Helper()
	iterations := 0
	for _, octet := range []byte("\x01" + end) {
		iterations = iterations<<8 | int(octet)
	}
	file, err := pkcs12.Modern.WithIterations(iterations).Encode(rsaPair().Key, rsaPair().Cert, nil, "pass-canary")
	if err != nil {
		t.Fatal(err)
	}
	trimmed, ended := strings.CutSuffix(string(file), end)
	if !ended {
		t.Fatalf("the file ends in %x", file[len(file)-2:])
	}
	return trimmed
}

func certificate(options SignIn) SignIn {
	options.Method, options.Secret, options.Certificate = ClientCert, watch.SecretRef{}, watch.SecretRef{Env: "OWN_CERT"}
	return options
}

func authenticated(t *testing.T, client *Client) {
	t.Helper()
	who, err := client.Authenticate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if who.ClientID != ownApp || who.TenantID != faketenant.DefaultTenantID || who.Method != client.options.method() || !slices.Equal(who.Permissions, []string{"Application.Read.All"}) {
		t.Errorf("signed in as %+v", who)
	}
	if got := walk(t, client); got.err != nil || len(got.appIDs) == 0 {
		t.Errorf("%d applications, %v", len(got.appIDs), got.err)
	}
}

func TestASecretSignsIn(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(0))
	client := newWorld().open(t, at(t, server))
	authenticated(t, client)
	own, err := client.OwnKey()
	if err != nil || !own.HasHint("Q~s") || own.HasHint("Q~t") || own.HasHint("") || own.HasThumbprint(nil) || strings.Contains(fmt.Sprintf("%v %+v", own, own), "Q~s") {
		t.Errorf("own key: %v, %v", own, err)
	}
	if requests := server.Requests(); len(requests) != 3 || slices.ContainsFunc(requests, func(r faketenant.Request) bool { return r.Header.Get("User-Agent") != "lapsewatch" }) {
		t.Errorf("asked %v", requests)
	}
}

func TestACertificateSignsIn(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(0))
	withCertificate(server, rsaPair())
	for name, text := range map[string]string{
		"PEM":      pemOf(t, rsaPair()),
		"PKCS #12": pkcs12Of(t, rsaPair(), "pass-canary"),
		"PKCS #12 whose last byte is taken for the end of a line":       lineEnding(t, "\n"),
		"PKCS #12 whose last two bytes are taken for the end of a line": lineEnding(t, "\r\n"),
		"PKCS #12 in Base64":    base64.StdEncoding.EncodeToString([]byte(pkcs12Of(t, rsaPair(), "pass-canary"))),
		"PEM with the CA first": string(server.RootPEM) + pemOf(t, rsaPair()),
	} {
		t.Run(name, func(t *testing.T) {
			where := newWorld()
			where.secrets.set("OWN_CERT", text)
			where.secrets.set("PASSWORD", "pass-canary")
			options := certificate(at(t, server))
			options.CertificatePassword = watch.SecretRef{Env: "PASSWORD"}
			client := where.open(t, options)
			authenticated(t, client)
			own, err := client.OwnKey()
			if err != nil || !own.NotAfter.Equal(rsaPair().Cert.NotAfter) || !own.HasThumbprint(sha1Of(rsaPair().Cert.Raw)) || own.HasThumbprint(sha1Of(server.RootPEM)) || own.HasHint("Q~s") {
				t.Errorf("own key: %+v, %v", own, err)
			}
		})
	}
}

func TestWorkloadIdentitySignsInWithTheTokenAsItIsNow(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(0))
	const subject = "system:serviceaccount:ops:lapsewatch"
	server.Change(func(d *faketenant.Directory) {
		d.Applications[0].FederatedIdentityCredentials = []faketenant.FederatedIdentityCredential{{
			ID: "1", Name: "cluster", Issuer: server.FederatedIssuer(), Subject: subject, Audiences: []string{faketenant.FederationAudience},
		}}
	})
	token, err := server.FederatedToken(subject, today.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	options := at(t, server)
	options.Method, options.Secret, options.TokenFile = "", watch.SecretRef{}, write(t, "token", []byte("eyJ.rotated.away"))
	where := newWorld()
	client := where.open(t, options)
	if _, err := client.Authenticate(t.Context()); reasonOf(err) != watch.AuthFederationRefused {
		t.Fatalf("a token that is none: %v", err)
	}
	if err := os.WriteFile(options.TokenFile, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	where.now = where.now.Add(61 * time.Minute)
	authenticated(t, client)
}

func TestWorkloadIdentityReadsItsSettingsFromTheEnvironment(t *testing.T) {
	server := tenant(t, many(0))
	options := at(t, server)
	options.Method, options.Secret, options.ClientID = "", watch.SecretRef{}, ""
	_, err := newWorld().open(t, options).Authenticate(t.Context())
	if reasonOf(err) != watch.AuthUnavailable || !strings.Contains(err.Error(), "there is no application to sign in as: AZURE_CLIENT_ID is not set and client_id is not given") {
		t.Errorf("without AZURE_CLIENT_ID: %v", err)
	}
	t.Setenv("AZURE_CLIENT_ID", ownApp)
	_, err = newWorld().open(t, options).Authenticate(t.Context())
	if reasonOf(err) != watch.AuthUnavailable || !strings.Contains(err.Error(), "there is no federated token: AZURE_FEDERATED_TOKEN_FILE is not set") {
		t.Errorf("without a token file: %v", err)
	}
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", filepath.Join(t.TempDir(), "gone"))
	_, err = newWorld().open(t, options).Authenticate(t.Context())
	if reasonOf(err) != watch.AuthUnavailable || !strings.Contains(err.Error(), "read the federated token: open ") || len(server.Requests()) != 0 {
		t.Errorf("without the file: %v", err)
	}
}

func TestAManagedIdentitySignsIn(t *testing.T) {
	server := tenant(t, many(0))
	options := at(t, server)
	options.Method, options.Secret, options.ClientID = ManagedIdentity, watch.SecretRef{}, ""
	t.Setenv("IDENTITY_ENDPOINT", server.ManagedIdentityURL())
	t.Setenv("IDENTITY_HEADER", server.ManagedIdentityHeader())
	where := newWorld()
	_, err := where.open(t, options).Authenticate(t.Context())
	if want := "sign in to tenant " + server.TenantID + ": the managed identity is not to be had: No Managed Identity found for specified ClientId/ResourceId/PrincipalId. (status 400)"; err == nil || err.Error() != want || reasonOf(err) != watch.AuthUnavailable {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if kept := where.memory.all(); len(kept) != 0 {
		t.Errorf("remembered %s of a machine that has no identity", kept)
	}
	server.Change(func(d *faketenant.Directory) {
		d.ServicePrincipals = []faketenant.ServicePrincipal{{ID: "5", AppID: ownApp, ServicePrincipalType: "ManagedIdentity"}}
	})
	server.Misbehave(faketenant.Manner{Answer: faketenant.Reply(http.StatusGone, "application/json", `{}`)})
	client := where.open(t, options)
	authenticated(t, client) // after the endpoint was updated
	// MSAL keeps the tokens of managed identities for the whole process.
	server.ExpireTokens()
	if got := walk(t, client); got.err != nil || len(got.appIDs) == 0 {
		t.Errorf("after the token was revoked: %v", got.err)
	}
}

func TestTheDefaultChainSignsInWithTheEnvironment(t *testing.T) {
	server := tenant(t, many(0))
	options := at(t, server)
	options.Method, options.Secret, options.ClientID = DefaultChain, watch.SecretRef{}, ""
	t.Setenv("AZURE_TENANT_ID", server.TenantID)
	t.Setenv("AZURE_CLIENT_ID", ownApp)
	t.Setenv("AZURE_CLIENT_SECRET", ownSecret)
	authenticated(t, newWorld().open(t, options))
	t.Setenv("AZURE_CLIENT_SECRET", "canary-of-the-environment")
	_, err := newWorld().open(t, options).Authenticate(t.Context())
	if reasonOf(err) != watch.AuthSecretWrong || !strings.Contains(err.Error(), "AADSTS7000215") || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a wrong secret: %v", err)
	}
}

func TestTheDefaultChainTellsWhatEachLinkLacks(t *testing.T) {
	for _, name := range settingVariables {
		t.Setenv(name, "") // which puts it back afterwards; an empty one is not an unset one
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	server, where := tenant(t, many(0)), newWorld()
	options := at(t, server)
	options.Method, options.Secret, options.ClientID = DefaultChain, watch.SecretRef{}, ""
	t.Setenv("PATH", t.TempDir())
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "dev")
	_, err := where.open(t, options).Authenticate(t.Context())
	want := "sign in to tenant " + server.TenantID + ": nothing to sign in with: AzureCLICredential: executable not found on path; AzureDeveloperCLICredential: executable not found on path; AzurePowerShellCredential: executable not found on path"
	if reasonOf(err) != watch.AuthUnavailable || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if err := os.Unsetenv("AZURE_TOKEN_CREDENTIALS"); err != nil {
		t.Fatal(err)
	}
	failure := where.try(t, options, func(env *Env) { env.HTTP = httpClient(offline()) })
	for _, want := range []string{
		": nothing to sign in with: EnvironmentCredential: missing environment variable AZURE_TENANT_ID; WorkloadIdentityCredential: no client ID",
		"; ManagedIdentityCredential: ", "; AzureCLICredential: ", "; AzureDeveloperCLICredential: ", "; AzurePowerShellCredential: executable not found on path",
	} {
		if failure == nil || failure.Reason != watch.AuthUnavailable || !strings.Contains(failure.Error(), want) || len([]rune(failure.Text)) > shownOfChain || strings.Contains(failure.Text, "aka.ms") {
			t.Errorf("got %v, want …%s", failure, want)
		}
	}
}

func TestAHoldOfTheDefaultChainEndsWithTheEnvironment(t *testing.T) {
	server, where := tenant(t, many(0)), newWorld()
	options := at(t, server)
	options.Method, options.Secret, options.ClientID = DefaultChain, watch.SecretRef{}, ""
	t.Setenv("AZURE_TENANT_ID", server.TenantID)
	t.Setenv("AZURE_CLIENT_ID", ownApp)
	t.Setenv("AZURE_CLIENT_SECRET", "canary-of-the-environment")
	for run, held := range []bool{false, true} {
		if failure := where.try(t, options); failure == nil || failure.Reason != watch.AuthSecretWrong || failure.Held != held {
			t.Fatalf("run %d with the wrong secret: %+v", run+1, failure)
		}
	}
	t.Setenv("AZURE_CLIENT_SECRET", ownSecret)
	if failure := where.try(t, options); failure != nil {
		t.Errorf("with the right one: %v", failure)
	}
	t.Setenv("AZURE_CLIENT_SECRET", "")
	path := write(t, "own.pem", []byte(pemOf(t, rsaPair())))
	t.Setenv("AZURE_CLIENT_CERTIFICATE_PATH", path)
	if failure := where.try(t, options); failure == nil || failure.Reason != watch.AuthCertificateUnknown {
		t.Fatalf("with an unknown certificate: %+v", failure)
	}
	fresh := mustRSA(today, today.AddDate(1, 0, 0))
	withCertificate(server, fresh)
	if failure := where.try(t, options); failure == nil || !failure.Held {
		t.Errorf("with the same file: %v", failure)
	}
	if err := os.WriteFile(path, []byte(pemOf(t, fresh)), 0o600); err != nil {
		t.Fatal(err)
	}
	if failure := where.try(t, options); failure != nil {
		t.Errorf("after the certificate was renewed in its file: %v", failure)
	}
}

func TestTheAzureCLISignsIn(t *testing.T) {
	server := tenant(t, many(0))
	options := at(t, server)
	options.Method, options.Secret, options.ClientID = AzureCLI, watch.SecretRef{}, ""
	folder := t.TempDir()
	t.Setenv("PATH", folder)
	_, err := newWorld().open(t, options).Authenticate(t.Context())
	if reasonOf(err) != watch.AuthUnavailable || !strings.HasSuffix(err.Error(), ": the Azure CLI is not installed: az was not found on the path") {
		t.Errorf("without az: %v", err)
	}
	az := func(script string) {
		if err := os.WriteFile(filepath.Join(folder, "az"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { //nolint:gosec // it is to be run
			t.Fatal(err)
		}
	}
	az(`echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`)
	_, err = newWorld().open(t, options).Authenticate(t.Context())
	if reasonOf(err) != watch.AuthUnavailable || !strings.HasSuffix(err.Error(), ": AzureCLICredential: ERROR: Please run 'az login' to setup account") {
		t.Errorf("with nobody logged in: %v", err)
	}
	az(`echo "ERROR: AADSTS700082: The refresh token has expired due to inactivity. Trace ID: 1" >&2; exit 1`)
	_, err = newWorld().open(t, options).Authenticate(t.Context())
	if reasonOf(err) != watch.AuthFailed || !strings.Contains(err.Error(), "AzureCLICredential: ERROR: AADSTS700082: The refresh token has expired due to inactivity. (AADSTS700082)") {
		t.Errorf("after az lost its sign-in: %v", err)
	}
	if failure, _ := errors.AsType[*Failure](err); time.Until(failure.RetryAt) > time.Minute {
		t.Errorf("whoever runs az login waits until %s", failure.RetryAt)
	}
	got, err := newWorld().open(t, at(t, server)).gate.take(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	az(fmt.Sprintf(`echo '{"accessToken":%q,"expires_on":%d}'`, got, today.Add(2*time.Hour).Unix()))
	authenticated(t, newWorld().open(t, options))
}

func TestACredentialThatCannotWorkIsNotTried(t *testing.T) {
	t.Parallel()
	expired := mustRSA(today.AddDate(-1, 0, 0), today.AddDate(0, 0, -3))
	elliptic, err := pki.SelfSigned(pki.Spec{CommonName: "lapsewatch"})
	if err != nil {
		t.Fatal(err)
	}
	key, _ := rsaPair().KeyPEM()
	other, _ := mustRSA(today, today.AddDate(1, 0, 0)).KeyPEM()
	server := tenant(t, many(0))
	for name, row := range map[string]struct {
		text   string
		reason watch.Reason
		want   string
	}{
		"an expired certificate":       {pemOf(t, expired), watch.AuthCertificateExpired, "the client certificate in environment variable OWN_CERT has expired on " + expired.Cert.NotAfter.UTC().Format(time.RFC3339)},
		"an elliptic key":              {pemOf(t, elliptic), watch.AuthUnavailable, "read the client certificate in environment variable OWN_CERT: its private key is ecdsa; Microsoft Entra takes RSA keys only"},
		"no key":                       {string(rsaPair().ChainPEM()), watch.AuthUnavailable, "OWN_CERT: it holds no private key"},
		"no certificate":               {string(key), watch.AuthUnavailable, "OWN_CERT: it holds no certificate"},
		"another certificate's key":    {string(other) + string(rsaPair().ChainPEM()), watch.AuthUnavailable, "OWN_CERT: none of its certificates belongs to its private key"},
		"two keys":                     {string(key) + pemOf(t, rsaPair()), watch.AuthUnavailable, "OWN_CERT: it holds more than one private key"},
		"an encrypted key":             {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", watch.AuthUnavailable, "its private key is encrypted PEM, which is not read; use PKCS #12"},
		"a damaged key":                {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", watch.AuthUnavailable, "its private key cannot be parsed"},
		"neither PEM nor PKCS #12":     {"hello", watch.AuthUnavailable, "OWN_CERT: it is neither PEM nor PKCS #12 with one private key"},
		"PKCS #12 with other password": {pkcs12Of(t, rsaPair(), "other"), watch.AuthUnavailable, "OWN_CERT: its password is wrong or missing (certificate_password)"},
	} {
		t.Run(name, func(t *testing.T) {
			where := newWorld()
			where.secrets.set("OWN_CERT", row.text)
			_, err := where.open(t, certificate(at(t, server))).Authenticate(t.Context())
			if reasonOf(err) != row.reason || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), "sign in to tenant "+server.TenantID+" as application "+ownApp+": ") {
				t.Errorf("got %v, want %s: %s", err, row.reason, row.want)
			}
		})
	}
	where := newWorld()
	delete(where.secrets.text, "OWN_SECRET")
	if _, err := where.open(t, at(t, server)).Authenticate(t.Context()); reasonOf(err) != watch.AuthUnavailable || !strings.Contains(err.Error(), "read the secret in environment variable OWN_SECRET: it is empty or not set") {
		t.Errorf("without the secret: %v", err)
	}
	if requests := server.Requests(); len(requests) != 0 {
		t.Errorf("the tenant was asked %d times", len(requests))
	}
}

func TestARefusalOfEntraIsToldByItsClass(t *testing.T) {
	t.Parallel()
	refusedWith := func(change func(*faketenant.Directory)) func(*faketenant.Tenant, *SignIn, *world) {
		return func(server *faketenant.Tenant, _ *SignIn, _ *world) { server.Change(change) }
	}
	answered := func(answer faketenant.Answer) func(*faketenant.Tenant, *SignIn, *world) {
		return func(server *faketenant.Tenant, _ *SignIn, _ *world) {
			server.Misbehave(faketenant.Manner{On: "/token", Times: faketenant.Always, Answer: answer})
		}
	}
	withPair := func(registered, used pki.Pair) func(*faketenant.Tenant, *SignIn, *world) {
		return func(server *faketenant.Tenant, options *SignIn, where *world) {
			withCertificate(server, registered)
			*options = certificate(*options)
			where.secrets.set("OWN_CERT", pemOf(t, used))
		}
	}
	for name, row := range map[string]struct {
		make   func(*faketenant.Tenant, *SignIn, *world)
		reason watch.Reason
		want   string
	}{
		"an expired secret": {refusedWith(func(d *faketenant.Directory) {
			d.Applications[0].PasswordCredentials = []faketenant.PasswordCredential{secretOf(ownSecret, today.AddDate(0, 0, -1))}
		}), watch.AuthSecretExpired, "the client secret has expired (AADSTS7000222, correlation id "},
		"a wrong secret":            {func(_ *faketenant.Tenant, _ *SignIn, where *world) { where.secrets.set("OWN_SECRET", "canary-wrong") }, watch.AuthSecretWrong, "the client secret is wrong; want its value, not its ID (AADSTS7000215, correlation id "},
		"an unknown application":    {refusedWith(func(d *faketenant.Directory) { d.Applications = nil }), watch.AuthApplicationUnknown, "the tenant has no such application (AADSTS700016, correlation id "},
		"a disabled application":    {refusedWith(func(d *faketenant.Directory) { d.Applications[0].Disabled = true }), watch.AuthApplicationDisabled, "the application is disabled (AADSTS7000112, correlation id "},
		"an unknown tenant":         {func(_ *faketenant.Tenant, options *SignIn, _ *world) { options.Tenant = "nobody.example.com" }, watch.AuthTenantUnknown, "there is no such tenant in this cloud (AADSTS90002, correlation id "},
		"no consent":                {answered(faketenant.ConsentMissing()), watch.AuthConsentMissing, "nobody has consented to the application in this tenant (AADSTS65001, correlation id "},
		"Conditional Access":        {answered(faketenant.ConditionalAccess()), watch.AuthConditionalAccess, "Conditional Access blocks it (AADSTS53003, correlation id "},
		"an unknown certificate":    {withPair(mustRSA(today, today.AddDate(1, 0, 0)), rsaPair()), watch.AuthCertificateUnknown, "the client certificate is not registered with the application (AADSTS700027, correlation id "},
		"an unknown number":         {answered(faketenant.Reply(400, "application/json", `{"error":"x","error_description":"AADSTS1234567: Something new.\r\nTrace ID: 1","error_codes":[1234567]}`)), watch.AuthFailed, "AADSTS1234567: Something new. (AADSTS1234567)"},
		"a refusal without a body":  {answered(faketenant.Reply(400, "", "")), watch.AuthFailed, "127.0.0.1:PORT answers bad request (status 400)"},
		"a captive portal":          {answered(faketenant.HTML(200)), watch.Unparsable, "127.0.0.1:PORT: it answers with text/html where JSON belongs; a proxy or a sign-in page may stand in between (status 200)"},
		"a portal's refusal":        {answered(faketenant.HTML(403)), watch.AuthFailed, "127.0.0.1:PORT answers forbidden, it answers with text/html where JSON belongs"},
		"an answer without a token": {answered(faketenant.Reply(200, "application/json", `{"token_type":"Bearer"}`)), watch.Unparsable, "127.0.0.1:PORT gives no token: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, where := tenant(t, many(0)), newWorld()
			options := at(t, server)
			row.make(server, &options, where)
			_, err := where.open(t, options).Authenticate(t.Context())
			want := fmt.Sprintf("sign in to tenant %s as application %s: ", options.Tenant, ownApp) + strings.ReplaceAll(row.want, "127.0.0.1:PORT", strings.TrimPrefix(server.GraphURL, "https://"))
			if reasonOf(err) != row.reason || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got  %v\nwant %s…, reason %s", err, want, row.reason)
			}
			failure, _ := errors.AsType[*Failure](err)
			if !failure.Lasting || failure.Held || failure.Attempts != 1 || !failure.RetryAt.Equal(where.now.Add(time.Hour)) {
				t.Errorf("lasting %v, held %v, %d attempts, again at %s", failure.Lasting, failure.Held, failure.Attempts, failure.RetryAt)
			}
		})
	}
}

func TestAFederatedTokenThatDoesNotFitIsAMatterOfFederation(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(0))
	token, err := server.FederatedToken("system:serviceaccount:default:other", today.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	options := at(t, server)
	options.Method, options.Secret, options.TokenFile = WorkloadIdentity, watch.SecretRef{}, write(t, "token", []byte(token))
	_, err = newWorld().open(t, options).Authenticate(t.Context())
	if reasonOf(err) != watch.AuthFederationRefused || !strings.Contains(err.Error(), "the application has no federated credential for the token's issuer, subject and audience (AADSTS70021, ") || strings.Contains(err.Error(), token) {
		t.Errorf("got %v", err)
	}
}

func TestEachListedNumberHasItsReason(t *testing.T) {
	t.Parallel()
	want := map[watch.Reason][]int{
		watch.AuthSecretExpired:       {7000222},
		watch.AuthSecretWrong:         {7000215, 70002},
		watch.AuthCertificateExpired:  {1000502},
		watch.AuthCertificateUnknown:  {700027, 700030, 7000214, 7000277},
		watch.AuthApplicationUnknown:  {700016, 700011},
		watch.AuthApplicationDisabled: {7000112, 70001, 1000031},
		watch.AuthTenantUnknown:       {90002, 900023, 90019, 50059, 50128, 90038},
		watch.AuthConsentMissing:      {65001, 65005, 650056, 650057, 90008, 90094, 90099, 500011},
		watch.AuthConditionalAccess:   {53000, 53001, 53003, 530032, 530035, 500021, 500022, 50131},
		watch.AuthFederationRefused:   {700222, 700223, 700238, 700229, 50013, 50027, 70021, 700211, 700212, 700213, 7002121, 7002138},
		watch.AuthAssertionTime:       {700024, 500133},
		watch.Throttled:               {50196, 90055},
		watch.AuthFailed:              {90006, 90012, 90024, 90033, 90090, 50033, 50034},
	}
	gate := newGate(SignIn{Tenant: "contoso.com", Method: ClientSecret}, newWorld().env(), nil)
	listed := 0
	for reason, numbers := range want {
		for _, number := range numbers {
			body, _ := json.Marshal(tokenError{Description: fmt.Sprintf("AADSTS%d: words.", number), Codes: []int{number}})
			failure := gate.told(&witness{host: "login", got: answer{status: 400, body: body}}, today)
			if failure.Reason != reason || failure.Code != fmt.Sprint("AADSTS", number) || failure.Text == "" {
				t.Errorf("%d: %+v, want %s", number, failure, reason)
			}
			if passing := reason == watch.Throttled || reason == watch.AuthAssertionTime || reason == watch.AuthFailed && number != 50034; failure.Lasting == passing {
				t.Errorf("%d: lasting is %v", number, failure.Lasting)
			}
			if _, ok := verdicts[number]; ok {
				listed++
			}
		}
	}
	if listed != len(verdicts) {
		t.Errorf("%d of %d numbers are tested", listed, len(verdicts))
	}
	spoken := gate.told(&witness{got: answer{status: 401, body: []byte(`{"error_description":"AADSTS700027: invalid signature. [Reason - The key used is expired., x]"}`)}}, today)
	if spoken.Reason != watch.AuthCertificateExpired || spoken.Text != "the client certificate has expired" {
		t.Errorf("a number in the words alone: %+v", spoken)
	}
}

func reasonOf(err error) watch.Reason {
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure.Reason
	}
	return watch.Reason(fmt.Sprintf("no failure: %v", err))
}
