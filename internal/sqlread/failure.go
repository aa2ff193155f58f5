package sqlread

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/neterr"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// Failure is why a database could not be read.
type Failure struct {
	Reason watch.Reason
	// Err says what was being done, to what, and the cause. It holds no secret, and wraps
	// nothing of a driver, because their errors carry whole configurations.
	Err    error
	Remedy string
	// Connecting: there was no session yet, so that nothing else can be read either.
	Connecting bool
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

const maxQuoted = 300

// meaning is what an error says, in terms that the caller can use.
type meaning struct {
	reason watch.Reason
	text   string
	remedy string
}

// ofCode is what a server's own code means, with what the server said.
func ofCode[C comparable](code C, said string, known map[C]meaning) meaning {
	meant := known[code]
	if meant.reason == "" {
		meant.reason = watch.Unreadable
	}
	meant.text = said
	return meant
}

// failure explains an error of a driver. What the server said is cleaned, and so is what
// it repeats of the password.
func (c *Conn) failure(ctx context.Context, doing string, err error, connecting bool) *Failure {
	if known, ok := errors.AsType[*Failure](err); ok {
		return known
	}
	meant, known := c.dialect.explain(err)
	if !known {
		meant, known = explainNetwork(err)
	}
	if !known {
		meant = meaning{reason: watch.Unreadable, text: err.Error()}
		if connecting {
			meant.reason = watch.HandshakeFailed
			meant.remedy = "Check the host, the port and the scheme: what answers there does not speak as expected."
		}
	}
	// A driver may report a closed socket where the time ran out.
	ended := ctx.Err()
	if ended != nil && meant.reason != watch.TimedOut {
		meant = meaning{reason: watch.TimedOut, text: "no answer in time"}
	}
	text := clean.Text(redact.Text(strings.TrimSpace(meant.text), c.password), maxQuoted)
	return &Failure{Reason: meant.reason, Err: &told{text: doing + ": " + text, cause: ended}, Remedy: meant.remedy, Connecting: connecting}
}

// told is what went wrong in words of its own, and whether the caller's time had ended.
type told struct {
	text  string
	cause error
}

func (t *told) Error() string { return t.text }

func (t *told) Unwrap() error { return t.cause }

// explainNetwork knows what no server said.
func explainNetwork(err error) (meaning, bool) {
	var unknown *net.DNSError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, errFlood):
		return meaning{reason: watch.TooLarge, text: errFlood.Error()}, true
	case errors.As(err, &unknown):
		if unknown.IsNotFound {
			return meaning{reason: watch.NameNotFound, text: "no such host " + unknown.Name}, true
		}
		return meaning{reason: watch.Unreachable, text: "the name could not be looked up: " + unknown.Err}, true
	case neterr.TimedOut(err):
		return meaning{reason: watch.TimedOut, text: "no answer in time"}, true
	case errors.Is(err, neterr.Refused):
		return meaning{reason: watch.Refused, text: "connection refused"}, true
	case certificateRefused(err):
		return meaning{reason: watch.HandshakeFailed, text: innermost(err).Error(), remedy: certificateRemedy(err)}, true
	case errors.As(err, &alert), errors.As(err, &record):
		return meaning{reason: watch.HandshakeFailed, text: innermost(err).Error()}, true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, driver.ErrBadConn), errors.Is(err, net.ErrClosed):
		return meaning{reason: watch.HandshakeFailed, text: "the server closed the connection"}, true
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return meaning{reason: watch.Unreachable, text: operation.Err.Error()}, true
	}
	return meaning{}, false
}

func certificateRefused(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	return verification || authority
}

// certificateRemedy is what to do about a certificate that was refused.
func certificateRemedy(err error) string {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case !ok || invalid.Reason != x509.Expired:
		return "Name the authority of the server's certificate in ca_file, or correct the host."
	case strings.Contains(invalid.Detail, " is before "):
		return "The certificate of the server is not valid yet: check the clock of whoever issued it, and that of this machine."
	default:
		return "Renew the certificate of the server."
	}
}

// innermost leaves out what drivers put before the cause: users, databases, addresses.
func innermost(err error) error {
	for {
		var inner error
		switch wrapped := err.(type) { //nolint:errorlint // it walks the chain itself
		case interface{ Unwrap() error }:
			inner = wrapped.Unwrap()
		case interface{ Unwrap() []error }:
			if causes := wrapped.Unwrap(); len(causes) > 0 {
				inner = causes[0]
			}
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}

var errPanic = errors.New("the driver could not make sense of what the server sent")

// guard makes an error of a panic: a hostile server must end nothing but its own reading.
func guard(work func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &Failure{Reason: watch.Unparsable, Err: fmt.Errorf("%w: %s", errPanic, clean.Text(fmt.Sprint(cause), maxQuoted))}
		}
	}()
	return work()
}
