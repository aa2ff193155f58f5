package jwt_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/jwt"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// authority starts a real authorization server, and gives the file of its CA.
func authority(t *testing.T, options parts.OAuthOptions) (parts.AuthorizationServer, pki.Pair, string) {
	t.Helper()
	root, err := pki.NewRoot("authority")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := root.Issue(pki.Spec{CommonName: "127.0.0.1", Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	return parts.OAuth(t, root, pair, options), root, write(t, filepath.Join(t.TempDir(), "ca.pem"), string(root.ChainPEM()))
}

// issued is a JWT access token of the server.
func issued(t *testing.T, server parts.AuthorizationServer, root pki.Pair) string {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: root.Pool()}}
	defer transport.CloseIdleConnections()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"post"}, "client_secret": {"post-secret"}, "scope": {"api:read"}, "resource": {"https://jwt.example"}}
	response, err := (&http.Client{Transport: transport}).PostForm(server.Issuer+"/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err != nil || json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" {
		t.Fatalf("%s %s, %v", response.Status, body, err)
	}
	return answer.AccessToken
}

func TestATokenOfARealServerIsReadAndVerified(t *testing.T) {
	server, root, ca := authority(t, parts.OAuthOptions{KeyID: "march"})
	d := newDesk()
	d.env.Now = time.Now
	options := jwt.Options{Issuer: server.Issuer, Audience: "https://jwt.example", Keys: jwt.Keys{Issuers: []string{server.Issuer}}, CAFile: ca}
	fact, ok := d.one(t, issued(t, server, root), options).(watch.Credential)
	if !ok || len(fact.Observations) != 0 || fact.Life != 300*time.Second {
		t.Fatalf("%+v", fact)
	}
	for key, want := range map[string]any{"signature": "valid", "issuer": server.Issuer, "key_id": "march", "algorithm": "RS256", "type": "at+jwt", "client_id": "post", "scopes": 1, "keys": server.Issuer} {
		if fact.Details[key] != want {
			t.Errorf("%s is %v, want %v", key, fact.Details[key], want)
		}
	}
	if got := told(fact, time.Now()); !strings.HasPrefix(got, "ok : access token expires ") {
		t.Errorf("%s", got)
	}
}

func TestTheClockOfARealServerThatIsAheadIsTold(t *testing.T) {
	server, root, ca := authority(t, parts.OAuthOptions{Shift: time.Hour})
	d := newDesk()
	d.env.Now = time.Now
	fact := d.one(t, issued(t, server, root), jwt.Options{Keys: jwt.Keys{Issuers: []string{server.Issuer}}, CAFile: ca})
	got := told(fact, time.Now())
	want := regexp.MustCompile(`^warning clock_drift: access token was issued at \S+ \S+ UTC, (59 min|1 h).* from now: the clock of its issuer is ahead, or that of this machine behind; it expires .*, in 1 h$`)
	if !want.MatchString(got) {
		t.Errorf("%s", got)
	}
}
