package tls

import (
	"bytes"
	"context"
	"crypto/rsa"
	cryptotls "crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"lapsewatch/internal/neterr"
	"lapsewatch/internal/starttls"
	"lapsewatch/watch"
)

// served is what a server showed of itself.
type served struct {
	// chain is the presented certificates that can be parsed, leaf first.
	chain []certificate
	// malformed stands for a leaf that cannot be parsed; there is no chain then.
	malformed *malformed
	// defects are clauses about what was presented beside the leaf and is of no use.
	defects []string
	version uint16
	suite   uint16
	// clientCertificate says that the server asks for one, or insists.
	clientCertificate string
	// unfinished is why the handshake did not end although the chain had come.
	unfinished error
	// unproven is the clause about a server that has not shown that it holds the leaf's
	// private key, where that is not this client's lack of an old algorithm.
	unproven string
	// stalled: the server fell silent after its certificates.
	stalled bool
}

const (
	clientCertificateRequested = "requested"
	clientCertificateRequired  = "required"
)

// look is one look at one endpoint.
type look struct {
	*pass
	endpoint
	// until is when the endpoint's time is up. What is spent on waiting for a turn is
	// added to it.
	until time.Time
}

// read looks first in the way that costs least and that nearly every server
// understands, then, if that was answered but brought no certificate, with all that
// crypto/tls knows, and at last as a client of long ago that goes no further than the
// certificates.
func (l *look) read(ctx context.Context) (served, *failure) {
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

func (l *look) shakeHands(ctx context.Context) (served, *failure) {
	return l.handshake(ctx, inspection(l.endpoint), func(conn net.Conn) net.Conn { return conn })
}

// handshake ends a handshake, or takes the certificates that came before it broke off.
func (l *look) handshake(ctx context.Context, config *cryptotls.Config, wrap func(net.Conn) net.Conn) (served, *failure) {
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
	ended := remoteAlert(err) != "" || errors.Is(err, io.EOF) || errors.Is(err, neterr.Reset)
	if s.clientCertificate != "" && ended {
		s.clientCertificate = clientCertificateRequired
		return nil
	}
	s.unfinished, s.stalled = failed, failed.reason == watch.TimedOut
	switch {
	case keyRefuted(err):
		s.unproven = "was presented by a server that does not hold its private key: %v"
	case ended || s.stalled:
		s.unproven = "was presented in a handshake that the server did not end, so that it did not prove to hold the private key: %v"
	default:
		s.unproven = "was presented in a handshake that this client refused to go on with, as others may: %v"
	}
	s.unproven = fmt.Sprintf(s.unproven, failed)
	return nil
}

// keyRefuted reports that the server's signature or Finished message (RFC 8446, section
// 4.4) does not fit the certificate's key. crypto/tls has no error values for that; what
// else it says of signatures is about keys that it does not take.
func keyRefuted(err error) bool {
	return slices.ContainsFunc([]string{
		"tls: invalid signature by the server certificate: ECDSA verification failure",
		"tls: invalid signature by the server certificate: Ed25519 verification failure",
		"tls: invalid signature by the server certificate: " + rsa.ErrVerification.Error(),
		"tls: server's Finished message was incorrect",
		"tls: invalid server finished hash",
	}, func(text string) bool { return err.Error() == text })
}

// listenIn repeats the handshake with everything that crypto/tls knows. Where it
// refuses the certificates without handing them over (one that does not parse, a key
// type that it cannot use, a message beyond its limit), they are read from a recording.
func (l *look) listenIn(ctx context.Context) (served, *failure) {
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
func (l *look) readInClear(ctx context.Context) (served, *failure) {
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
func (l *look) converse(ctx context.Context, talk func(net.Conn) *failure) *failure {
	conn, failed := l.connect(ctx)
	if failed != nil {
		return failed
	}
	defer abandon(conn)
	defer l.open.add(conn)()
	l.until = l.until.Add(l.pace.enter())
	defer l.pace.leave()
	if err := conn.SetDeadline(l.until); err != nil {
		return l.brokenOff("limit the time of "+l.address.String(), err)
	}
	return talk(&pacedConn{Conn: conn, pace: l.pace, until: &l.until})
}

// connect gives a connection on which the server waits for a ClientHello.
func (l *look) connect(ctx context.Context) (net.Conn, *failure) {
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
