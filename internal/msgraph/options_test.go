package msgraph

import (
	"errors"
	"strings"
	"testing"

	"lapsewatch/watch"
)

func TestOptionsThatCannotWorkNameTheKey(t *testing.T) {
	secret, tenant, client := watch.SecretRef{Env: "S"}, "contoso.onmicrosoft.com", ownApp
	for name, row := range map[string]struct {
		options SignIn
		want    []string
	}{
		"a domain and workload identity need nothing else": {SignIn{Tenant: tenant}, nil},
		"a secret":                      {SignIn{Tenant: ownApp, ClientID: client, Method: ClientSecret, Secret: secret}, nil},
		"a certificate with a password": {SignIn{Tenant: tenant, ClientID: client, Method: ClientCert, Certificate: secret, CertificatePassword: secret, Cloud: China}, nil},
		"no tenant":                     {SignIn{}, []string{"tenant: it is missing"}},
		"all tenants":                   {SignIn{Tenant: "Common"}, []string{`tenant: "Common" names no single tenant`}},
		"a tenant's display name":       {SignIn{Tenant: "Contoso Ltd"}, []string{`tenant: "Contoso Ltd" is neither a GUID nor a domain`}},
		"a tenant with a path":          {SignIn{Tenant: "contoso.com/../x"}, []string{`tenant: "contoso.com/../x" is neither`}},
		"a secret without client":       {SignIn{Tenant: tenant, Method: ClientSecret, Secret: secret}, []string{"client_id: it is missing: sign_in: secret needs the application (client) ID"}},
		"a client by name":              {SignIn{Tenant: tenant, ClientID: "watchdog"}, []string{`client_id: "watchdog" is not a GUID`}},
		"a client for the CLI":          {SignIn{Tenant: tenant, ClientID: client, Method: AzureCLI}, []string{"client_id: sign_in: azure_cli takes its identity from the environment"}},
		"no secret":                     {SignIn{Tenant: tenant, ClientID: client, Method: ClientSecret}, []string{"secret: it is missing: sign_in: secret needs it"}},
		"a secret beside a certificate": {SignIn{Tenant: tenant, ClientID: client, Method: ClientCert, Certificate: secret, Secret: secret}, []string{"secret: it belongs to sign_in: secret, but sign_in is certificate"}},
		"a password without method":     {SignIn{Tenant: tenant, CertificatePassword: secret}, []string{"certificate_password: it belongs to sign_in: certificate, but sign_in is workload_identity"}},
		"a token file for a secret":     {SignIn{Tenant: tenant, ClientID: client, Method: ClientSecret, Secret: secret, TokenFile: "/t"}, []string{"token_file: it belongs to sign_in: workload_identity"}},
		"a secret named twice":          {SignIn{Tenant: tenant, ClientID: client, Method: ClientSecret, Secret: watch.SecretRef{Env: "S", File: "s"}}, []string{"secret: a secret is given by reference"}},
		"an unknown method":             {SignIn{Tenant: tenant, Method: "password"}, []string{`sign_in: "password" is not known`}},
		"an unknown cloud":              {SignIn{Tenant: tenant, Cloud: "germany"}, []string{`cloud: "germany" is not known`}},
		"an authority without scheme":   {SignIn{Tenant: tenant, AuthorityURL: "127.0.0.1:3128"}, []string{"authority_url: it cannot be parsed as a URL: want https://HOST"}},
		"a Graph without scheme":        {SignIn{Tenant: tenant, GraphURL: "127.0.0.1:3128"}, []string{"graph_url: it cannot be parsed as a URL: want https://HOST"}},
		"a Graph by name and port":      {SignIn{Tenant: tenant, GraphURL: "graph.example.com:443"}, []string{"graph_url: want https://HOST: tokens are sent there"}},
		"a proxy without scheme":        {SignIn{Tenant: tenant, Proxy: "127.0.0.1:3128"}, []string{"proxy: it cannot be parsed as a URL: want http://HOST:PORT or https://HOST:PORT"}},
		"a proxy by name and port":      {SignIn{Tenant: tenant, Proxy: "proxy.example.com:3128"}, []string{"proxy: want http://HOST:PORT or https://HOST:PORT"}},
		"an authority without TLS":      {SignIn{Tenant: tenant, AuthorityURL: "http://login.example.com"}, []string{"authority_url: want https://"}},
		"a Graph with a path":           {SignIn{Tenant: tenant, GraphURL: "https://graph.example.com/v1.0"}, []string{"graph_url: want https://HOST and nothing after it"}},
		"a Graph with a password":       {SignIn{Tenant: tenant, GraphURL: "https://u:canary@graph.example.com"}, []string{"graph_url: it holds a user name or password"}},
		"a proxy with a password":       {SignIn{Tenant: tenant, Proxy: "http://u:canary@proxy:8080"}, []string{"proxy: it holds a user name or password: give those by proxy_credentials"}},
		"a proxy of another kind":       {SignIn{Tenant: tenant, Proxy: "socks5://proxy:1080"}, []string{"proxy: want http://HOST:PORT"}},
		"credentials for no proxy":      {SignIn{Tenant: tenant, ProxyCredentials: secret}, []string{"proxy_credentials: they need a proxy"}},
		"two mistakes":                  {SignIn{Cloud: "x"}, []string{"tenant: ", "cloud: "}},
	} {
		t.Run(name, func(t *testing.T) {
			err := row.options.Validate()
			if (err == nil) != (row.want == nil) {
				t.Fatalf("got %v, want %q", err, row.want)
			}
			if err == nil {
				return
			}
			if _, ok := errors.AsType[*watch.FieldError](err); !ok || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v", err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

func TestACloudChangesAuthorityAndGraphTogether(t *testing.T) {
	for cloud, want := range map[Cloud]endpoints{
		"":              {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
		USGovernment:    {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
		USGovernmentDoD: {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
		China:           {"https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"},
	} {
		if got := (SignIn{Cloud: cloud}).endpoints(); got != want {
			t.Errorf("%s: %v, want %v", cloud, got, want)
		}
	}
	if got := (SignIn{Cloud: China, GraphURL: "https://graph.example.com/"}).endpoints(); got.graph != "https://graph.example.com" {
		t.Errorf("an own Graph: %v", got)
	}
}
