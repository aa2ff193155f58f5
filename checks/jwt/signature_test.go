package jwt_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/jwt"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestSignaturesAreVerifiedWithTheKeysThatWereNamed(t *testing.T) {
	signer, stranger := josetest.EC(t, "k1"), josetest.EC(t, "k1")
	gone := josetest.EC(t, "k0")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, signer))
	other := josetest.StartIssuer(t, "", josetest.Set(t, stranger))
	body := func(iss string) string { return claims(`{"iss":%q,"exp":%d}`, iss, in(90*day)) }
	ours := body(issuer.Name())
	file := write(t, filepath.Join(t.TempDir(), "jwks.json"), string(josetest.Set(t, signer)))
	const fine = "ok : access token expires 2027-02-20 06:00 UTC, in 90 days"
	const end = "; it expires 2027-02-20 06:00 UTC, in 90 days"
	byIssuer, byURL, byFile := jwt.Keys{Issuers: []string{issuer.Name()}}, jwt.Keys{URL: issuer.Name() + "/keys"}, jwt.Keys{File: file}
	const unsigned = `warning unsigned_token: access token is unsigned (alg "none", RFC 7518, 3.6), so that anybody could have written it` + end
	const unread = "could not be read: read the keys that signatures are verified with: "
	tests := map[string]struct {
		token string
		keys  jwt.Keys
		// token and signature are what is told of those; unread keys are told in its place.
		ofToken, ofSignature string
	}{
		"by discovery":              {signer.Sign(t, ours), byIssuer, fine, `ok : the token is signed by the key "k1" of ` + issuer.Name()},
		"by a URL":                  {signer.Sign(t, ours), byURL, fine, `ok : the token is signed by the key "k1" of ` + issuer.Name() + "/keys"},
		"by a file":                 {signer.Sign(t, ours), byFile, fine, `ok : the token is signed by the key "k1" of ` + file},
		"without keys":              {stranger.Sign(t, ours), jwt.Keys{}, fine, ""},
		"not its key":               {stranger.Sign(t, ours), byIssuer, fine, `critical signature_invalid: the token was not signed by the key "k1" that it names`},
		"a key that is gone":        {gone.Sign(t, ours), byIssuer, fine, `critical key_vanished: the token names the key "k0", which is not among the keys (published: 1)`},
		"of a token that is over":   {gone.Sign(t, claims(`{"iss":%q,"exp":%d}`, issuer.Name(), in(-hour))), byIssuer, "critical expired: access token expired 2026-11-22 05:00 UTC, 1 h ago", "ok : the token expired 2026-11-22 05:00:00 UTC, so that nobody needs its key"},
		"unsigned":                  {josetest.Raw(`{"alg":"none"}`, ours, ""), jwt.Keys{}, unsigned, ""},
		"unsigned, with keys":       {josetest.Raw(`{"alg":"none"}`, ours, ""), byIssuer, unsigned, ""},
		"an algorithm not known":    {josetest.Raw(`{"alg":"ES256K"}`, ours, "s"), byIssuer, `notice signature_unchecked: access token is signed with the algorithm "ES256K", which cannot be verified here` + end, ""},
		"an issuer not listed":      {stranger.Sign(t, body(other.Name())), byIssuer, "notice signature_unchecked: access token was not verified: its issuer is none of keys.issuers" + end, ""},
		"no end, wrong key":         {stranger.Sign(t, claims(`{"iss":%q,"exp":true}`, issuer.Name())), byIssuer, "warning claims_malformed: access token has a claim exp that is true and no number of seconds since 1970; nobody can say when it lapses", `critical signature_invalid: the token was not signed by the key "k1" that it names`},
		"a file that is gone":       {signer.Sign(t, ours), jwt.Keys{File: "/nowhere/jwks.json"}, fine, "unknown not_found: " + unread + "read /nowhere/jwks.json: no such file or directory"},
		"a URL that leads away":     {signer.Sign(t, ours), jwt.Keys{URL: issuer.Name() + "/nothing"}, fine, "unknown not_found: " + unread + "read " + issuer.Name() + `: it answered 404 Not Found: "404 page not found"`},
		"a URL with what is secret": {signer.Sign(t, ours), jwt.Keys{URL: issuer.Name() + "/keys?apikey=c4n4ry"}, fine, `ok : the token is signed by the key "k1" of ` + issuer.Name() + "/keys"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			facts := newDesk().facts(t, test.token, jwt.Options{Keys: test.keys, CAFile: issuer.CAFile})
			if got := told(facts["token:token"], asOf); got != test.ofToken {
				t.Errorf("got  %s\nwant %s", got, test.ofToken)
			}
			if got := signed(t, facts); got != test.ofSignature {
				t.Errorf("got  %s\nwant %s", got, test.ofSignature)
			}
			for _, fact := range facts {
				if strings.Contains(checktest.Shown(t, fact), "c4n4ry") {
					t.Errorf("the query of the URL is shown: %+v", fact)
				}
			}
		})
	}
	if asked := other.Requests(); len(asked) != 0 {
		t.Errorf("an issuer that is not listed was asked: %+v", asked)
	}
}

