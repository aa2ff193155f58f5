package parts

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/pki"
)

// asked is an answer of a token endpoint.
type asked struct {
	AccessToken      string `json:"access_token"`
	RefreshToken     string `json:"refresh_token"`
	ExpiresIn        int    `json:"expires_in"`
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
}

func ask(t *testing.T, client *http.Client, server AuthorizationServer, form url.Values) asked {
	t.Helper()
	return askAs(t, client, server, "", form)
}

// askAs authenticates by client_secret_basic, unless the name is empty.
func askAs(t *testing.T, client *http.Client, server AuthorizationServer, name string, form url.Values) asked {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.Issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if name != "" {
		request.SetBasicAuth(name, name+"-secret")
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	var got asked
	if err != nil || json.Unmarshal(body, &got) != nil {
		t.Fatalf("%s %s, %v", response.Status, body, err)
	}
	return got
}

func TestTheAuthorizationServerKnowsItsClients(t *testing.T) {
	root, pair := Authority(t)
	own, err := root.Issue(pki.Spec{CommonName: "client"})
	if err != nil {
		t.Fatal(err)
	}
	server := OAuth(t, root, pair, OAuthOptions{Client: own, ClientRoot: root, Shift: time.Hour})
	client := func(certificates ...tls.Certificate) *http.Client {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: root.Pool(), Certificates: certificates}}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	secret := func(name string) url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {name}, "client_secret": {name + "-secret"}}
	}
	if got := ask(t, client(), server, secret("post")); got.AccessToken == "" || got.ExpiresIn != 120 {
		t.Errorf("an opaque token: %+v", got)
	}
	if got := ask(t, client(), server, secret("expired")); got.Error != "invalid_client" || !strings.Contains(got.ErrorDescription, "client secret is expired") {
		t.Errorf("an expired secret: %+v", got)
	}
	for _, name := range []string{"mtls", "self-signed"} {
		got := ask(t, client(own.TLS()), server, url.Values{"grant_type": {"client_credentials"}, "client_id": {name}, "scope": {"api:read"}, "resource": {"https://jwt.example"}})
		parts := strings.Split(got.AccessToken, ".")
		if len(parts) != 3 {
			t.Fatalf("%s: %+v", name, got)
		}
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		var claims struct{ Iat int64 }
		if err != nil || json.Unmarshal(payload, &claims) != nil {
			t.Fatalf("%s: %s", name, payload)
		}
		if ahead := time.Until(time.Unix(claims.Iat, 0)); ahead < 55*time.Minute || ahead > 65*time.Minute {
			t.Errorf("%s: the token is of a clock that is %s ahead, want an hour", name, ahead)
		}
		if got := ask(t, client(), server, url.Values{"grant_type": {"client_credentials"}, "client_id": {name}}); got.Error != "invalid_client" {
			t.Errorf("%s without its certificate: %+v", name, got)
		}
	}
	for _, name := range []string{"web", "steady"} {
		first := server.RefreshToken(t, name, time.Hour)
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first}}
		got := askAs(t, client(), server, name, form)
		if rotated := got.RefreshToken != "" && got.RefreshToken != first; got.AccessToken == "" || rotated != (name == "web") {
			t.Errorf("%s refreshes: %+v", name, got)
		}
		if got := askAs(t, client(), server, name, form); (got.Error == "invalid_grant") != (name == "web") {
			t.Errorf("%s refreshes with the same token again: %+v", name, got)
		}
	}
}
