package oidc_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/jose/josetest"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func none() vendortest.Manner { return vendortest.Manner{On: "never"} }

func TestAnIssuerInOrderIsToldWithItsKeysThoughItMisbehaves(t *testing.T) {
	issuer := josetest.StartIssuer(t, "/realms/shop", josetest.Set(t, josetest.RSA(t, "k1"), josetest.EC(t, "k/2")))
	told, facts := newDesk().pass(t, shopOf(issuer))
	expect(t, told, map[string]string{"discovery/shop": inOrder, "key/shop/k1": there, "key/shop/k/2": there})
	for _, fact := range facts {
		condition := fact.(watch.Condition)
		switch condition.Subject.ID {
		case "discovery/shop":
			if condition.Details["jwks_uri"] != issuer.Name()+"/keys" || condition.Details["keys"] != 2 || fmt.Sprint(condition.Details["grant_types_supported"]) != "[client_credentials refresh_token]" {
				t.Errorf("%+v", condition.Details)
			}
		case "key/shop/k1":
			if condition.Subject.Name != "shop key k1" || condition.Details["key_type"] != "RSA" || condition.Details["algorithm"] != "RS256" || condition.Details["use"] != "sig" || condition.Details["first_seen"] != "2026-11-22T06:00:00Z" {
				t.Errorf("%+v", condition)
			}
		}
	}
}

// rotation publishes sets one after the other, each an hour after the last unless it says
// otherwise, and gives what is told of the key k1 at the end.
func TestAKeyIsToldOnlyWhereTokensThatItSignedCertainlyLive(t *testing.T) {
	k1, k2, k3 := josetest.EC(t, "k1"), josetest.EC(t, "k2"), josetest.EC(t, "k3")
	type step struct {
		after time.Duration
		keys  []josetest.Signer
	}
	only, both, next := []josetest.Signer{k1}, []josetest.Signer{k1, k2}, []josetest.Signer{k2}
	const life = 24 * time.Hour
	tests := map[string]struct {
		steps []step
		want  string
	}{
		"replaced from one look to the next":       {[]step{{0, only}, {time.Hour, next}}, "critical key_vanished: the key was withdrawn too early: it was gone at 2026-11-22 07:00 UTC, and none of the keys that are left was there at 2026-11-22 06:00 UTC yet; tokens that it signed may live until 2026-11-23 07:00 UTC (max_token_life 1 d) and are refused"},
		"and still at the look after that":         {[]step{{0, only}, {time.Hour, next}, {23 * time.Hour, next}}, "critical key_vanished: the key was withdrawn too early: it was gone at 2026-11-22 07:00 UTC, and none of the keys that are left was there at 2026-11-22 06:00 UTC yet; tokens that it signed may live until 2026-11-23 07:00 UTC (max_token_life 1 d) and are refused"},
		"until its last token is dead":             {[]step{{0, only}, {time.Hour, next}, {life, next}}, ""},
		"until it is published again":              {[]step{{0, only}, {time.Hour, next}, {time.Hour, both}}, there},
		"withdrawn before the overlap is over":     {[]step{{0, only}, {time.Hour, both}, {22 * time.Hour, next}}, "critical key_vanished: the key was withdrawn too early: it was gone at 2026-11-23 05:00 UTC, and none of the keys that are left was there at 2026-11-22 06:00 UTC yet; tokens that it signed may live until 2026-11-24 05:00 UTC (max_token_life 1 d) and are refused"},
		"withdrawn after the overlap":              {[]step{{0, only}, {time.Hour, both}, {24 * time.Hour, next}}, ""},
		"looks too far apart to be sure":           {[]step{{0, only}, {25 * time.Hour, next}}, ""},
		"another key was there from the beginning": {[]step{{0, both}, {time.Hour, next}}, ""},
		"a key that was announced and taken back":  {[]step{{0, next}, {time.Hour, both}, {time.Hour, next}}, ""},
		"two rotations":                            {[]step{{0, only}, {time.Hour, both}, {25 * time.Hour, next}, {time.Hour, []josetest.Signer{k2, k3}}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			issuer := josetest.StartIssuer(t, "", nil, none())
			d, told := newDesk(), map[string]string{}
			for _, step := range test.steps {
				d.now = d.now.Add(step.after)
				issuer.Publish(josetest.Set(t, step.keys...))
				told, _ = d.pass(t, shopOf(issuer))
			}
			if told["key/shop/k1"] != test.want {
				t.Errorf("got  %s\nwant %s", told["key/shop/k1"], test.want)
			}
		})
	}
}

