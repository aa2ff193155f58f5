package jwt_test

import (
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/jwt"
	"lapsewatch/internal/parts"
	"lapsewatch/watch"
)

// authority starts a real authorization server, and gives a token of its and the file of its
// CA.
func authority(t *testing.T, options parts.OAuthOptions) (server parts.AuthorizationServer, token, caFile string) {
	t.Helper()
	root, pair := parts.Authority(t)
	server = parts.OAuth(t, root, pair, options)
	token = server.AccessToken(t, url.Values{"scope": {"api:read"}, "resource": {"https://jwt.example"}})
	return server, token, write(t, filepath.Join(t.TempDir(), "ca.pem"), string(root.ChainPEM()))
}

func TestATokenOfARealServerIsReadAndVerified(t *testing.T) {
	server, token, ca := authority(t, parts.OAuthOptions{KeyID: "march"})
	d := newDesk()
	d.env.Now = time.Now
	options := jwt.Options{Issuer: server.Issuer, Audience: "https://jwt.example", Keys: jwt.Keys{Issuers: []string{server.Issuer}}, CAFile: ca}
	facts := d.facts(t, token, options)
	fact, ok := facts["token:token"].(watch.Credential)
	if !ok || len(facts) != 2 || len(fact.Observations) != 0 || fact.Life != 300*time.Second {
		t.Fatalf("%+v", fact)
	}
	for key, want := range map[string]any{"issuer": server.Issuer, "key_id": "march", "algorithm": "RS256", "type": "at+jwt", "client_id": "post", "scopes": 1} {
		if fact.Details[key] != want {
			t.Errorf("%s is %v, want %v", key, fact.Details[key], want)
		}
	}
	if got, want := signed(t, facts), `ok : the token is signed by the key "march" of `+server.Issuer; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := told(fact, time.Now()); !strings.HasPrefix(got, "ok : access token expires ") {
		t.Errorf("%s", got)
	}
}

func TestTheClockOfARealServerThatIsAheadIsTold(t *testing.T) {
	server, token, ca := authority(t, parts.OAuthOptions{Shift: time.Hour})
	d := newDesk()
	d.env.Now = time.Now
	fact := d.facts(t, token, jwt.Options{Keys: jwt.Keys{Issuers: []string{server.Issuer}}, CAFile: ca})["token:token"]
	got := told(fact, time.Now())
	want := regexp.MustCompile(`^warning clock_drift: access token was issued at \S+ \S+ UTC, (59 min|1 h).* from now: the clock of its issuer is ahead, or that of this machine behind; it expires .*, in 1 h$`)
	if !want.MatchString(got) {
		t.Errorf("%s", got)
	}
}
