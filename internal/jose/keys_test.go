package jose_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"lapsewatch/internal/jose"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/internal/pki"
)

func keySet(t *testing.T, text []byte) jose.KeySet {
	t.Helper()
	set, err := jose.ParseKeySet(text)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func setOf(t *testing.T, keys ...map[string]any) jose.KeySet {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return keySet(t, text)
}

func with(key map[string]any, name string, value any) map[string]any {
	key[name] = value
	return key
}

func TestEveryVerdict(t *testing.T) {
	rsa, ec, ed := josetest.RSA(t, "r1"), josetest.EC(t, "e1"), josetest.Ed25519(t, "d1")
	another := josetest.EC(t, "e1")
	public := setOf(t, rsa.JWK(t), ec.JWK(t), ed.JWK(t))
	rsaPublic, err := json.Marshal(rsa.JWK(t))
	if err != nil {
		t.Fatal(err)
	}
	claims := `{"iss":"i","exp":1795000000}`
	unnamed, confused := ec, josetest.Signer{ID: "r1", Algorithm: "HS256", Key: rsaPublic}
	unnamed.ID = ""
	named := func(id string) josetest.Signer { return josetest.Signer{ID: id, Algorithm: "ES256", Key: ec.Key} }
	shared := josetest.Signer{ID: "s1", Algorithm: "HS256", Key: []byte("0123456789abcdef0123456789abcdef")}
	anonymous := josetest.Signer{Algorithm: "HS256", Key: shared.Key}
	signed := ec.Sign(t, claims)
	parts := strings.Split(signed, ".")
	tests := map[string]struct {
		token string
		keys  jose.KeySet
		state jose.State
		want  string
	}{
		"RS256 of the key named":                        {rsa.Sign(t, claims), public, jose.Valid, ""},
		"ES256 of the key named":                        {signed, public, jose.Valid, ""},
		"EdDSA of the key named":                        {ed.Sign(t, claims), public, jose.Valid, ""},
		"a token that names no key":                     {unnamed.Sign(t, claims), public, jose.Valid, ""},
		"a shared secret in a file":                     {shared.Sign(t, claims), setOf(t, shared.JWK(t)), jose.Valid, ""},
		"one of two keys of a name":                     {signed, setOf(t, another.JWK(t), ec.JWK(t)), jose.Valid, ""},
		"a key of the same name":                        {another.Sign(t, claims), public, jose.Invalid, `was not signed by the key "e1" that it names`},
		"claims that were changed":                      {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"i","exp":1895000000}`)) + "." + parts[2], public, jose.Invalid, `was not signed by the key "e1" that it names`},
		"a signature that was taken away":               {parts[0] + "." + parts[1] + ".", public, jose.Invalid, `was not signed by the key "e1" that it names`},
		"no key named and none fits":                    {unnamed.Sign(t, claims), setOf(t, another.JWK(t)), jose.Invalid, "names no key, and none of the keys signed it (published: 1)"},
		"no key named and none of its alg":              {unnamed.Sign(t, claims), setOf(t, rsa.JWK(t), ed.JWK(t)), jose.Vanished, "names no key, and none of the keys goes with its algorithm, ES256 (published: 2)"},
		"a key that is gone":                            {named("e0").Sign(t, claims), public, jose.Vanished, `names the key "e0", which is not among the keys (published: 3)`},
		"a key with a hostile name":                     {named("\x1b[31m\u202e"+strings.Repeat("k", 99)).Sign(t, claims), public, jose.Vanished, "names the key \"\uFFFD[31m\uFFFD" + strings.Repeat("k", 33) + `…", which is not among the keys (published: 3)`},
		"no keys":                                       {signed, jose.KeySet{}, jose.Vanished, `names the key "e1", which is not among the keys (published: 0)`},
		"alg none":                                      {josetest.Raw(`{"alg":"none","kid":"e1"}`, claims, ""), public, jose.Unsigned, `is unsigned (alg "none", RFC 7518, 3.6), so that anybody could have written it`},
		"alg nOnE with a signature":                     {josetest.Raw(`{"alg":"nOnE","kid":"e1"}`, claims, "s"), public, jose.Unsigned, `is unsigned (alg "none", RFC 7518, 3.6), so that anybody could have written it`},
		"a public key taken for a secret":               {confused.Sign(t, claims), public, jose.Invalid, `is signed with HS256, which does not go with the key "r1" that it names (RSA, RS256)`},
		"a secret, with no key named":                   {anonymous.Sign(t, claims), public, jose.Invalid, "is signed with a secret (HS256), which none of the keys is (published: 3)"},
		"a key for encryption":                          {signed, setOf(t, with(ec.JWK(t), "use", "enc")), jose.Invalid, `names the key "e1", which is published for encryption and not for signatures`},
		"a key for another algorithm":                   {rsa.Sign(t, claims), setOf(t, with(rsa.JWK(t), "alg", "PS256")), jose.Invalid, `is signed with RS256, which does not go with the key "r1" that it names (RSA, PS256)`},
		"a key of an unknown type":                      {named("x").Sign(t, claims), setOf(t, map[string]any{"kty": "PQC", "kid": "x"}), jose.Unchecked, `names the key "x", which is of a type, a form or a size that is not known here (kty "PQC")`},
		"two keys of a name, of which one is not known": {another.Sign(t, claims), setOf(t, ec.JWK(t), map[string]any{"kty": "EC", "kid": "e1", "crv": "P-999"}), jose.Unchecked, `names the key "e1", which is of a type, a form or a size that is not known here (kty "EC")`},
		"the same the other way round":                  {another.Sign(t, claims), setOf(t, map[string]any{"kty": "EC", "kid": "e1", "crv": "P-999"}, ec.JWK(t)), jose.Unchecked, `names the key "e1", which is of a type, a form or a size that is not known here (kty "EC")`},
		"two keys of a name, of which the other signed": {signed, setOf(t, map[string]any{"kty": "EC", "kid": "e1", "crv": "P-999"}, ec.JWK(t)), jose.Valid, ""},
		"no key named, and one is not known":            {unnamed.Sign(t, claims), setOf(t, another.JWK(t), map[string]any{"kty": "EC", "crv": "P-999"}), jose.Unchecked, `names no key, and one of those that may have signed it is of a type, a form or a size that is not known here (kty "EC")`},
		"no key named, and the only one is not known":   {unnamed.Sign(t, claims), setOf(t, map[string]any{"kty": "EC", "crv": "P-999"}), jose.Unchecked, `names no key, and one of those that may have signed it is of a type, a form or a size that is not known here (kty "EC")`},
		"no key named, and one of another type is not":  {unnamed.Sign(t, claims), setOf(t, another.JWK(t), map[string]any{"kty": "RSA", "n": "_w", "e": "AQAB"}, map[string]any{"kty": "EC", "crv": "P-999", "use": "enc"}), jose.Invalid, "names no key, and none of the keys signed it (published: 3)"},
		"an algorithm that is not known":                {josetest.Raw(`{"alg":"ES256K","kid":"e1"}`, claims, "s"), public, jose.Unchecked, `is signed with the algorithm "ES256K", which cannot be verified here`},
		"a critical header":                             {josetest.Raw(`{"alg":"ES256","kid":"e1","crit":["x"],"x":1}`, claims, strings.Repeat("s", 64)), public, jose.Unchecked, "cannot be verified: its header asks for what is not known here"},
		"no token":                                      {"opaque", public, jose.Unchecked, "cannot be verified: it is no JSON Web Token: that has three parts with dots between them"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := jose.Verify([]byte(" "+test.token+"\n"), test.keys)
			if got.State != test.state || got.Text != test.want || (got.KeyName != "") != (got.State == jose.Valid) {
				t.Errorf("%+v\nwant %s: %s", got, test.state, test.want)
			}
		})
	}
}

