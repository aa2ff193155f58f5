package endpoint

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/retryafter"
	"lapsewatch/watch"
)

// outcome is what became of one request.
type outcome int

const (
	// answered: as it is expected to.
	answered outcome = iota
	// silent: there was no complete answer in time.
	silent
	// failed: it was refused or broken off, or the answer is not what is expected.
	failed
	// unseen: the member was not reached for a reason that lies on this side.
	unseen
)

// sample is one request.
type sample struct {
	outcome outcome
	// took is from the beginning to the end of the answer, or to that of its first MiB; zero
	// where there was no complete one.
	took time.Duration
	progress
	// status is that of the answer; zero without one.
	status int
	// text says of a silent one what it lacks, and of one that failed or is unseen why.
	text string
	// noRoute: the system knows no way to the member. Whose fault that is, others tell.
	noRoute bool
	// reason and remedy are those of an unseen one; remedy also of one that failed.
	reason watch.Reason
	remedy string
	// version is what the answer says of the service's, and missing why it says nothing.
	version, missing string
	// refused: the credential in the headers was; retryAfter is how long the service wants to
	// be left alone.
	refused    bool
	retryAfter time.Duration
}

// reaches reports whether the member was there, in whatever state.
func (s sample) reaches() bool {
	return s.outcome == answered || s.outcome == failed || s.outcome == silent && s.connected && !s.byProxy
}

// late reports whether a request took all of its time for nothing.
func (s sample) late() bool { return s.outcome == silent || s.reason == watch.TimedOut }

const (
	userAgent   = "lapsewatch"
	maxBody     = 1 << 20
	maxDocument = 256 << 10
	maxHeader   = 64 << 10
	longestWait = time.Hour
)

// credential is what is sent in the headers of a member's requests.
type credential struct {
	header  http.Header
	secrets []watch.Secret
	// names are the headers whose values are secret.
	names []string
}

// ask sends one request by a connection of its own.
func (p *pass) ask(ctx context.Context, m *member, with credential) sample {
	within, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	a := attempt{pass: p, member: m, with: with, within: within, watch: newStopwatch()}
	if m.target.Scheme == schemeTCP {
		return a.connect()
	}
	transport, err := a.transport()
	if err != nil {
		return sample{outcome: unseen, reason: watch.InternalError, text: err.Error()}
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(within, a.watch.trace()), m.method(), m.target.String(), nil)
	if err != nil {
		return sample{outcome: unseen, reason: watch.InternalError, text: "the request cannot be made"} // the error repeats the URL
	}
	request.Header = with.header.Clone()
	request.Header.Set("User-Agent", userAgent)
	send := transport.RoundTrip // which reads no address that the answer leads to
	if m.Redirects > 0 {
		send = (&http.Client{Transport: transport, CheckRedirect: a.redirect}).Do
	}
	response, err := send(request)
	if err != nil {
		return a.failure(err)
	}
	defer func() { _ = response.Body.Close() }()
	return a.answer(response)
}

func (m *member) method() string {
	if m.Method == "" {
		return http.MethodGet
	}
	return m.Method
}

// attempt is one request under way.
type attempt struct {
	*pass
	*member
	with   credential
	within context.Context
	watch  *stopwatch
}

// connect opens a connection and no more.
func (a attempt) connect() sample {
	dial := a.watch.dial(httptrace.WithClientTrace(a.within, a.watch.trace()), a.dialer())
	conn, err := dial(a.within, "tcp", a.target.Host)
	if err != nil {
		return a.failure(err)
	}
	took := time.Since(a.watch.began)
	_ = conn.Close() // nothing was written
	return sample{outcome: answered, took: took, progress: a.watch.so()}
}

func (p *pass) dialer() dialFunc {
	if p.env.Dial != nil {
		return p.env.Dial
	}
	return (&net.Dialer{KeepAlive: -1}).DialContext
}

// proxyError says that a proxy did not let the request through: the member was not reached.
type proxyError struct{ status string }

