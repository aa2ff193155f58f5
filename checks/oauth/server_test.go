package oauth_test

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

const scope = "api:read"

// real is a real authorization server, and the world that looks at it.
type real struct {
	*world
	parts.AuthorizationServer
	caFile string
	client pki.Pair
}

func realServer(t testing.TB, shift time.Duration) real {
	t.Helper()
	root, pair := parts.Authority(t)
	client := issue(t, root, pki.Spec{CommonName: "client"})
	r := real{world: newWorld(t), client: client}
	r.clocked = false
	r.AuthorizationServer = parts.OAuth(t, root, pair, parts.OAuthOptions{Client: client, ClientRoot: root, Shift: shift})
	r.caFile = r.file("ca.pem", string(root.ChainPEM()))
	for _, name := range []string{"basic", "post", "expired", "soon", "web", "steady"} {
		r.secrets[name] = name + "-secret"
	}
	return r
}

func (r real) signIn(name string, edit func(*oauth.SignIn)) oauth.Options {
	one := oauth.SignIn{Entry: named(name), Client: oauth.Client{Issuer: r.Issuer, ClientID: name, Secret: env(name)}}
	if edit != nil {
		edit(&one)
	}
	return oauth.Options{SignIns: []oauth.SignIn{one}, CAFile: r.caFile}
}

func TestAClientSignsInInEachOfTheWays(t *testing.T) {
	r := realServer(t, 0)
	key, chain := inFile(r.file("client.key", keyPEM(t, r.client))), inFile(r.file("client.pem", string(r.client.ChainPEM())))
	for _, row := range []struct {
		name, client string
		edit         func(*oauth.SignIn)
		want, method string
	}{
		{"a secret in the header, as by default", "basic", nil, "signs in: answered in N ms, token of 2 min", "client_secret_basic"},
		{"a secret in the form", "post", func(s *oauth.SignIn) { s.Method = "client_secret_post" }, "signs in: answered in N ms, token of 2 min", "client_secret_post"},
		{"an assertion that the key signs", "assertion", func(s *oauth.SignIn) { s.Secret, s.Key = watch.SecretRef{}, key }, "signs in: answered in N ms, token of 2 min", "private_key_jwt"},
		{"an assertion with a certificate, for the token endpoint", "assertion", func(s *oauth.SignIn) {
			s.Secret, s.Key, s.Certificate, s.Method, s.KeyID = watch.SecretRef{}, key, chain, "private_key_jwt", "client-1"
			s.Algorithm = "ES256"
		}, "signs in: answered in N ms, token of 2 min", "private_key_jwt"},
		{"a certificate of an authority", "mtls", func(s *oauth.SignIn) { s.Secret, s.Key, s.Certificate = watch.SecretRef{}, key, chain }, "signs in: answered in N ms, token of 2 min", "tls_client_auth"},
		{"a certificate that was registered", "self-signed", func(s *oauth.SignIn) {
			s.Secret, s.Key, s.Certificate, s.Method = watch.SecretRef{}, key, chain, "self_signed_tls_client_auth"
		}, "signs in: answered in N ms, token of 2 min", "self_signed_tls_client_auth"},
		{"a JWT for a resource", "basic", func(s *oauth.SignIn) {
			s.Resources, s.Scopes, s.ExpectScopes = []string{"https://jwt.example"}, []string{scope}, []string{scope}
		}, "signs in: answered in N ms, token of N min", "client_secret_basic"},
		{"a token endpoint that is named itself", "basic", func(s *oauth.SignIn) { s.TokenURL, s.Issuer = s.Issuer+"/token", "" }, "signs in: answered in N ms, token of 2 min", "client_secret_basic"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := r.collect(r.signIn(row.client, row.edit)).condition("sign-in/" + row.client)
			checktest.Equal(t, "reason", got.Reason, "")
			matches(t, "text", got.Text, row.want)
			checktest.Equal(t, "method", got.Details["client_auth"], any(row.method))
			checktest.Equal(t, "type", got.Details["token_type"], any("Bearer"))
			if offset, _ := got.Details["clock_offset_seconds"].(float64); offset < -2 || offset > 1 {
				t.Errorf("its clock is told to be off by %v s", got.Details["clock_offset_seconds"])
			}
		})
	}
	r.nothingOf([]string{"basic-secret", "post-secret", "eyJ"})
	r.nothingOf([]string{keyPEM(t, r.client)[60:100]}, r.folder+"/client.key")
}

