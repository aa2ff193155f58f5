package tls

import (
	"bytes"
	"context"
	cryptotls "crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"lapsewatch/internal/starttls"
	"lapsewatch/watch"
)

// served is what a server showed of itself.
type served struct {
	// chain is the presented certificates that can be parsed, leaf first.
	chain []certificate
	// defects are clauses about what was presented beside the leaf and is of no use.
	defects []string
	version uint16
	suite   uint16
	// clientCertificate says that the server asks for one, or insists.
	clientCertificate string
	// unfinished is why the handshake did not end although the chain had come.
	unfinished error
	// unproven: the server did not show that it holds the leaf's private key, and not
	// because this client could not follow it.
	unproven bool
}

const (
	clientCertificateRequested = "requested"
	clientCertificateRequired  = "required"
)

// look is one look at one endpoint.
type look struct {
	*pass
	endpoint
	until time.Time
}

// read looks first in the way that costs least and that nearly every server
// understands, then, if that was answered but brought no certificate, with all that
// crypto/tls knows, and at last as a client of long ago that goes no further than the
// certificates.
func (l look) read(ctx context.Context) (served, *failure) {
	got, first := l.shakeHands(ctx)
	if first == nil || first.reason != watch.HandshakeFailed || l.listener != nil && !first.spokeTLS || ctx.Err() != nil {
		return got, first
	}
	for _, attempt := range []func(context.Context) (served, *failure){l.listenIn, l.readInClear} {
		got, failed := attempt(ctx)
		if failed == nil || failed.reason == watch.Unparsable {
			return got, failed
		}
	}
	return got, first
}

// inspection is the configuration of a client that accepts whatever may carry a
// certificate. P-256 costs less than X25519 to begin with, and a post-quantum key share
// more than all the rest.
func inspection(e endpoint) *cryptotls.Config {
	return &cryptotls.Config{
		ServerName:             e.sni,
		InsecureSkipVerify:     true, // verified afterwards, so that the dates are read in any case
		MinVersion:             cryptotls.VersionTLS10,
		CipherSuites:           everySuite,
		CurvePreferences:       cheapCurves,
		SessionTicketsDisabled: true,
	}
}

// Both are read-only.
var (
	cheapCurves = []cryptotls.CurveID{cryptotls.CurveP256, cryptotls.CurveP384, cryptotls.CurveP521}
	everySuite  = suiteIDs()
)

func suiteIDs() []uint16 {
	var ids []uint16
	for _, suite := range append(cryptotls.CipherSuites(), cryptotls.InsecureCipherSuites()...) {
		ids = append(ids, suite.ID)
	}
	return ids
}

func (l look) shakeHands(ctx context.Context) (served, *failure) {
	return l.handshake(ctx, inspection(l.endpoint), func(conn net.Conn) net.Conn { return conn })
}

// handshake ends a handshake, or takes the certificates that came before it broke off.
func (l look) handshake(ctx context.Context, config *cryptotls.Config, wrap func(net.Conn) net.Conn) (served, *failure) {
	var got served
	config.VerifyConnection = func(state cryptotls.ConnectionState) error {
		got.chain, got.version, got.suite = certificatesOf(state.PeerCertificates), state.Version, state.CipherSuite
		return nil
	}
	config.GetClientCertificate = func(*cryptotls.CertificateRequestInfo) (*cryptotls.Certificate, error) {
		got.clientCertificate = clientCertificateRequested
		return new(cryptotls.Certificate), nil
	}
	failed := l.converse(ctx, func(conn net.Conn) *failure {
		// A context that can end would cost each waiting host a goroutine; converse
		// sees to the end of ctx.
		if err := cryptotls.Client(wrap(conn), config).HandshakeContext(context.WithoutCancel(ctx)); err != nil {
			return got.cutShort(err, l.handshakeFailure(err))
		}
		return nil
	})
	return got, failed
}

// cutShort judges a handshake that broke off: with a chain in hand it is no failure.
func (s *served) cutShort(err error, failed *failure) *failure {
	if len(s.chain) == 0 {
		return failed
	}
	ended := remoteAlert(err) != "" || errors.Is(err, io.EOF) || errors.Is(err, connectionReset)
	if s.clientCertificate != "" && ended {
		s.clientCertificate = clientCertificateRequired
		return nil
	}
	s.unfinished, s.unproven = failed, true
	return nil
}