func TestAServerThatLagsIsAskedASecondTime(t *testing.T) {
	k1, k2 := josetest.EC(t, "k1"), josetest.EC(t, "k2")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, k1), none())
	d := newDesk()
	d.pass(t, shopOf(issuer))
	d.now = d.now.Add(time.Hour)
	issuer.Misbehave(vendortest.Manner{On: "/keys", Answer: vendortest.Reply(http.StatusOK, "application/json", string(josetest.Set(t, k2)))})
	told, _ := d.pass(t, shopOf(issuer))
	expect(t, told, map[string]string{"discovery/shop": inOrder, "key/shop/k2": there})
}

func TestAnEmptyKeySetIsCriticalAndForgetsNothing(t *testing.T) {
	k1, k2 := josetest.EC(t, "k1"), josetest.EC(t, "k2")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, k1), none())
	d := newDesk()
	d.pass(t, shopOf(issuer))
	issuer.Publish([]byte(`{"keys":[]}`))
	d.now = d.now.Add(time.Hour)
	told, _ := d.pass(t, shopOf(issuer))
	expect(t, told, map[string]string{"discovery/shop": "critical key_vanished: its key set is empty, so that none of its tokens can be verified"})
	issuer.Publish(josetest.Set(t, k2))
	d.now = d.now.Add(time.Hour)
	told, _ = d.pass(t, shopOf(issuer))
	if !strings.HasPrefix(told["key/shop/k1"], "critical key_vanished: the key was withdrawn too early: it was gone at 2026-11-22 08:00 UTC, and none of the keys that are left was there at 2026-11-22 06:00 UTC yet") {
		t.Errorf("%v", told)
	}
}

func TestCertificatesOfKeysAreWatched(t *testing.T) {
	root, err := pki.SelfSigned(pki.Spec{CommonName: "root", IsCA: true, NotBefore: start.AddDate(-5, 0, 0), NotAfter: start.AddDate(5, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	between, err := root.Issue(pki.Spec{CommonName: "between", IsCA: true, NotBefore: start.AddDate(-3, 0, 0), NotAfter: start.AddDate(0, 0, 20)})
	if err != nil {
		t.Fatal(err)
	}
	spec := func(days int) pki.Spec {
		return pki.Spec{CommonName: "signer", NotBefore: start.AddDate(-1, 0, 0), NotAfter: start.AddDate(0, 0, days)}
	}
	fine, near, chained := josetest.RSA(t, "fine").With(t, root, spec(300)), josetest.EC(t, "near").With(t, root, spec(3)), josetest.EC(t, "chained").With(t, between, spec(300))
	mixed := josetest.EC(t, "mixed").With(t, root, spec(300)).JWK(t)
	mixed["x5c"] = near.JWK(t)["x5c"]
	text, err := json.Marshal(map[string]any{"keys": []any{fine.JWK(t), near.JWK(t), chained.JWK(t), mixed}})
	if err != nil {
		t.Fatal(err)
	}
	told, facts := newDesk().pass(t, shopOf(josetest.StartIssuer(t, "", text, none())))
	expect(t, told, map[string]string{
		"discovery/shop":   inOrder,
		"key/shop/fine":    "ok: key certificate expires 2027-09-18 06:00 UTC, in 300 days",
		"key/shop/near":    "critical expires_soon: key certificate expires 2026-11-25 06:00 UTC, in 3 days",
		"key/shop/chained": "warning expires_soon: key certificate expires 2026-12-12 06:00 UTC, in 20 days (CN=between in x5c expires before the key's own certificate)",
		"key/shop/mixed":   "critical expires_soon: key certificate expires 2026-11-25 06:00 UTC, in 3 days",
	})
	for _, fact := range facts {
		if key, ok := fact.(watch.Credential); ok && key.Subject.ID == "key/shop/mixed" {
			if len(key.Observations) != 1 || key.Observations[0].Text != "does not belong to the key: the certificate in x5c is of another key (RFC 7517, 4.7)" {
				t.Errorf("%+v", key.Observations)
			}
		}
	}
}

func TestAKeyWithItsPrivatePartIsTold(t *testing.T) {
	set := `{"keys":[{"kty":"oct","kid":"shared","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},{"kty":"PQC"},{"kid":"` + strings.Repeat("k", 3000) + `\u202e","kty":"PQC"}]}`
	told, facts := newDesk().pass(t, shopOf(josetest.StartIssuer(t, "", []byte(set), none())))
	if told["key/shop/shared"] != "critical private_key_published: the key comes with its private part, so that anybody can sign tokens with it" || told["key/shop/#2"] != there || len(told) != 4 {
		t.Errorf("%v", told)
	}
	for id := range told {
		if len(id) > 100 {
			t.Errorf("the ID %q", id)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v", facts), "c2VjcmV0") {
		t.Error("the secret is shown")
	}
}
