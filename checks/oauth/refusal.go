package oauth

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/retryafter"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// longestAsked bounds the wait that a server may ask for.
const longestAsked = time.Hour

// verdict is what became of a request. The zero value is that it was granted.
type verdict struct {
	holdoff.Refusal
	// ofClient: the client itself was refused, whatever it asks for.
	ofClient   bool
	retryAfter time.Duration
	// lost: the request may have arrived, and its answer did not.
	lost bool
	// unsent is why nothing was sent, so that nothing is known of the client; nil if it was.
	unsent error
}

func (v verdict) granted() bool { return v.Reason == "" && v.unsent == nil }

// refusedSignIn reports whether a reason says that the server refuses. Any other is one why
// nobody knows.
func refusedSignIn(reason watch.Reason) bool {
	switch reason {
	case watch.SignInSecretExpired, watch.SignInClientRefused, watch.SignInNotAllowed, watch.SignInGrantRefused, watch.SignInRefused:
		return true
	default:
		return false
	}
}

// known are the codes of RFC 6749, sections 4.1.2.1 and 5.2, and those that some servers
// send in their place.
func known(code string) (reason watch.Reason, clause string) {
	switch strings.ToLower(code) {
	case "invalid_client", "invalid_client_id", "bad_client_id", "bad_client_secret", "incorrect_client_credentials", "invalid_client_credentials":
		return watch.SignInClientRefused, "its client is refused"
	case "unauthorized_client", "unsupported_grant_type", "access_denied":
		return watch.SignInNotAllowed, "its client is not allowed to"
	case "invalid_grant":
		return watch.SignInGrantRefused, "its refresh token is refused"
	case "invalid_scope":
		return watch.SignInRefused, "a scope that it asks for is refused"
	case "invalid_target":
		return watch.SignInRefused, "a resource that it asks for is refused"
	case "temporarily_unavailable", "server_error":
		return watch.Unreachable, "the server has a fault of its own"
	case "slow_down", "too_many_requests", "rate_limit_exceeded":
		return watch.Throttled, "the server is asked too often"
	}
	return watch.SignInRefused, "it is refused"
}

// What servers say where something of the client's is over. A session, a code or a token
// that has expired is none of these.
var (
	secretOver      = regexp.MustCompile(`(?i)\b(secret|credential)s?\b.{0,80}\bexpired?\b|\bexpired\b.{0,40}\b(secret|credential)`)
	certificateOver = regexp.MustCompile(`(?i)\bcert(ificate)?s?\b.{0,80}\bexpired?\b|\bexpired\b.{0,40}\bcert`)
	assertionOver   = regexp.MustCompile(`(?i)\b(assertion|jwt)s?\b.{0,80}\b(expired?|exp)\b|\bexpired\b.{0,40}\b(assertion|jwt)`)
)

// over says what of the client's has expired by the words of a server that refuses it.
func (c Client) over(description string) (reason watch.Reason, clause string) {
	switch c.method() {
	case secretBasic, secretPost:
		if secretOver.MatchString(description) {
			return watch.SignInSecretExpired, "its client secret has expired"
		}
	case tlsAuth, selfSignedTLS:
		if certificateOver.MatchString(description) {
			return watch.SignInSecretExpired, "its client certificate has expired"
		}
	case privateKeyJWT:
		switch {
		case assertionOver.MatchString(description):
			return watch.SignInClientRefused, "its signed assertion is refused as one that has expired"
		case certificateOver.MatchString(description):
			return watch.SignInSecretExpired, "its client certificate has expired"
		}
	}
	return watch.SignInClientRefused, "its client is refused"
}

// notAllowed are the words of servers that call it an invalid_request.
var notAllowed = regexp.MustCompile(`(?i)grant.?type is not (allowed|enabled|supported|authorized)`)

