package msgraph

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"lapsewatch/watch"
)

// witness is the transport of one attempt, and remembers how it ended: azidentity's errors
// drop the cause.
type witness struct {
	wire      *wire
	method    Method
	authority string
	secrets   []watch.Secret
	// host was asked last; empty if none was.
	host string
	// got is what it answered, without the secrets.
	got answer
	err error
}

func newWitness(options SignIn, wire *wire, secrets []watch.Secret) *witness {
	return &witness{wire: wire, method: options.method(), authority: options.endpoints().authority, secrets: secrets}
}

// Do makes one request (policy.Transporter).
func (w *witness) Do(request *http.Request) (*http.Response, error) {
	w.host, w.got, w.err = request.URL.Host, answer{}, nil
	if request.Method == http.MethodPost && !w.mayBeTold(request.URL) {
		w.err = &Failure{
			Doing: "ask " + w.host, Reason: watch.Unreadable, Lasting: true,
			Text: fmt.Sprintf("the authority at %s names %s as the place to prove the identity to; nothing was sent there, for it is another host", w.authority, said(request.URL.Scheme+"://"+w.host, w.secrets...)),
		}
		return nil, w.err
	}
	got, err := w.wire.roundTrip(request, maxTokenAnswer)
	w.got, w.err = got.without(w.secrets), err
	if err == nil && got.status >= http.StatusMultipleChoices && got.status < http.StatusBadRequest {
		w.err = &Failure{
			Doing: "ask " + w.host, Reason: watch.Unreadable, Status: got.status, Lasting: true,
			Text: fmt.Sprintf("%s answers with a redirect to %s, which is not followed", w.host, target(w.got.header)),
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	return got.response(request), nil
}

// logins are Microsoft's own hosts, which name each other (as MSAL knows them).
var logins = []string{
	"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
	"login.microsoftonline.us", "login.chinacloudapi.cn", "login.partner.microsoftonline.cn",
}

// isLogin reports whether an address is Microsoft's, or that of a region of it, which
// AZURE_REGIONAL_AUTHORITY_NAME asks for.
func isLogin(address *url.URL) bool {
	host := strings.ToLower(address.Hostname())
	_, regionOf, _ := strings.Cut(host, ".")
	return port(address) == "443" && (slices.Contains(logins, host) || slices.Contains(logins, regionOf))
}

// mayBeTold reports whether an address may get the secret or the assertion: the authority
// says in its openid-configuration where to send them, which is no reason to believe it.
// Managed identities send none, and are where this machine says.
func (w *witness) mayBeTold(address *url.URL) bool {
	authority, err := url.Parse(w.authority)
	switch {
	case w.method == ManagedIdentity || w.method == DefaultChain && onThisMachine(address):
		return true
	case err != nil || address.Scheme != authority.Scheme || address.User != nil:
		return false
	}
	return strings.EqualFold(address.Hostname(), authority.Hostname()) && port(address) == port(authority) || isLogin(address) && isLogin(authority)
}

// port is that of an https address.
func port(address *url.URL) string {
	if given := address.Port(); given != "" {
		return given
	}
	return "443"
}
