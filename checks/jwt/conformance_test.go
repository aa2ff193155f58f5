package jwt_test

import (
	"path/filepath"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/jwt"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/watch"
)

func TestTheKindPassesTheConformanceSuite(t *testing.T) {
	signer := josetest.EC(t, "k1")
	issuer := josetest.StartIssuer(t, "", josetest.Set(t, signer))
	folder := t.TempDir()
	write(t, filepath.Join(folder, "good"), signer.Sign(t, claims(`{"iss":%q,"exp":%d}`, issuer.Name(), in(day))))
	options := jwt.Options{
		ClockTolerance: watch.Duration(time.Minute), Paths: []string{folder}, Keys: jwt.Keys{Issuers: []string{issuer.Name()}}, CAFile: issuer.CAFile,
		Tokens: []jwt.Token{listed("none", watch.SecretRef{File: write(t, filepath.Join(t.TempDir(), "none"), "opaque")})},
	}
	checktest.Run(t, checktest.Case{
		Kind: jwt.Kind, Decode: checktest.Given(options), Env: newDesk().env,
		Readable: 2, Unreadable: 1,
	})
}