func (e *proxyError) Error() string { return "the proxy answered " + e.status }

// transport is one for a single request, in HTTP/1.1: of HTTP/2, package net/http sends some
// requests again by itself.
func (a attempt) transport() (*http.Transport, error) {
	base := http.DefaultTransport
	if a.env.HTTP != nil && a.env.HTTP.Transport != nil {
		base = a.env.HTTP.Transport
	}
	known, ok := base.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("the HTTP transport %T cannot be told what to trust", base)
	}
	transport := known.Clone()
	transport.Protocols, transport.ForceAttemptHTTP2 = new(http.Protocols), false
	transport.Protocols.SetHTTP1(true)
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	transport.DialTLSContext = nil
	transport.DialContext = a.watch.dial(httptrace.WithClientTrace(a.within, a.watch.trace()), a.dialer())
	transport.DisableKeepAlives, transport.DisableCompression, transport.MaxResponseHeaderBytes = true, true, maxHeader
	transport.TLSHandshakeTimeout = a.timeout
	transport.Proxy = a.watch.proxy(known.Proxy)
	transport.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
		if response.StatusCode != http.StatusOK {
			return &proxyError{said(response.StatusCode)}
		}
		return nil
	}
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{}
	}
	transport.TLSClientConfig.NextProtos = nil
	if a.roots != nil {
		transport.TLSClientConfig.RootCAs = a.roots
	}
	return transport, nil
}

// answer reads what was answered and holds it against what is expected.
func (a attempt) answer(response *http.Response) sample {
	text, document := &finder{wanted: []byte(a.ExpectText)}, &bytes.Buffer{}
	var readers []io.Writer
	if a.ExpectText != "" {
		readers = append(readers, text)
	}
	if a.VersionJSON != "" {
		readers = append(readers, &bounded{document})
	}
	_, err := io.Copy(io.MultiWriter(readers...), io.LimitReader(response.Body, maxBody))
	took := time.Since(a.watch.began)
	if err != nil {
		broken := a.failure(err)
		if broken.status = response.StatusCode; broken.outcome == failed {
			broken.text = fmt.Sprintf("it answered %s, and then %s", said(response.StatusCode), broken.text)
		}
		return broken
	}
	got := sample{outcome: answered, took: took, progress: a.watch.so(), status: response.StatusCode}
	if response.Request != nil && !a.own(response.Request) {
		got.missing = a.foreign()
	} else {
		got.version, got.missing = a.version(response.Header, document.Bytes(), a.with.secrets)
	}
	switch {
	case !a.expects.have(got.status):
		got.outcome, got.text = failed, "it answered "+said(got.status)
		carried := slices.ContainsFunc(a.with.names, func(name string) bool { return response.Request.Header.Get(name) != "" })
		if got.refused = got.status == http.StatusUnauthorized && carried; got.refused {
			got.retryAfter = retryafter.Of(response.Header, a.env.Now(), longestWait)
		}
	case !text.found && a.ExpectText != "":
		got.outcome, got.text = failed, fmt.Sprintf("its answer, %s, lacks the text %q", said(got.status), shown(a.ExpectText))
	}
	return got
}

// said is a status with its name, which is never the server's own.
func said(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// finder is a writer that looks for a text in what is written to it, and keeps no more of
// it than that takes.
type finder struct {
	wanted, tail []byte
	found        bool
}

func (f *finder) Write(some []byte) (int, error) {
	if !f.found {
		window := slices.Concat(f.tail, some)
		f.found = bytes.Contains(window, f.wanted)
		f.tail = slices.Clone(window[max(0, len(window)-len(f.wanted)+1):])
	}
	return len(some), nil
}

// bounded keeps the first of what is written to it.
type bounded struct{ kept *bytes.Buffer }

func (b *bounded) Write(some []byte) (int, error) {
	if left := maxDocument + 1 - b.kept.Len(); left > 0 {
		b.kept.Write(some[:min(left, len(some))])
	}
	return len(some), nil
}
