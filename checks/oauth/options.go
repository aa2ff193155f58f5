package oauth

import (
	"time"

	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

// Options are the options of a `kind: oauth` check.
type Options struct {
	SignIns        []SignIn        `yaml:"sign_ins,omitempty" jsonschema_description:"sign-ins to try, each once a pass"`
	Introspections []Introspection `yaml:"introspections,omitempty" jsonschema_description:"tokens that their authorization server is asked about (RFC 7662)"`
	RefreshTokens  []RefreshToken  `yaml:"refresh_tokens,omitempty" jsonschema_description:"refresh tokens whose date is reckoned; nothing is sent"`
	CAFile         string          `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
	ClockTolerance watch.Duration  `yaml:"clock_tolerance,omitempty" jsonschema_description:"how far an authorization server's clock may be off, such as 60s (the default)"`
}

// Client is who signs in or asks, and how it proves to be so.
type Client struct {
	Issuer            string          `yaml:"issuer,omitempty" jsonschema_description:"https URL of the authorization server, whose discovery document names its endpoints"`
	ClientID          string          `yaml:"client_id" jsonschema:"required,minLength=1" jsonschema_description:"the client's ID"`
	Method            string          `yaml:"client_auth,omitempty" jsonschema:"enum=client_secret_basic,enum=client_secret_post,enum=private_key_jwt,enum=tls_client_auth,enum=self_signed_tls_client_auth,enum=none" jsonschema_description:"how the client proves who it is (RFC 7591, section 2); default: what the other keys suggest"`
	Secret            watch.SecretRef `yaml:"client_secret,omitempty" jsonschema_description:"where the client's secret is kept" watched:"true"`
	Key               watch.SecretRef `yaml:"client_key,omitempty" jsonschema_description:"where the client's private key is kept, as PEM; with private_key_jwt and tls_client_auth" watched:"true"`
	Certificate       watch.SecretRef `yaml:"client_certificate,omitempty" jsonschema_description:"where the client's certificate is kept, as PEM, its own first" watched:"true"`
	KeyID             string          `yaml:"key_id,omitempty" jsonschema_description:"kid in the header of the assertion, with private_key_jwt"`
	Algorithm         string          `yaml:"signing_algorithm,omitempty" jsonschema:"enum=RS256,enum=PS256,enum=ES256,enum=ES384,enum=ES512,enum=EdDSA" jsonschema_description:"algorithm of the assertion; default: RS256, or the one that goes with the key"`
	AssertionAudience string          `yaml:"assertion_audience,omitempty" jsonschema_description:"aud of the assertion; default: the issuer, or else the endpoint"`
}

// SignIn is one to try.
type SignIn struct {
	entry.Entry  `yaml:",inline"`
	Client       `yaml:",inline"`
	TokenURL     string      `yaml:"token_url,omitempty" jsonschema_description:"https URL of the token endpoint, in place of the one that the issuer names"`
	Grant        string      `yaml:"grant,omitempty" jsonschema:"enum=client_credentials,enum=refresh_token" jsonschema_description:"what is asked with; default client_credentials"`
	Scopes       []string    `yaml:"scopes,omitempty" jsonschema_description:"scopes to ask for"`
	Resources    []string    `yaml:"resources,omitempty" jsonschema_description:"resources to ask for (RFC 8707)"`
	Audience     string      `yaml:"audience,omitempty" jsonschema_description:"the parameter audience, which some servers want"`
	Parameters   []Parameter `yaml:"parameters,omitempty" jsonschema_description:"further parameters of the request, none of them a secret"`
	ExpectScopes []string    `yaml:"expect_scopes,omitempty" jsonschema_description:"scopes that must be granted"`
	// SecretExpires is client_secret_expires_at of RFC 7591.
	SecretExpires entry.Date      `yaml:"secret_expires,omitempty" jsonschema_description:"when the client's secret expires, such as 2027-03-01 (its beginning, UTC) or 2027-03-01T12:00:00Z"`
	LatencyLimit  watch.Duration  `yaml:"latency_limit,omitempty" jsonschema_description:"how long the answer may take, such as 2s; default: any time within the timeout"`
	RefreshToken  watch.SecretRef `yaml:"refresh_token,omitempty" jsonschema_description:"the file that shows what store.command has stored" watched:"true"`
	Store         Store           `yaml:"store,omitempty" jsonschema_description:"where a new refresh token is kept; needed with the grant refresh_token"`
	Lifetime      `yaml:",inline"`
}

// Parameter is one of the token request.
type Parameter struct {
	Name  string `yaml:"name" jsonschema:"required" jsonschema_description:"its name"`
	Value string `yaml:"value" jsonschema:"required" jsonschema_description:"its value"`
}

// Lifetime is what is known of a refresh token that has no date of its own.
type Lifetime struct {
	Issued entry.Date     `yaml:"issued,omitempty" jsonschema_description:"when a person signed in, such as 2026-11-01T09:30:00Z; default: when the file was changed"`
	Life   watch.Duration `yaml:"life,omitempty" jsonschema_description:"how long after that sign-in it works, however often it is used, such as 90d"`
	Idle   watch.Duration `yaml:"idle,omitempty" jsonschema_description:"how long after its last use it works, such as 14d"`
}

// Store is where a new refresh token is kept.
type Store struct {
	File        string     `yaml:"file,omitempty" jsonschema_description:"file that holds the refresh token and nothing else; it is replaced as a whole"`
	Command     []string   `yaml:"command,omitempty" jsonschema_description:"program with its arguments that is given the token on its standard input, and ends with 0 when it has stored it"`
	Environment []Variable `yaml:"environment,omitempty" jsonschema_description:"variables for the command beside PATH, HOME and LANG"`
}

// Variable is one of the command's environment.
type Variable struct {
	Name  string          `yaml:"name" jsonschema:"required,pattern=^[A-Za-z_][A-Za-z0-9_]*$" jsonschema_description:"its name"`
	Value watch.SecretRef `yaml:"value" jsonschema:"required" jsonschema_description:"where its value is kept"`
}

func (s Store) isZero() bool {
	return s.File == "" && len(s.Command) == 0 && len(s.Environment) == 0
}

// Introspection is a token to ask about.
type Introspection struct {
	entry.Entry      `yaml:",inline"`
	Client           `yaml:",inline"`
	IntrospectionURL string          `yaml:"introspection_url,omitempty" jsonschema_description:"https URL of the introspection endpoint, in place of the one that the issuer names"`
	Token            watch.SecretRef `yaml:"token" jsonschema:"required" jsonschema_description:"where the token is kept" watched:"true"`
	TokenTypeHint    string          `yaml:"token_type_hint,omitempty" jsonschema:"enum=access_token,enum=refresh_token" jsonschema_description:"what sort of token it is"`
	ExpectScopes     []string        `yaml:"expect_scopes,omitempty" jsonschema_description:"scopes that it must have"`
}

// RefreshToken is one whose date is reckoned.
type RefreshToken struct {
	entry.Entry `yaml:",inline"`
	Token       watch.SecretRef `yaml:"token" jsonschema:"required" jsonschema_description:"where the refresh token is kept" watched:"true"`
	Lifetime    `yaml:",inline"`
}

// The ways in which a client proves who it is (RFC 7591, section 2; RFC 8705, section 2).
const (
	secretBasic   = "client_secret_basic"
	secretPost    = "client_secret_post"
	privateKeyJWT = "private_key_jwt"
	tlsAuth       = "tls_client_auth"
	selfSignedTLS = "self_signed_tls_client_auth"
	noAuth        = "none"
)

const (
	clientCredentials = "client_credentials"
	refreshToken      = "refresh_token"
)

const defaultTolerance = time.Minute

func defaults() Options {
	return Options{ClockTolerance: watch.Duration(defaultTolerance)}
}

// method is the configured one, or what the keys suggest.
func (c Client) method() string {
	switch {
	case c.Method != "":
		return c.Method
	case !c.Secret.IsZero():
		return secretBasic
	case !c.Certificate.IsZero():
		return tlsAuth
	case !c.Key.IsZero():
		return privateKeyJWT
	default:
		return noAuth
	}
}

// byTLS reports whether the client proves itself by its certificate.
func (c Client) byTLS() bool { return c.method() == tlsAuth || c.method() == selfSignedTLS }

func (s SignIn) grant() string {
	if s.Grant == "" {
		return clientCredentials
	}
	return s.Grant
}
