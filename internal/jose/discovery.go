package jose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"lapsewatch/internal/clean"
)

const (
	// MaxDiscoveryBytes bounds a discovery document.
	MaxDiscoveryBytes = 1 << 20
	maxValues         = 200
	maxURL            = 2000
)

// ErrNoDiscovery: it is no discovery document.
var ErrNoDiscovery = errors.New("it is no discovery document (OpenID Connect Discovery 1.0, RFC 8414)")

// Discovery is what an authorization server says of itself. Its strings are hostile, but for
// the endpoints: each of those is an absolute URL that can be shown as it is, without user
// name and fragment, and https unless the issuer was asked for over http.
type Discovery struct {
	// Asked is the issuer as it was asked for, and URL where the document was found; both are
	// empty after ParseDiscovery.
	Asked, URL string
	// Issuer is what the document calls itself.
	Issuer string

	AuthorizationEndpoint, TokenEndpoint, IntrospectionEndpoint, RevocationEndpoint, UserinfoEndpoint string

	JWKSURI string
	// MTLSTokenEndpoint and MTLSIntrospectionEndpoint are for clients that prove themselves by
	// a certificate (mtls_endpoint_aliases, RFC 8705, 5); empty where there are none of their own.
	MTLSTokenEndpoint, MTLSIntrospectionEndpoint string
	// The lists are sorted, without repetitions; nil where the document has none.
	GrantTypes, ResponseTypes []string
	// TokenAuthMethods are token_endpoint_auth_methods_supported, IntrospectionAuthMethods those
	// of introspection, TokenAuthAlgorithms those for private_key_jwt and client_secret_jwt, and
	// IDTokenAlgorithms id_token_signing_alg_values_supported.
	TokenAuthMethods, IntrospectionAuthMethods, TokenAuthAlgorithms, IDTokenAlgorithms []string
	// Faults are clauses about endpoints that were left out because they cannot be used.
	Faults []string
}

// Mismatched reports whether the document names another issuer than it was asked for, letter
// by letter (OpenID Connect Discovery 1.0, 4.3; RFC 8414, 3.3). Its endpoints may then be
// those of somebody else: no credential must be sent there.
func (d Discovery) Mismatched() bool { return d.Asked != "" && d.Asked != d.Issuer }

// ParseDiscovery reads a discovery document. plain allows endpoints over http.
func ParseDiscovery(text []byte, plain bool) (Discovery, error) {
	if len(text) > MaxDiscoveryBytes {
		return Discovery{}, fmt.Errorf("%w: it is larger than %d bytes", ErrNoDiscovery, MaxDiscoveryBytes)
	}
	said, err := readMembers(unmarked(text))
	if err != nil {
		return Discovery{}, fmt.Errorf("%w: it %w", ErrNoDiscovery, err)
	}
	read := Discovery{Issuer: said.text("issuer")}
	if read.Issuer == "" {
		return Discovery{}, fmt.Errorf("%w: it names no issuer", ErrNoDiscovery)
	}
	read.endpoints(said, plain)
	read.lists(said)
	return read, nil
}

func (d *Discovery) endpoints(said members, plain bool) {
	take := func(from members, name string, into *string) {
		address := from.text(name)
		if address == "" {
			return
		}
		if fault := endpointFault(address, plain); fault != "" {
			d.Faults = append(d.Faults, name+" "+fault)
			return
		}
		*into = address
	}
	take(said, "authorization_endpoint", &d.AuthorizationEndpoint)
	take(said, "token_endpoint", &d.TokenEndpoint)
	take(said, "introspection_endpoint", &d.IntrospectionEndpoint)
	take(said, "revocation_endpoint", &d.RevocationEndpoint)
	take(said, "userinfo_endpoint", &d.UserinfoEndpoint)
	take(said, "jwks_uri", &d.JWKSURI)
	if aliases, err := readMembers(said.byName["mtls_endpoint_aliases"]); err == nil {
		take(aliases, "token_endpoint", &d.MTLSTokenEndpoint)
		take(aliases, "introspection_endpoint", &d.MTLSIntrospectionEndpoint)
	}
}

func (d *Discovery) lists(said members) {
	for name, into := range map[string]*[]string{
		"grant_types_supported":                            &d.GrantTypes,
		"response_types_supported":                         &d.ResponseTypes,
		"token_endpoint_auth_methods_supported":            &d.TokenAuthMethods,
		"introspection_endpoint_auth_methods_supported":    &d.IntrospectionAuthMethods,
		"token_endpoint_auth_signing_alg_values_supported": &d.TokenAuthAlgorithms,
		"id_token_signing_alg_values_supported":            &d.IDTokenAlgorithms,
	} {
		if listed := said.texts(name, maxValues); listed != nil {
			*into = slices.Compact(slices.Sorted(slices.Values(listed)))
		}
	}
}

// endpointFault says in a clause why a URL is no endpoint to use; empty if it is one.
func endpointFault(address string, plain bool) string {
	target, err := url.Parse(address)
	switch {
	case err != nil || target.Hostname() == "" || len(address) > maxURL || clean.Text(address, maxURL) != address || strings.ContainsAny(address, "\"<>`\\ "):
		return "is no absolute URL"
	case target.User != nil:
		return "has a user name"
	case target.Fragment != "":
		return "has a fragment"
	case target.Scheme == "http" && !plain:
		return "is http: anybody on the way can read and change what is sent there"
	case target.Scheme != "https" && target.Scheme != "http":
		return "is neither https nor http"
	}
	return ""
}

// CheckIssuer reports what is wrong with an issuer in configuration: it is a URL without
// query and fragment (RFC 8414, 2). Its spelling matters to the letter. plain allows http.
func CheckIssuer(issuer string, plain bool) error {
	if fault := endpointFault(issuer, plain); fault != "" {
		return errors.New(fault)
	}
	if strings.ContainsAny(issuer, "?#") {
		return errors.New("has a query or a fragment, which no issuer has (RFC 8414, 2)")
	}
	return nil
}

// isObject tells a JSON object from the page that many web servers answer every path with.
func isObject(text []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(unmarked(text), &object) == nil && object != nil
}

// unmarked is the text without the byte order mark that some put before it.
func unmarked(text []byte) []byte { return bytes.TrimPrefix(bytes.TrimSpace(text), []byte("\uFEFF")) }

// CheckEndpoint reports what is wrong with the URL of a key set in configuration: it is
// absolute, https, and has neither user name nor fragment.
func CheckEndpoint(address string) error {
	if fault := endpointFault(address, false); fault != "" {
		return errors.New(fault)
	}
	return nil
}
