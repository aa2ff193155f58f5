package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestAChangeIsShownForAsLongAsItIsTold(t *testing.T) {
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, josetest.EC(t, "k1")), none())
	d := newDesk()
	d.pass(t, shopOf(issuer))
	at := func(hours int, change map[string]any, want string) {
		t.Helper()
		d.now = start.Add(time.Duration(hours) * time.Hour)
		issuer.Change(change)
		told, _ := d.pass(t, shopOf(issuer))
		if told["discovery/shop"] != want {
			t.Errorf("after %d h\ngot  %s\nwant %s", hours, told["discovery/shop"], want)
		}
	}
	at(1, map[string]any{"grant_types_supported": []string{"refresh_token", "client_credentials"}, "scopes_supported": []string{"new"}, "claims_supported": []string{"x"}}, inOrder)
	first := fmt.Sprintf(`token_endpoint from "%s/token" to "%s/token2" (seen 2026-11-22 08:00 UTC)`, issuer.URL, issuer.URL)
	at(2, map[string]any{"token_endpoint": issuer.URL + "/token2"}, "warning issuer_changed: its discovery document changed: "+first)
	second := "token_endpoint_auth_methods_supported without client_secret_basic with tls_client_auth (seen 2026-11-23 06:00 UTC)"
	at(24, map[string]any{"token_endpoint_auth_methods_supported": []string{"tls_client_auth", "private_key_jwt"}}, "warning issuer_changed: its discovery document changed: "+first+"; "+second)
	at(73, nil, "warning issuer_changed: its discovery document changed: "+first+"; "+second)
	at(75, nil, "warning issuer_changed: its discovery document changed: "+second)
	at(97, nil, inOrder)
	at(98, map[string]any{"introspection_endpoint": nil}, fmt.Sprintf(`warning issuer_changed: its discovery document changed: introspection_endpoint from "%s/introspect" to nothing (seen 2026-11-26 08:00 UTC)`, issuer.URL))
}

func TestAChangeThatIsTakenBackIsNone(t *testing.T) {
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, josetest.EC(t, "k1")), none())
	d := newDesk()
	d.pass(t, shopOf(issuer))
	at := func(endpoint, want string) {
		t.Helper()
		d.now = d.now.Add(time.Hour)
		issuer.Change(map[string]any{"token_endpoint": issuer.URL + endpoint})
		told, _ := d.pass(t, shopOf(issuer))
		if told["discovery/shop"] != want {
			t.Errorf("got  %s\nwant %s", told["discovery/shop"], want)
		}
	}
	changed := func(to, seen string) string {
		return fmt.Sprintf(`warning issuer_changed: its discovery document changed: token_endpoint from "%s/token" to "%s%s" (seen 2026-11-22 %s UTC)`, issuer.URL, issuer.URL, to, seen)
	}
	at("/token2", changed("/token2", "07:00"))
	at("/token2", changed("/token2", "07:00"))
	at("/token3", changed("/token3", "09:00"))
	at("/token", inOrder)
	at("/token", inOrder)
}

func TestADocumentIsComparedWithThatOfItsOwnPlace(t *testing.T) {
	k1, k2 := josetest.EC(t, "k1"), josetest.EC(t, "k2")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, k1), none())
	d, options := newDesk(), living(issuer, 24*time.Hour)
	d.pass(t, options)
	d.now = d.now.Add(time.Hour)
	issuer.Publish(josetest.Set(t, k2))
	told, _ := d.pass(t, options)
	gone := told["key/shop/k1"]
	if !strings.HasPrefix(gone, "critical key_vanished: ") {
		t.Fatalf("%v", told)
	}
	elsewhere := fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%[1]s/keys","token_endpoint":"%[1]s/token"}`, issuer.Name())
	issuer.Misbehave(
		vendortest.Manner{On: "/openid-configuration", Times: vendortest.Always, Answer: vendortest.Status(http.StatusNotFound, "")},
		vendortest.Manner{On: "/oauth-authorization-server", Times: vendortest.Always, Answer: vendortest.Reply(http.StatusOK, "application/json", elsewhere)})
	d.now = d.now.Add(time.Hour)
	told, _ = d.pass(t, options)
	at := issuer.Name() + "/.well-known/"
	expect(t, told, map[string]string{
		"discovery/shop": inOrder, "key/shop/k1": gone, "key/shop/k2": there,
		"remark": "the discovery document of shop was read at " + at + "oauth-authorization-server, where it stood at " + at + "openid-configuration before: it is compared with what stood there",
	})
	issuer.Misbehave()
	d.now = d.now.Add(time.Hour)
	told, _ = d.pass(t, options)
	delete(told, "remark")
	expect(t, told, map[string]string{"discovery/shop": inOrder, "key/shop/k1": gone, "key/shop/k2": there})
}

