// Package webclient asks web services for checks: bounded in time and size, without
// cookies, over connections of its own, and with each failure classified in the words of
// package watch. Reads are repeated where a moment's outage may be over; what must not be
// sent twice, a sign-in above all, is sent once. It knows no service's payload, remembers
// nothing between passes (package holdoff does) and judges nothing.
package webclient

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"lapsewatch/internal/cafile"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

const (
	// DefaultMaxBytes bounds an answer where Setup says nothing else.
	DefaultMaxBytes = 4 << 20
	maxHeader       = 256 << 10
	userAgent       = "lapsewatch"
	// mostReads is how often a read is sent at most.
	mostReads = 3
	// longestPause is the longest that a pass waits before it reads again.
	longestPause = 10 * time.Second
	firstPause   = 500 * time.Millisecond
	// shortestPassword is the length below which one is taken for an ordinary word, which it
	// would garble to replace.
	shortestPassword = 6
)

// Env is what the client may use of the world: that of the check.
type Env struct {
	// HTTP is the client whose transport is taken over: proxies, roots and the time by
	// which certificates are verified.
	HTTP *http.Client
	Now  func() time.Time
	// Timeout bounds one attempt, its answer's body included.
	Timeout time.Duration
}

// Setup says how to reach one service.
type Setup struct {
	// CAFile holds the only authorities to trust, as PEM; empty means the system's.
	CAFile string
	// Certificate is what the client proves itself with in TLS, if the server asks.
	Certificate *tls.Certificate
	// MaxBytes bounds an answer; zero means DefaultMaxBytes.
	MaxBytes int64
	// Redirects is how many are followed. No credential goes along to another host, and
	// none leads from https to http.
	Redirects int
	// AllowHTTP accepts http URLs.
	AllowHTTP bool
}

// Client asks one service. It may be used by several goroutines.
type Client struct {
	env       Env
	setup     Setup
	transport *http.Transport
	once      *http.Client
	patient   *http.Client
}

// stay is for a client around another one, which has followed what may be.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// untouched marks the context of a request whose answer comes as the service sent it.
type untouched struct{}

// Open makes a client. The caller closes it, so that no connection outlives a pass.
func Open(setup Setup, env Env) (*Client, error) {
	base, err := transportOf(env.HTTP)
	if err != nil {
		return nil, err
	}
	transport := base.Clone()
	transport.MaxResponseHeaderBytes = maxHeader
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{}
	}
	if setup.CAFile != "" {
		if transport.TLSClientConfig.RootCAs, err = cafile.Pool(setup.CAFile); err != nil {
			return nil, err
		}
	}
	if setup.Certificate != nil {
		// Whatever authorities the server names: those of self-signed certificates it cannot.
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return setup.Certificate, nil }
	}
	c := &Client{env: env, setup: setup, transport: transport}
	c.once = &http.Client{Transport: c, CheckRedirect: c.redirect}
	retrying := retryablehttp.NewClient()
	retrying.HTTPClient, retrying.Logger, retrying.RetryMax = c.once, nil, mostReads-1
	retrying.CheckRetry, retrying.Backoff, retrying.ErrorHandler = c.again, c.pause, retryablehttp.PassthroughErrorHandler
	c.patient = &http.Client{Transport: &retryablehttp.RoundTripper{Client: retrying}, CheckRedirect: stay}
	return c, nil
}

func transportOf(client *http.Client) (*http.Transport, error) {
	base := http.DefaultTransport
	if client != nil && client.Transport != nil {
		base = client.Transport
	}
	transport, ok := base.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("reach a web service: the HTTP transport %T cannot be told what to trust", base)
	}
	return transport, nil
}

// Close ends the connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Reader is for libraries that send nothing but reads: it bounds each answer and sends a
// read again after a moment's outage. Of an error that it gives, Explain says what it means.
func (c *Client) Reader() *http.Client { return c.patient }

// RoundTrip implements http.RoundTripper: one attempt, whose answer is read whole, so that
// one that breaks off is none, and holds nothing of the credential that was sent in the
// request's header, unless that request is a private one: libraries show what a service
// says.
func (c *Client) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" && !c.setup.AllowHTTP {
		return nil, errPlain
	}
	ctx, cancel := context.WithTimeout(request.Context(), c.env.Timeout)
	defer cancel()
	request = request.Clone(ctx)
	request.Header.Set("User-Agent", userAgent)
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := c.whole(response.Body)
	if err != nil {
		return nil, err
	}
	if secrets := carried(request); len(secrets) > 0 && ctx.Value(untouched{}) == nil {
		body = []byte(redact.Text(string(body), secrets...))
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return response, nil
}

// carried are the secrets in the header of a request.
func carried(request *http.Request) []watch.Secret {
	var secrets []watch.Secret
	for _, name := range []string{"Authorization", "Private-Token"} {
		for _, value := range request.Header.Values(name) {
			secrets = append(secrets, redact.Words(watch.NewSecret(value))...)
		}
	}
	if _, password, ok := request.BasicAuth(); ok && len(password) >= shortestPassword {
		secrets = append(secrets, watch.NewSecret(password))
	}
	return secrets
}

func (c *Client) whole(from io.ReadCloser) ([]byte, error) {
	defer func() { _ = from.Close() }()
	body, err := io.ReadAll(io.LimitReader(from, c.maxBytes()+1))
	if int64(len(body)) > c.maxBytes() {
		return nil, errTooLarge
	}
	return body, err
}

func (c *Client) maxBytes() int64 { return cmp.Or(c.setup.MaxBytes, DefaultMaxBytes) }

var (
	errTooLarge = errors.New("the answer is too large")
	errPlain    = errors.New("want https: over http anybody on the way can read and change it")
)

func (c *Client) redirect(next *http.Request, before []*http.Request) error {
	last := before[len(before)-1]
	// What is sent may be a secret.
	if sent := last.Method != http.MethodGet && last.Method != http.MethodHead; sent || len(before) > c.setup.Redirects {
		return http.ErrUseLastResponse
	}
	if last.URL.Scheme == "https" && next.URL.Scheme != "https" || next.URL.User != nil {
		return http.ErrUseLastResponse
	}
	// net/http copies the header of the first request to each, and takes out only what it
	// knows. A host that the way has left is another one when it leads back there.
	elsewhere := func(one *http.Request) bool { return one.URL.Host != before[0].URL.Host }
	if elsewhere(next) || slices.ContainsFunc(before, elsewhere) {
		next.Header = http.Header{"Accept": next.Header["Accept"]}
	}
	return nil
}

// URLFault is why a text is not the https URL of a service, to which paths are added; nil if
// it is one.
func URLFault(text string) error {
	address, err := url.Parse(text)
	switch {
	case err != nil: // the parser's error repeats the URL, which may hold a password
		return errors.New("it cannot be parsed as a URL: want https://HOST")
	case address.Scheme != "https":
		return errors.New("want https://HOST: tokens are sent there")
	case address.Hostname() == "":
		return errors.New("it names no host")
	case address.User != nil:
		return errors.New("it holds a user name or password")
	case address.RawQuery != "" || address.Fragment != "" || address.ForceQuery:
		return errors.New("want nothing behind the path")
	}
	return nil
}
