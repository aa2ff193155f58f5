package msgraph

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http/httpproxy"

	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

func TestAProxyWithCredentialsCarriesSignInAndGraph(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(50))
	proxy := startProxy(t, strings.TrimPrefix(server.GraphURL, "https://"), "watchdog", "proxy:canary")
	options := at(t, server)
	options.AuthorityURL, options.GraphURL = "", ""
	options.Proxy, options.ProxyCredentials = "http://"+proxy.address, watch.SecretRef{Env: "PROXY"}
	where := newWorld()
	where.secrets.set("PROXY", "watchdog:proxy:canary")
	server.Misbehave(faketenant.Manner{On: "/openid-configuration", Times: faketenant.Always, Answer: faketenant.Edited(func(body []byte) []byte {
		return bytes.ReplaceAll(body, []byte(server.AuthorityURL), []byte("https://login.microsoftonline.com"))
	})})
	// The tenant's certificate bears no name of Microsoft's.
	asLocalhost := func(env *Env) {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{ServerName: "localhost"}
		env.HTTP = httpClient(transport)
	}
	if got := walk(t, where.open(t, options, asLocalhost)); got.err != nil || len(got.appIDs) != 51 {
		t.Fatalf("%d applications, %v", len(got.appIDs), got.err)
	}
	if seen := proxy.seen(); !strings.Contains(seen, "login.microsoftonline.com:443") || !strings.Contains(seen, "graph.microsoft.com:443") {
		t.Errorf("the proxy was asked for %s", seen)
	}
	where.secrets.set("PROXY", "watchdog:old-canary")
	failure := where.try(t, options, asLocalhost)
	if failure == nil || failure.Reason != watch.Refused || !failure.Proxy || !failure.Lasting || failure.Attempts != 1 || !strings.HasSuffix(failure.Error(), ": the proxy at "+proxy.address+" on the way to login.microsoftonline.com: the proxy wants other credentials (status 407)") || strings.Contains(failure.Error(), "canary") {
		t.Errorf("with old credentials: %v", failure)
	}
	where.secrets.set("PROXY", "canary-without-colon")
	if failure := where.try(t, options, asLocalhost); failure == nil || !failure.Proxy || !failure.Lasting || failure.Attempts != 1 || !strings.Contains(failure.Error(), "the proxy at "+proxy.address+" on the way to login.microsoftonline.com: the secret in environment variable PROXY is not of the form user:password") {
		t.Errorf("without a colon: %v", failure)
	}
	where.secrets.set("PROXY", "watchdog:proxy:canary")
	if failure := where.try(t, options, asLocalhost); failure != nil {
		t.Errorf("with the right ones again: %v", failure)
	}
}

// byEnvironment looks at HTTPS_PROXY at each request, as http.DefaultTransport does once.
func byEnvironment(env *Env) {
	transport := offline()
	transport.Proxy = func(request *http.Request) (*url.URL, error) {
		return httpproxy.FromEnvironment().ProxyFunc()(request.URL)
	}
	env.HTTP = httpClient(transport)
}