func TestKeysOfAnIssuerThatCallsItselfOtherwiseAreNotUsed(t *testing.T) {
	signer := josetest.EC(t, "k1")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, signer), vendortest.Manner{On: "never"})
	asked := strings.Replace(issuer.Name(), "127.0.0.1", "localhost", 1)
	token := signer.Sign(t, claims(`{"iss":%q,"exp":%d}`, asked, in(90*day)))
	options := jwt.Options{Keys: jwt.Keys{Issuers: []string{asked}}, CAFile: issuer.CAFile}
	want := "unknown issuer_mismatch: could not be read: read the keys that signatures are verified with: its discovery document is that of another issuer"
	if got := signed(t, newDesk().facts(t, token, options)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	issuer.Change(map[string]any{"issuer": asked, "jwks_uri": nil})
	want = "unknown not_found: could not be read: read the keys that signatures are verified with: its discovery document names no jwks_uri that can be used"
	if got := signed(t, newDesk().facts(t, token, options)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// hides reports whether a problem among the facts keeps the finding of a subject as it was.
func hides(facts checktest.Facts, id string) bool {
	for _, problem := range facts.Problems() {
		if problem.Confined && (problem.Subject.ID == id || problem.HidesPrefix != "" && strings.HasPrefix(id, problem.HidesPrefix)) {
			return true
		}
	}
	return false
}

func TestAnOutageOfTheKeysIsOneProblemAndEndsNoFinding(t *testing.T) {
	signer, stranger := josetest.EC(t, "k1"), josetest.EC(t, "k1")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, signer), vendortest.Manner{On: "never"})
	folder, d := t.TempDir(), newDesk()
	for _, name := range []string{"a", "b"} {
		write(t, filepath.Join(folder, name), stranger.Sign(t, claims(`{"iss":%q,"sub":%q,"exp":%d}`, issuer.Name(), name, in(90*day))))
	}
	options := jwt.Options{Paths: []string{folder}, Keys: jwt.Keys{Issuers: []string{issuer.Name()}}, CAFile: issuer.CAFile}
	wrong := signaturesOf(t, d, options)
	if len(wrong) != 2 {
		t.Fatalf("wrong are %q", wrong)
	}
	issuer.Misbehave(vendortest.Manner{On: "/keys", Times: vendortest.Always, Answer: vendortest.Status(http.StatusForbidden, "")})
	facts, _ := checktest.ByID(t, d.collect(t, options))
	if problems := facts.Problems(); len(problems) != 1 || problems[0].Reason != watch.PermissionDenied || problems[0].Subject.Name != "keys of "+issuer.Name() {
		t.Errorf("%+v", problems)
	}
	for _, id := range wrong {
		if facts[id] != nil || !hides(facts, id) {
			t.Errorf("the finding of %s ends: %+v", id, facts)
		}
	}
}

// signaturesOf are the IDs of the signatures that are wrong.
func signaturesOf(t *testing.T, d *desk, options jwt.Options) []string {
	t.Helper()
	var wrong []string
	for _, fact := range d.collect(t, options) {
		if condition, ok := fact.(watch.Condition); ok && condition.Reason == watch.SignatureInvalid {
			wrong = append(wrong, condition.Subject.ID)
		}
	}
	return wrong
}