func TestTheKeysOfAStrangerSayNothing(t *testing.T) {
	k1, evil := josetest.EC(t, "k1"), josetest.EC(t, "evil")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, k1), none())
	ref := watch.SecretRef{File: write(t, k1.Sign(t, fmt.Sprintf(`{"iss":%q,"exp":%d}`, issuer.Name(), start.Add(90*24*time.Hour).Unix())))}
	options := living(issuer, 24*time.Hour)
	options.Issuers[0].Tokens = []watch.SecretRef{ref}
	d := newDesk()
	d.pass(t, options)
	issuer.Change(map[string]any{"issuer": "https://other.example"})
	issuer.Publish(josetest.Set(t, evil))
	const why = "the discovery document is that of another issuer, which it was not before"
	for range 2 {
		d.now = d.now.Add(time.Hour)
		told, facts := d.pass(t, options)
		expect(t, told, map[string]string{
			"discovery/shop":             fmt.Sprintf(`warning issuer_mismatch: its discovery document names the issuer "https://other.example", where %q was asked for`, issuer.Name()),
			"keys/shop":                  "unknown issuer_mismatch: could not be read: read the keys of " + issuer.Name() + ": " + why,
			"token/shop/" + ref.String(): "unknown unreadable: could not be read: look for the key of the token in " + ref.String() + ": " + why,
		})
		all, _ := checktest.ByID(t, facts)
		if keys := checktest.Of[watch.Problem](t, all, "keys/shop"); !keys.Confined || keys.HidesPrefix != "key/shop/" {
			t.Errorf("%+v", keys)
		}
	}
	issuer.Change(map[string]any{"issuer": issuer.Name()})
	issuer.Publish(josetest.Set(t, k1))
	told, _ := d.pass(t, options)
	expect(t, told, map[string]string{"discovery/shop": inOrder, "key/shop/k1": there, "token/shop/" + ref.String(): "ok: the key k1 of the token is published"})
}

func TestALargeDocumentIsRememberedWithinFourKibibytes(t *testing.T) {
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, josetest.EC(t, "k1")), none())
	many := func(word string) []string {
		var list []string
		for i := range 199 {
			list = append(list, fmt.Sprintf("%s-\"é\"-%d", word, i))
		}
		return list
	}
	large := func(word string) map[string]any {
		changed := map[string]any{}
		for _, name := range []string{"grant_types", "response_types", "token_endpoint_auth_methods", "introspection_endpoint_auth_methods", "token_endpoint_auth_signing_alg_values", "id_token_signing_alg_values"} {
			changed[name+"_supported"] = many(word)
		}
		for _, name := range []string{"authorization", "token", "introspection", "revocation", "userinfo"} {
			changed[name+"_endpoint"] = issuer.URL + "/" + strings.Repeat(word, 300)
		}
		return changed
	}
	d := newDesk()
	memory := &measured{Memory: checks.Forgetful()}
	d.env.Memory = memory
	for i, word := range []string{"one", "two", "six"} {
		issuer.Change(large(word))
		d.now = start.Add(time.Duration(i) * time.Hour)
		told, _ := d.pass(t, shopOf(issuer))
		if changed := strings.HasPrefix(told["discovery/shop"], "warning issuer_changed: "); changed != (i > 0) {
			t.Errorf("pass %d: %s", i, told["discovery/shop"])
		}
	}
	if memory.most > 4096 || memory.most < 2000 {
		t.Errorf("%d bytes were remembered under one key", memory.most)
	}
}

// measured is a memory that knows its largest value.
type measured struct {
	watch.Memory
	most int
}

func (m *measured) Remember(ctx context.Context, key string, value []byte) error {
	m.most = max(m.most, len(value))
	return m.Memory.Remember(ctx, key, value)
}

func TestManyKeysAreRememberedWithinFourKibibytes(t *testing.T) {
	d := newDesk()
	memory := &measured{Memory: checks.Forgetful()}
	d.env.Memory = memory
	issuer := josetest.StartIssuer(t, "", nil, none())
	for round := range 3 {
		var keys []string
		for i := range 100 {
			keys = append(keys, fmt.Sprintf(`{"kty":"PQC","kid":"%s-%d-%d"}`, strings.Repeat("k", 40), round, i))
		}
		issuer.Publish([]byte(`{"keys":[` + strings.Join(keys, ",") + `]}`))
		d.now = d.now.Add(time.Hour)
		d.pass(t, shopOf(issuer))
	}
	if memory.most > 4096 || memory.most < 2000 {
		t.Errorf("%d bytes were remembered under one key", memory.most)
	}
}

func TestAnotherIssuerIsToldAsSuch(t *testing.T) {
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, josetest.EC(t, "k1")), none())
	options := shopOf(issuer)
	options.Issuers[0].Issuer += "/"
	told, _ := newDesk().pass(t, options)
	expect(t, told, map[string]string{
		"discovery/shop": fmt.Sprintf("warning issuer_mismatch: its discovery document names the issuer %q, where %q was asked for", issuer.URL, issuer.URL+"/"),
		"key/shop/k1":    there,
	})
}