func TestAKeyThatTheTokenBringsAlongIsNotUsed(t *testing.T) {
	forger := josetest.EC(t, "e1")
	signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.ES256, Key: gojose.JSONWebKey{Key: forger.Key, KeyID: "e1"}}, &gojose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	forged, err := signer.Sign([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := forged.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	if got := jose.Verify([]byte(compact), setOf(t, josetest.EC(t, "e1").JWK(t))); got.State == jose.Valid {
		t.Errorf("%+v", got)
	}
}

func TestKeysAreListedWithTheirCertificates(t *testing.T) {
	root, err := pki.NewRoot("root")
	if err != nil {
		t.Fatal(err)
	}
	ends := time.Date(2031, 3, 1, 0, 0, 0, 0, time.UTC)
	certified := josetest.RSA(t, "k1").With(t, root, pki.Spec{CommonName: "signer", NotAfter: ends})
	other := josetest.RSA(t, "k2").With(t, root, pki.Spec{CommonName: "other"})
	wrong := certified.JWK(t)
	wrong["x5c"], wrong["x5t"] = other.JWK(t)["x5c"], "AAAA"
	wrong["x5t#S256"] = "not base64!"
	broken := with(josetest.EC(t, "k3").JWK(t), "x5c", []string{"AAAA"})
	garbled := with(josetest.EC(t, "k4").JWK(t), "x5c", []string{"*"})
	set := setOf(t, certified.JWK(t), wrong, broken, garbled)

	first := set.Keys[0]
	if first.ID != "k1" || first.Type != "RSA" || first.Use != "sig" || first.Algorithm != "RS256" || len(first.Thumbprint) != 43 || first.Faults != nil || first.Unreadable != "" || first.Private {
		t.Errorf("%+v", first)
	}
	if len(first.Certificates) != 1 || !first.Certificates[0].NotAfter.Equal(ends) {
		t.Errorf("certificates %v", first.Certificates)
	}
	for i, want := range [][]string{
		nil,
		{"the certificate in x5c is of another key (RFC 7517, 4.7)", "x5t is not the thumbprint of the certificate in x5c", "x5t#S256 is not the thumbprint of the certificate in x5c"},
		{"x5c[0] is no certificate"},
		{"x5c[0] is not Base64"},
	} {
		if got := set.Keys[i]; fmt.Sprint(got.Faults) != fmt.Sprint(want) || got.Unreadable != "" {
			t.Errorf("key %d: %q, want %q; %s", i, got.Faults, want, got.Unreadable)
		}
	}
}

func TestAKeyThatIsNotKnownSpoilsNoOther(t *testing.T) {
	good := josetest.EC(t, "good")
	encoded, err := json.Marshal(good.JWK(t))
	if err != nil {
		t.Fatal(err)
	}
	huge := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\xff", 4096)))
	set := keySet(t, []byte(`{"keys":[7,"x",{},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"RSA","n":"`+huge+`","e":"AQAB","kid":"huge"},{"kty":"RSA","n":"_w","e":"AQAB"},`+string(encoded)+`],"keys2":1}`))
	want := []string{
		"is no JSON object", "is no JSON object", `is of a type, a form or a size that is not known here (kty "")`, `is of a type, a form or a size that is not known here (kty "EC")`,
		`is of a type, a form or a size that is not known here (kty "RSA")`, "has 8 bits, and nothing verifies with fewer than 1024", "",
	}
	for i, key := range set.Keys {
		if key.Unreadable != want[i] {
			t.Errorf("key %d: %q, want %q", i, key.Unreadable, want[i])
		}
	}
	if got := jose.Verify([]byte(good.Sign(t, `{}`)), set); got.State != jose.Valid {
		t.Errorf("%+v", got)
	}
}

func TestPrivatePartsAreSeenAndNotKept(t *testing.T) {
	signer := josetest.EC(t, "leaked")
	encoded, err := json.Marshal(gojose.JSONWebKey{Key: signer.Key, KeyID: "leaked"})
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(encoded, &members); err != nil {
		t.Fatal(err)
	}
	set := setOf(t, members, map[string]any{"kty": "oct", "k": "c2VjcmV0"})
	if !set.Keys[0].Private || !set.Keys[1].Private || set.Keys[1].Thumbprint != "" || set.Keys[1].Name() != "" {
		t.Errorf("%+v", set.Keys)
	}
	if printed := fmt.Sprintf("%+v", set.Keys[0]); strings.Contains(printed, members["d"].(string)) || strings.Contains(printed, "PrivateKey") {
		t.Errorf("the private part was kept: %s", printed)
	}
	if got := jose.Verify([]byte(signer.Sign(t, `{}`)), set); got.State != jose.Valid {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsNoKeySetIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:              "it is no JSON Web Key Set (RFC 7517): it is no JSON object",
		`[]`:            "it is no JSON Web Key Set (RFC 7517): it is no JSON object",
		`{}`:            `it is no JSON Web Key Set (RFC 7517): it has no list "keys"`,
		`{"keys":{}}`:   `it is no JSON Web Key Set (RFC 7517): it has no list "keys"`,
		`{"keys":null}`: `it is no JSON Web Key Set (RFC 7517): it has no list "keys"`,
		`{"keys":[` + strings.Repeat("1,", 1000) + `1]}`: "it is no JSON Web Key Set (RFC 7517): it has more than 1000 keys",
		strings.Repeat(" ", 1<<20+1):                     "it is no JSON Web Key Set (RFC 7517): it is larger than 1048576 bytes",
	} {
		if _, err := jose.ParseKeySet([]byte(text)); !errors.Is(err, jose.ErrNoKeySet) || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if set := keySet(t, []byte("\uFEFF{\"keys\":[]}\n")); len(set.Keys) != 0 {
		t.Errorf("%+v", set)
	}
}

func FuzzParseKeySet(f *testing.F) {
	root, err := pki.NewRoot("root")
	if err != nil {
		f.Fatal(err)
	}
	signer := josetest.EC(f, "k1").With(f, root, pki.Spec{CommonName: "signer"})
	f.Add(josetest.Set(f, signer, josetest.Ed25519(f, "k2")), []byte(signer.Sign(f, `{}`)))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"oct","k":"AA"},{"kty":"AKP"},1]}`), []byte(josetest.Raw(`{"alg":"HS256"}`, `{}`, "s")))
	f.Fuzz(func(t *testing.T, text, token []byte) {
		set, err := jose.ParseKeySet(text)
		if err != nil {
			if !errors.Is(err, jose.ErrNoKeySet) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		verdict := jose.Verify(token, set)
		if (verdict.Text == "") != (verdict.State == jose.Valid) {
			t.Errorf("%+v", verdict)
		}
	})
}
