package msgraph

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"lapsewatch/watch"
)

// Method is how Lapsewatch proves who it is.
type Method string

// The ways to sign in. The zero value is WorkloadIdentity, which has nothing of its own
// that lapses.
const (
	WorkloadIdentity Method = "workload_identity"
	ManagedIdentity  Method = "managed_identity"
	ClientCert       Method = "certificate"
	ClientSecret     Method = "secret"
	AzureCLI         Method = "azure_cli"
	DefaultChain     Method = "default"
)

var methods = []Method{WorkloadIdentity, ManagedIdentity, ClientCert, ClientSecret, AzureCLI, DefaultChain}

// SignIn are the options of signing in to one tenant and of reaching its Microsoft Graph.
// It is meant to be embedded inline.
type SignIn struct {
	Tenant              string          `yaml:"tenant" jsonschema:"required,minLength=1" jsonschema_description:"the tenant's ID (a GUID) or one of its verified domains"`
	ClientID            string          `yaml:"client_id,omitempty" jsonschema_description:"application (client) ID to sign in as; for workload_identity the default is AZURE_CLIENT_ID, for managed_identity the machine's own identity"`
	Method              Method          `yaml:"sign_in,omitempty" jsonschema:"enum=workload_identity,enum=managed_identity,enum=certificate,enum=secret,enum=azure_cli,enum=default" jsonschema_description:"how to prove that identity; default workload_identity, which has nothing of its own that lapses"`
	Secret              watch.SecretRef `yaml:"secret,omitempty" jsonschema_description:"the client secret, for sign_in: secret"`
	Certificate         watch.SecretRef `yaml:"certificate,omitempty" jsonschema_description:"the client certificate with its RSA key, as PEM or PKCS #12, for sign_in: certificate"`
	CertificatePassword watch.SecretRef `yaml:"certificate_password,omitempty" jsonschema_description:"the password of the PKCS #12 file"`
	TokenFile           string          `yaml:"token_file,omitempty" jsonschema_description:"file of the federated token, for sign_in: workload_identity; default AZURE_FEDERATED_TOKEN_FILE"`
	Cloud               Cloud           `yaml:"cloud,omitempty" jsonschema:"enum=public,enum=usgovernment,enum=usgovernment_dod,enum=china" jsonschema_description:"the cloud that the tenant lives in; default public"`
	AuthorityURL        string          `yaml:"authority_url,omitempty" jsonschema_description:"https URL of the token issuer, instead of the cloud's"`
	GraphURL            string          `yaml:"graph_url,omitempty" jsonschema_description:"https URL of Microsoft Graph, instead of the cloud's"`
	CAFile              string          `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
	Proxy               string          `yaml:"proxy,omitempty" jsonschema_description:"http or https URL of the proxy; default: that of the environment (HTTPS_PROXY)"`
	ProxyCredentials    watch.SecretRef `yaml:"proxy_credentials,omitempty" jsonschema_description:"where user:password for the proxy is kept"`
}

var (
	guid       = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	domainName = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?(\.[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?)+$`)
)

func (s SignIn) method() Method {
	if s.Method == "" {
		return WorkloadIdentity
	}
	return s.Method
}

// Validate reports what cannot work, each as a *watch.FieldError.
func (s SignIn) Validate() error {
	var problems []error
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	wrong("tenant", s.tenantFault())
	wrong("client_id", s.clientFault())
	if !slices.Contains(methods, s.method()) {
		wrong("sign_in", fmt.Errorf("%q is not known; want one of %v", s.Method, methods))
	}
	if _, known := clouds[s.cloud()]; !known {
		wrong("cloud", fmt.Errorf("%q is not known; want public, usgovernment, usgovernment_dod or china", s.Cloud))
	}
	if s.AuthorityURL != "" {
		wrong("authority_url", origin(s.AuthorityURL))
	}
	if s.GraphURL != "" {
		wrong("graph_url", origin(s.GraphURL))
	}
	problems = append(problems, s.credentialFaults()...)
	wrong("proxy", s.proxyFault())
	if !s.ProxyCredentials.IsZero() && s.Proxy == "" {
		wrong("proxy_credentials", errors.New("they need a proxy"))
	}
	return errors.Join(problems...)
}

func (s SignIn) tenantFault() error {
	switch {
	case s.Tenant == "":
		return errors.New("it is missing: want the tenant's ID or one of its verified domains")
	case slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(s.Tenant)):
		return fmt.Errorf("%q names no single tenant: want the tenant's ID or one of its verified domains", s.Tenant)
	case !guid.MatchString(s.Tenant) && !domainName.MatchString(s.Tenant):
		return fmt.Errorf("%q is neither a GUID nor a domain", s.Tenant)
	}
	return nil
}

func (s SignIn) clientFault() error {
	needed := s.method() == ClientCert || s.method() == ClientSecret
	switch {
	case s.ClientID == "" && needed:
		return fmt.Errorf("it is missing: sign_in: %s needs the application (client) ID", s.method())
	case s.ClientID != "" && !guid.MatchString(s.ClientID):
		return fmt.Errorf("%q is not a GUID: want the application (client) ID, not the name", s.ClientID)
	case s.ClientID != "" && (s.method() == AzureCLI || s.method() == DefaultChain):
		return fmt.Errorf("sign_in: %s takes its identity from the environment: leave it out", s.method())
	}
	return nil
}

// credentialFaults reports what one method needs and another has no use for: a secret that
// is silently ignored is taken for the one in use.
func (s SignIn) credentialFaults() []error {
	var problems []error
	for _, row := range []struct {
		path   string
		method Method
		ref    watch.SecretRef
		needed bool
	}{
		{"secret", ClientSecret, s.Secret, true},
		{"certificate", ClientCert, s.Certificate, true},
		{"certificate_password", ClientCert, s.CertificatePassword, false},
		{"token_file", WorkloadIdentity, watch.SecretRef{File: s.TokenFile}, false},
		{"proxy_credentials", s.method(), s.ProxyCredentials, false},
	} {
		var fault error
		switch used := s.method() == row.method; {
		case row.ref.IsZero() && used && row.needed:
			fault = fmt.Errorf("it is missing: sign_in: %s needs it", row.method)
		case row.ref.IsZero():
		case !used:
			fault = fmt.Errorf("it belongs to sign_in: %s, but sign_in is %s", row.method, s.method())
		default:
			fault = row.ref.Validate()
		}
		if fault != nil {
			problems = append(problems, &watch.FieldError{Path: row.path, Err: fault})
		}
	}
	return problems
}

func (s SignIn) proxyFault() error {
	if s.Proxy == "" {
		return nil
	}
	address, err := url.Parse(s.Proxy)
	switch {
	case err != nil: // the parser's error repeats the URL, which may hold a password
		return errors.New("it cannot be parsed as a URL: want http://HOST:PORT or https://HOST:PORT")
	case address.User != nil:
		return errors.New("it holds a user name or password: give those by proxy_credentials")
	case address.Scheme != "http" && address.Scheme != "https" || address.Hostname() == "":
		return errors.New("want http://HOST:PORT or https://HOST:PORT")
	}
	return nil
}
