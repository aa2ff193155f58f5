// Package redact takes secrets out of text that came from elsewhere, such as a server's
// reply that echoes what it was sent. It finds the secrets that it is given and, where
// it is asked to, what looks like a JSON Web Token: it does not guess what else might be one.
package redact

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"lapsewatch/watch"
)

const (
	// shortest is the length below which a part of a URL is taken for an ordinary word.
	shortest = 6
	// shortestWord does the same for a word of a secret, such as Bearer.
	shortestWord = 8
)

const mark = "<redacted>"

// jwt is what a JSON Web Token looks like (RFC 7519).
var jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*){0,4}`)

// JWTs replaces what looks like a JSON Web Token: a service may echo the one that it was
// sent, or show one that it has made.
func JWTs(text string) string { return jwt.ReplaceAllString(text, mark) }

// Text replaces every occurrence of a secret, without white space around it, and of its
// Base64 form: as it is, and in whatever mixture of the escapes of URLs, JSON and HTML,
// up to two within each other.
func Text(text string, secrets ...watch.Secret) string {
	var found []string
	for _, secret := range secrets {
		if value := strings.TrimSpace(secret.Reveal()); value != "" {
			found = append(found, value, base64.StdEncoding.EncodeToString([]byte(value)))
		}
	}
	// A secret that holds another is replaced first, so that no rest of it remains.
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, value := range slices.Compact(found) {
		text = replaceEscaped(text, value)
	}
	return text
}

// Error is err when its text holds no secret, and otherwise an error with the redacted
// text that wraps nothing, so that no cause can give the secret away.
func Error(err error, secrets ...watch.Secret) error {
	text := err.Error()
	if clean := Text(text, secrets...); clean != text {
		return errors.New(clean)
	}
	return err
}

// Words are the secret itself and each of its words that can be one alone: the token of
// "Bearer TOKEN".
func Words(secret watch.Secret) []watch.Secret {
	words := []watch.Secret{secret}
	for word := range strings.FieldsSeq(secret.Reveal()) {
		if len(word) >= shortestWord {
			words = append(words, watch.NewSecret(word))
		}
	}
	return words
}

// URLParts lists what of a URL is secret when the URL itself is: everything but its
// scheme and host. Path segments and query values shorter than six bytes are left out,
// since replacing those would garble ordinary words.
func URLParts(address *url.URL) []watch.Secret {
	parts := []string{address.RequestURI(), address.Path, address.RawQuery}
	if password, ok := address.User.Password(); ok {
		parts = append(parts, password)
	}
	parts = append(parts, strings.Split(address.Path, "/")...)
	parts = append(parts, strings.Split(address.EscapedPath(), "/")...)
	for _, values := range address.Query() {
		parts = append(parts, values...)
	}
	for pair := range strings.SplitSeq(address.RawQuery, "&") {
		_, value, _ := strings.Cut(pair, "=")
		parts = append(parts, value)
	}
	slices.Sort(parts)
	var secrets []watch.Secret
	for _, part := range slices.Compact(parts) {
		if len(part) >= shortest {
			secrets = append(secrets, watch.NewSecret(part))
		}
	}
	return secrets
}