// judge says what an answer of the token endpoint means for the sign-in.
func (s SignIn) judge(web *webclient.Client, request webclient.Request, got answer) verdict {
	said := got.refused()
	switch {
	case got.Status == http.StatusOK && got.text("access_token") != "" && got.successful():
		return verdict{}
	case got.Status >= 500 || webclient.Passing(got.Status) || said.code == "" && got.Status != http.StatusUnauthorized:
		return unanswered(web, request, got, said)
	}
	judged := verdict{
		Refusal:    holdoff.Refusal{Code: said.shownCode, Status: got.Status, Lasting: true},
		retryAfter: retryafter.Of(got.Header, time.Now(), longestAsked),
	}
	if reason, text, lasting, ok := saysEntra(said.shownWhy); ok {
		judged.Reason, judged.Text, judged.Lasting = reason, text, lasting
		judged.ofClient = reason == watch.SignInClientRefused || reason == watch.SignInSecretExpired
		return judged
	}
	reason, clause := known(said.code)
	if said.code == "" { // 401
		reason = watch.SignInClientRefused
	}
	switch {
	case reason == watch.SignInClientRefused:
		reason, clause = s.over(said.shownWhy)
	case reason == watch.SignInGrantRefused && s.grant() != refreshToken:
		reason, clause = watch.SignInRefused, "it is refused"
	case reason == watch.SignInRefused && notAllowed.MatchString(said.shownWhy):
		reason, clause = watch.SignInNotAllowed, "its client is not allowed to"
	}
	judged.Reason = reason
	judged.ofClient = reason == watch.SignInClientRefused || reason == watch.SignInSecretExpired
	judged.Lasting = refusedSignIn(reason)
	judged.Text = clause + " (" + said.words(got.Status) + ")"
	return judged
}

// words are the server's own, or its status where it has none.
func (r refusal) words(status int) string {
	switch {
	case r.code == "":
		return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	case r.shownWhy == "":
		return r.shownCode
	}
	return r.shownCode + ": " + strings.TrimSuffix(r.shownWhy, ".")
}

// unanswered is the verdict on an answer that says nothing about the client: it comes of
// something that stands before the server, or of an outage, and is asked again soon.
func unanswered(web *webclient.Client, request webclient.Request, got answer, said refusal) verdict {
	own := ""
	if said.code != "" {
		own = said.words(got.Status)
	}
	if got.Status != http.StatusOK {
		failure := failed(web.Refusal(request, got.Answer, own))
		failure.Lasting = false
		return failure
	}
	text := "it answered 200 OK without an access token"
	switch trimmed := strings.TrimSpace(string(got.Body)); {
	case !got.isObject() && strings.HasPrefix(trimmed, "<"):
		text = "it answered 200 OK with a web page: a login page, a proxy, or something else stands at this address"
	case !got.isObject():
		text = "it answered 200 OK with what is no JSON object"
	}
	return verdict{Refusal: holdoff.Refusal{Reason: watch.Unparsable, Text: text, Status: got.Status}}
}

// clockClause begins what a refusal says of the server's clock.
const clockClause = "; the server's clock is "

// skewed is the verdict where a server refuses an assertion and its clock is further off than
// an assertion lives: whoever signs in so is refused, whatever the key.
func skewed(judged verdict, off time.Duration) verdict {
	way := "ahead"
	if off < 0 {
		way = "behind"
	}
	judged.ofClient, judged.Lasting, judged.Reason = false, false, watch.SignInClientRefused
	judged.Text += fmt.Sprintf(clockClause+"%s %s, and an assertion lives for %d s", watch.Span(off.Abs().Round(time.Minute)), way, int(assertionLife.Seconds()))
	return judged
}

// failed is the verdict on a request without an answer that can be used.
func failed(failure *webclient.Failure) verdict {
	return verdict{Refusal: holdoff.Refusal{Reason: failure.Reason, Text: failure.Text, Status: failure.Status, Lasting: failure.Lasting}, retryAfter: failure.RetryAfter}
}

// alerts are what a TLS server says to a client certificate that it does not accept (RFC
// 8446, section 6.2), in the words of package tls.
var alerts = regexp.MustCompile(`tls: (bad certificate|unsupported certificate|revoked certificate|expired certificate|unknown certificate authority|unknown certificate|certificate required|access denied)$`)

// refusedInTLS is the verdict where the server ended the handshake over the client's
// certificate.
func refusedInTLS(err error) (verdict, bool) {
	operation, ok := errors.AsType[*net.OpError](err)
	if !ok || operation.Op != "remote error" || operation.Err == nil {
		return verdict{}, false
	}
	alert := alerts.FindStringSubmatch(operation.Err.Error())
	if alert == nil {
		return verdict{}, false
	}
	return verdict{ofClient: true, Refusal: holdoff.Refusal{
		Reason: watch.SignInClientRefused, Code: alert[1], Lasting: true, Text: "its client certificate is refused (TLS alert: " + alert[1] + ")",
	}}, true
}
