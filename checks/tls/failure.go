package tls

import (
	cryptotls "crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/neterr"
	"lapsewatch/internal/starttls"
	"lapsewatch/watch"
)

// failure is why an endpoint could not be read.
type failure struct {
	reason watch.Reason
	err    error
	remedy string
	// noRoute: this machine has no way to the address, perhaps to its whole family.
	noRoute bool
	// spokeTLS: the server did answer in TLS, if not well.
	spokeTLS bool
	details  map[string]any
}

func (f *failure) Error() string { return f.err.Error() }

// Unwrap gives the cause.
func (f *failure) Unwrap() error { return f.err }

const maxQuoted = 200

func (l *look) dialFailure(err error) *failure {
	doing := fmt.Sprintf("connect to %s", l.address)
	switch {
	case neterr.TimedOut(err):
		return &failure{reason: watch.TimedOut, err: fmt.Errorf("%s: no answer within %s", doing, l.timeout)}
	case errors.Is(err, neterr.Refused):
		return &failure{reason: watch.Refused, err: fmt.Errorf("%s: %w", doing, cause(err))}
	default:
		return &failure{
			reason: watch.Unreachable, err: fmt.Errorf("%s: %w", doing, cause(err)),
			noRoute: errors.Is(err, neterr.NetworkUnreachable) || errors.Is(err, neterr.AddressNotAvailable) || errors.Is(err, neterr.FamilyNotSupported),
		}
	}
}

func (l *look) upgradeFailure(err error) *failure {
	doing := fmt.Sprintf("start TLS with %s (%s)", l.address, l.protocol)
	if refused, ok := errors.AsType[*starttls.RefusedError](err); ok {
		return &failure{reason: watch.StartTLSRefused, err: fmt.Errorf("%s: %w", doing, refused)}
	}
	if alien, ok := errors.AsType[*starttls.ProtocolError](err); ok {
		return &failure{reason: watch.HandshakeFailed, err: fmt.Errorf("%s: %w", doing, alien), remedy: "Check the port and the protocol: what answers there does not speak it as expected."}
	}
	return l.brokenOff(doing, err)
}

func (l *look) handshakeFailure(err error) *failure {
	doing := fmt.Sprintf("TLS handshake with %s", l.address)
	if header, ok := errors.AsType[cryptotls.RecordHeaderError](err); ok && header.Conn != nil {
		return &failure{reason: watch.NotTLS, err: fmt.Errorf("%s answers %s and not TLS", l.address, tongue(header.RecordHeader[:]))}
	}
	if alert := remoteAlert(err); alert != "" {
		return &failure{reason: watch.HandshakeFailed, err: fmt.Errorf("%s: the server sent the alert %q", doing, alert), spokeTLS: true}
	}
	failed := l.brokenOff(doing, err)
	_, network := errors.AsType[syscall.Errno](err)
	failed.spokeTLS = !network && failed.reason != watch.TimedOut && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
	return failed
}

func (l *look) brokenOff(doing string, err error) *failure {
	switch {
	case neterr.TimedOut(err):
		return &failure{reason: watch.TimedOut, err: fmt.Errorf("%s: no answer within %s", doing, l.timeout)}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{reason: watch.HandshakeFailed, err: fmt.Errorf("%s: the server closed the connection", doing)}
	default:
		return &failure{reason: watch.HandshakeFailed, err: fmt.Errorf("%s: %w", doing, cause(err))}
	}
}

// cause is the innermost of what package net wraps around the system's error; the
// address, which those layers repeat, is said already.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return operation.Err
	}
	return err
}

// remoteAlert is the description (RFC 8446, section 6) of the alert that the peer sent.
func remoteAlert(err error) string {
	operation, ok := errors.AsType[*net.OpError](err)
	if !ok || operation.Op != "remote error" {
		return ""
	}
	return strings.TrimPrefix(operation.Err.Error(), "tls: ")
}

// tongue guesses from the first bytes what a server speaks instead of TLS.
func tongue(head []byte) string {
	text := string(head)
	for prefix, protocol := range map[string]string{
		"HTTP/": "in plain HTTP", "SSH-": "as an SSH server", "* OK": "as an IMAP server", "+OK": "as a POP3 server",
		"220": "as a mail or FTP server", "RFB": "as a VNC server",
	} {
		if strings.HasPrefix(text, prefix) {
			return protocol
		}
	}
	return fmt.Sprintf("with %q", clean.Text(text, maxQuoted))
}
