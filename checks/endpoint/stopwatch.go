package endpoint

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"
)

// stopwatch times the parts of one request. What it is told may come from goroutines that
// outlive the request.
type stopwatch struct {
	mu    sync.Mutex
	began time.Time
	parts parts
	// These say how far the request has come, after a redirect the latest one.
	resolving, connected, shaking, secured, begun, byProxy bool
	asked, shook, ready                                    time.Time
	remote, leaf                                           string
	// first is the address of the member itself, whatever redirects lead to.
	first net.Addr
	// hops is how many redirects were followed.
	hops int
}

// parts are what the time went by with; after redirects, with all of them.
type parts struct {
	dns, connect, tls time.Duration
	// firstByte is from the connection's being there until the answer's first byte.
	firstByte time.Duration
}

func newStopwatch() *stopwatch { return &stopwatch{began: time.Now()} }

// hold runs note while nobody else notes something.
func (s *stopwatch) hold(note func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	note()
}

func (s *stopwatch) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			s.hold(func() { s.resolving, s.connected, s.shaking, s.secured, s.begun = false, false, false, false, false })
		},
		DNSStart: func(httptrace.DNSStartInfo) { s.hold(func() { s.resolving, s.asked = true, time.Now() }) },
		DNSDone: func(done httptrace.DNSDoneInfo) {
			// One that was given up has not ended: the request may hear of that later.
			s.hold(func() { s.resolving, s.parts.dns = done.Err != nil, s.parts.dns+time.Since(s.asked) })
		},
		TLSHandshakeStart: func() { s.hold(func() { s.shaking, s.shook = true, time.Now() }) },
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			s.hold(func() {
				s.secured, s.parts.tls = err == nil, s.parts.tls+time.Since(s.shook)
				s.served(state.PeerCertificates)
			})
		},
		GotConn:              func(httptrace.GotConnInfo) { s.hold(func() { s.ready = time.Now() }) },
		GotFirstResponseByte: func() { s.hold(func() { s.begun, s.parts.firstByte = true, s.parts.firstByte+time.Since(s.ready) }) },
	}
}

// served notes the certificate of the member itself, which is asked first.
func (s *stopwatch) served(chain []*x509.Certificate) {
	if len(chain) > 0 && s.leaf == "" {
		s.leaf = fmt.Sprintf("sha256:%x", sha256.Sum256(chain[0].Raw))
	}
}

type proxyFunc func(*http.Request) (*url.URL, error)

// proxy notes whether a request goes by one.
func (s *stopwatch) proxy(choose proxyFunc) proxyFunc {
	if choose == nil {
		return nil
	}
	return func(request *http.Request) (*url.URL, error) {
		by, err := choose(request)
		s.hold(func() { s.byProxy = by != nil })
		return by, err
	}
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// dial times dial, and sees to it that its connection is gone once within has ended: a
// handshake that hangs outlives its request otherwise.
func (s *stopwatch) dial(within context.Context, dial dialFunc) dialFunc {
	return func(_ context.Context, network, address string) (net.Conn, error) {
		began, dns := time.Now(), s.so().parts.dns
		conn, err := dial(within, network, address)
		if err != nil {
			return nil, err
		}
		if err := s.inside(conn.RemoteAddr()); err != nil {
			_ = conn.Close() // nothing was written
			return nil, err
		}
		s.hold(func() {
			s.connected, s.resolving, s.remote = true, false, conn.RemoteAddr().String()
			s.parts.connect += time.Since(began) - (s.parts.dns - dns)
		})
		context.AfterFunc(within, func() { _ = conn.Close() }) // whoever uses it closes it again, in vain
		return conn, nil
	}
}

// progress is how far a request has come.
type progress struct {
	parts                                         parts
	resolving, connected, shaking, secured, begun bool
	byProxy                                       bool
	remote, leaf                                  string
}

func (s *stopwatch) so() progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return progress{
		parts: s.parts, resolving: s.resolving, connected: s.connected, shaking: s.shaking, secured: s.secured, begun: s.begun,
		byProxy: s.byProxy, remote: s.remote, leaf: s.leaf,
	}
}

// lacking is what a request that has come so far still waits for.
func (p progress) lacking() string {
	switch {
	case !p.connected:
		return "connection"
	case p.shaking && !p.secured:
		return "TLS handshake"
	case !p.begun:
		return "answer"
	}
	return "complete answer"
}
