package oidc_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
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
		"withdrawn before the overlap is over":     {[]step{{0, only}, {time.Hour, both}, {20 * time.Hour, next}}, "critical key_vanished: the key was withdrawn too early: it was gone at 2026-11-23 03:00 UTC, and none of the keys that are left was there at 2026-11-22 06:00 UTC yet; tokens that it signed may live until 2026-11-24 03:00 UTC (max_token_life 1 d) and are refused"},
		"withdrawn after the overlap":              {[]step{{0, only}, {time.Hour, both}, {24 * time.Hour, next}}, ""},
		"looks a little less than a life apart":    {[]step{{0, only}, {24*time.Hour - 3*time.Second, next}}, ""},
		"looks a minute apart":                     {[]step{{0, only}, {time.Minute, next}}, "critical key_vanished: the key was withdrawn too early: it was gone at 2026-11-22 06:01:00 UTC, and none of the keys that are left was there at 2026-11-22 06:00:00 UTC yet; tokens that it signed may live until 2026-11-23 06:01 UTC (max_token_life 1 d) and are refused"},
		"looks too far apart to be sure":           {[]step{{0, only}, {25 * time.Hour, next}}, ""},
		"another key was there from the beginning": {[]step{{0, both}, {time.Hour, next}}, ""},
		"a key that was announced and taken back":  {[]step{{0, next}, {time.Hour, both}, {time.Hour, next}}, ""},
		"two rotations":                            {[]step{{0, only}, {time.Hour, both}, {25 * time.Hour, next}, {time.Hour, []josetest.Signer{k2, k3}}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := josetest.StartIssuer(t, "", nil, none())
			d, told := newDesk(), map[string]string{}
			for _, step := range test.steps {
				d.now = d.now.Add(step.after)
				issuer.Publish(josetest.Set(t, step.keys...))
				told, _ = d.pass(t, living(issuer, life))
			}
			if told["key/shop/k1"] != test.want {
				t.Errorf("got  %s\nwant %s", told["key/shop/k1"], test.want)
			}
		})
	}
}

func TestWithoutTheLifeOfTokensNoKeyWentTooEarly(t *testing.T) {
	k1, k2 := josetest.EC(t, "k1"), josetest.EC(t, "k2")
	for name, test := range map[string]struct {
		life time.Duration
		want string
	}{
		"not known":               {0, ""},
		"known by a listed token": {5 * time.Hour, "critical key_vanished: the key was withdrawn too early: it was gone at 2026-11-22 07:00 UTC, and none of the keys that are left was there at 2026-11-22 06:00 UTC yet; tokens that it signed may live until 2026-11-22 12:00 UTC (the life of a token in tokens is 5 h) and are refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := josetest.StartIssuer(t, "", josetest.Set(t, k1), none())
			options := shopOf(issuer)
			if test.life > 0 {
				claims := fmt.Sprintf(`{"iss":%q,"iat":%d,"exp":%d}`, issuer.Name(), start.Unix(), start.Add(test.life).Unix())
				options.Issuers[0].Tokens = []watch.SecretRef{{File: write(t, k2.Sign(t, claims))}}
			}
			d := newDesk()
			d.pass(t, options)
			issuer.Publish(josetest.Set(t, k2))
			d.now = d.now.Add(time.Hour)
			if told, _ := d.pass(t, options); told["key/shop/k1"] != test.want {
				t.Errorf("got  %s\nwant %s", told["key/shop/k1"], test.want)
			}
		})
	}
}

