package msgraph

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"lapsewatch/internal/cafile"
	"lapsewatch/watch"
)

const (
	// maxPage is far more than 999 applications with every credential they can hold.
	maxPage = 64 << 20
	// maxRefusal and maxTokenAnswer bound what is never large.
	maxRefusal     = 64 << 10
	maxTokenAnswer = 1 << 20
	maxHeader      = 256 << 10

	userAgent = "lapsewatch"
)

// wire is the one transport of a client, for the authority and for Graph.
type wire struct {
	transport closableTransport
	timeout   time.Duration
	// signInPause is before azcore's first retry; zero is azcore's own.
	signInPause time.Duration
	// proxyCredentials are read at each use.
	proxyCredentials watch.SecretRef
	secrets          watch.SecretReader
}

type closableTransport interface {
	http.RoundTripper
	CloseIdleConnections()
}

func newWire(options SignIn, env Env) (*wire, error) {
	w := &wire{timeout: env.Timeout, proxyCredentials: options.ProxyCredentials, secrets: env.Secrets}
	base := http.DefaultTransport
	if env.HTTP != nil && env.HTTP.Transport != nil {
		base = env.HTTP.Transport
	}
	shared, ok := base.(*http.Transport)
	if !ok {
		if options.CAFile != "" || options.Proxy != "" {
			return nil, fmt.Errorf("reach Microsoft Graph: the HTTP transport %T cannot be told to use a CA file or a proxy", base)
		}
		w.transport = opaqueTransport{base}
		return w, nil
	}
	transport := shared.Clone()
	transport.MaxResponseHeaderBytes = maxHeader
	transport.OnProxyConnectResponse = refusedByProxy
	if options.CAFile != "" {
		pool, err := cafile.Pool(options.CAFile)
		if err != nil {
			return nil, err
		}
		if transport.TLSClientConfig == nil {
			transport.TLSClientConfig = &tls.Config{}
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	if options.Proxy != "" {
		address, err := url.Parse(options.Proxy)
		if err != nil {
			return nil, errors.New("reach the proxy: its URL cannot be parsed")
		}
		transport.Proxy = func(request *http.Request) (*url.URL, error) { return w.proxy(address, request) }
	}
	w.transport = transport
	return w, nil
}

// opaqueTransport is one that cannot be configured.
type opaqueTransport struct{ http.RoundTripper }

func (opaqueTransport) CloseIdleConnections() {}

// proxy is the configured one with its credentials as they are now. The endpoints of
// managed identities lie on this machine or beside it, where no proxy can reach them.
func (w *wire) proxy(address *url.URL, request *http.Request) (*url.URL, error) {
	host := request.URL.Hostname()
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && (ip.IsLoopback() || ip.IsLinkLocalUnicast()) {
		return nil, nil
	}
	if w.proxyCredentials.IsZero() {
		return address, nil
	}
	secret, err := w.secrets(w.proxyCredentials)
	if err != nil {
		return nil, err
	}
	user, password, ok := strings.Cut(secret.Reveal(), ":")
	if !ok {
		return nil, fmt.Errorf("the secret in %s is not of the form user:password", w.proxyCredentials)
	}
	known := *address
	known.User = url.UserPassword(user, password)
	return &known, nil
}

// proxyRefusal is an answer of the proxy itself.
type proxyRefusal struct{ status int }

func (p proxyRefusal) Error() string {
	if p.status == http.StatusProxyAuthRequired {
		return "the proxy wants other credentials (status 407)"
	}
	return fmt.Sprintf("the proxy refuses the connection (status %d)", p.status)
}

func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return proxyRefusal{answer.StatusCode}
}

// answer is a response whose body has been read to its end and closed, so that the
// connection can be used again.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// response is the answer as net/http gives it.
func (a answer) response(request *http.Request) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: request,
	}
}

var errTooLarge = errors.New("the answer is too large")

// roundTrip makes one attempt within the time limit and follows no redirect. Bodies of
// successes up to limit bytes are read whole; more is errTooLarge. A refusal's is cut off.
func (w *wire) roundTrip(request *http.Request, limit int64) (answer, error) {
	ctx, cancel := context.WithTimeout(request.Context(), w.timeout)
	defer cancel()
	request = request.Clone(ctx)
	request.Header.Set("User-Agent", userAgent)
	response, err := w.transport.RoundTrip(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	got := answer{status: response.StatusCode, header: response.Header}
	refused := got.status >= http.StatusMultipleChoices
	if refused {
		limit = min(limit, maxRefusal)
	}
	var body bytes.Buffer
	read, err := io.Copy(&body, io.LimitReader(response.Body, limit+1))
	got.body = body.Bytes()
	switch {
	case err != nil && !refused:
		return got, fmt.Errorf("the answer broke off after %d bytes: %w", read, err)
	case read > limit && !refused:
		return got, fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	}
	return got, nil
}