func TestTheServerRefusesInItsOwnWords(t *testing.T) {
	r := realServer(t, 0)
	r.secrets["wrong"] = "not-the-secret"
	where := strings.TrimSuffix(r.Issuer, "/")
	for _, row := range []struct {
		name, client string
		edit         func(*oauth.SignIn)
		reason       watch.Reason
		want         string
	}{
		{"a secret that has expired", "expired", nil, watch.SignInSecretExpired,
			"its client secret has expired (invalid_client: could not authenticate the client - its client secret is expired)"},
		{"a secret that is wrong", "basic", func(s *oauth.SignIn) { s.Secret = env("wrong") }, watch.SignInClientRefused,
			"its client is refused (invalid_client: client authentication failed)"},
		{"a client that nobody knows", "nobody", func(s *oauth.SignIn) { s.Secret = env("wrong") }, watch.SignInClientRefused,
			"its client is refused (invalid_client: client authentication failed)"},
		{"a client that is not allowed the grant", "web", nil, watch.SignInNotAllowed,
			"its client is not allowed to (invalid_request: requested grant type is not allowed for this client)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := r.collect(r.signIn(row.client, row.edit)).condition("sign-in/" + row.client)
			checktest.Equal(t, "reason", got.Reason, row.reason)
			checktest.Equal(t, "text", got.Text, "cannot sign in at "+where+" as client "+row.client+": "+row.want)
		})
	}
	r.nothingOf([]string{"expired-secret", "not-the-secret", "web-secret"})
}

func TestASecretThatExpiresIsTold(t *testing.T) {
	r := realServer(t, 0)
	expires := time.Now().Add(3 * time.Second).Truncate(time.Second).UTC()
	options := r.signIn("soon", func(s *oauth.SignIn) { s.SecretExpires = on(expires) })
	got := r.collect(options)
	secret := got.credential("secret/soon")
	checktest.Equal(t, "form", secret.Form, watch.ClientSecret)
	checktest.Equal(t, "date", secret.NotAfter, expires)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if r.collect(options).condition("sign-in/soon").Reason == watch.SignInSecretExpired {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server goes on taking the secret")
		}
	}
}

func TestAScopeThatIsNotGrantedIsTold(t *testing.T) {
	r := realServer(t, 0)
	got := r.collect(r.signIn("basic", func(s *oauth.SignIn) { s.ExpectScopes = []string{scope} })).condition("sign-in/basic")
	checktest.Equal(t, "reason", got.Reason, watch.ClaimsUnexpected)
	checktest.Equal(t, "text", got.Text, "signs in, but lacks the scope api:read")

	// The server passes over what it does not know, and does not say so.
	got = r.collect(r.signIn("basic", func(s *oauth.SignIn) {
		s.Scopes, s.ExpectScopes, s.Resources = []string{"api:write"}, []string{"api:write"}, []string{"https://jwt.example"}
	})).condition("sign-in/basic")
	checktest.Equal(t, "text", got.Text, "signs in, but lacks the scope api:write")
}