func TestAWrongSignatureOutlastsATokenThatCannotBeRead(t *testing.T) {
	signer, stranger := josetest.EC(t, "k1"), josetest.EC(t, "k1")
	keys := write(t, filepath.Join(t.TempDir(), "jwks.json"), string(josetest.Set(t, signer)))
	bad := stranger.Sign(t, claims(`{"exp":%d}`, in(90*day)))
	for name, spoil := range map[string]func(t *testing.T, folder, file string){
		"a torn file":        func(t *testing.T, _, file string) { write(t, file, bad[:40]) },
		"a folder that went": func(t *testing.T, folder, _ string) { remove(t, folder) },
		"a key not known here": func(t *testing.T, _, _ string) {
			write(t, keys, `{"keys":[{"kty":"EC","crv":"P-999","kid":"k1"}]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, keys, string(josetest.Set(t, signer)))
			folder, d := filepath.Join(t.TempDir(), "tokens"), newDesk()
			file := write(t, filepath.Join(folder, "token"), bad)
			options := jwt.Options{Paths: []string{folder}, Keys: jwt.Keys{File: keys}}
			id := signaturesOf(t, d, options)[0]
			spoil(t, folder, file)
			for range 2 {
				facts, _ := checktest.ByID(t, d.collect(t, options))
				if !hides(facts, id) {
					t.Errorf("the finding ends: %+v", facts)
				}
			}
			write(t, keys, string(josetest.Set(t, signer)))
			write(t, file, signer.Sign(t, claims(`{"exp":%d}`, in(90*day))))
			facts, _ := checktest.ByID(t, d.collect(t, options))
			if got := checktest.Of[watch.Condition](t, facts, id); got.Reason != "" {
				t.Errorf("%+v", got)
			}
			remove(t, file)
			write(t, filepath.Join(folder, "other"), signer.Sign(t, claims(`{"exp":%d}`, in(90*day))))
			facts, _ = checktest.ByID(t, d.collect(t, options))
			if facts[id] != nil || hides(facts, id) {
				t.Errorf("what is gone is kept: %+v", facts)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func TestATokenThatSaysOnlyWhenItEndsIsJudgedByItsRenewals(t *testing.T) {
	d, now := newDesk(), asOf
	d.env.Now = func() time.Time { return now }
	path := filepath.Join(t.TempDir(), "token")
	look := func(after, left time.Duration) string {
		t.Helper()
		now = asOf.Add(after)
		write(t, path, josetest.Raw(header, claims(`{"iss":"i","exp":%d}`, now.Add(left).Unix()), "s"))
		return told(d.collect(t, jwt.Options{Paths: []string{path}})[0], now)
	}
	if got, want := look(0, 2*hour), "critical expires_soon: access token expires 2026-11-22 08:00 UTC, in 2 h"; got != want {
		t.Errorf("seen once\ngot  %s\nwant %s", got, want)
	}
	if got, want := look(hour, 2*hour), "ok : access token expires 2026-11-22 09:00 UTC, in 2 h"; got != want {
		t.Errorf("renewed\ngot  %s\nwant %s", got, want)
	}
	if got, want := look(2*hour+52*time.Minute, 8*time.Minute), "warning renewal_overdue: access token should have been renewed by now (life of 2 h): expires 2026-11-22 09:00 UTC, in 8 min"; got != want {
		t.Errorf("not renewed\ngot  %s\nwant %s", got, want)
	}
}

func TestTryReadsTokensAndKeysAndJudgesNoSignature(t *testing.T) {
	signer, stranger := josetest.EC(t, "k1"), josetest.EC(t, "k1")
	token := write(t, filepath.Join(t.TempDir(), "token"), stranger.Sign(t, claims(`{"exp":%d}`, in(90*day))))
	for file, want := range map[string]int{write(t, filepath.Join(t.TempDir(), "keys"), string(josetest.Set(t, signer))): 0, "/nowhere/keys": 1} {
		options := jwt.Options{Tokens: []jwt.Token{listed("t", watch.SecretRef{File: token})}, Keys: jwt.Keys{File: file}, ClockTolerance: watch.Duration(time.Minute)}
		failed := 0
		for _, ability := range checktest.Build(t, jwt.Kind, options, newDesk().env).(watch.Trier).Try(t.Context()) {
			if strings.HasPrefix(ability.Name, "signature") {
				t.Errorf("%+v", ability)
			}
			if ability.Err != nil {
				failed++
			}
		}
		if failed != want {
			t.Errorf("%s: %d abilities are missing, want %d", file, failed, want)
		}
	}
}
