package jose

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	openIDPath = "/.well-known/openid-configuration"
	oauthPath  = "/.well-known/oauth-authorization-server"
)

// Discover reads what the issuer says of itself: the document of OpenID Connect Discovery
// 1.0, section 4, and where there is none that of RFC 8414, section 3. Its error is a
// *webclient.Failure. A document of another issuer is no error: see Discovery.Mismatched.
func Discover(ctx context.Context, client *webclient.Client, issuer string) (Discovery, error) {
	openID, oauth, plain, err := places(issuer)
	if err != nil {
		return Discovery{}, &webclient.Failure{Doing: webclient.Doing(http.MethodGet, issuer), Reason: watch.Unparsable, Text: "the issuer " + err.Error(), Lasting: true}
	}
	answer, failure := document(ctx, client, openID)
	at := openID
	if failure != nil && elsewhere(failure) {
		// Of two failures that of the first place is told, unless only the other says more.
		if other, missing := document(ctx, client, oauth); missing == nil {
			answer, failure, at = other, nil, oauth
		} else if failure.Reason == watch.NotFound && !elsewhere(missing) {
			failure = missing
		}
	}
	if failure != nil {
		return Discovery{}, failure
	}
	read, err := ParseDiscovery(answer, plain)
	if err != nil {
		return Discovery{}, unparsable(at, err)
	}
	read.Asked, read.URL = issuer, at
	return read, nil
}

// places are where the documents stand: OpenID Connect puts its path behind that of the
// issuer, and RFC 8414 before it; a slash at the end is taken off.
func places(issuer string) (openID, oauth string, plain bool, err error) {
	if err = CheckIssuer(issuer, true); err != nil {
		return "", "", false, err
	}
	target, err := url.Parse(issuer)
	if err != nil {
		return "", "", false, err
	}
	path := strings.TrimSuffix(target.EscapedPath(), "/")
	base := target.Scheme + "://" + target.Host
	return base + path + openIDPath, base + oauthPath + path, target.Scheme == "http", nil
}

func document(ctx context.Context, client *webclient.Client, address string) ([]byte, *webclient.Failure) {
	request := webclient.Request{URL: address, Header: http.Header{"Accept": {"application/json"}}}
	answer, err := client.Get(ctx, request)
	if err != nil {
		return nil, client.Explain(webclient.Doing(http.MethodGet, address), err)
	}
	if answer.Status != http.StatusOK {
		return nil, client.Refusal(request, answer, "")
	}
	if !isObject(answer.Body) {
		return nil, &webclient.Failure{Doing: webclient.Doing(http.MethodGet, address), Reason: watch.Unparsable, Text: "it answered with what is no JSON object", Status: answer.Status, Lasting: true}
	}
	return answer.Body, nil
}

// elsewhere reports whether the other place is worth a look: the server has no such
// document, and is not merely out of order.
func elsewhere(failure *webclient.Failure) bool {
	return failure.Reason == watch.Unparsable || failure.Status >= 400 && failure.Status < 500 && failure.Reason != watch.Throttled
}

// ReadKeys reads the key set at jwks_uri. Its error is a *webclient.Failure.
func ReadKeys(ctx context.Context, client *webclient.Client, address string) (KeySet, error) {
	answer, failure := document(ctx, client, address)
	if failure != nil {
		return KeySet{}, failure
	}
	set, err := ParseKeySet(answer)
	if err != nil {
		return KeySet{}, unparsable(address, err)
	}
	return set, nil
}

func unparsable(address string, err error) *webclient.Failure {
	return &webclient.Failure{Doing: webclient.Doing(http.MethodGet, address), Reason: watch.Unparsable, Text: err.Error(), Status: http.StatusOK, Lasting: true, Err: err}
}
