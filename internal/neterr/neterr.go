// Package neterr tells why a connection failed, whatever the system calls it. It does not
// say what was being done, and to what: each caller knows that.
package neterr

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"

	"lapsewatch/watch"
)

// TimedOut reports whether an error says that time ran out, in any of the ways of package
// net.
func TimedOut(err error) bool {
	slow, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || ok && slow.Timeout()
}

var (
	errNoName   = errors.New("the name does not exist")
	errNoAnswer = errors.New("no answer in time")
	errClosed   = errors.New("the server closed the connection")
)

// Explain classifies what a connection over TLS, or a request over one, ended with, and
// gives the cause without what package net wraps around it. What the other side said may
// stand in the cause. It is Unreadable where a connection broke, and Unreachable where
// nothing better is known.
func Explain(err error) (watch.Reason, error) {
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return watch.UntrustedIssuer, unknown
	}
	if misnamed, ok := errors.AsType[x509.HostnameError](err); ok {
		return watch.NameMismatch, misnamed
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return watch.HandshakeFailed, invalid
	}
	lookup, isLookup := errors.AsType[*net.DNSError](err)
	switch {
	case handshake(err):
		return watch.HandshakeFailed, err
	case isLookup && lookup.IsNotFound:
		return watch.NameNotFound, errNoName
	case TimedOut(err):
		return watch.TimedOut, errNoAnswer
	case errors.Is(err, Refused):
		return watch.Refused, Refused
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return watch.Unreadable, errClosed
	case errors.Is(err, Reset):
		return watch.Unreadable, Reset
	}
	return watch.Unreachable, err
}

func handshake(err error) bool {
	_, header := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	operation, ok := errors.AsType[*net.OpError](err)
	return header || alert || ok && operation.Op == "remote error"
}
