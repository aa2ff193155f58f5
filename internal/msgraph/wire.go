package msgraph

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"lapsewatch/internal/cafile"
	"lapsewatch/internal/redact"
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
	// proxy is nil where the transport cannot be told.
	proxy *proxy
}

type closableTransport interface {
	http.RoundTripper
	CloseIdleConnections()
}

func newWire(options SignIn, env Env) (*wire, error) {
	w := &wire{timeout: env.Timeout}
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
	w.proxy = &proxy{environment: transport.Proxy, credentials: options.ProxyCredentials, read: env.Secrets}
	if options.Proxy != "" {
		address, err := url.Parse(options.Proxy)
		if err != nil {
			return nil, errors.New("reach the proxy: its URL cannot be parsed")
		}
		w.proxy.configured = address
	}
	transport.Proxy = w.proxy.of
	w.transport = transport
	return w, nil
}

// opaqueTransport is one that cannot be configured.
type opaqueTransport struct{ http.RoundTripper }

func (opaqueTransport) CloseIdleConnections() {}

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

// without is the answer with no secret in it, whatever of the request it echoes. It is for
// what is shown, and has to come before anything is cut: what is left of half a secret
// cannot be recognised.
func (a answer) without(secrets []watch.Secret) answer {
	var read any
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber()
	if json.Valid(a.body) && decoder.Decode(&read) == nil { // so that no escape hides a secret
		if plain, err := json.Marshal(read); err == nil {
			a.body = plain
		}
	}
	a.body = []byte(redact.Text(string(a.body), secrets...))
	a.header = a.header.Clone()
	for _, values := range a.header {
		for at := range values {
			values[at] = redact.Text(values[at], secrets...)
		}
	}
	return a
}

var errTooLarge = errors.New("the answer is too large")

// roundTrip makes one attempt within the time limit and follows no redirect. Bodies of
// successes up to limit bytes are read whole; more is errTooLarge. A refusal whose body is
// too large or breaks off has none: half of it says nothing, and may end in half a secret.
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
	case refused && (err != nil || read > limit):
		got.body = nil
	case err != nil:
		return got, fmt.Errorf("the answer broke off after %d bytes: %w", read, err)
	case read > limit:
		return got, fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	}
	return got, nil
}
