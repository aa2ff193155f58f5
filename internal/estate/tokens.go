package estate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// SignIn is how a service of the estate signs in to its tenant.
type SignIn struct{ Name, ClientID, SecretFile, Story string }

// writeTokens puts tokens into a folder, as they are mounted into containers: one that a
// person renews, one that a machine does, and one that anybody could have written.
func (e *Estate) writeTokens() error {
	e.Tokens = filepath.Join(e.Folder, "tokens")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err == nil {
		err = os.MkdirAll(e.Tokens, 0o700)
	}
	if err != nil {
		return fmt.Errorf("make the estate's tokens: %w", err)
	}
	now := e.authority.now
	var problems []error
	for _, token := range []struct {
		file     string
		method   jwt.SigningMethod
		key      any
		audience string
		from, to time.Time
	}{
		{"order-feed", jwt.SigningMethodES256, key, "https://orders.estate.example", e.authority.inDays(12 - 365), e.authority.inDays(12)},
		{"projected", jwt.SigningMethodES256, key, "https://kubernetes.default.svc", now.Add(-10 * time.Minute), now.Add(50 * time.Minute)},
		{"legacy-import", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "https://import.estate.example", e.authority.inDays(-100), e.authority.inDays(200)},
	} {
		claims := jwt.RegisteredClaims{
			Issuer: "https://login.estate.example", Audience: jwt.ClaimStrings{token.audience}, Subject: "service",
			IssuedAt: jwt.NewNumericDate(token.from), ExpiresAt: jwt.NewNumericDate(token.to),
		}
		signed, err := jwt.NewWithClaims(token.method, claims).SignedString(token.key)
		problems = append(problems, err, os.WriteFile(filepath.Join(e.Tokens, token.file), []byte(signed), 0o600))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("make the estate's tokens: %w", err)
	}
	return nil
}