func TestAnIssuerWhoseClockIsAheadIsTold(t *testing.T) {
	r := realServer(t, 2*time.Hour)
	edit := func(s *oauth.SignIn) { s.Resources, s.Scopes = []string{"https://jwt.example"}, []string{scope} }
	got := r.collect(r.signIn("basic", edit)).condition("sign-in/basic")
	checktest.Equal(t, "reason", got.Reason, watch.ClockDrift)
	if !strings.HasPrefix(got.Text, "signs in, but the server's clock is 2 h 0 min") && !strings.HasPrefix(got.Text, "signs in, but the server's clock is 1 h 59 min") && !strings.HasPrefix(got.Text, "signs in, but the server's clock is 2 h") {
		t.Errorf("the text is %q", got.Text)
	}
	if !strings.HasSuffix(got.Text, "ahead: whoever verifies its tokens refuses them until then") {
		t.Errorf("the text is %q", got.Text)
	}
	r.env.Reference = func(context.Context) watch.Reference { return watch.Reference{Asked: 4, Why: "they do not agree"} }
	doubted := r.collect(r.signIn("basic", edit)).condition("sign-in/basic")
	checktest.Equal(t, "reason where no clock is to be believed", doubted.Reason, "")
	checktest.Equal(t, "detail", doubted.Details["clock_verified"], any(false))
}

func TestIntrospectionTellsWhatATokenIsWorth(t *testing.T) {
	r := realServer(t, 0)
	r.secrets["token"] = "Bearer " + r.RefreshToken(t, "web", 3*time.Second)
	r.secrets["long"] = r.AccessToken(r.t, url.Values{})
	r.secrets["jwt"] = r.AccessToken(r.t, url.Values{"resource": {"https://jwt.example"}, "scope": {scope}})
	r.secrets["made-up"] = "made-up-token-0123456789"
	ask := func(name string, edit func(*oauth.Introspection)) facts {
		one := oauth.Introspection{Entry: named(name), Client: oauth.Client{Issuer: r.Issuer, ClientID: "basic", Secret: env("basic")}, Token: env(name)}
		if edit != nil {
			edit(&one)
		}
		return r.collect(oauth.Options{Introspections: []oauth.Introspection{one}, CAFile: r.caFile})
	}
	first := ask("token", func(i *oauth.Introspection) { i.ExpectScopes, i.TokenTypeHint = []string{"openid"}, "refresh_token" }).credential("token/token")
	checktest.Equal(t, "form", first.Form, watch.RefreshToken)
	checktest.Equal(t, "life", first.NotAfter.Sub(first.NotBefore), 3*time.Second)
	checktest.Equal(t, "observations", len(first.Observations), 0)
	if !strings.HasPrefix(first.Identity, "sha256:") || len(first.Identity) != len("sha256:")+12 {
		t.Errorf("the identity is %q", first.Identity)
	}
	long := ask("long", func(i *oauth.Introspection) { i.ExpectScopes = []string{scope} }).credential("token/long")
	checktest.Equal(t, "life", long.NotAfter.Sub(long.NotBefore), 2*time.Minute)
	checktest.Equal(t, "observation", long.Observations[0], watch.Observation{Reason: watch.ClaimsUnexpected, Text: "lacks the scope api:read", Remedy: "Grant the client what it lacks, or correct expect_scopes."})
	checktest.Equal(t, "form", long.Form, watch.AccessToken)
	jwt := ask("jwt", nil).condition("token/jwt")
	checktest.Equal(t, "reason", jwt.Reason, watch.TokenInactive)
	if !strings.Contains(jwt.Text, "; it is a JWT that runs until 20") {
		t.Errorf("the text is %q", jwt.Text)
	}
	inactive := ask("made-up", nil).condition("token/made-up")
	checktest.Equal(t, "reason", inactive.Reason, watch.TokenInactive)
	checktest.Equal(t, "text", inactive.Text, "token is not active: it has expired, was revoked, or is not one that this client may ask about")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if told, is := ask("token", nil).byID["token/token"].(watch.Condition); is && told.Reason == watch.TokenInactive {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the token stays active")
		}
	}
	r.secrets["basic"] = "wrong-secret"
	refused := ask("long", nil).problem("token/long")
	checktest.Equal(t, "reason", refused.Reason, watch.AuthFailed)
	checktest.Equal(t, "error", refused.Err.Error(), "ask "+r.Issuer+" about the token: the client that asks is refused (invalid_client: client authentication failed)")
	r.nothingOf([]string{strings.TrimPrefix(r.secrets["token"], "Bearer "), r.secrets["long"], r.secrets["jwt"], r.secrets["made-up"], "basic-secret", "wrong-secret"})
}

