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
}

func (v verdict) granted() bool { return v.Reason == "" }

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

// expired are the words in which servers say that a client's secret is over.
var expired = regexp.MustCompile(`(?i)(secret|credential|client|key)s?\b.{0,80}\bexpired?\b|\bexpired\b.{0,40}\b(secret|credential|client|key)`)

// notAllowed are the words of servers that call it an invalid_request.
var notAllowed = regexp.MustCompile(`(?i)grant.?type is not (allowed|enabled|supported|authorized)`)

// judge says what an answer of a token endpoint means for who asked with such a grant.
func judge(web *webclient.Client, request webclient.Request, got answer, grant string) verdict {
	code, description := got.refused()
	asked := retryafter.Of(got.Header, time.Now(), longestAsked)
	switch {
	case got.Status == http.StatusOK && got.text("access_token") != "" && code == "":
		return verdict{}
	case got.Status >= 500 || webclient.Passing(got.Status) || code == "" && got.Status != http.StatusUnauthorized:
		return unanswered(web, request, got, code, description)
	}
	judged := verdict{Refusal: holdoff.Refusal{Code: code, Status: got.Status, Lasting: true}, retryAfter: asked}
	if reason, text, lasting, ok := saysEntra(description); ok {
		judged.Reason, judged.Text, judged.Lasting = reason, text, lasting
		judged.ofClient = reason == watch.SignInClientRefused || reason == watch.SignInSecretExpired
		return judged
	}
	clause := ""
	judged.Reason, clause = known(code)
	if code == "" { // 401
		judged.Reason, clause = watch.SignInClientRefused, "its client is refused"
	}
	if judged.Reason == watch.SignInGrantRefused && grant != refreshToken {
		judged.Reason, clause = watch.SignInRefused, "it is refused"
	}
	if judged.Reason == watch.SignInClientRefused && expired.MatchString(description) {
		judged.Reason, clause = watch.SignInSecretExpired, "its client secret has expired"
	}
	if judged.Reason == watch.SignInRefused && notAllowed.MatchString(description) {
		judged.Reason, clause = watch.SignInNotAllowed, "its client is not allowed to"
	}
	judged.ofClient = judged.Reason == watch.SignInClientRefused || judged.Reason == watch.SignInSecretExpired
	judged.Lasting = refusedSignIn(judged.Reason)
	judged.Text = clause + " (" + words(code, description, got.Status) + ")"
	return judged
}

func words(code, description string, status int) string {
	switch {
	case code == "":
		return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	case description == "":
		return code
	}
	return code + ": " + strings.TrimSuffix(description, ".")
}

// unanswered is the verdict on an answer that says nothing about the sign-in.
func unanswered(web *webclient.Client, request webclient.Request, got answer, code, description string) verdict {
	said := ""
	if code != "" {
		said = words(code, description, got.Status)
	}
	if got.Status != http.StatusOK {
		return failed(web.Refusal(request, got.Answer, said))
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
