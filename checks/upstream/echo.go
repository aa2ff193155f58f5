package upstream

import (
	"net/url"
	"strings"
	"unicode"

	"lapsewatch/internal/redact"
	"lapsewatch/internal/weblink"
	"lapsewatch/watch"
)

const (
	// shortestSecret is the length below which a value is taken for an ordinary word.
	shortestSecret = 8
	// shortestSegment of a path is taken for a secret, if it has digits.
	shortestSegment = 16
	// hidden stands where one was. It is no markup: what it stands in may be XML.
	hidden = "(hidden)"
)

// secrets are what of the source's address opens it, and may come back in what it answers:
// the values of the query, and parts of the path that nobody has made up.
func (s Source) secrets() []watch.Secret {
	address, err := url.Parse(s.URL)
	if err != nil {
		return nil
	}
	var secrets []watch.Secret
	take := func(text string, shortest int) {
		if len(text) >= shortest {
			secrets = append(secrets, watch.NewSecret(text))
		}
	}
	take(address.RawQuery, shortestSecret)
	for pair := range strings.SplitSeq(address.RawQuery, "&") {
		_, value, _ := strings.Cut(pair, "=")
		take(value, shortestSecret)
		if plain, err := url.QueryUnescape(value); err == nil && plain != value {
			take(plain, shortestSecret)
		}
	}
	for segment := range strings.SplitSeq(address.EscapedPath(), "/") {
		if strings.ContainsFunc(segment, unicode.IsDigit) {
			take(segment, shortestSegment)
		}
	}
	return secrets
}

// withoutSecrets hides them before anything is read, since all of it may be shown.
func withoutSecrets(body []byte, secrets []watch.Secret) []byte {
	if len(secrets) == 0 {
		return body
	}
	const mark = "<redacted>"
	text := string(body)
	clean := redact.Text(text, secrets...)
	if clean == text {
		return body
	}
	return []byte(strings.ReplaceAll(clean, mark, hidden))
}

// linkTo is a link that the source gives, if it may be shown: it is none to the source
// itself, whose address may be a secret.
func (s Source) linkTo(link string) string {
	own, err := url.Parse(s.URL)
	if err != nil || strings.Contains(link, hidden) {
		return ""
	}
	if path := strings.Trim(own.Path, "/"); link == s.URL && (path != "" || own.RawQuery != "") {
		return ""
	}
	if own.RawQuery != "" && strings.Contains(link, own.RawQuery) {
		return ""
	}
	return weblink.HTTPS(link)
}