func TestARefreshTokenIsReplacedAndTheOldOneForgotten(t *testing.T) {
	r := realServer(t, 0)
	first := r.RefreshToken(t, "web", time.Hour)
	path := r.file("refresh-token", first+"\n")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	options := r.signIn("web", func(s *oauth.SignIn) {
		s.Grant, s.Store, s.Idle = "refresh_token", oauth.Store{File: path}, watch.Duration(14*24*time.Hour)
	})
	seen := []string{first}
	for range 3 {
		before := time.Now().Add(-time.Second)
		got := r.collect(options)
		matches(t, "text", got.condition("refresh/web").Text, "signs in: answered in N ms, token of N s")
		told := got.credential("refresh-token/web")
		if told.NotAfter.Before(before.Add(14*24*time.Hour)) || told.NotAfter.After(time.Now().Add(14*24*time.Hour)) {
			t.Errorf("it ends at %s, want 14 days from now", told.NotAfter)
		}
		checktest.Equal(t, "decides", told.Decides, "14 days after its last use on "+time.Now().UTC().Format(time.DateOnly))
		stored := content(t, path)
		for _, old := range seen {
			if stored == old+"\n" {
				t.Fatal("the old token is still in the store")
			}
		}
		if !strings.HasSuffix(stored, "\n") {
			t.Error("the line break at the end is gone")
		}
		seen = append(seen, strings.TrimSpace(stored))
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	checktest.Equal(t, "mode", info.Mode().Perm(), os.FileMode(0o640))
	r.onlyFiles("ca.pem", "refresh-token", "refresh-token.lock")
	r.nothingOf(append(seen, "web-secret"), path)

	// Whoever puts an old one back is told, and it is not sent: the server would end the sign-in.
	if err := os.WriteFile(path, []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	r.memory.Forget() // nobody remembers that it is used up
	again := r.collect(options).condition("refresh/web")
	checktest.Equal(t, "reason", again.Reason, watch.SignInGrantRefused)
	checktest.Equal(t, "text", again.Text, "cannot sign in at "+r.Issuer+" as client web: its refresh token is refused (invalid_grant: grant request is invalid)")
	r.nothingOf(append(seen[1:], "web-secret"), path)
}

func (w *world) onlyFiles(want ...string) {
	w.t.Helper()
	entries, err := os.ReadDir(w.folder)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	checktest.Equal(w.t, "files", strings.Join(names, " "), strings.Join(want, " "))
}

func TestAServerThatDoesNotRotateLeavesTheStoreAsItIs(t *testing.T) {
	r := realServer(t, 0)
	first := r.RefreshToken(t, "steady", time.Hour)
	path := r.file("refresh-token", first)
	options := r.signIn("steady", func(s *oauth.SignIn) {
		s.Grant, s.Store, s.Life = "refresh_token", oauth.Store{File: path}, watch.Duration(90*24*time.Hour)
	})
	issued := time.Now().Add(-30 * 24 * time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, issued, issued); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got := r.collect(options)
		checktest.Equal(t, "reason", got.condition("refresh/steady").Reason, "")
		told := got.credential("refresh-token/steady")
		checktest.Equal(t, "date", told.NotAfter, issued.Add(90*24*time.Hour).UTC())
		checktest.Equal(t, "decides", told.Decides, "90 days after it was issued on "+issued.UTC().Format(time.DateOnly))
		checktest.Equal(t, "store", content(t, path), first)
	}
	r.nothingOf([]string{first}, path)
}
