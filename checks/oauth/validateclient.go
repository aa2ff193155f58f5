package oauth

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

// validate reports what is wrong with a client that asks at endpoint, or where its issuer
// says.
func (c Client) validate(at, endpoint, key string, wrong *wrongs) {
	if c.Issuer == "" && endpoint == "" {
		wrong.add(at, errNoServer)
	}
	if c.Issuer != "" {
		if err := jose.CheckIssuer(c.Issuer, false); err != nil {
			wrong.add(at+".issuer", fmt.Errorf("%q %w", c.Issuer, err))
		}
	}
	if parsed, err := url.Parse(endpoint); endpoint != "" && (err != nil || parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil || parsed.Fragment != "" || clean.Text(endpoint, maxText) != endpoint) {
		wrong.add(at+"."+key, errURL)
	}
	for i, name := range []string{"client_id", "key_id", "assertion_audience"} {
		text := []string{c.ClientID, c.KeyID, c.AssertionAudience}[i]
		if clean.Text(text, maxText) != text || name == "client_id" && strings.TrimSpace(text) == "" {
			wrong.add(at+"."+name, fmt.Errorf("want 1 to %d visible characters", maxText))
		}
	}
	if c.Algorithm != "" && signingMethods()[c.Algorithm] == nil {
		wrong.add(at+".signing_algorithm", errors.New("want RS256, PS256, ES256, ES384, ES512 or EdDSA"))
	}
	c.validateProof(at, wrong)
}

// validateProof reports what its client_auth lacks, and what it cannot use.
func (c Client) validateProof(at string, wrong *wrongs) {
	const needed, useless, allowed = "needed", "useless", "allowed"
	wants := map[string][4]string{ // client_secret, client_key, client_certificate, what an assertion says
		secretBasic:   {needed, useless, useless, useless},
		secretPost:    {needed, useless, useless, useless},
		privateKeyJWT: {useless, needed, allowed, allowed},
		tlsAuth:       {useless, needed, needed, useless},
		selfSignedTLS: {useless, needed, needed, useless},
		noAuth:        {useless, useless, useless, useless},
	}
	want, known := wants[c.method()]
	if !known {
		wrong.add(at+".client_auth", fmt.Errorf("want %s, %s, %s, %s, %s or %s", secretBasic, secretPost, privateKeyJWT, tlsAuth, selfSignedTLS, noAuth))
		return
	}
	for i, ref := range []watch.SecretRef{c.Secret, c.Key, c.Certificate} {
		path := at + "." + []string{"client_secret", "client_key", "client_certificate"}[i]
		switch {
		case ref.IsZero() && want[i] == needed:
			wrong.add(path, fmt.Errorf("%w, %s", errNoSecret, c.method()))
		case !ref.IsZero() && want[i] == useless:
			wrong.add(path, fmt.Errorf("%w, %s", errNotUsed, c.method()))
		case !ref.IsZero():
			if err := ref.Validate(); err != nil {
				wrong.add(path, err)
			}
		}
	}
	for i, key := range []string{"key_id", "signing_algorithm", "assertion_audience"} {
		if []string{c.KeyID, c.Algorithm, c.AssertionAudience}[i] != "" && want[3] == useless {
			wrong.add(at+"."+key, fmt.Errorf("%w, %s", errNotUsed, c.method()))
		}
	}
}
