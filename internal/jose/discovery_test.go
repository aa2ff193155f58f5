package jose_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/jose"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

func client(t *testing.T, server *vendortest.Server) *webclient.Client {
	t.Helper()
	opened, err := webclient.Open(webclient.Setup{CAFile: server.CAFile, Redirects: 3}, webclient.Env{Now: time.Now, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	return opened
}

func TestAnIssuerThatMisbehavesIsDiscoveredAllTheSame(t *testing.T) {
	issuer := josetest.StartIssuer(t, "/realms/one", josetest.Set(t, josetest.EC(t, "k1")))
	issuer.Change(map[string]any{"mtls_endpoint_aliases": map[string]any{"token_endpoint": "https://mtls.example/token"}})
	found, err := jose.Discover(t.Context(), client(t, issuer.Server), issuer.Name())
	if err != nil {
		t.Fatal(err)
	}
	at := issuer.Name()
	want := jose.Discovery{
		Asked: at, URL: at + "/.well-known/openid-configuration", Issuer: at, JWKSURI: at + "/keys",
		AuthorizationEndpoint: at + "/authorize", TokenEndpoint: at + "/token", IntrospectionEndpoint: at + "/introspect", MTLSTokenEndpoint: "https://mtls.example/token",
		GrantTypes: []string{"client_credentials", "refresh_token"}, TokenAuthMethods: []string{"client_secret_basic", "private_key_jwt"}, IDTokenAlgorithms: []string{"ES256", "RS256"},
	}
	if fmt.Sprintf("%+v", found) != fmt.Sprintf("%+v", want) || found.Mismatched() {
		t.Errorf("got  %+v\nwant %+v", found, want)
	}
	set, err := jose.ReadKeys(t.Context(), client(t, issuer.Server), found.JWKSURI)
	if err != nil || len(set.Keys) != 1 || set.Keys[0].ID != "k1" {
		t.Errorf("%+v, %v", set, err)
	}
}

func TestTheDocumentsStandWhereTheSpecificationsPutThem(t *testing.T) {
	for asked, want := range map[string][]string{
		"":            {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"},
		"/":           {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"},
		"/tenant/v2":  {"/tenant/v2/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenant/v2"},
		"/tenant/v2/": {"/tenant/v2/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenant/v2"},
	} {
		server := vendortest.Start(t, http.NotFoundHandler(), vendortest.Manner{On: "never"})
		_, err := jose.Discover(t.Context(), client(t, server), server.URL+asked)
		failure, ok := errors.AsType[*webclient.Failure](err)
		if !ok || failure.Reason != watch.NotFound {
			t.Errorf("%q: error %v", asked, err)
		}
		var paths []string
		for _, request := range server.Requests() {
			paths = append(paths, request.Path)
		}
		if !slices.Equal(paths, want) {
			t.Errorf("%q: asked at %q, want %q", asked, paths, want)
		}
	}
}

func TestTheDocumentOfRFC8414WillDo(t *testing.T) {
	for name, first := range map[string]vendortest.Answer{"not found": vendortest.Status(http.StatusNotFound, ""), "a page for every path": vendortest.Page(http.StatusOK)} {
		t.Run(name, func(t *testing.T) {
			server := vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte(`{"issuer":"https://` + r.Host + `","token_endpoint":"https://` + r.Host + `/token"}`))
			}), vendortest.Manner{On: "/openid-configuration", Times: vendortest.Always, Answer: first})
			found, err := jose.Discover(t.Context(), client(t, server), server.URL)
			if err != nil || found.TokenEndpoint != server.URL+"/token" || found.URL != server.URL+"/.well-known/oauth-authorization-server" {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

func TestAByteOrderMarkDoesNoHarm(t *testing.T) {
	set := append([]byte("\uFEFF"), josetest.Set(t, josetest.EC(t, "k1"))...)
	issuer := josetest.StartIssuer(t, "", set, vendortest.Manner{On: "never"})
	read, err := jose.ReadKeys(t.Context(), client(t, issuer.Server), issuer.Name()+"/keys")
	if err != nil || len(read.Keys) != 1 {
		t.Errorf("%+v, %v", read, err)
	}
}

func TestAnotherIssuerIsData(t *testing.T) {
	issuer := josetest.StartIssuer(t, "", nil, vendortest.Manner{On: "never"})
	for _, asked := range []string{issuer.URL + "/", strings.Replace(issuer.URL, "127.0.0.1", "localhost", 1)} {
		found, err := jose.Discover(t.Context(), client(t, issuer.Server), asked)
		if err != nil || !found.Mismatched() || found.Issuer != issuer.URL || found.Asked != asked {
			t.Errorf("%+v, %v", found, err)
		}
	}
}

func TestWhyAnIssuerCannotBeDiscovered(t *testing.T) {
	tests := map[string]struct {
		answer vendortest.Answer
		reason watch.Reason
		want   string
	}{
		"an outage":       {vendortest.Status(http.StatusServiceUnavailable, "3600"), watch.Unreadable, "it answered 503 Service Unavailable"},
		"throttled":       {vendortest.Status(http.StatusTooManyRequests, "3600"), watch.Throttled, "it answered 429 Too Many Requests"},
		"null":            {vendortest.Reply(200, "application/json", "null"), watch.Unparsable, "it answered with what is no JSON object"},
		"a page":          {vendortest.Page(http.StatusOK), watch.Unparsable, "it answered with what is no JSON object"},
		"forbidden":       {vendortest.Status(http.StatusForbidden, ""), watch.PermissionDenied, "it answered 403 Forbidden"},
		"no issuer":       {vendortest.Reply(200, "application/json", `{"token_endpoint":"https://a.example/t"}`), watch.Unparsable, "it is no discovery document (OpenID Connect Discovery 1.0, RFC 8414): it names no issuer"},
		"an endless list": {vendortest.Endless(), watch.TooLarge, "the answer is larger than 4194304 bytes"},
		"elsewhere":       {vendortest.Redirect("http://127.0.0.1:9"), watch.Unreadable, "it answered 307 Temporary Redirect, which leads elsewhere and is not followed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := vendortest.Start(t, http.NotFoundHandler(), vendortest.Manner{Times: vendortest.Always, Answer: test.answer})
			_, err := jose.Discover(t.Context(), client(t, server), server.URL)
			failure, ok := errors.AsType[*webclient.Failure](err)
			if !ok || failure.Reason != test.reason || failure.Text != test.want || failure.Doing != "read "+server.URL {
				t.Errorf("error %v, reason %v\nwant  %s", err, failure, test.want)
			}
		})
	}
}

func TestAnEndedPassIsSeenThroughTheFailure(t *testing.T) {
	server := vendortest.Start(t, http.NotFoundHandler(), vendortest.Manner{On: "never"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := jose.Discover(ctx, client(t, server), server.URL); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestEndpointsThatMustNotBeUsedAreLeftOut(t *testing.T) {
	text := `{"issuer":"https://a.example","token_endpoint":"http://a.example/t","jwks_uri":"/keys","introspection_endpoint":"https://u:p@a.example/i","revocation_endpoint":"https://a.example/r#x","userinfo_endpoint":"file:///etc/passwd","authorization_endpoint":"https://a.example/\u202e"}`
	found, err := jose.ParseDiscovery([]byte(text), false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"authorization_endpoint is no absolute URL", "token_endpoint is http: anybody on the way can read and change what is sent there", "introspection_endpoint has a user name",
		"revocation_endpoint has a fragment", "userinfo_endpoint is no absolute URL", "jwks_uri is no absolute URL",
	}
	if !slices.Equal(found.Faults, want) || found.TokenEndpoint+found.JWKSURI+found.IntrospectionEndpoint != "" {
		t.Errorf("%+v\nwant %q", found, want)
	}
	if plain, err := jose.ParseDiscovery([]byte(text), true); err != nil || plain.TokenEndpoint != "http://a.example/t" {
		t.Errorf("%+v, %v", plain, err)
	}
}

func TestIssuersAreURLsWithoutQueryAndFragment(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://login.example/tenant/v2.0": "", "https://login.example/": "", "http://localhost:8080": "is http: anybody on the way can read and change what is sent there",
		"login.example": "is no absolute URL", "": "is no absolute URL", "https://login.example/?tenant=1": "has a query or a fragment, which no issuer has (RFC 8414, 2)",
		"https://login.example/#": "has a query or a fragment, which no issuer has (RFC 8414, 2)", "https://u@login.example": "has a user name", "ftp://login.example": "is neither https nor http",
	} {
		err := jose.CheckIssuer(issuer, false)
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%q: error %v, want %q", issuer, err, want)
		}
	}
	if err := jose.CheckIssuer("http://localhost:8080", true); err != nil {
		t.Error(err)
	}
}

func FuzzParseDiscovery(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://a.example","jwks_uri":"https://a.example/k","grant_types_supported":["b","a","b"],"mtls_endpoint_aliases":{"token_endpoint":"https://m.example"}}`))
	f.Add([]byte(`{"issuer":7,"jwks_uri":{},"scopes_supported":"a b"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := jose.ParseDiscovery(text, false)
		if err != nil {
			if !errors.Is(err, jose.ErrNoDiscovery) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		for _, endpoint := range []string{found.TokenEndpoint, found.JWKSURI, found.IntrospectionEndpoint, found.MTLSTokenEndpoint} {
			if endpoint != "" && !strings.HasPrefix(strings.ToLower(endpoint), "https://") {
				t.Errorf("the endpoint %q", endpoint)
			}
		}
	})
}
