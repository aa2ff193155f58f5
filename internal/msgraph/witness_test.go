package msgraph

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

func TestA13_TheSecretGoesNowhereElseBecauseTheAuthoritySaysSo(t *testing.T) {
	token := func(t *testing.T, server *faketenant.Tenant) string {
		text, err := server.FederatedToken("system:serviceaccount:ops:lapsewatch", today.Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return write(t, "token", []byte(text))
	}
	for name, edit := range map[string]func(*testing.T, *faketenant.Tenant, SignIn) SignIn{
		"a secret":      func(_ *testing.T, _ *faketenant.Tenant, options SignIn) SignIn { return options },
		"a certificate": func(_ *testing.T, _ *faketenant.Tenant, options SignIn) SignIn { return certificate(options) },
		"a federated token": func(t *testing.T, server *faketenant.Tenant, options SignIn) SignIn {
			options.Method, options.Secret, options.TokenFile = WorkloadIdentity, watch.SecretRef{}, token(t, server)
			return options
		},
		"the environment's secret": func(t *testing.T, server *faketenant.Tenant, options SignIn) SignIn {
			t.Setenv("AZURE_TENANT_ID", server.TenantID)
			t.Setenv("AZURE_CLIENT_ID", ownApp)
			t.Setenv("AZURE_CLIENT_SECRET", ownSecret)
			options.Method, options.Secret, options.ClientID = DefaultChain, watch.SecretRef{}, ""
			// On one machine all hosts are the same, which that method trusts with more.
			options.AuthorityURL = strings.Replace(options.AuthorityURL, "127.0.0.1", "localhost", 1)
			return options
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, elsewhere, where := tenant(t, many(0)), tenant(t, many(0)), newWorld()
			options := edit(t, server, at(t, server))
			// Both are trusted: only the name of the host speaks against the other.
			options.CAFile = write(t, "both.pem", append(bytes.Clone(server.RootPEM), elsewhere.RootPEM...))
			where.secrets.set("OWN_CERT", pemOf(t, rsaPair()))
			other := elsewhere.AuthorityURL
			if options.Method == DefaultChain {
				other = "https://evil.example"
			}
			server.Misbehave(faketenant.Manner{On: "/openid-configuration", Times: faketenant.Always, Answer: faketenant.Edited(func(body []byte) []byte {
				body = bytes.ReplaceAll(body, []byte(server.AuthorityURL), []byte(strings.TrimRight(options.AuthorityURL, "/")))
				return bytes.ReplaceAll(body, []byte(options.AuthorityURL+"/"+server.TenantID+"/oauth2"), []byte(other+"/"+server.TenantID+"/oauth2"))
			})})
			failure := where.try(t, options)
			want := "the authority at " + options.AuthorityURL + " names " + other + " as the place to prove the identity to; nothing was sent there, for it is another host"
			if failure == nil || failure.Reason != watch.Unreadable || !failure.Lasting || failure.Attempts != 1 || !strings.HasSuffix(failure.Error(), want) {
				t.Errorf("got  %v\nwant …%s", failure, want)
			}
			if len(elsewhere.Requests()) != 0 || posts(server) != 0 {
				t.Errorf("asked elsewhere %d times, and here for a token %d times", len(elsewhere.Requests()), posts(server))
			}
		})
	}
}

func TestA13_WhichHostsMayBeToldTheSecret(t *testing.T) {
	for name, row := range map[string]struct {
		authority, to string
		method        Method
		want          bool
	}{
		"the authority itself":            {"https://login.example.com", "https://LOGIN.example.com:443/t/token", ClientSecret, true},
		"another port of it":              {"https://login.example.com", "https://login.example.com:8443/t/token", ClientSecret, false},
		"without TLS":                     {"https://login.example.com", "http://login.example.com/t/token", ClientSecret, false},
		"with a user":                     {"https://login.example.com", "https://login.example.com@evil.example/t/token", ClientSecret, false},
		"a host that begins like it":      {"https://login.microsoftonline.com", "https://login.microsoftonline.com.evil.example/", ClientCert, false},
		"another of Microsoft's":          {"https://login.microsoftonline.com", "https://login.windows.net/t/token", ClientCert, true},
		"a region of Microsoft's":         {"https://login.microsoftonline.com", "https://westeurope.login.microsoft.com/t/token", WorkloadIdentity, true},
		"Microsoft's, from elsewhere":     {"https://login.example.com", "https://login.microsoftonline.com/t/token", ClientSecret, false},
		"elsewhere, from Microsoft's":     {"https://login.microsoftonline.com", "https://login.example.com/t/token", WorkloadIdentity, false},
		"another port of Microsoft's":     {"https://login.microsoftonline.com", "https://login.windows.net:8443/t/token", ClientSecret, false},
		"this machine, for a secret":      {"https://login.microsoftonline.com", "http://localhost:50342/token", ClientSecret, false},
		"this machine, for the chain":     {"https://login.microsoftonline.com", "http://localhost:50342/token", DefaultChain, true},
		"elsewhere, for the chain":        {"https://login.microsoftonline.com", "https://evil.example/token", DefaultChain, false},
		"a managed identity's own":        {"https://login.microsoftonline.com", "http://169.254.169.254/token", ManagedIdentity, true},
		"a name that ends in Microsoft's": {"https://login.microsoftonline.com", "https://evil.example.login.microsoftonline.com.evil/", ClientSecret, false},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, row.to, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := (&witness{method: row.method, authority: row.authority}).mayBeTold(request.URL); got != row.want {
				t.Errorf("%s, from %s: %v", (&url.URL{Host: request.URL.Host}).Host, row.authority, got)
			}
		})
	}
}
