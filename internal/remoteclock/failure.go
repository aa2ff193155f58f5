package remoteclock

import (
	"context"
	cryptotls "crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/neterr"
	"lapsewatch/watch"
)

// maxQuoted bounds what is repeated of a host's words.
const maxQuoted = 200

// Failure is why a clock could not be read.
type Failure struct {
	Reason watch.Reason
	// Err says what was being done, to what, and the cause. It holds no secret, and what
	// a host said in it is clean.
	Err error
	// Remedy is the next step, where a better one is known than the reason's own.
	Remedy string
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// failed makes a Failure of what was being done and the cause.
func failed(reason watch.Reason, doing string, cause error, remedy string) *Failure {
	return &Failure{Reason: reason, Err: fmt.Errorf("%s: %w", doing, cause), Remedy: remedy}
}

// errNoAnswer stands for every way in which package net says so.
var errNoAnswer = errors.New("no answer in time")

var errClosed = errors.New("the server closed the connection")

// brokenOff classifies what a connection, or the attempt to make one, ended with.
func brokenOff(ctx context.Context, doing string, err error) *Failure {
	if own, ok := errors.AsType[*Failure](err); ok {
		return failed(own.Reason, doing, own.Err, own.Remedy)
	}
	if timedOut(ctx, err) {
		return failed(watch.TimedOut, doing, errNoAnswer, "")
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok && unknown.IsNotFound {
		return failed(watch.NameNotFound, doing, fmt.Errorf("the name %q does not exist", clean.Text(unknown.Name, maxQuoted)), "")
	}
	if errors.Is(err, neterr.Refused) {
		return failed(watch.Refused, doing, neterr.Refused, "")
	}
	if header, ok := errors.AsType[cryptotls.RecordHeaderError](err); ok && header.Conn != nil {
		return failed(watch.NotTLS, doing, fmt.Errorf("it answers %q and not TLS", clean.Text(string(header.RecordHeader[:]), maxQuoted)), "Check the port, or write http:// where it is not TLS.")
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		switch operation.Op {
		case "remote error":
			return failed(watch.HandshakeFailed, doing, fmt.Errorf("the server sent the TLS alert %q", clean.Text(strings.TrimPrefix(operation.Err.Error(), "tls: "), maxQuoted)), "")
		case "dial":
			return failed(watch.Unreachable, doing, innermost(err), "")
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return failed(watch.Unreadable, doing, errClosed, "")
	}
	return failed(watch.Unreadable, doing, innermost(err), "")
}

func timedOut(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.DeadlineExceeded) || neterr.TimedOut(err)
}

// innermost is the system's own error where there is one, without the addresses that
// package net wraps around it; anything else may repeat what a host said.
func innermost(err error) error {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	return errors.New(clean.Text(err.Error(), maxQuoted))
}
