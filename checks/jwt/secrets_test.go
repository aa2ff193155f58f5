package jwt_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"lapsewatch/checks/jwt"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

func TestNoPartOfATokenIsShownAnywhere(t *testing.T) {
	const subject, id = "c4n4ry-subject", "c4n4ry-jti"
	signer, stranger := josetest.EC(t, "k1"), josetest.EC(t, "k1")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, signer), vendortest.Manner{On: "/keys", After: 2, Times: vendortest.Always, Answer: vendortest.Echo(403)})
	body := func(exp string) string {
		return claims(`{"iss":%q,"sub":%q,"jti":%q,"email":"c4n4ry@example.com","exp":%s}`, issuer.Name(), subject, id, exp)
	}
	tokens := []string{
		signer.Sign(t, body("1895000000")), stranger.Sign(t, body("1795000000")), signer.Sign(t, body(`"tomorrow"`)), signer.Sign(t, body(`[1]`)),
		josetest.Raw(`{"alg":"none"}`, body("1"), ""), josetest.Raw(`{"alg":"RSA-OAEP","enc":"A256GCM"}`, "c4n4ry", "c4n4ry") + ".YzRuNHJ5.YzRuNHJ5",
		"opaque-c4n4ry", josetest.Raw(`{"alg":"HS256"`, body("1"), "c4n4ry"), josetest.Raw(`{"alg":"RS256"}`, `{"sub":"c4n4ry"`, "c4n4ry"),
	}
	var shown strings.Builder
	for i, token := range tokens {
		path := write(t, filepath.Join(t.TempDir(), "token"), token)
		t.Setenv("LAPSEWATCH_TEST_JWT", token)
		for _, keys := range []jwt.Keys{{}, {Issuers: []string{issuer.Name()}}, {URL: issuer.Name() + "/keys"}} {
			d := newDesk()
			options := jwt.Options{Issuer: "x", Audience: "y", Keys: keys, CAFile: issuer.CAFile, Paths: []string{path, filepath.Dir(path)}, Tokens: []jwt.Token{listed("t", watch.SecretRef{Env: "LAPSEWATCH_TEST_JWT"})}}
			for _, fact := range d.collect(t, options) {
				finding, err := json.Marshal(policy.Judge{}.Finding(policy.Origin{Check: "c"}, fact, asOf))
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&shown, "%d %+v %s\n", i, fact, finding)
			}
			shown.WriteString(d.log.String())
		}
	}
	for _, request := range issuer.Requests() {
		fmt.Fprintf(&shown, "%+v\n", request)
	}
	secrets := []string{"c4n4ry"}
	for _, token := range tokens {
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 8 {
				secrets = append(secrets, part, part[:len(part)/2])
			}
		}
	}
	for _, secret := range secrets {
		if at := strings.Index(shown.String(), secret); at >= 0 {
			t.Fatalf("%q is shown: …%s…", secret, shown.String()[max(0, at-200):min(shown.Len(), at+200)])
		}
	}
}