func TestWhatCannotBeReadResolvesNothing(t *testing.T) {
	tests := map[string]struct {
		on     string
		answer vendortest.Answer
		want   map[string]string
		hides  string
	}{
		"no document":    {"/openid-configuration", vendortest.Status(http.StatusNotFound, ""), map[string]string{"discovery/shop": "unknown not_found: could not be read: read URL: it answered 404 Not Found"}, "discovery/shop"},
		"an outage":      {"/openid-configuration", vendortest.Status(http.StatusServiceUnavailable, "3600"), map[string]string{"discovery/shop": "unknown unreadable: could not be read: read URL: it answered 503 Service Unavailable"}, "discovery/shop"},
		"a portal":       {"/keys", vendortest.Page(http.StatusOK), map[string]string{"discovery/shop": inOrder, "keys/shop": "unknown unparsable: could not be read: read URL: it answered with what is no JSON object"}, "keys/shop"},
		"no keys there":  {"/keys", vendortest.Status(http.StatusForbidden, ""), map[string]string{"discovery/shop": inOrder, "keys/shop": "unknown permission_denied: could not be read: read URL: it answered 403 Forbidden"}, "keys/shop"},
		"endless keys":   {"/keys", vendortest.Endless(), map[string]string{"discovery/shop": inOrder, "keys/shop": "unknown too_large: could not be read: read URL: the answer is larger than 4194304 bytes"}, "keys/shop"},
		"keys over http": {"/keys", vendortest.Redirect("http://127.0.0.1:9"), map[string]string{"discovery/shop": inOrder, "keys/shop": "unknown unreadable: could not be read: read URL: it answered 307 Temporary Redirect, which leads elsewhere and is not followed"}, "keys/shop"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			issuer := josetest.StartIssuer(t, "", josetest.Set(t, josetest.EC(t, "k1")), none())
			d := newDesk()
			d.pass(t, shopOf(issuer))
			d.now = d.now.Add(time.Hour)
			issuer.Misbehave(vendortest.Manner{On: test.on, Times: vendortest.Always, Answer: test.answer})
			told, facts := d.pass(t, shopOf(issuer))
			for id := range test.want {
				test.want[id] = strings.Replace(test.want[id], "URL", issuer.URL, 1)
			}
			expect(t, told, test.want)
			for _, fact := range facts {
				if problem, ok := fact.(watch.Problem); ok && (problem.Subject.ID != test.hides || !problem.Confined || problem.HidesPrefix != "key/shop/") {
					t.Errorf("%+v", problem)
				}
			}
			issuer.Misbehave()
			told, _ = d.pass(t, shopOf(issuer))
			expect(t, told, map[string]string{"discovery/shop": inOrder, "key/shop/k1": there})
		})
	}
}

func TestKeysOverHTTPAreNotRead(t *testing.T) {
	issuer := josetest.StartIssuer(t, "", nil, none())
	issuer.Change(map[string]any{"jwks_uri": "http://127.0.0.1:9/keys"})
	told, _ := newDesk().pass(t, shopOf(issuer))
	expect(t, told, map[string]string{
		"discovery/shop": inOrder,
		"keys/shop":      "unknown refused: could not be read: read the keys of " + issuer.URL + ": jwks_uri is http: anybody on the way can read and change what is sent there",
	})
	issuer.Change(map[string]any{"jwks_uri": nil})
	told, _ = newDesk().pass(t, shopOf(issuer))
	expect(t, told, map[string]string{"discovery/shop": inOrder})
}

// forgetting is a memory that is out of reach.
type forgetting struct{ watch.Memory }

func (forgetting) Recall(context.Context, string) ([]byte, error) {
	return nil, errors.New("the ledger is locked")
}

func TestWithoutItsMemoryNothingIsComparedAndNothingOverwritten(t *testing.T) {
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, josetest.EC(t, "k1")), none())
	d := newDesk()
	d.pass(t, shopOf(issuer))
	kept := d.env.Memory
	d.env.Memory = forgetting{kept}
	d.now = d.now.Add(time.Hour)
	issuer.Change(map[string]any{"token_endpoint": issuer.URL + "/token2"})
	told, _ := d.pass(t, shopOf(issuer))
	expect(t, told, map[string]string{
		"discovery/shop": inOrder, "key/shop/k1": there,
		"remark": "what shop published before could not be recalled, so that changes and keys that vanished are not seen in this pass",
	})
	d.env.Memory = kept
	told, _ = d.pass(t, shopOf(issuer))
	if !strings.HasPrefix(told["discovery/shop"], "warning issuer_changed: ") {
		t.Errorf("%v", told)
	}
}
