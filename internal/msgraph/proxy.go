package msgraph

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// proxy says which proxy a request goes through.
type proxy struct {
	// configured is nil where the environment decides, and then environment may be too.
	configured  *url.URL
	environment func(*http.Request) (*url.URL, error)
	// credentials are read at each use.
	credentials watch.SecretRef
	read        watch.SecretReader
}

// of is for http.Transport. The endpoints of managed identities lie on this machine or
// beside it, where no proxy can reach them.
func (p *proxy) of(request *http.Request) (*url.URL, error) {
	switch {
	case onThisMachine(request.URL) || beside(request.URL):
		return nil, nil
	case p.configured != nil:
		return p.withCredentials()
	case p.environment == nil:
		return nil, nil
	}
	address, err := p.environment(request)
	if err != nil || address == nil && passedOver(request.URL) { // an error may repeat the password
		return nil, proxyFault{"of HTTPS_PROXY", errors.New("it cannot be parsed as a URL: want http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with what is special in a URL percent-encoded")}
	}
	return address, nil
}

// passedOver reports whether a proxy is meant for an address but cannot be parsed, which
// net/http takes for none.
func passedOver(address *url.URL) bool {
	given := httpproxy.FromEnvironment()
	if _, err := url.Parse(given.HTTPSProxy); given.HTTPSProxy == "" || err == nil {
		return false
	}
	if _, err := url.Parse("http://" + given.HTTPSProxy); err == nil {
		return false
	}
	given.HTTPSProxy = "http://any.invalid"
	meant, err := given.ProxyFunc()(address)
	return err == nil && meant != nil
}

func onThisMachine(address *url.URL) bool {
	ip, err := netip.ParseAddr(address.Hostname())
	return address.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

func beside(address *url.URL) bool {
	ip, err := netip.ParseAddr(address.Hostname())
	return err == nil && ip.IsLinkLocalUnicast()
}

// withCredentials is the configured proxy with its credentials as they are now.
func (p *proxy) withCredentials() (*url.URL, error) {
	if p.credentials.IsZero() {
		return p.configured, nil
	}
	secret, err := p.read(p.credentials)
	if err != nil {
		return nil, proxyFault{"at " + p.configured.Host, err}
	}
	user, password, ok := strings.Cut(secret.Reveal(), ":")
	if !ok {
		return nil, proxyFault{"at " + p.configured.Host, fmt.Errorf("the secret in %s is not of the form user:password", p.credentials)}
	}
	known := *p.configured
	known.User = url.UserPassword(user, password)
	return &known, nil
}

// proxySecrets are what the proxy on the way to an address is told: Basic authentication
// is the Base64 form of the first.
func (w *wire) proxySecrets(to string) []watch.Secret {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, to, nil)
	if err != nil || w.proxy == nil {
		return nil
	}
	address, err := w.proxy.of(request)
	if err != nil || address == nil || address.User == nil {
		return nil // then none was used either
	}
	password, _ := address.User.Password()
	return append(redact.URLParts(&url.URL{User: address.User}), watch.NewSecret(address.User.Username()+":"+password))
}

// proxyFault is why the proxy cannot be asked at all.
type proxyFault struct {
	where string
	error
}

func (p proxyFault) Unwrap() error { return p.error }

// proxyRefusal is an answer of the proxy itself.
type proxyRefusal struct {
	where  string
	status int
}

func (p proxyRefusal) Error() string {
	if p.status == http.StatusProxyAuthRequired {
		return "the proxy wants other credentials (status 407)"
	}
	return fmt.Sprintf("the proxy refuses the connection (status %d)", p.status)
}

func refusedByProxy(_ context.Context, address *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return proxyRefusal{"at " + address.Host, answer.StatusCode}
}

// proxyOf names the proxy, if it is where an attempt failed.
func proxyOf(err error) (name string, failed bool) {
	if fault, ok := errors.AsType[proxyFault](err); ok {
		return "the proxy " + fault.where, true
	}
	if refusal, ok := errors.AsType[proxyRefusal](err); ok {
		return "the proxy " + refusal.where, true
	}
	if way, ok := errors.AsType[*net.OpError](err); !ok || way.Op != "proxyconnect" {
		return "", false
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		if way, ok := cause.(*net.OpError); ok && way.Addr != nil { //nolint:errorlint // the walk looks at each cause
			return "the proxy at " + way.Addr.String(), true
		}
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		return "the proxy at " + lookup.Name, true
	}
	return "the proxy", true
}