// listenIn repeats the handshake with everything that crypto/tls knows. Where it
// refuses the certificates without handing them over (one that does not parse, a key
// type that it cannot use, a message beyond its limit), they are read from a recording.
func (l look) listenIn(ctx context.Context) (served, *failure) {
	var secrets keyLog
	recording := &recordingConn{}
	config := inspection(l.endpoint)
	config.CurvePreferences = nil
	config.KeyLogWriter = &secrets
	got, failed := l.handshake(ctx, config, func(conn net.Conn) net.Conn {
		recording.Conn = conn
		return recording
	})
	if failed == nil || failed.reason != watch.HandshakeFailed {
		return got, failed
	}
	found, err := readFlight(&recording.heard, func() []byte { return secrets.secret })
	if err != nil {
		return got, failed
	}
	got, unreadable := found.served()
	got.unfinished = failed
	return got, unreadable
}

// recordingConn keeps what the peer sent.
type recordingConn struct {
	net.Conn
	heard bytes.Buffer
}

func (c *recordingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.heard.Len() < maxFlight {
		c.heard.Write(p[:n])
	}
	return n, err
}

// readInClear says a hello of TLS 1.2 that offers what crypto/tls no longer has, and
// reads the certificates that the server sends in clear. The handshake goes no further.
func (l look) readInClear(ctx context.Context) (served, *failure) {
	var found flight
	failed := l.converse(ctx, func(conn net.Conn) *failure {
		hello, err := legacyHello(l.sni)
		if err == nil {
			_, err = conn.Write(hello)
		}
		if err == nil {
			found, err = readFlight(conn, nil)
		}
		if err != nil {
			return l.handshakeFailure(err)
		}
		return nil
	})
	if failed != nil {
		return served{}, failed
	}
	got, unreadable := found.served()
	got.unfinished = errInClear
	return got, unreadable
}

var errInClear = errors.New("not gone through with: only as an old client could the certificates be read")

// converse connects to the endpoint and lets talk go on from the ClientHello until the
// time is up.
func (l look) converse(ctx context.Context, talk func(net.Conn) *failure) *failure {
	conn, failed := l.connect(ctx)
	if failed != nil {
		return failed
	}
	defer abandon(conn)
	defer l.open.add(conn)()
	if err := conn.SetDeadline(l.until); err != nil {
		return l.brokenOff("limit the time of "+l.address.String(), err)
	}
	l.pace.enter()
	defer l.pace.leave()
	return talk(&pacedConn{Conn: conn, pace: l.pace, deadline: l.until})
}

// connect gives a connection on which the server waits for a ClientHello.
func (l look) connect(ctx context.Context) (net.Conn, *failure) {
	bounded, cancel := context.WithDeadline(ctx, l.until)
	defer cancel()
	conn, err := l.env.Dial(bounded, "tcp", l.address.String())
	if err != nil {
		return nil, l.dialFailure(err)
	}
	if l.protocol == "" {
		return conn, nil
	}
	if err := starttls.Upgrade(bounded, conn, l.protocol, l.host.ascii); err != nil {
		abandon(conn)
		return nil, l.upgradeFailure(err)
	}
	return conn, nil
}

// openConns are the connections that the end of a pass must interrupt. One of them for
// all costs a waiting host less than a context of its own.
type openConns struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	ended bool
}

// add keeps a connection until done is called.
func (o *openConns) add(conn net.Conn) (done func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		_ = conn.Close() // so that the next read or write fails
	}
	o.conns[conn] = struct{}{}
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.conns, conn)
	}
}

// interrupt makes reads and writes on every connection fail, from now on.
func (o *openConns) interrupt() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	for conn := range o.conns {
		_ = conn.Close() // its owner closes it again, in vain
	}
}

// abandon closes without ceremony: a scan of many hosts must not leave one socket a host
// in TIME_WAIT.
func abandon(conn net.Conn) {
	if lingering, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
		// Without it the close is merely slower to forget.
		_ = lingering.SetLinger(0)
	}
	// Nothing was to be written any more.
	_ = conn.Close()
}
