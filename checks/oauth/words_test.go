package oauth_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestWhatHasExpiredIsWhatTheServerSaysOfTheMethod(t *testing.T) {
	pair := issue(t, authority(t, "authority"), pki.Spec{CommonName: "crm"})
	const register = "Make a new client certificate, register it at the authorization server, and give it to whoever signs in with the old one."
	for _, row := range []struct {
		name, method, description string
		reason                    watch.Reason
		clause, remedy            string
	}{
		{"a secret", "client_secret_basic", "Client secret expired.", watch.SignInSecretExpired, "its client secret has expired", ""},
		{"credentials", "client_secret_post", "expired client credentials", watch.SignInSecretExpired, "its client secret has expired", ""},
		{"a code", "client_secret_basic", "Client authentication failed: authorization code has expired", watch.SignInClientRefused, "its client is refused", ""},
		{"a session of the client", "client_secret_basic", "client session expired", watch.SignInClientRefused, "its client is refused", ""},
		{"an assertion", "private_key_jwt", "The client assertion has expired", watch.SignInClientRefused, "its signed assertion is refused as one that has expired", ""},
		{"a certificate beside an assertion", "private_key_jwt", "certificate is expired", watch.SignInSecretExpired, "its client certificate has expired", register},
		{"a certificate", "tls_client_auth", "the certificate of the client expired", watch.SignInSecretExpired, "its client certificate has expired", register},
		{"a secret, said of a certificate", "tls_client_auth", "secret has expired", watch.SignInClientRefused, "its client is refused", "Check the client's certificate and its authority against what is registered at the authorization server."},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets["SECRET"], w.secrets["KEY"], w.secrets["CERTIFICATE"] = "canary-secret-0123456789", keyPEM(t, pair), string(pair.ChainPEM())
			server := clean(t, saysJSON(http.StatusUnauthorized, object(t, map[string]string{"error": "invalid_client", "error_description": row.description})))
			got := w.collect(signInAt(server, func(s *oauth.SignIn) {
				if s.Method = row.method; row.method == "private_key_jwt" || row.method == "tls_client_auth" {
					s.Secret, s.Key, s.Certificate = watch.SecretRef{}, env("KEY"), env("CERTIFICATE")
				}
			})).condition("sign-in/crm")
			checktest.Equal(t, "reason", got.Reason, row.reason)
			said := row.description
			if said[len(said)-1] == '.' {
				said = said[:len(said)-1]
			}
			checktest.Equal(t, "text", got.Text, "cannot sign in at "+server.URL+" as client crm-client: "+row.clause+" (invalid_client: "+said+")")
			checktest.Equal(t, "remedy", got.Remedy, row.remedy)
		})
	}
}

func TestEntraIsToldInWordsOfWhicheverResourceIsAskedFor(t *testing.T) {
	for description, want := range map[string]string{
		"AADSTS500011: The resource principal named api://crm was not found in the tenant named Contoso. Trace ID: 5d1f7c00-0000-4000-8000-000000000000 Correlation ID: 1 Timestamp: 2026-11-22 06:00:00Z": "the resource is not known to the tenant under this name (AADSTS500011: The resource principal named api://crm was not found in the tenant named Contoso)",
		"AADSTS650057: Invalid resource. The client has requested access to a resource.":                                                                                                                   "the application does not ask for a permission of this resource (AADSTS650057: Invalid resource. The client has requested access to a resource)",
		"AADSTS65005: Not listed.\r\nTrace ID: x": "the application does not ask for a permission of this resource (AADSTS65005: Not listed)",
		"AADSTS650056": "the application has no permission of this resource, or no administrator has consented (AADSTS650056)",
	} {
		_, fact, at := probe(t, vendortest.Reply(400, "application/json", object(t, map[string]string{"error": "invalid_grant", "error_description": description})), nil)
		got, _ := fact.(watch.Condition)
		checktest.Equal(t, "reason", got.Reason, watch.SignInNotAllowed)
		checktest.Equal(t, "text", got.Text, "cannot sign in at "+at+" as client crm-client: "+want)
	}
}

func TestTheNextStepFitsWhatIsWrong(t *testing.T) {
	_, fact, _ := probe(t, vendortest.Status(502, ""), nil)
	lost, _ := fact.(watch.Problem)
	checktest.Equal(t, "remedy of an outage", lost.Remedy, "")
	_, fact, _ = probe(t, vendortest.Reply(200, "application/json", `{"access_token":"canary-access-token","expires_in":-1}`), nil)
	life, _ := fact.(watch.Condition)
	checktest.Equal(t, "remedy of a life", life.Remedy, "Let the authorization server write expires_in as a number of seconds (RFC 6749, section 5.1).")
	_, fact, _ = probe(t, nil, func(s *oauth.SignIn) { s.Scopes, s.ExpectScopes = []string{"a"}, []string{"b"} })
	scope, _ := fact.(watch.Condition)
	checktest.Equal(t, "remedy of a scope", scope.Remedy, "Grant the client what it lacks, or correct expect_scopes.")
}

