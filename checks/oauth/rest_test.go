package oauth_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// mutualTLS serves whoever has a certificate of clients.
func mutualTLS(t *testing.T, clients pki.Pair) (address, caFile string) {
	t.Helper()
	root := authority(t, "server")
	pair := issue(t, root, pki.Spec{CommonName: "server", Names: []string{"127.0.0.1"}})
	server := httptest.NewUnstartedServer(saysJSON(http.StatusOK, grantedBody))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients.Pool()}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL, caFile
}

func TestTheDatesOfRefreshTokensAreReckoned(t *testing.T) {
	expires := asOf.Add(9 * 24 * time.Hour)
	issued := asOf.Add(-24 * time.Hour)
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"exp": expires.Unix(), "iat": issued.Unix()}).SignedString([]byte("canary-key-canary-key-canary-key"))
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	for _, row := range []struct {
		name, text string
		life       oauth.Lifetime
		changed    time.Time
		want       time.Time
		decides    string
	}{
		{"a life since the file was changed", "canary-token", oauth.Lifetime{Life: watch.Duration(90 * day)}, issued, issued.Add(90 * day), "90 days after it was issued on 2026-11-21"},
		{"a life since a date", "canary-token", oauth.Lifetime{Life: watch.Duration(90 * day), Issued: on(asOf.Add(-80 * day))}, issued, asOf.Add(10 * day), "90 days after it was issued on 2026-09-03"},
		{"an idle window", "canary-token", oauth.Lifetime{Idle: watch.Duration(14 * day)}, issued, issued.Add(14 * day), "14 days after it was issued, its last use that is known of, on 2026-11-21"},
		{"the earlier of both", "canary-token", oauth.Lifetime{Idle: watch.Duration(14 * day), Life: watch.Duration(12 * time.Hour)}, issued, issued.Add(12 * time.Hour), "12h0m0s after it was issued on 2026-11-21"},
		{"a token with a date of its own", signed, oauth.Lifetime{Life: watch.Duration(90 * day)}, issued, expires, ""},
		{"a token with a later date of its own", signed, oauth.Lifetime{Life: watch.Duration(2 * day)}, issued, asOf.Add(day), "2 days after it was issued on 2026-11-21"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			path := w.file("token", row.text)
			if err := os.Chtimes(path, row.changed, row.changed); err != nil {
				t.Fatal(err)
			}
			options := oauth.Options{RefreshTokens: []oauth.RefreshToken{{Entry: named("mail"), Token: inFile(path), Lifetime: row.life}}}
			got := w.collect(options).credential("refresh-token/mail")
			checktest.Equal(t, "form", got.Form, watch.RefreshToken)
			checktest.Equal(t, "date", got.NotAfter, row.want)
			checktest.Equal(t, "decides", got.Decides, row.decides)

			// The same token, mounted anew, is no younger.
			if err := os.Chtimes(path, asOf, asOf); err != nil {
				t.Fatal(err)
			}
			checktest.Equal(t, "date of the same token in a newer file", w.collect(options).credential("refresh-token/mail").NotAfter, row.want)
			w.nothingOf([]string{"canary-token", signed[10:40]}, path)
		})
	}
}

// A service that replaces its token makes the sign-in of a person no younger.
func TestTheLifeOfAWatchedTokenCountsFromThePersonsSignIn(t *testing.T) {
	const day = 24 * time.Hour
	w := newWorld(t)
	entry := oauth.RefreshToken{Entry: named("mail"), Lifetime: oauth.Lifetime{Life: watch.Duration(90 * day), Idle: watch.Duration(14 * day)}}
	tell := func(text string) watch.Credential {
		path := w.file("token", text)
		if err := os.Chtimes(path, w.now(), w.now()); err != nil {
			t.Fatal(err)
		}
		entry.Token = inFile(path)
		return w.collect(oauth.Options{RefreshTokens: []oauth.RefreshToken{entry}}).credential("refresh-token/mail")
	}
	first := tell("token-0")
	checktest.Equal(t, "date", first.NotAfter, asOf.Add(14*day))
	for n := 1; n < 9; n++ { // up to the 80th day
		w.pass(10 * day)
		got := tell(fmt.Sprint("token-", n))
		checktest.Equal(t, "date", got.NotAfter, asOf.Add(min(90*day, time.Duration(10*n+14)*day)))
		if first.Identity == got.Identity {
			t.Error("two tokens have one identity")
		}
	}
	checktest.Equal(t, "decides", tell("token-8").Decides, "90 days after it was issued on 2026-11-22")

	// What appears when none of that sign-in can have lasted is of another one.
	w.pass(11 * day)
	checktest.Equal(t, "date after a new sign-in", tell("token-9").NotAfter, asOf.Add(105*day))
	w.pass(15 * day)
	checktest.Equal(t, "decides after the idle window", tell("token-10").Decides, "14 days after it was issued, its last use that is known of, on 2027-03-08")

	entry.Issued = on(w.now().Add(-80 * day))
	w.pass(day)
	got := tell("token-11")
	checktest.Equal(t, "decides, where it is said", got.Decides, "90 days after it was issued on 2026-12-18")
}

func TestTheSecretsDateIsThatOfTheOptions(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"] = "x"
	server := clean(t, saysJSON(http.StatusUnauthorized, refusedBody))
	end := time.Date(2027, time.March, 1, 0, 0, 0, 0, time.UTC)
	got := w.collect(signInAt(server, func(s *oauth.SignIn) { s.SecretExpires = on(end) }))
	secret := got.credential("secret/crm")
	checktest.Equal(t, "date", secret.NotAfter, end)
	checktest.Equal(t, "identity", secret.Identity, "expires 2027-03-01T00:00:00Z")
	checktest.Equal(t, "reason of the sign-in", got.condition("sign-in/crm").Reason, watch.SignInClientRefused)
}

func TestTheOAuthCheckKeepsTheContract(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"], w.secrets["TOKEN"] = "x", "token-token-token"
	server := clean(t, saysJSON(http.StatusOK, `{"access_token":"x","expires_in":60,"active":true,"exp":1796083200}`))
	options := many(server)
	options.SignIns = append(options.SignIns, oauth.SignIn{Entry: named("gone"), Client: oauth.Client{ClientID: "x", Secret: env("NOT_SET")}, TokenURL: server.URL + "/token"})
	options.RefreshTokens = []oauth.RefreshToken{{Entry: named("none"), Token: inFile(filepath.Join(w.folder, "none")), Lifetime: oauth.Lifetime{Life: watch.Duration(time.Hour)}}}
	checktest.Run(t, checktest.Case{Kind: oauth.Kind, Decode: decoding(options), Env: w.env, Readable: 11, Unreadable: 2})
}

func TestATrySaysWhatWorks(t *testing.T) {
	w := newWorld(t)
	w.secrets["SECRET"] = "x"
	server := clean(t, saysJSON(http.StatusUnauthorized, refusedBody))
	got := w.check(signInAt(server, nil)).(watch.Trier).Try(t.Context())
	checktest.Equal(t, "abilities", len(got), 1)
	checktest.Equal(t, "reason", got[0].Reason, watch.SignInClientRefused)
	checktest.Equal(t, "error", got[0].Err.Error(), "cannot sign in at "+server.URL+" as client crm-client: its client is refused (invalid_client)")
}