func TestAProxyThatFailsIsNamed(t *testing.T) {
	gone := listen(t, nil)
	proxy := startProxy(t, gone, "watchdog", "right")
	for name, row := range map[string]brokenProxy{
		"nobody listens":          {gone, "", watch.Refused, false, 3, "the proxy at " + gone + " on the way to login.microsoftonline.com: connection refused", ""},
		"no such name":            {"proxy.invalid:3128", "", watch.NameNotFound, false, 3, "the proxy at proxy.invalid on the way to login.microsoftonline.com: the name does not exist", ""},
		"no credentials":          {proxy.address, "", watch.Refused, true, 1, "the proxy at " + proxy.address + " on the way to login.microsoftonline.com: the proxy wants other credentials (status 407)", ""},
		"other credentials":       {proxy.address, "watchdog:old-canary", watch.Refused, true, 1, "the proxy at " + proxy.address + " on the way to login.microsoftonline.com: the proxy wants other credentials (status 407)", ""},
		"a place it cannot reach": {proxy.address, "watchdog:right", watch.Refused, false, 3, "the proxy at " + proxy.address + " on the way to login.microsoftonline.com: the proxy refuses the connection (status 502)", ""},
		"credentials of no form": {proxy.address, "canary%zz", watch.AuthUnavailable, true, 1,
			"the proxy at " + proxy.address + " on the way to login.microsoftonline.com: the secret in environment variable PROXY is not of the form user:password",
			"the proxy of HTTPS_PROXY on the way to login.microsoftonline.com: it cannot be parsed as a URL: want http://HOST:PORT or http://USER:PASSWORD@HOST:PORT"},
	} {
		t.Run(name+", as configured", func(t *testing.T) {
			where, options := newWorld(), atMicrosoft()
			options.Proxy = "http://" + row.address
			if row.credentials != "" {
				options.ProxyCredentials = watch.SecretRef{Env: "PROXY"}
				where.secrets.set("PROXY", row.credentials)
			}
			row.check(t, where, options, row.want)
		})
		t.Run(name+", in HTTPS_PROXY", func(t *testing.T) {
			user := row.credentials
			if user != "" {
				user += "@"
			}
			t.Setenv("https_proxy", "")
			t.Setenv("no_proxy", "")
			t.Setenv("NO_PROXY", "")
			t.Setenv("HTTPS_PROXY", "http://"+user+row.address)
			row.check(t, newWorld(), atMicrosoft(), cmp.Or(row.wantOfEnv, row.want))
			t.Setenv("NO_PROXY", "login.microsoftonline.com")
			if failure := newWorld().try(t, atMicrosoft(), byEnvironment); failure == nil || failure.Proxy || failure.Reason != watch.NameNotFound {
				t.Errorf("without the proxy: %v", failure)
			}
		})
	}
}

// brokenProxy is a proxy that fails, and how that is told.
type brokenProxy struct {
	address string
	// credentials are those of the secret, or stand in HTTPS_PROXY.
	credentials     string
	reason          watch.Reason
	lasting         bool
	tries           int
	want, wantOfEnv string
}

func (p brokenProxy) check(t *testing.T, where *world, options SignIn, want string) {
	t.Helper()
	failure := where.try(t, options, byEnvironment)
	if failure == nil || failure.Reason != p.reason || !failure.Proxy || failure.Lasting != p.lasting || failure.Attempts != p.tries || !strings.Contains(failure.Error(), ": "+want) || strings.Contains(failure.Error(), "canary") {
		t.Fatalf("got %+v, want %s: %s", failure, p.reason, want)
	}
	if wait := failure.RetryAt.Sub(where.now); wait != time.Minute {
		t.Errorf("it is tried again after %s", wait)
	}
}

// atMicrosoft are options without any endpoint of a test.
func atMicrosoft() SignIn {
	return SignIn{Tenant: "contoso.com", ClientID: ownApp, Method: ClientSecret, Secret: watch.SecretRef{Env: "OWN_SECRET"}}
}

// connectProxy carries every tunnel to one place.
type connectProxy struct {
	address string
	mu      sync.Mutex
	asked   []string
}

func (p *connectProxy) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.asked, " ")
}

func startProxy(t testing.TB, to, user, password string) *connectProxy {
	t.Helper()
	proxy := &connectProxy{}
	proxy.address = listen(t, func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		if request.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)) {
			_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
			return
		}
		proxy.mu.Lock()
		proxy.asked = append(proxy.asked, request.Host)
		proxy.mu.Unlock()
		upstream, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", to)
		if err != nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			return
		}
		defer func() { _ = upstream.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(upstream, conn); _ = upstream.Close() }()
		_, _ = io.Copy(conn, upstream)
	})
	return proxy
}