func TestASecondLookGoesOverANewConnection(t *testing.T) {
	k1, k2 := josetest.EC(t, "k1"), josetest.EC(t, "k2")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, k1), none())
	d := newDesk()
	d.pass(t, shopOf(issuer))
	issuer.Publish(josetest.Set(t, k2))
	var mu sync.Mutex
	var from []string
	issuer.Misbehave(vendortest.Manner{On: "/keys", Times: vendortest.Always, Answer: func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
		mu.Lock()
		from = append(from, r.RemoteAddr)
		mu.Unlock()
		usual.ServeHTTP(w, r)
	}})
	d.now = d.now.Add(time.Hour)
	d.pass(t, shopOf(issuer))
	mu.Lock()
	defer mu.Unlock()
	if len(from) != 2 || from[0] == from[1] {
		t.Errorf("asked from %q", from)
	}
}

func TestManyKeysThatWentTooEarlyAreAllToldOfAgain(t *testing.T) {
	const count = 36
	var old, fresh []josetest.Signer
	for i := range count {
		signer := josetest.EC(t, fmt.Sprintf("old-0123456789abcdef0123456789abcdef-%02d", i))
		old = append(old, signer)
		signer.ID = strings.Replace(signer.ID, "old", "new", 1)
		fresh = append(fresh, signer)
	}
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, old...), none())
	d, memory := newDesk(), &checktest.Memory{}
	d.env.Memory = memory
	d.pass(t, living(issuer, 24*time.Hour))
	issuer.Publish(josetest.Set(t, fresh...))
	for look := range 2 {
		d.now = d.now.Add(time.Hour)
		told, _ := d.pass(t, living(issuer, 24*time.Hour))
		vanished := 0
		for _, text := range told {
			if strings.HasPrefix(text, "critical key_vanished: ") {
				vanished++
			}
		}
		if vanished != count {
			t.Errorf("look %d: %d keys are told of, want %d", look, vanished, count)
		}
	}
}

func TestOfMoreKeysThanAreRememberedNoneIsTakenForANewOne(t *testing.T) {
	signer := josetest.EC(t, "")
	set := func(from, to int) []byte {
		var keys []josetest.Signer
		for i := from; i < to; i++ {
			signer.ID = fmt.Sprintf("%s-%04d", strings.Repeat("k", 40), i)
			keys = append(keys, signer)
		}
		return josetest.Set(t, keys...)
	}
	issuer := josetest.StartIssuer(t, "", set(0, 300), none())
	d := newDesk()
	d.pass(t, living(issuer, 24*time.Hour))
	d.now = d.now.Add(time.Hour)
	issuer.Publish(set(250, 300))
	told, _ := d.pass(t, living(issuer, 24*time.Hour))
	for id, text := range told {
		if strings.HasPrefix(text, "critical") {
			t.Errorf("%s: %s", id, text)
		}
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
	expect(t, told, map[string]string{"discovery/shop": inOrder, "key/shop/k1": there, "key/shop/k2": there})
}

func TestAnEmptyKeySetIsCriticalAndForgetsNothing(t *testing.T) {
	k1, k2 := josetest.EC(t, "k1"), josetest.EC(t, "k2")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, k1), none())
	d, options := newDesk(), living(issuer, 24*time.Hour)
	d.pass(t, options)
	issuer.Publish([]byte(`{"keys":[]}`))
	d.now = d.now.Add(time.Hour)
	told, facts := d.pass(t, options)
	expect(t, told, map[string]string{
		"discovery/shop": "critical key_vanished: its key set is empty, so that none of its tokens can be verified",
		"keys/shop":      "unknown key_vanished: could not be read: the key set is empty, so that nothing is known of its keys",
	})
	all, _ := checktest.ByID(t, facts)
	if keys := checktest.Of[watch.Problem](t, all, "keys/shop"); !keys.Confined || keys.HidesPrefix != "key/shop/" {
		t.Errorf("%+v", keys)
	}
	if remedy := checktest.Of[watch.Condition](t, all, "discovery/shop").Remedy; remedy != "Publish the keys again at once: until then nobody can verify a token of this issuer." {
		t.Errorf("the remedy is %q", remedy)
	}
	issuer.Publish(josetest.Set(t, k2))
	d.now = d.now.Add(time.Hour)
	told, _ = d.pass(t, options)
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
