package syslog

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/cafile"
	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

const (
	// refusalWait is how long a machine may take to say that nobody listens on a port of
	// UDP. Most say nothing.
	refusalWait  = 200 * time.Millisecond
	shownOfReply = 100
)

// attempt is one attempt at one message.
type attempt struct {
	options Options
	env     alerts.Env
	// within is how long it may take.
	within time.Duration
	// settings are those of TLS; nil without it.
	settings *tls.Config
}

// send writes the lines; proof is what the receiver's behaviour says beyond that they
// are written.
func (a *attempt) send(ctx context.Context, lines []string) (proof string, err error) {
	network := "tcp"
	if a.options.Transport == UDP {
		network = "udp"
	}
	conn, err := a.env.Dial(ctx, network, a.options.address())
	if err != nil {
		return "", a.because(ctx, "it cannot be reached", err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	switch a.options.Transport {
	case UDP:
		return "; UDP confirms nothing", a.datagrams(ctx, conn, lines)
	case TLS:
		encrypted, err := a.encrypt(ctx, conn)
		if err != nil {
			return "", err
		}
		return "; the receiver closed the connection in order, and syslog confirms nothing more", a.stream(ctx, encrypted, conn, lines)
	default:
		return "; the receiver closed the connection in order, and syslog confirms nothing more", a.stream(ctx, conn, conn, lines)
	}
}

// prepare reads what TLS needs of this machine.
func (a *attempt) prepare() error {
	if a.options.Transport != TLS {
		return nil
	}
	a.settings = &tls.Config{ServerName: a.options.bareHost(), MinVersion: tls.VersionTLS12, Time: a.env.TLSTime}
	if a.options.CAFile != "" {
		pool, err := cafile.Pool(a.options.CAFile)
		if err != nil {
			return err
		}
		a.settings.RootCAs = pool
	}
	if a.options.Certificate != "" {
		certificate, err := a.certificate()
		if err != nil {
			return err
		}
		a.settings.Certificates = []tls.Certificate{certificate}
	}
	return nil
}

func (a *attempt) encrypt(ctx context.Context, conn net.Conn) (*tls.Conn, error) {
	encrypted := tls.Client(conn, a.settings)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return nil, a.because(ctx, "TLS does not come about", err)
	}
	return encrypted, nil
}

func (a *attempt) certificate() (tls.Certificate, error) {
	chain, err := os.ReadFile(a.options.Certificate)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read the certificate: %w", err)
	}
	var key watch.Secret
	if key, err = a.env.Secrets(a.options.Key); err != nil {
		return tls.Certificate{}, fmt.Errorf("read the key: %w", err)
	}
	pair, err := tls.X509KeyPair(chain, []byte(key.Reveal()))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("the certificate in %s with the key in %s: %w", a.options.Certificate, a.options.Key, err)
	}
	return pair, nil
}

// halfCloser ends what this side has to say, and goes on listening.
type halfCloser interface{ CloseWrite() error }

var (
	errEarly  = errors.New("it closed the connection before everything was written")
	errNoHalf = errors.New("the connection cannot be closed for writing alone")
)

// stream writes the lines with octet counting (RFC 5425, 4.3; RFC 6587, 3.4.1), ends
// what it says, and waits until the receiver has ended too: what the receiver had not
// read by then, or dropped, shows as a connection that breaks off.
func (a *attempt) stream(ctx context.Context, conn, raw net.Conn, lines []string) error {
	heard := make(chan error, 1)
	go func() { heard <- listen(conn) }()
	var frames bytes.Buffer
	for _, line := range lines {
		fmt.Fprintf(&frames, "%d %s", len(line), line)
	}
	if _, err := conn.Write(frames.Bytes()); err != nil {
		return a.because(ctx, "it broke off the connection", err)
	}
	select {
	case err := <-heard:
		if err == nil {
			err = errEarly
		}
		return a.because(ctx, "it broke off the connection", err)
	default:
	}
	if err := a.finish(conn, raw); err != nil {
		return a.because(ctx, "it broke off the connection", err)
	}
	if err := <-heard; err != nil {
		return a.because(ctx, "everything was written and may be lost, because it did not close the connection in order", err)
	}
	return nil
}

// finish says goodbye in TLS, if that is spoken, and below it.
func (a *attempt) finish(conn, raw net.Conn) error {
	for _, layer := range []net.Conn{conn, raw} {
		half, ok := layer.(halfCloser)
		if !ok {
			return errNoHalf
		}
		if err := half.CloseWrite(); err != nil {
			return err
		}
		if conn == raw {
			break
		}
	}
	return nil
}

// wordError: syslog receivers say nothing, so this is another service.
type wordError struct{ said string }

func (e *wordError) Error() string {
	return fmt.Sprintf("a syslog receiver says nothing, and this one said %q: look at the port and the transport", e.said)
}

// listen returns nil once the other side has closed the connection.
func listen(conn net.Conn) error {
	said := make([]byte, shownOfReply)
	n, err := conn.Read(said)
	switch {
	case n > 0:
		return &wordError{clean.Text(string(said[:n]), shownOfReply)}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		// Many close without TLS's own goodbye.
		return nil
	default:
		return err
	}
}

// datagrams writes each line into one (RFC 5426).
func (a *attempt) datagrams(ctx context.Context, conn net.Conn, lines []string) error {
	for _, line := range lines {
		if _, err := io.WriteString(conn, line); err != nil {
			return a.because(ctx, "it cannot be reached", err)
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(refusalWait)); err != nil {
		return a.because(ctx, "it cannot be reached", err)
	}
	_, err := conn.Read(make([]byte, 1))
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return a.because(ctx, "it cannot be reached", err)
	}
	return nil
}

// because puts the failure into words; the end of ctx closes the connection, which is
// then no cause of its own.
func (a *attempt) because(ctx context.Context, what string, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("interrupted: %w", context.Canceled)
	case ctx.Err() != nil:
		return fmt.Errorf("%s within %s: %w", what, a.within.Round(time.Millisecond), context.DeadlineExceeded)
	}
	if word, ok := errors.AsType[*wordError](err); ok {
		return word
	}
	if errors.Is(err, errEarly) {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}