func TestADateThatHasPassedIsTheConfigurationsWhereTheSecretWorks(t *testing.T) {
	for _, row := range []struct {
		name            string
		status          int
		body            string
		expires         time.Time
		decides, remedy string
	}{
		{"the secret works", 200, grantedBody, asOf.Add(-time.Hour), "by secret_expires in the configuration, but the authorization server still takes the secret", "Correct secret_expires in the configuration to the date that the authorization server shows."},
		{"the secret is refused", 401, refusedBody, asOf.Add(-time.Hour), "by secret_expires in the configuration", ""},
		{"the date lies ahead", 200, grantedBody, asOf.Add(time.Hour), "by secret_expires in the configuration", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets["SECRET"] = "canary-secret-0123456789"
			server := clean(t, saysJSON(row.status, row.body))
			got := w.collect(signInAt(server, func(s *oauth.SignIn) { s.SecretExpires = on(row.expires) })).credential("secret/crm")
			checktest.Equal(t, "decides", got.Decides, row.decides)
			checktest.Equal(t, "remedy", got.Remedy, row.remedy)
			checktest.Equal(t, "name", got.Subject.Name, "crm: client secret")
		})
	}
}

// A certificate that goes with an assertion is named in that, and not shown in TLS.
func TestACertificateIsShownInTLSOnlyWhereThatProvesTheClient(t *testing.T) {
	root := authority(t, "authority")
	pair := issue(t, root, pki.Spec{CommonName: "crm"})
	own := issue(t, root, pki.Spec{CommonName: "server", Names: []string{"127.0.0.1"}})
	shown := make(chan int, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown <- len(r.TLS.PeerCertificates)
		saysJSON(http.StatusOK, `{"access_token":"canary-access-token","active":true}`)(w, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{own.TLS()}, ClientAuth: tls.RequestClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	w := newWorld(t)
	w.secrets["KEY"], w.secrets["CERTIFICATE"], w.secrets["TOKEN"] = keyPEM(t, pair), string(pair.ChainPEM()), "token-token-token"
	for _, row := range []struct {
		method string
		want   int
	}{{"private_key_jwt", 0}, {"tls_client_auth", 1}, {"self_signed_tls_client_auth", 1}} {
		client := oauth.Client{ClientID: "crm", Method: row.method, Key: env("KEY"), Certificate: env("CERTIFICATE")}
		got := w.collect(oauth.Options{
			CAFile: w.file("ca.pem", string(root.ChainPEM())), SignIns: []oauth.SignIn{{Entry: named("crm"), Client: client, TokenURL: server.URL + "/token"}},
			Introspections: []oauth.Introspection{{Entry: named("crm"), Client: client, Token: env("TOKEN"), IntrospectionURL: server.URL + "/introspect"}},
		})
		checktest.Equal(t, "reason", got.condition("sign-in/crm").Reason, "")
		checktest.Equal(t, "name of the certificate", got.credential("certificate/crm").Subject.Name, "crm: client certificate")
		for range 2 {
			checktest.Equal(t, "certificates with "+row.method, <-shown, row.want)
		}
	}
}

func TestAnAssertionThatAServersClockRefusesIsItsClocks(t *testing.T) {
	pair := issue(t, authority(t, "authority"), pki.Spec{CommonName: "crm"})
	for _, row := range []struct {
		off    time.Duration
		reason watch.Reason
		want   string
	}{
		{30 * time.Second, watch.SignInClientRefused, "its client is refused (invalid_client)"},
		{-10*time.Minute - 5*time.Second, watch.SignInClientRefused, "its client is refused (invalid_client); the server's clock is 10 min behind, and an assertion lives for 60 s"},
		{10*time.Minute + 10*time.Second, watch.SignInClientRefused, "its client is refused (invalid_client); the server's clock is 10 min ahead, and an assertion lives for 60 s"},
	} {
		w := newWorld(t)
		w.secrets["KEY"] = keyPEM(t, pair)
		server := clean(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(row.off).UTC().Format(http.TimeFormat))
			saysJSON(http.StatusUnauthorized, refusedBody)(w, r)
		})
		got := w.collect(signInAt(server, func(s *oauth.SignIn) { s.Secret, s.Key = watch.SecretRef{}, env("KEY") })).condition("sign-in/crm")
		checktest.Equal(t, "reason", got.Reason, row.reason)
		checktest.Equal(t, "text", got.Text, "cannot sign in at "+server.URL+" as client crm-client: "+row.want)
		form, err := url.ParseQuery(string(server.To("/token")[0].Body))
		if err != nil {
			t.Fatal(err)
		}
		token, _, err := jwt.NewParser().ParseUnverified(form.Get("client_assertion"), jwt.MapClaims{})
		if err != nil {
			t.Fatal(err)
		}
		if _, there := token.Claims.(jwt.MapClaims)["nbf"]; there {
			t.Error("the assertion has nbf")
		}
	}
}

// A server whose clock is a little behind takes an assertion that does not say from when on
// it may be used.
func TestAnAssertionIsTakenByAServerThatIsALittleBehind(t *testing.T) {
	r := realServer(t, -3*time.Second)
	key := inFile(r.file("client.key", keyPEM(t, r.client)))
	got := r.collect(r.signIn("assertion", func(s *oauth.SignIn) { s.Secret, s.Key = watch.SecretRef{}, key })).condition("sign-in/assertion")
	checktest.Equal(t, got.Text, got.Reason, "")
}
