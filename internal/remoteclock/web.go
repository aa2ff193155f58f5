package remoteclock

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

const (
	maxHeader = 64 << 10
	// maxIgnored is how much of a body is read so that the connection can be used again.
	maxIgnored = 64 << 10
	userAgent  = "lapsewatch"
)

// web asks one server, by one connection where the server keeps it, in HTTP/1.1. It
// follows no redirect, uses no proxy and keeps no cookie.
type web struct {
	target    *url.URL
	tls       TLS
	transport *http.Transport
	timeline  timeline
	// dates is TLS.verify's note.
	dates atomic.Pointer[string]
	// authorise adds credentials; nil for none.
	authorise func(*http.Request)
}

// reply is an answer whose header has come, and when, on the timeline of its web.
type reply struct {
	*http.Response
	// called is when the request was begun, sent when its connection was there and before
	// the first byte of it was written, received when the whole header had been read.
	called, sent, received time.Duration
}

func newWeb(address, defaultPath string, dial Dial, options TLS) (*web, error) {
	target, err := url.Parse(address)
	doing := "read the address of a clock"
	switch {
	case err != nil:
		return nil, failed(watch.Unreadable, doing, errors.New("it cannot be parsed as a URL"), "")
	case target.Scheme != "http" && target.Scheme != "https" || target.Hostname() == "":
		return nil, failed(watch.Unreadable, doing, fmt.Errorf("%s: want http://… or https://…", target.Redacted()), "")
	case target.User != nil:
		return nil, failed(watch.Unreadable, doing, fmt.Errorf("%s: credentials do not belong into a URL", target.Redacted()), "")
	}
	if target.Path == "" {
		target.Path = defaultPath
	}
	w := &web{target: target, tls: options, timeline: newTimeline()}
	w.transport = &http.Transport{
		DialContext:            dial,
		TLSClientConfig:        w.clientTLS(),
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
		DisableCompression:     true,
		MaxConnsPerHost:        1,
		MaxResponseHeaderBytes: maxHeader,
	}
	return w, nil
}

func (w *web) close() { w.transport.CloseIdleConnections() }

func (w *web) clientTLS() *tls.Config {
	name := w.tls.ServerName
	if name == "" {
		name = w.target.Hostname()
	}
	return &tls.Config{
		ServerName: name,
		// VerifyConnection does it instead, so that dates alone do not fail it.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if w.tls.Unverified {
				return nil
			}
			note, err := w.tls.verify(state, name, w.timeline.wall(w.timeline.now()))
			if note != "" {
				w.dates.Store(&note)
			}
			return err
		},
	}
}

// ask sends one request and returns once the header of the answer has come. The caller
// closes the body.
func (w *web) ask(ctx context.Context, method string, target *url.URL, header http.Header) (reply, error) {
	var connected atomic.Int64
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(int64(w.timeline.now())) }}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), method, target.String(), nil)
	if err != nil {
		return reply{}, fmt.Errorf("make a request: %w", err)
	}
	request.Header = header
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Cache-Control", "no-store, no-cache")
	if w.authorise != nil {
		w.authorise(request)
	}
	called := w.timeline.now()
	response, err := w.transport.RoundTrip(request) //nolint:bodyclose // reply.done does, or the caller
	received := w.timeline.now()
	if err != nil {
		return reply{}, err
	}
	return reply{Response: response, called: called, sent: time.Duration(connected.Load()), received: received}, nil
}

// done makes the connection free for the next request.
func (r reply) done() {
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxIgnored)) // what matters was in the header
	_ = r.Body.Close()
}

// failure classifies what RoundTrip ended with; package net/http has no types for what
// it says of malformed answers.
func (w *web) failure(ctx context.Context, doing string, err error) *Failure {
	text := err.Error()
	switch {
	case strings.Contains(text, "response headers exceeded"):
		return failed(watch.TooLarge, doing, fmt.Errorf("the header of the answer has more than %d bytes", maxHeader), "Check what answers there: no web server sends that much.")
	case strings.Contains(text, "malformed "):
		return failed(watch.Unparsable, doing, fmt.Errorf("what answers does not speak HTTP: %s", clean.Text(text, maxQuoted)), "Check the port: what answers there is no web server.")
	default:
		return brokenOff(ctx, doing, err)
	}
}

// keptElsewhere are header fields that caches and proxies add, Age by RFC 9111, 5.1 and
// Via by RFC 9110, 7.6.3. A reply with one of them shows the clock of another machine, or
// how late it was when the reply was stored.
var keptElsewhere = []string{
	"Age", "Via", "X-Cache", "X-Cache-Hits", "X-Cache-Status", "X-Proxy-Cache", "X-Varnish",
	"Cf-Cache-Status", "Cf-Ray", "X-Amz-Cf-Id",
}

// notItsOwn says which field shows that a reply is not the host's own; nil if it is.
func notItsOwn(header http.Header) error {
	for _, name := range keptElsewhere {
		if values := header.Values(name); len(values) > 0 {
			return fmt.Errorf("the answer is that of a cache or proxy and not the host's own: it carries %q", name+": "+clean.Text(values[0], maxQuoted))
		}
	}
	return nil
}

const askTheHost = "Ask the host itself and not what stands before it, or read its clock another way."

// details are those that every way over HTTP has.
func (w *web) details() map[string]any {
	details := map[string]any{"url": w.target.Redacted()}
	if w.target.Scheme == "https" && w.tls.Unverified {
		details["certificate_verified"] = false
	}
	if note := w.dates.Load(); note != nil {
		details[certificateDates] = *note
	}
	return details
}
