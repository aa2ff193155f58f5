package fakegithub

import (
	"crypto/rsa"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// caller is who sends a request: a token, or an App.
type caller struct {
	token Token
	app   *App
}

func (c *Cloud) authenticate(w http.ResponseWriter, r *http.Request) (caller, bool) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		refuse(w, http.StatusUnauthorized, "Requires authentication")
		return caller{}, false
	}
	if token, known := c.Tokens[text]; known {
		return caller{token: token}, true
	}
	if strings.Count(text, ".") != 2 {
		refuse(w, http.StatusUnauthorized, "Bad credentials")
		return caller{}, false
	}
	app, status, words := c.appOf(text)
	if words != "" {
		refuse(w, status, words)
		return caller{}, false
	}
	return caller{app: app}, true
}

// appOf is the App that signed an assertion. The words are GitHub's.
func (c *Cloud) appOf(text string) (app *App, status int, words string) {
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	if _, _, err := parser.ParseUnverified(text, claims); err != nil {
		return nil, http.StatusUnauthorized, "A JSON web token could not be decoded"
	}
	issuer := fmt.Sprint(claims["iss"])
	for i := range c.Apps {
		if known := &c.Apps[i]; issuer == known.ClientID || issuer == strconv.FormatInt(known.ID, 10) {
			app = known
		}
	}
	if app == nil {
		return nil, http.StatusNotFound, "Integration not found"
	}
	if !signed(parser, text, app.Keys) {
		return nil, http.StatusUnauthorized, "A JSON web token could not be decoded"
	}
	now := float64(c.now().Unix())
	issued, wasIssued := claims["iat"].(float64)
	ends, hasEnd := claims["exp"].(float64)
	switch {
	case !wasIssued || issued > now:
		return nil, http.StatusUnauthorized, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	case !hasEnd || ends <= now:
		return nil, http.StatusUnauthorized, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
	case ends > now+600:
		return nil, http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future"
	}
	return app, http.StatusOK, ""
}

func signed(parser *jwt.Parser, text string, keys []*rsa.PublicKey) bool {
	for _, key := range keys {
		if _, err := parser.Parse(text, func(*jwt.Token) (any, error) { return key, nil }); err == nil {
			return true
		}
	}
	return false
}
